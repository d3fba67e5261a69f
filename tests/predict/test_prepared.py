"""A run on a backbone with its own normalisation answers alike wherever it is asked; pictures keep their colours."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import trained
from PIL import Image

from dermimit.data.preprocessing import FILE, Preprocessing
from dermimit.evaluate.folder import evaluate
from dermimit.predict import predict_photo, predict_photos
from dermimit.predict.decoding import read_view
from dermimit.records import read_json
from dermimit.train import TrainConfig, load_run
from dermimit.train.assemble import load_photos, photographs, preprocessing_of

MODEL = {"backbone": "deit_tiny_patch16_224", "depth": 2, "patch_size": 4, "embed_dim": 24, "num_heads": 3,
         "head_depth": 1, "lsm_k": 4}  # fmt: skip
IMAGENET = Preprocessing(16, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the run lies, `run`, beside its photographs, `tiny/images`."""
    root = tmp_path_factory.mktemp("prepared")
    changes = {"samples": 96, "epochs": 2, "optimizer": "adamw", "lr": 0.01, "cutmix_probability": 0.0}
    trained.train(root / "tiny", root / "run", model="dermimitformer", model_kwargs=MODEL, **changes)
    return root


@pytest.fixture(scope="module")
def run(folder):
    return load_run(folder / "run")


def photo(folder: Path, i: int = 10) -> Path:
    return folder / f"tiny/images/{i:02d}.png"


def apart(one: dict, other: dict) -> float:
    """The largest difference of a probability of two answers, by task and class."""
    return max(float(np.abs(one[task] - other[task][one[task].index]).max()) for task in one)


def with_stored(run, folder: Path, preprocessing: Preprocessing | None):
    """The same run in another folder, with another preprocessing stored, or none."""
    shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns(FILE))
    if preprocessing is not None:
        (folder / FILE).write_text(json.dumps(preprocessing.to_dict()), encoding="utf-8")
    return load_run(folder)


def test_the_backbones_preprocessing_is_stored_and_is_what_the_model_saw(run, folder):
    assert read_json(run.path / FILE) == IMAGENET.to_dict()
    assert run.preprocessing == Preprocessing.of(run.model) == preprocessing_of(run.config) == IMAGENET
    for path, split in ((photo(folder, 9), "test"), (photo(folder, 6), "val")):
        shown = photographs(run.config, load_photos(run.config), split)
        place = list(shown.frame["image"]).index(f"images/{path.name}")
        assert torch.equal(shown[place]["image"], IMAGENET.normalise(read_view(path, IMAGENET)))
    torch.manual_seed(0)
    view = photographs(run.config, load_photos(run.config), "train", augment=True)[0]["image"]
    low, high = (IMAGENET.normalise(torch.full((3, 1, 1), v, dtype=torch.uint8)) for v in (0, 255))
    assert (view > 1.2 * low).all() and (view < 1.2 * high).all() and view.mean() > 0.2  # pale skin: above the mean


def test_training_prediction_and_evaluation_give_the_same_answers(run, folder, tmp_path):
    evaluate(run.path, "synderm", folder / "tiny", tmp_path / "out", split="test")
    table = predict_photos(run, [folder / "tiny/images"], batch_size=5).set_index("file")
    recorded = run.predictions[run.predictions["split"] == "test"]
    for frame in (recorded, pd.read_parquet(tmp_path / "out" / "predictions.parquet")):
        assert len(frame) == 3
        for _, row in frame.iterrows():
            path = folder / "tiny" / row["image"]
            answers = predict_photo(run, path).answers
            for task, series in answers.items():
                own = series[list(run.label_space.classes(task))].to_numpy()
                np.testing.assert_allclose(np.asarray(row[f"{task}_prob"], float), own, atol=5e-4)  # stored in 16 bits
                assert all(abs(table.loc[str(path), f"{task}: {name}"] - p) < 1e-5 for name, p in series.items())


def test_the_explorers_kernel_answers_alike_and_its_pictures_have_their_own_colours(run, folder):
    pytest.importorskip("anywidget")
    from dermimit.explore import failure_data
    from dermimit.explore.cases import picture
    from dermimit.explore.kernel import cases_of, photos_for
    from dermimit.explore.torch_model import TorchModel

    model = TorchModel(run)
    for case in cases_of(photos_for(run)):
        shown = picture(next(iter(case["photos"].values())))
        view = read_view(folder / "tiny" / case["name"], IMAGENET).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(shown, view)
        found, answers = model(shown), predict_photo(run, folder / "tiny" / case["name"]).answers
        found = {task: pd.Series(found[task], list(run.label_space.classes(task))) for task in answers}
        assert apart(answers, found) < 1e-5
    assert model.facts["interpolation"] == "bicubic"
    images = failure_data._images(load_photos(run.config), ["images/10.png"], run.preprocessing)
    view = read_view(photo(folder), IMAGENET).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(failure_data._pixels(images, run.preprocessing)[0], view)


