"""What learns from features: by hand, and where nothing or everything can be learnt."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dermimit.data import ManifestError
from dermimit.evaluate.out_of_fold import patients_text
from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.statistics import count_interval
from dermimit.probe import ProbeConfig
from dermimit.probe.attentive import attentive
from dermimit.probe.config import ALONE
from dermimit.probe.cross_validation import cross_validate
from dermimit.probe.features import Features
from dermimit.probe.logistic import logistic
from dermimit.probe.neighbours import nearest
from dermimit.probe.scores import auroc_draws, score

CLASSES = ("acne", "eczema")


def config(**more):
    usual = dict(folds=5, splits=2, neighbours=3, C=(0.1,), resamples=50, epochs=5, lr=0.01, random=True)
    return ProbeConfig(dataset="folder", data_root=Path("data"), out=Path("out"), **usual | more)


def manifest(patients, diseases):
    count = len(patients)
    return pd.DataFrame(
        {"image": [f"{i:03d}.png" for i in range(count)], "patient_id": patients, "disease": diseases}, dtype=object
    )


def by_row(answers, classes=CLASSES):
    return {line["row"]: line for line in score(answers, classes, 50)}


# ---------------------------------------------------------------- folds


@pytest.fixture
def of_patients():
    """Photographs that show who the patient is, and nothing of the disease; each patient has one disease."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 5)
    who = rng.normal(size=(40, 32))[patients] + 0.01 * rng.normal(size=(200, 32))
    tokens = (who[:, None] + 0.01 * rng.normal(size=(200, 3, 32))).astype(np.float16)
    features = Features({"pooled": who.astype(np.float32)}, tokens)
    return features, [f"P{p}" for p in patients], [CLASSES[p % 2] for p in patients]


def test_what_only_tells_the_patient_scores_at_random(of_patients):
    features, patients, diseases = of_patients
    answers, _ = cross_validate(features, manifest(patients, diseases), CLASSES, config())
    assert (answers.groupby(["split", "group"])["fold"].nunique() == 1).all()
    lines = by_row(answers)
    assert {*lines} == {"majority", "knn pooled", "logistic pooled", "attentive"}
    assert all(0.2 < line["balanced_accuracy"] < 0.7 for line in lines.values()), lines
    assert lines["logistic pooled"]["patients"] == 40 and lines["logistic pooled"]["splits"] == [0, 1]


def test_without_patients_the_same_photographs_are_told_perfectly(of_patients):
    features, _, diseases = of_patients  # else the test above could not fail
    frame = manifest([f"P{i}" for i in range(200)], diseases)
    lines = by_row(cross_validate(features, frame, CLASSES, config(epochs=40, lr=0.03, splits=1, C=(10.0,)))[0])
    assert all(lines[row]["balanced_accuracy"] > 0.9 for row in lines if row != "majority"), lines


def test_photographs_of_one_lesion_stay_together_where_no_patient_is_known(of_patients):
    features, patients, diseases = of_patients
    frame = manifest([None] * 200, diseases).assign(lesion_id=patients)
    answers, _ = cross_validate(features, frame, CLASSES, config(methods=("knn",), splits=1))
    assert answers["group"].nunique() == 40 and (answers.groupby("group")["fold"].nunique() == 1).all()


def test_a_separable_set_scores_one():
    rng = np.random.default_rng(0)
    truth = np.arange(60) % 2
    x = (np.where(truth, 5.0, -5.0)[:, None] + rng.normal(size=(60, 4))).astype(np.float32)
    tokens = np.repeat(x[:, None], 3, 1).astype(np.float16)
    frame = manifest([f"P{i // 2}" for i in range(60)], [CLASSES[t] for t in truth])
    answers, chosen = cross_validate(
        Features({"class": x, "mean": x}, tokens), frame, CLASSES, config(C=(0.01, 1.0), splits=1)
    )
    lines = by_row(answers)
    for row in ("knn class", "logistic mean", "logistic class+mean", "attentive"):
        assert [lines[row][name] for name in ("macro_f1", "balanced_accuracy", "accuracy", "auroc")] == [1] * 4, row
        assert lines[row]["recall"] == {name: [1, *count_interval(30, 30)] for name in CLASSES}
    assert len(chosen["logistic class"]) == 5 and {*chosen["logistic class"]} <= {0.01, 1.0}
    assert "knn class" not in chosen


def test_the_folds_are_those_of_the_package_and_of_the_next_seeds(of_patients):
    from dermimit.data.folds import folds

    features, patients, diseases = of_patients
    frame = manifest(patients, diseases)
    answers, _ = cross_validate(features, frame, CLASSES, config(methods=("knn",), seed=7))
    for split in (0, 1):
        part = answers[(answers["row"] == "knn pooled") & (answers["split"] == split)].set_index("image")["fold"]
        assert (part == folds(frame, 5, 7 + split).set_axis(frame["image"])).all()


