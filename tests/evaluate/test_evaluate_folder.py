"""A trained run scored on another folder: same classes or a clear error, and a whole record."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import f1_score

from dermimit.cli import main
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.stored import save_dataset
from dermimit.evaluate.folder import evaluate, metrics_table
from dermimit.evaluate.metrics import score
from dermimit.records import read_json
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture
def run(tiny_photos, tmp_path):
    shape = dict(image_size=16, model_kwargs=MODEL, samples=8, epochs=1, batch_size=4)
    return fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", **shape))


def test_the_runs_own_test_split_gives_the_runs_own_scores(run, tiny_photos, tmp_path):
    metrics = evaluate(run, "synderm", tiny_photos.root, tmp_path / "out", "test")
    recorded = {k: np.nan if v is None else v for k, v in read_json(run / "metrics.json")["test"].items()}
    assert metrics["test"] == pytest.approx(recorded, nan_ok=True)
    record = ["label_space.json", "metrics.json", "predictions.parquet", "provenance.json"]
    assert sorted(os.listdir(tmp_path / "out")) == record
    assert read_json(tmp_path / "out" / "label_space.json")["diseases"] == ["acne", "eczema", "psoriasis"]
    stored = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    own = load_run(run).predictions.query("split == 'test'")
    np.testing.assert_allclose(np.stack(stored["disease_prob"]), np.stack(own["disease_prob"]), atol=1e-3)
    facts = read_json(tmp_path / "out" / "provenance.json")
    assert facts["photographs"] == 3 and facts["split"] == "test" and facts["saw_in_training"] is False
    assert {"commit", "data_fingerprint", "started", "versions"} <= set(facts)


def test_all_photographs_are_scored_and_training_ones_are_owned_up_to(run, tiny_photos, tmp_path, capsys):
    metrics = evaluate(run, "synderm", tiny_photos.root, tmp_path / "out")
    assert "trained on" in capsys.readouterr().err
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert len(predictions) == 12
    assert score(predictions, tiny_photos.label_space) == pytest.approx(metrics["all"], nan_ok=True)
    assert read_json(tmp_path / "out" / "provenance.json")["saw_in_training"] is True


def test_tasks_without_labels_there_are_skipped_and_class_order_does_not_matter(run, tiny_photos, tmp_path):
    before = evaluate(run, "synderm", tiny_photos.root, tmp_path / "a", "test")["test"]
    space = LabelSpace("other", tiny_photos.label_space.diseases[::-1], (), tiny_photos.label_space.attributes)
    plain = tiny_photos.frame.assign(body_part=None, attributes=None, attributes_unknown=None)
    save_dataset(tiny_photos.root, plain, space)
    metrics = evaluate(run, "synderm", tiny_photos.root, tmp_path / "b", "test")["test"]
    assert {name.split("/")[0] for name in metrics} == {"disease"}
    assert metrics == pytest.approx({k: v for k, v in before.items() if k in metrics}, nan_ok=True)
    assert read_json(tmp_path / "b" / "provenance.json")["tasks"] == ["disease"]


def relabelled(photos, names, tmp_path):
    """The tiny photographs with other names of diseases, and those of None left out."""
    frame = photos.frame.assign(disease=[names.get(d, d) for d in photos.frame["disease"]], split=None)
    frame = frame[frame["disease"].notna()]
    for folder in ("images", "masks"):
        shutil.copytree(photos.root / folder, tmp_path / "other" / folder)
    save_dataset(tmp_path / "other", frame, LabelSpace("other", tuple(sorted(set(frame["disease"]))), ("arm", "leg"),
                                                       ("papule", "plaque", "scale", "crust")))  # fmt: skip
    return tmp_path / "other"


def test_photographs_of_some_of_the_classes_are_scored_by_name(run, tiny_photos, tmp_path, capsys):
    root = relabelled(tiny_photos, {"eczema": None}, tmp_path)
    metrics = evaluate(run, "synderm", root, tmp_path / "out")["all"]
    predictions = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert len(predictions) == 7
    answer = [("acne", "eczema", "psoriasis")[int(np.argmax(p))] for p in predictions["disease_prob"]]
    f1 = f1_score(predictions["disease"], answer, labels=["acne", "psoriasis"], average="macro", zero_division=0)
    assert metrics["disease/macro_f1"] == pytest.approx(f1)
    assert "disease: 1 of the run's 3 classes without a photograph here (eczema); macro averages" in (
        capsys.readouterr().err
    )
    facts = read_json(tmp_path / "out" / "provenance.json")
    assert facts["classes_without_photographs"]["disease"] == ["eczema"] and facts["renamed"] == {}


def test_classes_that_the_run_does_not_know_are_named_and_may_be_left_out(run, tiny_photos, tmp_path, capsys):
    root = relabelled(tiny_photos, {"acne": "Acne ", "eczema": "rosacea"}, tmp_path)
    words = ["evaluate", str(run), "--dataset", "synderm", "--root", str(root), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "disease: the run does not know 'rosacea' (4) of other" in said and "--leave-out-unknown" in said
    assert main([*words, "--leave-out-unknown"]) == 0
    said = capsys.readouterr().err
    assert "4 photographs of unknown classes left out: 'rosacea' (4)" in said
    assert "'Acne ' is taken for the run's class 'acne'" in said
    facts = read_json(tmp_path / "out" / "provenance.json")
    assert facts["photographs"] == 7 and facts["unknown_classes_left_out"] == {"disease": {"rosacea": 4}}
    assert facts["renamed"] == {"disease": {"Acne ": "acne"}}
    stored = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert set(stored["disease"].dropna()) == {"acne", "psoriasis"}


def test_a_run_or_an_unknown_split_is_not_overwritten(run, tiny_photos, tmp_path):
    with pytest.raises(ValueError, match="holds a training run"):
        evaluate(run, "synderm", tiny_photos.root, run)
    with pytest.raises(ManifestError, match="did you mean 'test'"):
        evaluate(run, "synderm", tiny_photos.root, tmp_path / "out", "tset")
    assert not (tmp_path / "out").exists()


def test_photographs_without_any_label_are_refused(run, tiny_photos, tmp_path):
    none = {"disease": None, "body_part": None, "attributes": None, "attributes_unknown": None}
    save_dataset(tiny_photos.root, tiny_photos.frame.assign(**none), tiny_photos.label_space)
    with pytest.raises(ManifestError, match="none of these photographs has a label"):
        evaluate(run, "synderm", tiny_photos.root, tmp_path / "out")


def test_the_command_prints_the_table_and_leaves_a_quarantine_out(run, tiny_photos, tmp_path, capsys, monkeypatch):
    (tiny_photos.root / "images" / "11.png").write_bytes(b"")
    (tmp_path / "q.txt").write_text("images/11.png\tzero bytes\n")
    monkeypatch.chdir(tmp_path)
    words = ["evaluate", str(run), "--dataset", "synderm", "--root", str(tiny_photos.root), "--split", "test"]
    assert main(words) == 2
    assert "11.png" in capsys.readouterr().err
    assert main([*words, "--quarantine", "q.txt"]) == 0
    said = capsys.readouterr()
    assert "disease (test)" in said.out and "macro f1" in said.out and "1 of 12 photographs left out" in said.err
    assert read_json(tmp_path / "evaluations" / "run-on-synderm-test" / "provenance.json")["left_out"] == 1


def test_a_metric_without_photographs_is_a_dash():
    metrics = {"all": {"disease/accuracy": 0.5, "disease/auroc": np.nan}}
    assert metrics_table(metrics, LabelSpace("toy", ("acne", "eczema"))).splitlines() == [
        "disease (all)",
        "  accuracy               0.500",
        "  auroc                      –",
    ]


def test_the_top_three_of_three_classes_are_not_shown():
    names = [f"{task}/{name}" for task in ("body_part", "disease") for name in ("accuracy", "top3_accuracy")]
    table = metrics_table({"all": dict.fromkeys(names, 0.9)}, LabelSpace("toy", ("a", "b", "c"), ("d", "e", "f", "g")))
    assert [line.split("  ")[-1 if line[0] != " " else 1] for line in table.splitlines()] == [
        "body part (all)", "accuracy", "top3 accuracy", "disease (all)", "accuracy",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*patient_id")
def test_a_single_photograph_can_be_scored_since_nothing_is_split(run, tmp_path):
    (tmp_path / "one/eczema").mkdir(parents=True)
    Image.new("RGB", (20, 20), "tan").save(tmp_path / "one/eczema/a.png")
    metrics = evaluate(run, "folder", tmp_path / "one", tmp_path / "out")["all"]
    assert metrics["disease/accuracy"] in (0.0, 1.0)
    assert read_json(tmp_path / "out/provenance.json")["photographs"] == 1


@pytest.mark.filterwarnings("ignore:.*patient_id")
def test_all_photographs_of_the_runs_own_folder_are_known_to_include_those_of_its_training(tmp_path):
    for disease, colour in (("acne", "tan"), ("wart", "grey")):
        (tmp_path / "photos" / disease).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (20, 20 + i), colour).save(tmp_path / "photos" / disease / f"{i}.png")
    shape = dict(image_size=16, model_kwargs=MODEL, samples=8, epochs=1, batch_size=4)
    trained = fit(TrainConfig(dataset="folder", data_root=tmp_path / "photos", out=tmp_path / "r", **shape))
    evaluate(trained, "folder", tmp_path / "photos", tmp_path / "out")
    assert read_json(tmp_path / "out/provenance.json")["saw_in_training"] is True
