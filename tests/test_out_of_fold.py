"""Out-of-fold scores: against scikit-learn, intervals by patient, refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from dermimit.evaluate.out_of_fold import OutOfFold, collect, paired, scored

NAMES = ("a", "b", "c")


def model(seed, right=0.6, n=200):
    rng, truth = np.random.default_rng(seed), np.random.default_rng(9).integers(3, size=n)
    answer = np.where(rng.random(n) < right, truth, rng.integers(3, size=n))
    patients = tuple(f"p{i // 2}" for i in range(n))
    return OutOfFold(truth, answer, tuple(f"{i}.png" for i in range(n)), patients)


def test_scores_are_those_of_scikit_learn_and_lie_in_their_intervals():
    one, two = model(1), model(2, right=0.9)
    first, second = scored({"one": one, "two": two}, NAMES, "one", resamples=400)
    assert second["macro_f1"] == pytest.approx(f1_score(two.truth, two.answer, average="macro"))
    assert second["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(two.truth, two.answer))
    for line in (first, second):
        for name in ("macro_f1", "balanced_accuracy", "accuracy"):
            assert line[f"{name}_low"] < line[name] < line[f"{name}_high"]
        assert all(low <= value <= high for value, low, high in line["recall"].values())
        assert sum(sum(row.values()) for row in line["confusion"].values()) == line["photographs"] == 200
    assert first["difference"] == 0 and first["p"] is None
    assert second["difference_low"] > 0 and second["p"] < 0.05 and second["patients"] == 100


def test_other_photographs_are_refused():
    short = model(1, n=100)
    with pytest.raises(ValueError, match="other photographs"):
        scored({"one": model(1), "two": short}, NAMES, "one", resamples=10)


def write(run, images):
    run.mkdir()
    frame = pd.DataFrame({"image": images, "split": "test", "patient_id": images, "disease": "b"})
    frame["disease_prob"] = [[0.1, 0.7, 0.2]] * len(images)
    frame.to_parquet(run / "predictions.parquet")
    return run


def test_folds_are_joined_and_a_photograph_in_two_is_refused(tmp_path):
    runs = [write(tmp_path / "fold0", ["x", "z"]), write(tmp_path / "fold1", ["y"])]
    joined = collect(runs, NAMES)
    assert joined.images == ("x", "y", "z") and joined.answer.tolist() == joined.truth.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="x was tested twice"):
        collect([*runs, write(tmp_path / "fold2", ["x"])], NAMES)


def test_pairs_are_differences_on_the_same_patients_and_missing_rows_are_left_out():
    models = {"one": model(1), "two": model(2, right=0.9)}
    (line,) = paired(models, [("two", "one"), ("three", "one")], resamples=400)
    _, second = scored(models, NAMES, "one", resamples=400)
    assert line["row"] == "two" and line["reference"] == "one"
    for name in ("difference", "difference_low", "difference_high", "p"):
        assert line[name] == pytest.approx(second[name])
    with pytest.raises(ValueError, match="rows one and short answer for different photographs"):
        paired(models | {"short": model(1, n=100)}, [("one", "short")], resamples=10)
