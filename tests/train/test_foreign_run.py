"""A run's folder may come from a stranger: whatever it holds, the answer is one line that names file and remedy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import dermimit.memory
from dermimit.cli import main
from dermimit.data.label_space import LabelSpace
from dermimit.data.stored import save_dataset
from dermimit.records import read_json
from dermimit.train import TrainConfig, fit, load_run
from dermimit.train.checkpoint import load_tensors, save_tensors

ROOT = Path(__file__).parents[2]
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from conftest import ATTRIBUTES, BODY_PARTS, DISEASES, draw_tiny, tiny_row

    root = tmp_path_factory.mktemp("foreign")
    for i in range(12):
        draw_tiny(root / "tiny", i)
    space = LabelSpace("tiny", DISEASES, BODY_PARTS, ATTRIBUTES)
    save_dataset(root / "tiny", pd.DataFrame([tiny_row(i) for i in range(12)]), space)
    shape = dict(image_size=16, model_kwargs=MODEL, samples=4, epochs=1, batch_size=4, tracker="none")
    fit(TrainConfig(data_root=root / "tiny", out=root / "run", **shape))
    return root


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


@pytest.fixture
def refused(run, trained, capsys):
    """What `predict` says of the folder: one line that names a file, and nothing on standard output."""

    def look(file, *words, code=2):
        assert main(["predict", str(run), str(trained / "tiny/images/03.png")]) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("dermimit: ") and err.count("\n") == 1, err
        assert str(run / file) in err and "Traceback" not in err and len(err) < 2000, err
        for word in words:
            assert word in err, err
        return err

    return look


def changed(run, **values):
    path = run / "config.json"
    path.write_text(json.dumps(read_json(path) | values))


# ---------------------------------------------------------------- config.json: which network, and how large


@pytest.mark.parametrize(
    ("kwargs", "word"),
    [
        ({"checkpoint_path": "/etc/passwd"}, "checkpoint_path cannot be given here"),
        ({"pretrained": True}, "pretrained cannot be given here"),
        ({"pretrained_cfg": {"hf_hub_id": "evil/model"}}, "unknown argument 'pretrained_cfg'"),
        ({"pretrained_cfg_overlay": {"url": "http://evil.example"}}, "unknown argument"),
        ({"cache_dir": "/tmp/x"}, "unknown argument 'cache_dir'"),
        ({"embed_layer": "os.system"}, "unknown argument 'embed_layer'"),
        ({"block_fn": "os.system"}, "unknown argument 'block_fn'"),
        ({"norm_layer": "os:system"}, "give a plain name"),
        ({"act_layer": "no_such_layer"}, "no_such_layer"),
        ({"backbone": "hf-hub:evil/model"}, "give a plain name"),
        ({"depth": 100_000}, "larger than any network"),
        ({"patch_size": 100_000}, "larger than any network"),
        ({"embed_dim": 10**12}, "larger than any network"),
        ({"depth": [12]}, "give a whole number"),
        ({"depth": "12"}, "give a whole number"),
        ({"mlp_ratio": float("inf")}, "finite number"),
        ({"lsm_k": {"a": 1}}, "finite number"),
        (5, "model_kwargs"),
    ],
    ids=str,
)
def test_a_model_is_built_of_known_words_and_sizes_alone(run, refused, kwargs, word):
    both = MODEL | kwargs if isinstance(kwargs, dict) else kwargs
    changed(run, model_kwargs=both)
    refused("config.json", word, "put the run's own back")


@pytest.mark.parametrize("backbone", ["hf-hub:evil/model", "local-dir:/tmp/evil", "hf_hub:evil/model"])
@pytest.mark.parametrize("model", ["baseline", "dermimitformer"])
def test_a_backbone_is_one_of_timm_s_own(run, refused, monkeypatch, backbone, model):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    changed(run, model=model, model_kwargs={"backbone": backbone}, lsm=False, fusion="none")
    refused("config.json", "backbone=")


@pytest.mark.parametrize("model", ["hf-hub:evil/model", "resnet18", "local-dir:/tmp", "", "os.system"])
def test_a_builder_is_one_that_is_registered_here(run, refused, monkeypatch, model):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    changed(run, model=model)
    refused("config.json", "put the run's own back")


@pytest.mark.parametrize(
    "values",
    [
        {"tasks": 5}, {"tasks": [5]}, {"tasks": "disease"}, {"data_root": 5}, {"image_size": "16"}, {"lsm": 1},
 {"image_size": -16}, {"epochs": None, "samples": 10**40},
        {"fusion": ["cim"]}, {"dataset": {}}, {"no_such_field": 1}, {"lr": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_wrong_types_are_named(run, refused, values):
    changed(run, **values)
    refused("config.json", next(iter(values)), "put the run's own back")


DEEP = "[" * 200_000


TEXTS = ["[]", "5", '"a"', "null", DEEP, '{"a":' * 50_000, "{", "\xff", ""]
ELSE = [
    (name, text) for name in ("config.json", "label_space.json", "metrics.json", "provenance.json") for text in TEXTS
]


@pytest.mark.parametrize(
    ("name", "text"),
    [*ELSE, ("config.json", "{}"), ("label_space.json", "{}")],
    ids=lambda word: word[:12],
)
def test_a_file_that_holds_something_else_is_named(run, refused, name, text):
    (run / name).write_text(text, encoding="latin-1")
    refused(name)


@pytest.mark.parametrize(
    "values",
    [{"diseases": 5}, {"diseases": [5]}, {"diseases": ["acne"]}, {"diseases": []}, {"body_parts": ["a"]}, {"x": 1},
     {"name": 5, "diseases": {"a": 1}}, {"several_body_parts": "yes"}],
    ids=str,
)  # fmt: skip
def test_a_label_space_that_is_none_or_another_is_named(run, refused, values):
    path = run / "label_space.json"
    path.write_text(json.dumps(read_json(path) | values))
    refused("label_space.json" if "body_parts" not in values and values.get("diseases") != ["acne"] else "")


# ---------------------------------------------------------------- the weights


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_give_no_answer(run, refused, value):
    tensors, meta = load_tensors(run / "model.safetensors")
    name = next(name for name in tensors if name.endswith("classifiers_before.disease.weight"))
    tensors[name].view(-1)[3] = value
    save_tensors(run / "model.safetensors", tensors, meta)
    refused("model.safetensors", name, "NaN or infinity")


def test_weights_without_a_checksum_give_no_answer(run, refused):
    tensors, meta = load_tensors(run / "model.safetensors")
    save_file(tensors, run / "model.safetensors", {"meta": json.dumps(meta)})
    refused("model.safetensors", "'crc32' is missing")


@pytest.mark.parametrize("meta", ["[]", "5", "{", '{"crc32": "x"}', "[" * 100_000, None], ids=lambda m: str(m)[:12])
def test_a_header_that_says_something_else_is_named(run, refused, meta):
    tensors = load_tensors(run / "model.safetensors")[0]
    save_file(tensors, run / "model.safetensors", None if meta is None else {"meta": meta})
    refused("model.safetensors", "delete it")


@pytest.mark.parametrize("said", [2**63, 2**64 - 1, 90_000_000, 200_000_000, 3])
def test_a_header_of_any_length_is_refused_and_never_read_whole(run, refused, said):
    header = b"{" + b" " * (said - 2) + b"}" if said == 90_000_000 else b"{}"
    (run / "model.safetensors").write_bytes(said.to_bytes(8, "little") + header)
    refused("model.safetensors")


@pytest.mark.parametrize("harm", ["missing", "more", "shape", "type"])
def test_weights_of_another_model_are_named(run, refused, harm):
    tensors, meta = load_tensors(run / "model.safetensors")
    name = sorted(tensors)[0]
    if harm == "missing":
        del tensors[name]
    elif harm == "more":
        tensors["evil"] = torch.zeros(1)
    elif harm == "shape":
        tensors[name] = torch.zeros(2, 3, 4)
    else:
        tensors = {n: t.to(torch.complex64) if n == name else t for n, t in tensors.items()}
    save_tensors(run / "model.safetensors", tensors, meta)
    refused("model.safetensors", "evil" if harm == "more" else name)


def test_weights_larger_than_the_memory_are_never_built(run, refused, monkeypatch):
    monkeypatch.setattr(dermimit.memory, "available", lambda: 10_000)
    refused("", "of memory", "are free")


def test_a_network_that_is_large_but_not_in_the_file_is_never_built(run, refused):
    changed(run, model="dermimitformer_large_patch16_224", model_kwargs={"embed_dim": 8192, "depth": 200},
            image_size=224)  # fmt: skip
    refused("model.safetensors", "config.json and label_space.json describe")


@pytest.mark.parametrize("trunk", ["/etc/passwd", "../../secret.safetensors", ["a"], None, "hf-hub:evil/model"])
def test_a_folder_that_poses_as_a_published_model_opens_no_other_file(run, tmp_path, monkeypatch, trunk):
    from dermimit.train.checkpoint import CheckpointError
    from dermimit.zoo import loading

    monkeypatch.setattr(loading, "read_weights", lambda *_: pytest.fail("a file was opened"))
    (run / "manifest.json").write_text(json.dumps({"name": "x", "trunk": {"weights": trunk}, "files": {}}))
    with pytest.raises(CheckpointError, match=r"manifest\.json names no weights that `dermimit weights list` knows"):
        loading.checked_manifest(run)


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize("name", ["history.parquet", "predictions.parquet"])
@pytest.mark.parametrize("harm", ["text", "empty", "columns", "missing"])
def test_a_table_that_is_none_is_named(run, refused, name, harm):
    if harm == "missing":
        (run / name).unlink()
        assert main(["predict", str(run), "x.png"]) == 2
        return
    if harm == "columns":
        pd.DataFrame({"a": [1]}).to_parquet(run / name)
        if name == "history.parquet":
            return
    else:
        (run / name).write_bytes(b"" if harm == "empty" else b"PAR1 not at all")
    refused(name, "put the run's own back")


def test_answers_of_other_classes_are_named(run, refused):
    frame = pd.read_parquet(run / "predictions.parquet")
    frame["disease_prob"] = [[0.5, 0.5]] * len(frame)
    frame.to_parquet(run / "predictions.parquet")
    refused("predictions.parquet", "disease_prob has 2 probabilities", "3 classes")


# ---------------------------------------------------------------- files that are none


FILES = ["config.json", "label_space.json", "metrics.json", "model.safetensors", "history.parquet",
         "predictions.parquet", "provenance.json", "preprocessing.json"]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_the_place_of_a_file_does_not_hang(run, refused, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    refused(name, "no plain file")


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_of_a_file_is_named(run, refused, name):
    (run / name).unlink()
    (run / name).mkdir()
    refused(name, "no plain file")


@pytest.mark.parametrize("name", FILES)
def test_a_link_out_of_the_folder_is_not_followed(run, refused, tmp_path, name):
    os.replace(run / name, tmp_path / "elsewhere")
    (run / name).symlink_to(tmp_path / "elsewhere")
    refused(name, "a link that leads out")


def test_a_folder_reached_by_a_link_is_a_run_all_the_same(run, tmp_path):
    (tmp_path / "by link").symlink_to(run, target_is_directory=True)
    assert load_run(tmp_path / "by link").metrics


# ---------------------------------------------------------------- every command


COMMANDS = {
    "predict": lambda run, root, out: ["predict", run, f"{root}/tiny/images/03.png"],
    "evaluate": lambda run, root, out: ["evaluate", run, "--dataset", "synderm", "--root", f"{root}/tiny",
                                        "--out", out],
    "export": lambda run, root, out: ["export", run, "--onnx", f"{out}.onnx"],
    "report": lambda run, root, out: ["report", run, "--out", f"{out}.html", "--no-data-check"],
    "explore": lambda run, root, out: ["explore", run, "--app", "none", "--out", out],
    "start_from": lambda run, root, out: ["train", "--data-root", f"{root}/tiny", "--out", out, "--image-size", "16",
                                          "--start-from", run, "--samples", "4", "--epochs", "1", "--batch-size", "4",
                                          "--model-kwargs", *[str(w) for item in MODEL.items() for w in item]],
}  # fmt: skip


HARMS = ["config.json", "label_space.json", "model.safetensors", "nan"]


@pytest.mark.parametrize(
    ("command", "harm"),
    [(c, h) for c in COMMANDS for h in HARMS if (c, h) != ("start_from", "config.json")],  # which is not read there
)
def test_every_command_refuses_a_damaged_run_in_one_line(run, trained, tmp_path, capsys, command, harm):
    if harm == "nan":
        tensors, meta = load_tensors(run / "model.safetensors")
        tensors = {
            name: torch.full_like(t, float("nan")) if t.is_floating_point() else t for name, t in tensors.items()
        }
        save_tensors(run / "model.safetensors", tensors, meta)
    elif harm == "config.json":
        changed(run, model_kwargs=MODEL | {"checkpoint_path": "/etc/passwd"})
    else:
        (run / harm).write_text(DEEP)
    code = main(COMMANDS[command](str(run), str(trained), str(tmp_path / "out")))
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("dermimit: ") and "note:" not in line]
    assert code == 2 and len(lines) == 1 and str(run) in lines[0], (out, err)
    assert not list(tmp_path.glob("out*")) or command in ("start_from", "explore"), list(tmp_path.glob("out*"))


@pytest.mark.slow
def test_a_report_writes_nothing_where_a_run_says(run, trained, tmp_path):
    changed(run, cache=str(tmp_path / "evil cache"), tokens="")
    main(["report", str(run), "--out", str(tmp_path / "page.html"), "--no-data-check"])
    main(["export", str(run), "--onnx", str(tmp_path / "a.onnx")])
    assert not (tmp_path / "evil cache").exists()


LARGE = {
    **COMMANDS,
    "train": lambda run, root, out: ["train", "--data-root", f"{root}/tiny", "--out", out, "--image-size", "64"],
    "probe": lambda run, root, out: ["probe", "--dataset", "synderm", "--data-root", f"{root}/tiny", "--out", out,
                                     "--backbone", "vit_tiny_patch16_224", "--image-size", "32", "--random"],
}  # fmt: skip
del LARGE["start_from"]


@pytest.mark.filterwarnings("ignore:1 of 12 photographs have no disease:UserWarning")
@pytest.mark.filterwarnings("ignore:the dataset's own splits are not used:UserWarning")
@pytest.mark.parametrize("command", LARGE)
def test_every_command_looks_at_the_memory_before_it_takes_it(run, trained, tmp_path, capsys, monkeypatch, command):
    monkeypatch.setattr(dermimit.memory, "available", lambda: 1000)
    built = []
    monkeypatch.setattr("torch.nn.Module.load_state_dict", lambda *_: built.append(1))
    assert main(LARGE[command](str(run), str(trained), str(tmp_path / "out"))) == 2
    err = capsys.readouterr().err
    lines = [line for line in err.splitlines() if "of memory" in line or "out of memory" in line]
    assert len(lines) == 1 and not built and "Traceback" not in err, err
    assert not [path for path in tmp_path.rglob("out*") if path.is_file()], err


def test_a_batch_larger_than_the_memory_is_refused(run, trained, capsys, monkeypatch):
    loaded = load_run(run)
    monkeypatch.setattr(dermimit.memory, "available", lambda: 3 * loaded.photo_bytes)
    loaded.check_batch(3)
    with pytest.raises(MemoryError, match=r"4 photographs at once would take at least .* lower the batch size"):
        loaded.check_batch(4)
    monkeypatch.setattr(dermimit.memory, "available", lambda: 10**7)
    many = [str(trained / f"tiny/images/{i:02d}.png") for i in range(12)]
    monkeypatch.setattr("dermimit.train.run.photo_bytes", lambda *_: 10**6)
    assert main(["predict", str(run), *many]) == 2 and "12 photographs at once" in capsys.readouterr().err
    assert main(["predict", str(run), *many, "--batch-size", "4"]) == 0


def test_what_the_system_refuses_all_the_same_is_one_line(run, trained, capsys, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 12 bytes\nmore")

    monkeypatch.setattr("dermimit.predict.photographs._ask", full)
    assert main(["predict", str(run), str(trained / "tiny/images/03.png")]) == 2
    assert capsys.readouterr().err.startswith("dermimit: out of memory: use fewer photographs at once")


@pytest.mark.parametrize("number", [1, 20_000_000])
def test_a_photograph_too_large_for_the_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch, number):
    from PIL import Image

    from dermimit.data.photos import PhotoError, read_photo

    Image.new("RGB", (5000, 4000)).save(tmp_path / "a.tif")
    monkeypatch.setattr(dermimit.memory, "available", lambda: number)
    with pytest.raises(PhotoError, match=r"a\.tif: a photograph of 20,000,000 pixels would take at least 200 MB"):
        read_photo(tmp_path / "a.tif", 64)


MEASURED = """
import re, sys
from pathlib import Path
from dermimit.data.photos import read_photo
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
assert read_photo(sys.argv[1], 64).shape == (3, 8000, 8000)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.slow
def test_a_tiff_of_64_million_pixels_takes_half_a_gigabyte_at_most(tmp_path):
    from PIL import Image

    Image.effect_noise((8000, 8000), 50).convert("RGB").save(tmp_path / "a.tif")
    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path / "a.tif")], cwd=ROOT, capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert 200 < float(done.stdout) < 500


def test_large_photographs_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    from dermimit.data import reading

    inside, most = [], []

    def look(image, white=True, real=reading.to_srgb):
        inside.append(1)
        most.append(len(inside))
        try:
            return real(image, white)
        finally:
            inside.pop()

    monkeypatch.setattr(reading, "LARGE", 100)
    monkeypatch.setattr(reading, "to_srgb", look)
    Image.new("RGB", (400, 400)).save(tmp_path / "a.png")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: reading.open_photo(tmp_path / "a.png"), range(64)))
    assert len(most) == 64 and max(most) == 1


@pytest.mark.timeout(60)
def test_a_pipe_in_the_place_of_a_photograph_does_not_hang(run, tmp_path, capsys):
    os.mkfifo(tmp_path / "a.png")
    assert main(["predict", str(run), str(tmp_path / "a.png")]) == 2
    assert "a.png" in capsys.readouterr().err
