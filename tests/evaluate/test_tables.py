"""Tables and intervals against values worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate import comparisons, statistics
from dermimit.evaluate import runs as tables
from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from studies.shared import published, references

SPACE = LabelSpace("toy", diseases=("a", "b", "c"))
EXPERIMENTS = pd.DataFrame(
    {
        "row": ["D", "full"],
        "label": ["D", "all"],
        "tasks": "disease",
        "lsm": [False, True],
        "fusion": "none",
        "description": "",
    }
)
ONE_HOT = {"a": [0.8, 0.1, 0.1], "b": [0.1, 0.8, 0.1], "c": [0.1, 0.1, 0.8]}


def write_run(root, name, answers, truth=("a", "a", "b", "c"), patients=None, f1=0.5):
    """A run folder with the parts that tables read."""
    run = root / name
    run.mkdir(parents=True)
    frame = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in range(len(truth))],
            "split": "test",
            "patient_id": patients or [f"p{i}" for i in range(len(truth))],
            "fitzpatrick": pd.array([1, 1, 6, None][: len(truth)], dtype="Int64"),
            "disease": truth,
            "disease_prob": [np.array(ONE_HOT[a], dtype=np.float16) for a in answers],
        }
    )
    frame.to_parquet(run / "predictions.parquet")
    (run / "metrics.json").write_text(json.dumps({"test": {"disease/macro_f1": f1, "disease/auroc": None}}))
    (run / "config.json").write_text(json.dumps({"samples": 100}))
    facts = {"commit": "0123456789abcdef", "dirty": True, "started": "2030-01-02T03:04:05+00:00", "seconds": 90}
    (run / "provenance.json").write_text(json.dumps(facts | {"device": "cpu", "peak_memory_mb": 512}))
    pd.DataFrame({"samples_seen": [50, 100], "val/disease/macro_f1": [0.1, 0.2]}).to_parquet(run / "history.parquet")
    return run


def test_mean_and_sd_use_n_minus_one():
    assert statistics.mean_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert statistics.format_mean_sd([0.1, 0.3]) == "0.200 ± 0.141"
    assert statistics.format_mean_sd([0.25]) == "0.250"


def test_macro_f1_by_hand_and_as_in_metrics():
    # a: 1 of 2 found, nothing else called a -> 2/3; b: found, but one a called b -> 2/3; c: found -> 1
    truth, answer = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    assert comparisons.macro_f1(truth, answer) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    rng = np.random.default_rng(0)
    truth, probability = rng.integers(0, 7, 60), rng.random((60, 9))
    expected = class_metrics(np.eye(9)[truth], probability)["macro_f1"]
    assert comparisons.macro_f1(truth, probability.argmax(1)) == pytest.approx(expected)


def test_reference_scores_by_hand():
    space = LabelSpace("toy", diseases=tuple("abcd"), body_parts=tuple("xyz"), attributes=("red", "flat", "wet"))
    train = pd.DataFrame({"disease": ["a", "a", "b"], "body_part": ["x", "x", "y"]})
    test = pd.DataFrame({"disease": ["a", "a", "a", "b"], "body_part": ["x", "y", "y", "y"]})
    test["attributes"] = [["red"], ["red", "flat"], [], ["red"]]
    scores = references.reference_scores(train, test, space)
    majority, uniform = scores.loc["majority class"], scores.loc["uniform guess"]
    assert majority["disease/accuracy"] == 0.75
    assert majority["disease/macro_f1"] == pytest.approx(
        (2 * 0.75 / 1.75) / 2
    )  # precision 3/4, sensitivity 1; b scores 0
    assert majority["disease/balanced_accuracy"] == 0.5
    assert uniform["disease/accuracy"] == 0.25
    assert uniform["disease/macro_f1"] == pytest.approx((2 * 0.75 * 0.25 / 1.0 + 2 * 0.25 * 0.25 / 0.5) / 2)
    assert (majority["body_part/accuracy"], uniform["body_part/accuracy"]) == (0.25, pytest.approx(1 / 3))
    assert uniform["attributes/map"] == majority["attributes/map"] == (0.75 + 0.25) / 2  # nothing is wet


def test_chance_map_is_what_random_scores_get():
    rng, present = np.random.default_rng(0), np.array([0.05, 0.3, 0.6])
    target = (rng.random((20_000, 3)) < present).astype(float)
    lists = [[name for name, on in zip("abc", row, strict=True) if on] for row in target]
    space = LabelSpace("toy", diseases=("x", "y"), attributes=tuple("abc"))
    frame = pd.DataFrame({"disease": "x", "attributes": lists})
    chance = references.reference_scores(frame, frame, space).loc["uniform guess", "attributes/map"]
    assert attribute_metrics(target, rng.random((20_000, 3)))["map"] == pytest.approx(chance, abs=0.01)


def test_bootstrap_interval_of_a_share():
    values = np.array([1.0] * 50 + [0.0] * 50)
    low, high = statistics.bootstrap_interval(lambda rows: float(values[rows].mean()), 100, resamples=2000)
    assert low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_bootstrap_draws_whole_patients():
    values = np.repeat([0.0, 1.0], 50)
    whole = statistics.bootstrap_interval(lambda rows: float(values[rows].mean()), 100, groups=["x"] * 50 + ["y"] * 50)
    assert whole == (0.0, 1.0)  # two patients: every draw is 0, 1/2 or 1
    with pytest.raises(ValueError, match="one label a row"):
        statistics.bootstrap_interval(lambda rows: 0.0, 3, groups=["x"])


def test_wilson_interval_by_hand():
    low, high = statistics.count_interval(5, 10)
    z2 = 1.959964**2
    half = 1.959964 * (0.25 / 10 + z2 / 400) ** 0.5 / (1 + z2 / 10)
    assert (low, high) == (pytest.approx(0.5 - half, abs=1e-6), pytest.approx(0.5 + half, abs=1e-6))


def test_ablation_table(tmp_path):
    write_run(tmp_path, "D-seed0", "aabc", f1=0.2)
    write_run(tmp_path, "D-seed1", "aabc", f1=0.4)
    write_run(tmp_path, "full-seed0", "aabc", f1=0.5)
    write_run(tmp_path, "other-seed0", "aabc")
    records = tables.read_records(tmp_path)
    two = pd.DataFrame({"disease": ["a", "b"]})
    table = tables.ablation_table(records, EXPERIMENTS, references=references.reference_scores(two[:1], two, SPACE))
    assert list(table["model"]) == ["D", "all", "uniform guess", "majority class"]
    assert list(table["seeds"][:2]) == ["2", "1"]
    assert list(table["macro-F1"][:2]) == ["0.300 ± 0.141", "0.500"]
    assert table["accuracy"][0] == "–"


def test_comparison_is_paired(tmp_path):
    write_run(tmp_path, "D-seed0", "abbc")
    write_run(tmp_path, "full-seed0", "aabc")
    estimates = comparisons.compare(tables.read_records(tmp_path), EXPERIMENTS, SPACE, resamples=200).set_index("row")
    assert estimates.loc["full", "value"] == 1.0
    assert estimates.loc["full", "difference"] == pytest.approx(1 - (2 / 3 + 2 / 3 + 1) / 3)
    assert estimates.loc["full", "difference_low"] >= 0.0  # never worse on any draw of photos
    assert estimates.loc["D", "difference"] == 0.0


def test_comparison_refuses_other_photos(tmp_path):
    runs = [write_run(tmp_path, "D-seed0", "aabc"), write_run(tmp_path, "D-seed1", "aab", truth=("a", "a", "b"))]
    with pytest.raises(ValueError, match="other photos"):
        comparisons.read_answers(runs, SPACE)


def test_status_table(tmp_path):
    write_run(tmp_path / "runs/quick/synderm", "D-seed3", "aabc")
    write_run(tmp_path / "published/synderm", "D-seed0", "aabc")
    table = published.status_table(tmp_path)
    assert list(table["profile"]) == ["quick", "published"]
    assert dict(table.iloc[0]) == {
        "dataset": "synderm",
        "run": "D-seed3",
        "profile": "quick",
        "date": "2030-01-02",
        "minutes": "1.5",
        "commit": "0123456789 (modified)",
    }
    assert tables.to_markdown(table).count("\n") == 4
    assert "No run" in tables.to_markdown(published.status_table(tmp_path / "none"))


def test_histories_are_stacked(tmp_path):
    write_run(tmp_path, "D-seed0", "aabc")
    history = tables.read_histories(tables.read_records(tmp_path))
    assert list(history["row"]) == ["D", "D"]
    assert tables.read_histories(tables.read_records(tmp_path / "none")).empty


def test_damaged_record_is_named(tmp_path):
    (write_run(tmp_path, "D-seed0", "aabc") / "metrics.json").write_text("{")
    with pytest.raises(ValueError, match=r"D-seed0/metrics.json.*train it again"):
        tables.read_records(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row,label\nD,D\n", "tasks"),
        ("row,group,label,tasks,lsm,fusion,settings,description\nD/x,,D,disease,true,none,,\n", "line 2"),
        ("row,group,label,tasks,lsm,fusion,settings,description\nD,,D,disease,maybe,none,,\n", "column lsm"),
    ],
)
def test_experiments_are_checked(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        tables.read_experiments(path)


def test_references_of_published_runs_come_from_their_own_photographs(tmp_path):
    space = LabelSpace("toy", diseases=tuple("abcd"))
    assert references.published_references(tmp_path, space).empty
    run = tmp_path / "full-seed0"
    run.mkdir()
    frame = pd.DataFrame({"split": ["val", "test", "test", "test"], "disease": ["b", "a", "a", "b"]})
    frame.to_parquet(run / "predictions.parquet")
    readers = {name: {"macro_f1": 0.7, "accuracy": 0.8, "top3_accuracy": 0.9} for name in references.READERS}
    (tmp_path / "ceiling.json").write_text(json.dumps({"readers": readers}))
    scores = references.published_references(tmp_path, space)
    assert scores.loc["majority class", "disease/accuracy"] == pytest.approx(2 / 3)
    assert scores.loc[references.BEST, "disease/macro_f1"] == 0.7


def test_missing_numbers_are_none_in_a_report():
    frame = pd.DataFrame({"row": ["D", "full"], "sd": [np.nan, 0.5], "seeds": [1, 2]})
    records = tables.plain_records(frame)
    assert records == [{"row": "D", "sd": None, "seeds": 1}, {"row": "full", "sd": 0.5, "seeds": 2}]
    assert json.loads(json.dumps(records, allow_nan=False)) == records