def test_maps_of_reports_and_reader_studies_are_of_the_photograph_as_the_model_takes_it(run, folder, monkeypatch):
    from dermimit.explain import attributions
    from dermimit.explain.attention_maps import lsm_score
    from dermimit.explain.map_tools import to_unit
    from dermimit.reader_study.evidence import evidence_of
    from dermimit.report.pictures import Picture, Pictures
    from dermimit.report.record import own_test, read_record
    from dermimit.report.summary import head_of_page

    expected, seen = IMAGENET.normalise(read_view(photo(folder), IMAGENET))[None], []
    own = attributions.attribution

    def noted(run, image, *more, **options):
        seen.append(image)
        return own(run, image, *more, **options)

    monkeypatch.setattr(attributions, "attribution", noted)
    record = read_record(run.path)
    made = Pictures(record, folder / "tiny", "body_part").of("images/10.png", None, 0)
    assert isinstance(made, Picture) and made.overlay and len(seen) == 1
    assert torch.equal(seen[0], expected)
    assert "16 × 16 pixels, resized bicubic, normalised with mean 0.485, 0.456, 0.406" in str(
        head_of_page(record, own_test(record), [], None, "2026-01-01")
    )
    said, values = evidence_of(run, photo(folder))
    scores = lsm_score(run.model, expected, "disease", torch.zeros(1, dtype=torch.long), batch_size=1)
    np.testing.assert_allclose(values, to_unit(scores.relevance)[0].numpy(), atol=1e-5)
    answers = predict_photo(run, photo(folder)).answers["disease"]
    assert dict(said["disease"]) == pytest.approx(answers.to_dict(), abs=1e-4)


def test_the_facts_of_an_export_are_those_of_the_run(run):
    from dermimit.export.facts import describe
    from dermimit.export.onnx import graph_of

    facts = describe(run, graph_of(run))
    assert facts["mean"] == list(IMAGENET.mean) and facts["std"] == list(IMAGENET.std)
    assert facts["interpolation"] == "bicubic" and "resized bicubic with" in facts["preparation"]


def test_another_stored_preprocessing_changes_the_answers_and_an_old_run_has_a_half(run, folder, tmp_path):
    usual, answers = predict_photo(run, photo(folder)).answers, {}
    halves = with_stored(run, tmp_path / "halves", Preprocessing(16))
    with pytest.warns(UserWarning, match=rf"{FILE} is missing.*mean 0\.5 and.*builder dermimitformer has.*bicubic"):
        old = with_stored(run, tmp_path / "old", None)
    assert halves.preprocessing == old.preprocessing == Preprocessing.of(old.model) == Preprocessing(16)
    assert preprocessing_of(old.config) == Preprocessing(16)
    for name, other in (("halves", halves), ("old", old)):
        answers[name] = predict_photo(other, photo(folder)).answers
        assert apart(usual, answers[name]) > 0.01
    assert apart(answers["halves"], answers["old"]) < 1e-6
    bilinear = with_stored(run, tmp_path / "bilinear", Preprocessing(16, IMAGENET.mean, IMAGENET.std))
    assert apart(usual, predict_photo(bilinear, photo(folder)).answers) > 1e-4


def test_a_run_without_pretrained_cfg_of_its_own_keeps_a_half(tmp_path):
    config = TrainConfig(data_root=tmp_path, out=tmp_path, image_size=16, model_kwargs=trained.MODEL)
    assert preprocessing_of(config) == Preprocessing(16)
    kwargs = {"backbone": "test_resnet"}  # its own mean and deviation are applied inside the model
    baseline = TrainConfig(data_root=tmp_path, out=tmp_path, image_size=32, model="baseline", lsm=False, fusion="none",
                           model_kwargs=kwargs)  # fmt: skip
    assert preprocessing_of(baseline) == Preprocessing(32)


@pytest.mark.slow
def test_the_exported_file_and_its_example_answer_alike(run, folder, tmp_path):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from dermimit.explore.onnx_model import OnnxModel
    from dermimit.export.example import write_example
    from dermimit.export.onnx import export_run
    from dermimit.export.photos import photos_of

    images, _ = photos_of(run, None, "test", 3)
    assert torch.equal(images[0], IMAGENET.normalise(read_view(photo(folder, 9), IMAGENET)))
    file = tmp_path / "model.onnx"
    facts = export_run(run, file, images).facts
    usual = predict_photo(run, photo(folder))
    assert apart(usual.answers, OnnxModel(file)(usual.photo).answers) < 1e-5
    facts_file = file.with_suffix(".json")
    facts_file.write_text(json.dumps(facts | {"mean": [0.5] * 3, "std": [0.5] * 3}, default=str), encoding="utf-8")
    assert apart(usual.answers, OnnxModel(file)(usual.photo).answers) > 0.01
    facts_file.write_text(json.dumps(facts), encoding="utf-8")

    square = tmp_path / "square.png"  # at the model's size, so that Pillow's resizing plays no part
    Image.fromarray(usual.photo).save(square)
    write_example(tmp_path / "use.py")
    alone = ("import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'torchvision', 'timm', 'dermimit'))); "
             "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")  # fmt: skip
    for path, tolerance in ((square, 6e-5), (photo(folder), 0.02)):  # four decimals are printed
        words = [sys.executable, "-c", alone, str(tmp_path / "use.py"), str(file), str(path)]
        printed = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        found = {name: float(p) for name, p in re.findall(r"^  (\w+): ([\d.]+)$", printed, re.M)}
        for task in ("disease", "body_part"):
            assert all(found[name] == pytest.approx(p, abs=tolerance) for name, p in usual.answers[task].items())
