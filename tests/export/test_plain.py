"""Any run as a plain graph: the file says what the run says, also without its photographs and without this package."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from PIL import Image, ImageCms

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.cli import main
from dermimit.export.parity import Parity, parity
from dermimit.export.plain import PlainGraph
from dermimit.predict import predict_photo
from dermimit.train import TrainConfig, fit, load_run

CLASSES = {"body_part": 4, "attributes": 5, "disease": 6}
SEVERAL = ("body_part", "attributes")
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4, "depth": 3}
KINDS = {
    "all three tasks": {},
    "disease alone": {"num_classes": {"disease": 6}},
    "attributes alone": {"num_classes": {"attributes": 5}},
    "body part and disease": {"num_classes": {"body_part": 4, "disease": 6}},
    "without selection": {"lsm": False},
    "fusion none": {"fusion": "none"},
    "fusion concat": {"fusion": "concat"},
    "fusion bottleneck": {"fusion": "bottleneck", "several_body_parts": True},
    "per head": {"selection": "per_head"},
    "every layer": {"selection": "every_layer"},
    "random": {"selection": "random"},
    "centre": {"selection": "centre"},
    "given": {"selection": "given"},
    "rollout": {"lsm_score": "rollout"},
    "zoom": {"zoom": True},
    "a class token for each task": {"class_tokens": "per_task"},
    "grey photographs": {"in_chans": 1},
    "resnet": {"backbone": "test_resnet"},
    "vit": {"backbone": "test_vit"},
}


def model_of(kind: str) -> torch.nn.Module:
    """A small model with weights far from their start."""
    torch.manual_seed(0)
    choices = {"num_classes": CLASSES, "img_size": 16} | KINDS[kind]
    name = "baseline" if "backbone" in choices else "dermimitformer_tiny_patch8_64"
    model = timm.create_model(name, **({} if name == "baseline" else MODEL) | choices).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.2, generator=generator)
    return model


class InTorch:
    """Answers like a session of ONNX Runtime, changed by `harm`."""

    def __init__(self, graph: PlainGraph, harm=lambda found: None) -> None:
        self.graph, self.harm = graph, harm

    @torch.no_grad()
    def run(self, names: list[str], feeds: dict) -> list[np.ndarray]:
        found = {name: v.numpy().copy() for name, v in self.graph(torch.from_numpy(feeds["image"])).items()}
        self.harm(found)
        return [found[name] for name in names]


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_gives_the_models_probabilities_for_its_own_tasks(kind):
    model = model_of(kind)
    graph = PlainGraph(model, SEVERAL).eval()
    images = torch.randn(3, graph.channels, 16, 16, generator=torch.Generator().manual_seed(2))
    (logits, out), found = model(images), graph(images)
    assert tuple(found) == graph.output_names and graph.tasks == tuple(logits)
    for task, z in logits.items():
        p = z.softmax(1) if task == "disease" else z.sigmoid()  # here a photograph may show several body parts
        torch.testing.assert_close(found[task], p)
        if f"{task}/selected" in out:
            assert torch.equal(found[f"{task}_selected"], out[f"{task}/selected"])
            best = found[f"{task}_scores"].gather(1, found[f"{task}_ranked"])
            torch.testing.assert_close(best, found[f"{task}_scores"].sort(1, descending=True).values)
    assert bool(graph.selecting) == (model.config.lsm and set(graph.tasks) != {"body_part"})
    assert parity(InTorch(graph), model, graph, images).worst < 1e-6


def test_parity_finds_a_wrong_probability_of_any_task_and_forgives_ties_alone():
    model = model_of("all three tasks")
    graph = PlainGraph(model, SEVERAL).eval()

    def another_class(found):
        found["attributes"][1, 2] += 0.01

    def other_patches(found):
        found["disease_selected"][0, 0] = (set(range(16)) - set(found["disease_selected"][0])).pop()
        found["disease"][0] = 0

    def other_patches_and_scores(found):
        other_patches(found)
        found["disease_scores"][0] *= 1.1

    def wrong(harm):
        return parity(InTorch(graph, harm), model, graph, None)

    found = wrong(another_class)
    assert found.differences["attributes"] == pytest.approx(0.01, abs=1e-4) and found.differences["disease"] < 1e-6
    assert wrong(other_patches).worst < 1e-6 and wrong(other_patches).ties == 1
    assert wrong(other_patches_and_scores).worst > 0.1 and wrong(other_patches_and_scores).ties == 0
    assert Parity({"disease": 0.0}, photographs=3, noise=2, ties=5).worst == float("inf")  # nothing was compared
    for task in graph.tasks:  # no number is no agreement
        assert not wrong(lambda found, task=task: found[task].__setitem__((1, 0), np.nan)).worst <= 1e-3


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on class folders with diseases alone, the folder of its photographs, and a larger photograph."""
    root = tmp_path_factory.mktemp("plain")
    for c, colour in enumerate(((200, 60, 60), (60, 200, 60), (60, 60, 200))):
        for i in range(8):
            pixels = np.random.default_rng(10 * c + i).integers(0, 60, (40, 32, 3)) + np.array(colour) * 3 // 4
            (root / "photos" / "abc"[c]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(root / "photos" / "abc"[c] / f"{i}.png")
    y, x = np.mgrid[:300, :420] / 300
    photo = np.stack([127 + 120 * np.sin(9 * x + y), 127 + 120 * np.cos(8 * y), 180 * x * y], axis=2)
    Image.fromarray(photo.astype(np.uint8)).save(root / "photo.jpg", exif=turned())
    config = TrainConfig(data_root=root / "photos", out=root / "run", dataset="folder", image_size=32, samples=160,
                         epochs=1, batch_size=8, optimizer="adamw", lr=0.003, model_kwargs={"lsm_k": 4})  # fmt: skip
    with pytest.warns(UserWarning):
        fit(config)
    (root / "run" / "calibration.json").unlink(missing_ok=True)
    return root


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6  # held upright: turn by 90 degrees
    return exif


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:photographs have a colour profile")
def test_a_run_of_diseases_alone_is_used_without_this_package_when_its_photographs_are_gone(trained, tmp_path, capsys):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    shutil.copytree(trained / "run", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"data_root": str(tmp_path / "gone")}))
    file, script = tmp_path / "out" / "model.onnx", tmp_path / "use.py"
    assert main(["export", str(tmp_path / "run"), "--onnx", str(file), "--example", str(script)]) == 0
    said = capsys.readouterr().out
    assert "a plain graph" in said and "on noise alone" in said and "gone" in said and "--data-root" in said
    facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert facts["graph"] == "plain" and facts["classes"] == {"disease": ["a", "b", "c"]}
    assert facts["compared"]["photographs"] == 0 and facts["compared"]["differences"]["disease"] < 1e-4

    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 24
    alone = ("import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'torchvision', 'timm', 'dermimit'))); "
             "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")  # fmt: skip
    cut_out = tmp_path / "cut_out.png"
    with Image.open(trained / "photo.jpg") as photo:
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        photo.save(cut_out, icc_profile=profile)
        photo.convert("L").save(tmp_path / "grey.jpg", icc_profile=profile)  # of other colours than the picture's
        photo.convert("RGB").save(tmp_path / "damaged.jpg", icc_profile=b"no profile" * 20)
    for photo in (
        cut_out,
        tmp_path / "grey.jpg",
        tmp_path / "damaged.jpg",
        trained / "photo.jpg",
        trained / "photos" / "a" / "0.png",
    ):
        words = [sys.executable, "-c", alone, str(script), str(file), str(photo)]
        printed = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        found = {name: float(p) for name, p in re.findall(r"^  (\w): ([\d.]+)$", printed, re.M)}
        expected = predict_photo(load_run(trained / "run"), photo).answers["disease"]
        assert list(found) == list(expected.index) and "not a medical device" in printed
        for name, p in expected.items():
            assert found[name] == pytest.approx(p, abs=0.02)  # Pillow resizes a little differently
    assert expected.max() - expected.min() > 0.1  # so that the comparison can fail


