"""Out-of-fold scores: against scikit-learn, intervals by patient, refusals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import COLUMNS, answers_of_folds, collect, paired, scored
from dermimit.evaluate.statistics import count_interval

NAMES = ("a", "b", "c")


def model(seed, right=0.6, n=200, seeds=1):
    rng, truth = np.random.default_rng(seed), np.random.default_rng(9).integers(3, size=n)
    answers = [np.where(rng.random(n) < right, truth, rng.integers(3, size=n)) for _ in range(seeds)]
    patients = pd.Series([f"p{i // 2}" for i in range(n)])
    return Answers(truth, answers, patients, tuple(f"{i}.png" for i in range(n)), tuple(range(seeds)))


def test_scores_are_those_of_scikit_learn_and_lie_in_their_intervals():
    one, two = model(1, right=0.02), model(2, right=0.9, seeds=2)
    first, second = scored({"one": one, "two": two}, NAMES, resamples=400)
    f1 = [f1_score(two.truth, answer, average="macro") for answer in two.answers]
    assert second["macro_f1"] == pytest.approx(np.mean(f1))
    balanced = [balanced_accuracy_score(two.truth, answer) for answer in two.answers]
    assert second["balanced_accuracy"] == pytest.approx(np.mean(balanced))
    for line in (first, second):
        for name in ("macro_f1", "balanced_accuracy", "accuracy"):
            assert line[f"{name}_low"] < line[name] < line[f"{name}_high"]
        assert all(low <= value <= high for value, low, high in line["recall"].values())
        assert sum(sum(row.values()) for row in line["confusion"].values()) == line["photographs"] == 200
    assert first["guessing"] and not second["guessing"] and second["patients"] == 100 and second["seeds"] == [0, 1]


def test_a_disease_without_photographs_and_photographs_without_patients_are_told():
    one = model(1, right=0.9)
    (line,) = scored({"one": one}, (*NAMES, "absent"), resamples=50)
    assert np.isnan(line["recall"]["absent"]).all() and "without_patient" not in line
    alone = replace(one, patients=one.patients.where(one.patients.index < 150))
    (line,) = scored({"one": alone}, NAMES, resamples=50)
    assert (line["patients"], line["without_patient"]) == (75, 50)


def test_other_photographs_are_refused():
    short = model(1, n=100)
    with pytest.raises(ValueError, match="other photographs"):
        scored({"one": model(1), "two": short}, NAMES, resamples=10)


def write(run, images):
    run.mkdir()
    frame = pd.DataFrame({"image": images, "split": "test", "patient_id": images, "disease": "b"})
    frame["disease_prob"] = [[0.1, 0.7, 0.2]] * len(images)
    frame.to_parquet(run / "predictions.parquet")
    return run


def test_folds_are_joined_and_a_photograph_in_two_is_refused(tmp_path):
    runs = [write(tmp_path / "fold0", ["x.jpg", "z.jpg"]), write(tmp_path / "fold1", ["images/y.jpg"])]
    joined = collect(runs, "D", 3)
    assert list(joined) == COLUMNS and joined["image"].tolist() == ["x", "y", "z"]
    assert joined["fold"].tolist() == [0, 1, 0] and set(joined["seed"]) == {3}
    answers = answers_of_folds(pd.concat([joined, joined.assign(seed=5)]), NAMES)["D"]
    assert answers.seeds == (3, 5) and answers.truth.tolist() == answers.answers[1].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="seed 5 answers for other photographs"):
        answers_of_folds(pd.concat([joined, joined[:2].assign(seed=5)]), NAMES)
    with pytest.raises(ValueError, match=r"x\.jpg was tested twice"):
        collect([*runs, write(tmp_path / "fold2", ["x.jpg"])])


def test_a_pair_is_tested_with_several_seeds_only_and_missing_rows_are_left_out():
    models = {"one": model(1, seeds=3), "two": model(2, right=0.9, seeds=2), "alone": model(3)}
    two, alone = paired(models, [("two", "one"), ("alone", "one"), ("three", "one")], resamples=400)
    assert (two["row"], two["reference"], two["seeds"]) == ("two", "one", 2)
    gains = models["two"].macro_f1() - models["one"].macro_f1()[:2]
    assert two["difference"] == pytest.approx(gains.mean()) and two["difference_low"] > 0
    assert 0 < two["p"] < 0.2 and 1 <= two["df"] < 110
    assert alone["seeds"] == 1 and alone["p"] is None and alone["difference_low"] < alone["difference_high"]
    with pytest.raises(ValueError, match="rows one and short answer for different photographs"):
        paired(models | {"short": model(1, n=100)}, [("one", "short")], resamples=10)
    other = Answers(models["one"].truth, models["one"].answers[:1], models["one"].patients, models["one"].images, (9,))
    with pytest.raises(ValueError, match="no seed in common"):
        paired(models | {"other": other}, [("one", "other")], resamples=10)


def test_a_row_beside_a_copy_of_itself_differs_by_exactly_nothing():
    (line,) = paired({"one": model(1, seeds=3), "copy": model(1, seeds=3)}, [("copy", "one")], resamples=200)
    assert line["difference"] == line["difference_low"] == line["difference_high"] == 0.0 and line["p"] == 1.0


def test_where_all_resamples_agree_the_interval_is_that_of_so_many_patients():
    truth = np.array([0] * 3 + [1] * 30)
    images = tuple(f"{i:02d}" for i in range(33))
    perfect = Answers(truth, [truth], pd.Series([f"P{i}" for i in range(33)]), images, (0,))
    (line,) = scored({"perfect": perfect}, ("a", "b"), 200)
    assert line["recall"]["a"] == pytest.approx([1.0, *count_interval(3, 3)]) and line["recall"]["a"][1] < 0.5
    assert line["recall"]["b"][1] > 0.85 and line["accuracy_low"] > 0.85 and not line["guessing"]
    answer = np.where(np.arange(33) % 3 == 0, 1 - truth, truth)
    (line,) = scored({"one": Answers(truth, [answer], pd.Series(["P"] * 33), images, (0,))}, ("a", "b"), 200)
    assert np.isnan(line["macro_f1_low"]) and line["guessing"]  # one patient says nothing of others


def test_intervals_of_shares_end_where_shares_do():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=40)
    answers = [truth, np.where(np.arange(40) < 4, 1 - truth, truth)]
    patients, images = pd.Series([f"P{i}" for i in range(40)]), tuple(f"{i:02d}" for i in range(40))
    (line,) = scored({"two seeds": Answers(truth, answers, patients, images, (0, 1))}, ("a", "b"), 200)
    assert all(0 <= line[f"{name}_{end}"] <= 1 for name in ("macro_f1", "accuracy") for end in ("low", "high"))
