"""Few photographs, classes or labels: trained without a traceback, or refused before anything is written."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_train import MODEL

from dermimit.cli import main
from dermimit.records import read_json
from dermimit.train import TrainConfig, fit, load_run
from dermimit.train.checkpoint import load_tensors
from dermimit.train.history import best_epoch, epoch_line, selection_metric

OF_PATIENTS = "ignore:.*have no patient_id:UserWarning"
pytestmark = pytest.mark.filterwarnings(OF_PATIENTS)


@pytest.fixture
def folder(tmp_path):
    """Photographs with a table; makes the configuration of a run on them."""

    def make(rows, columns=("disease", "split"), **changes):
        root = tmp_path / "photos"
        root.mkdir(exist_ok=True)
        with (root / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["image", *columns])
            for i, row in enumerate(rows):
                pixels = np.random.default_rng(i).integers(0, 255, (20, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / f"{i}.png")
                writer.writerow([f"{i}.png", *row])
        recipe = dict(image_size=16, model_kwargs=MODEL, samples=16, epochs=2, batch_size=8, tracker="none")
        return TrainConfig(data_root=root, out=tmp_path / "run", dataset="folder", **recipe | changes)

    return make


def splits(names, diseases=("acne", "eczema", "naevus")):
    return [(disease, split) for split in names for disease in diseases]


def test_nine_photographs_are_trained_on(folder):
    run = load_run(fit(folder(splits(["train", "val", "test"]), batch_size=8)))
    assert len(run.history) == 2 and len(run.predictions) == 6
    assert 0 <= run.metrics["test"]["disease/macro_f1"] <= 1


def test_two_photographs_in_training_and_one_in_validation_and_test_are_trained_on(folder):
    rows = [("acne", "train"), ("eczema", "train"), ("acne", "val"), ("eczema", "test")]
    run = load_run(fit(folder(rows)))
    assert run.metrics["test"]["disease/accuracy"] in (0, 1) and run.metrics["test"]["disease/auroc"] is None


def test_one_disease_alone_is_refused_before_anything_is_written(folder):
    run = folder(splits(["train", "train", "val", "test"], ("acne",)))
    with pytest.raises(
        ValueError, match=r"one disease only \('acne'\): nothing to tell apart; add photographs of another"
    ):
        fit(run)
    assert not run.out.exists()


def test_one_disease_in_training_is_refused_though_the_test_has_more(folder):
    run = folder([("acne", "train"), ("acne", "train"), ("acne", "val"), ("eczema", "test")])
    with pytest.raises(ValueError, match=r"\('acne'\) in the training split, 'eczema' in none of its photographs"):
        fit(run)


def test_one_disease_beside_another_task_is_trained_with_a_warning(folder):
    rows = [("acne", part, split) for split in ("train", "val", "test") for part in ("arm", "leg")]
    with pytest.warns(UserWarning, match=r"one disease only \('acne'\)"):
        run = fit(folder(rows, ("disease", "body_part", "split")))
    assert load_run(run).metrics["test"]["body_part/accuracy"] >= 0


def test_one_disease_and_one_body_part_are_refused_together(folder):
    rows = [("acne", "arm", split) for split in ("train", "val", "test")]
    with pytest.raises(ValueError, match=r"one body part only \('arm'\).*one disease only \('acne'\)"):
        fit(folder(rows, ("disease", "body_part", "split")))


def test_a_task_that_is_not_trained_is_not_asked_for(folder):
    rows = [("acne", part, split) for split in ("train", "val", "test") for part in ("arm", "leg")]
    assert fit(folder(rows, ("disease", "body_part", "split"), tasks=("body_part",)))


@pytest.mark.filterwarnings("ignore:.*have no disease")
def test_training_photographs_without_a_disease_are_refused(folder):
    rows = [("", "train"), ("", "train"), ("acne", "val"), ("eczema", "test")]
    with pytest.raises(ValueError, match=r"no training photograph is labelled with a disease"):
        fit(folder(rows))


@pytest.mark.filterwarnings("ignore:.*have no disease")
def test_without_labels_in_the_validation_split_the_last_epoch_is_taken(folder):
    rows = [("acne", "train"), ("eczema", "train"), ("", "val"), ("acne", "test")]
    with pytest.warns(UserWarning, match="validation split is labelled with a disease: the last epoch is taken"):
        run = fit(folder(rows, samples=24, epochs=3))
    assert load_tensors(run / "model.safetensors")[1]["epoch"] == 2
    assert read_json(run / "metrics.json")["val"]["disease/macro_f1"] is None


def test_an_epoch_is_chosen_by_a_score_that_is_known():
    nan = float("nan")
    rows = [{"val/disease/macro_f1": nan, "val/body_part/macro_f1": score, "loss": 1.0} for score in (0.2, 0.9, 0.5)]
    assert selection_metric(rows[0]) == "val/body_part/macro_f1" and best_epoch(rows) == 1
    unknown = [{"val/disease/macro_f1": nan}] * 3
    assert selection_metric(unknown[0]) is None and best_epoch(unknown) == 2
    line = epoch_line(unknown[0] | {"epoch": 0, "loss": 0.5, "seconds": 1.0}, TrainConfig(data_root=Path(), out=Path()))
    assert line.startswith("epoch 1/10  loss 0.500  11968 ")


def test_the_command_says_what_it_trains_on_and_what_to_do_next(folder, capsys):
    run = folder(splits(["train", "train", "val", "test"]))
    words = ["train", "--dataset", "folder", "--data-root", str(run.data_root), "--out", str(run.out)]
    words += ["--samples", "8", "--epochs", "1", "--batch-size", "8", "--image-size", "64", "--tracker", "none"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0] == "photographs: train 6, val 3, test 3; 3 diseases; 64 pixels; dermimitformer_tiny_patch8_64 on cpu"
    )
    accuracy = read_json(run.out / "metrics.json")["test"]["disease/accuracy"]
    assert lines[-3].startswith(f"test: disease accuracy {accuracy:.3f}, disease macro f1 0.")
    assert lines[-2] == f"next: dermimit report {run.out}, or dermimit predict {run.out} PHOTOS"
    assert lines[-1] == str(run.out)
    assert main(words) == 0 and capsys.readouterr().out.splitlines()[-3:] == lines[-3:]
    assert list(pd.read_parquet(run.out / "photographs.parquet")["image"]) == [f"{i}.png" for i in range(12)]