def test_eight_bits_need_photographs_and_say_so_before_anything_is_written(trained, tmp_path, capsys):
    shutil.copytree(trained / "run", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"data_root": str(tmp_path / "gone")}))
    assert main(["export", str(tmp_path / "run"), "--onnx", str(tmp_path / "out" / "x.onnx"), "--quantise"]) == 2
    assert "--quantise" in (said := capsys.readouterr().err) and "--data-root" in said
    assert main(["export", str(trained / "run"), "--onnx", str(tmp_path / "out" / "x.onnx"), "--data-root", "no"]) == 2
    assert main(["export", str(trained / "run"), "--onnx", str(tmp_path / "x.json")]) == 2
    assert not (tmp_path / "out").exists() and not (tmp_path / "x.json").exists()


def test_photographs_that_cannot_be_read_are_left_out_and_counted(trained, tmp_path):
    from dermimit.export.photos import photos_of, photos_there

    run = load_run(trained / "run")
    with pytest.warns(UserWarning):
        whole, targets = photos_of(run, None, "test", 100)
    shutil.copytree(trained / "photos", tmp_path / "photos")
    spoilt = run.predictions.query("split == 'test'")["image"].iloc[0]
    (tmp_path / "photos" / spoilt).write_bytes(b"no photograph")
    with pytest.warns(UserWarning):
        found = photos_there(run, tmp_path / "photos", "test", 100)
    assert found.images is not None and len(found.images) == len(whole) - 1 == len(found.targets["disease"])
    assert f"1 of {len(whole)} photographs of the test split cannot be read" in found.note
    torch.testing.assert_close(found.images, whole[1:])
    np.testing.assert_array_equal(found.targets["disease"], targets["disease"][1:])