def test_what_cannot_be_told_apart_is_refused(of_patients):
    features, patients, _ = of_patients
    with pytest.raises(ManifestError, match="one disease only, 'acne'"):
        cross_validate(features, manifest(patients, ["acne"] * 200), ("acne",), config())
    diseases = ["eczema" if p == "P0" else "acne" for p in patients]
    with (
        pytest.warns(UserWarning, match=r"1 of 2 diseases have fewer patients than 5 folds: eczema \(1\)"),
        pytest.raises(ManifestError, match="only 'acne' is left to learn from"),
    ):
        cross_validate(features, manifest(patients, diseases), CLASSES, config())


# ---------------------------------------------------------------- methods


def test_neighbours_vote_with_their_cosine():
    angles = np.deg2rad([0, 10, 20, 180])
    train = np.stack([np.cos(angles), np.sin(angles)], 1) * [[1], [5], [2], [1]]  # lengths do not matter
    answer = nearest(train, np.array([0, 2, 0, 2]), np.array([[3.0, 0.0]]), k=3, size=3)
    votes = np.exp(np.cos(angles) / 0.07)
    expected = np.array([votes[0] + votes[2], 0, votes[1]]) / votes[:3].sum()
    np.testing.assert_allclose(answer, expected[None], rtol=1e-6)


def test_more_neighbours_than_photographs_are_refused():
    with pytest.raises(ValueError, match="--neighbours 5: a fold leaves 4"):
        nearest(np.eye(4), np.arange(4), np.eye(4), k=5, size=4)


def test_attentive_pooling_finds_the_token_that_tells():
    rng = np.random.default_rng(0)
    truth = np.arange(260) % 2
    tokens = rng.normal(size=(260, 8, 32))
    place = rng.integers(8, size=260)
    tokens[np.arange(260), place, :16] += 4  # where to look
    tokens[np.arange(260), place, 31] = np.where(truth, 2.0, -2.0)  # what is there
    tokens, train, test = tokens.astype(np.float16), np.arange(60), np.arange(60, 260)
    answer = attentive(tokens, train, truth[train], test, 2, epochs=120, lr=0.01, seed=0)
    np.testing.assert_allclose(answer.sum(1), 1, rtol=1e-5)
    pooled = tokens.astype(float).mean(1)
    plain, _ = logistic(pooled[train], truth[train], train, pooled[test], [0.1], 2, 0)
    right = [(found.argmax(1) == truth[test]).mean() for found in (answer, plain)]
    assert right[0] > 0.95 and right[1] < 0.85, right
    again = attentive(tokens, train, truth[train], test, 2, epochs=120, lr=0.01, seed=0)
    np.testing.assert_array_equal(answer, again)


# ---------------------------------------------------------------- scores


def test_the_area_of_a_resample_is_that_of_its_photographs_written_out():
    rng = np.random.default_rng(0)
    truth, probability = rng.integers(3, size=40), rng.random((40, 3)).round(1)  # with many equals
    draws, fold = patient_draws([f"P{i // 2}" for i in range(40)], 7), np.arange(40) // 20
    areas = auroc_draws(truth, probability, fold, draws)
    for r in range(7):
        rows = np.repeat(np.arange(40), draws.weights[draws.patient, r].astype(int))
        parts = [rows[fold[rows] == k] for k in (0, 1)]
        expected = [[roc_auc_score(truth[some] == c, probability[some, c]) for c in range(3)] for some in parts]
        assert areas[r] == pytest.approx(np.mean(expected))


def test_an_area_of_a_resample_without_a_class_is_over_the_others():
    draws = patient_draws(["a", "b", "b"], 20, seed=1)
    probability = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)
    areas = auroc_draws(np.array([2, 0, 1]), probability, np.zeros(3, np.int64), draws)
    without = draws.weights[1] == 2  # patient b twice: classes 0 and 1
    assert without.any() and (areas[without] == 1).all()
    assert np.isnan(areas[draws.weights[0] == 2]).all()  # one class alone has no area


def test_a_method_that_knows_nothing_ranks_no_better_and_no_worse_than_at_random():
    rng, n = np.random.default_rng(0), 40
    truth, fold = rng.integers(2, size=n), np.arange(n) % 5
    answers = pd.DataFrame({"row": "majority", "split": 0, "fold": fold, "image": [f"{i:02d}" for i in range(n)],
                            "group": [f"P{i}" for i in range(n)], "disease": np.array(["a", "b"])[truth]})  # fmt: skip
    rare = [1 - truth[fold != k].mean() for k in fold]  # what the other folds hold of the first class
    (line,) = score(answers.assign(p_a=rare, p_b=1 - np.array(rare)), ("a", "b"), 200)
    assert (line["auroc"], line["auroc_low"], line["auroc_high"]) == (0.5, 0.5, 0.5)


def test_photographs_without_a_patient_are_not_counted_as_patients():
    n = 12
    answers = pd.DataFrame({"row": "r", "split": 0, "fold": np.arange(n) % 2, "image": [f"{i:02d}" for i in range(n)],
                            "group": ["P", "P", *(f"{ALONE}{i})" for i in range(2, n))], "disease": ["a", "b"] * 6,
                            "p_a": 0.6, "p_b": 0.4})  # fmt: skip
    (line,) = score(answers, ("a", "b"), 50)
    assert (line["patients"], line["without_patient"]) == (1, 10)
    assert patients_text(line) == "1 patient (10 photographs each drawn as one)"