def test_nothing_is_left_behind_where_the_file_is_not_the_model(trained, tmp_path, monkeypatch):
    from dermimit.export import onnx

    monkeypatch.setattr(onnx, "in_onnx", lambda graph: SimpleNamespace(SerializeToString=lambda: b""))
    monkeypatch.setattr(onnx, "session", lambda content: None)
    monkeypatch.setattr(onnx, "parity", lambda *given: Parity({"disease": 0.2}, 0, 16, 0))
    with pytest.raises(ValueError, match=r"differs from the model by 0\.2.*disease 0\.2.*not written"):
        onnx.export_run(load_run(trained / "run"), tmp_path / "out" / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_example_is_refused_where_a_photograph_is_not_enough(trained, tmp_path):
    from dermimit.export.example import check_example

    run = load_run(trained / "run")
    with pytest.raises(ValueError, match="by a lesion map"):
        check_example(replace(run, model=model_of("given")), tmp_path / "use.py", tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="a file of its own"):
        check_example(run, tmp_path / "m.json", tmp_path / "m.onnx")


def test_no_file_of_the_run_is_replaced_by_the_facts_of_an_export(trained, tmp_path, capsys):
    shutil.copytree(trained / "run", tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_bytes()
    assert main(["export", str(tmp_path / "run"), "--onnx", str(tmp_path / "run" / "config.onnx")]) == 2
    assert "config.json is there and no export has written it" in capsys.readouterr().err
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    assert not (tmp_path / "run" / "config.onnx").exists()


def test_the_explorer_says_that_a_plain_graph_has_no_knobs(tmp_path):
    from dermimit.explore.bundle import build

    (tmp_path / "m.onnx").write_bytes(b"")
    (tmp_path / "m.json").write_text('{"graph": "plain"}')
    with pytest.raises(ValueError, match="without the explorer's knobs"):
        build(tmp_path / "m.onnx", tmp_path / "page")


def test_eight_bits_are_judged_by_the_score_that_the_run_has():
    from dermimit.export.quantise import scores

    truth = {"body_part": np.eye(2)[[0, 1, 1]], "attributes": np.array([[1.0, 0], [0, 1], [1, 0]])}
    told = {"body_part": np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), "attributes": truth["attributes"] * 0.8 + 0.1}
    assert scores(told, truth) == {"body_part_accuracy": pytest.approx(2 / 3), "attribute_map": 1.0}
    assert list(scores({"body_part": told["body_part"]}, truth, ("body_part",))) == ["body_part_map"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_the_same_in_onnx(kind):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from dermimit.export.onnx import in_onnx
    from dermimit.export.signature import session

    model = model_of(kind)
    graph = PlainGraph(model, SEVERAL).eval()
    images = torch.randn(7, graph.channels, 16, 16, generator=torch.Generator().manual_seed(2))
    found = parity(session(in_onnx(graph).SerializeToString()), model, graph, images)
    assert found.worst < 1e-5 and found.ties == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_eight_bits_of_a_plain_graph(trained, tmp_path, capsys):
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    file = tmp_path / "model.onnx"
    assert main(["export", str(trained / "run"), "--onnx", str(file), "--quantise", "--tolerance", "1"]) == 0
    said, notes = capsys.readouterr()
    assert "24 of 24 photographs have no patient_id" in notes  # the command says a warning as a note, once
    assert notes.count("have no patient_id") == 1
    assert "photographs and 16 images of noise" in said and "eight bits kept" in said
    facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert facts["weights"] == "eight bits" and facts["report"]["int8"]["difference"] < 0.2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "model.onnx"]
