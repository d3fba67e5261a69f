"""Calibration and the differential against values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from dermimit.data.schema import LabelSpace
from dermimit.evaluate import calibration
from dermimit.evaluate.differential import Differential, differential
from dermimit.evaluate.metrics import class_metrics, expected_calibration_error
from dermimit.evaluate.ranks import rank_of_truth

SPACE = LabelSpace("toy", diseases=("a", "b", "c"))


def drawn(photos=4000, classes=5, temperature=1.0, seed=0):
    """Truths drawn from probabilities p, which are then stored as p^T: calibrated for T = 1, too sure above."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), photos)
    truth = (p.cumsum(axis=1) > rng.random((photos, 1))).argmax(axis=1)
    stored = p**temperature / (p**temperature).sum(axis=1, keepdims=True)
    return Differential(truth, stored, pd.Series(range(photos)), pd.Series(rng.integers(1, 7, photos), dtype="Int64"))


def by_hand(probability, truth):
    n = len(truth)
    return Differential(np.array(truth), np.array(probability), pd.Series(range(n)), pd.Series([1] * n, dtype="Int64"))


def test_tempering_by_hand():
    assert calibration.tempered(np.array([[0.64, 0.16, 0.20]]), 2.0)[0] == pytest.approx(
        np.array([0.8, 0.4, 0.2**0.5]) / (1.2 + 0.2**0.5)
    )
    assert calibration.tempered(np.array([[0.7, 0.3]]), 1.0)[0] == pytest.approx([0.7, 0.3])
    assert np.isfinite(calibration.tempered(np.array([[1.0, 0.0]]), 0.05)).all()


def test_reliability_by_hand():
    answers = by_hand([[0.95, 0.05], [0.97, 0.03], [0.55, 0.45], [1.0, 0.0]], [0, 1, 0, 0])
    table = calibration.reliability(answers, bins=10)
    assert list(table["photos"]) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    assert table["accuracy"].iloc[9] == pytest.approx(2 / 3)
    assert table["confidence"].iloc[9] == pytest.approx((0.95 + 0.97 + 1) / 3)
    # Wilson's interval of 2 of 3: Newcombe, Stat. Med. 17 (1998), formula 3
    assert (table["low"].iloc[9], table["high"].iloc[9]) == (
        pytest.approx(0.2077, abs=1e-4),
        pytest.approx(0.9385, abs=1e-4),
    )
    assert np.isnan(table["accuracy"].iloc[0])


def test_ece_is_that_of_the_metrics_and_of_the_bins():
    answers = drawn(500, temperature=2.0)
    table = calibration.reliability(answers).dropna()
    ece = float((table["photos"] * (table["accuracy"] - table["confidence"]).abs()).sum() / 500)
    assert ece == pytest.approx(expected_calibration_error(answers.right, answers.confidence))
    assert class_metrics(np.eye(5)[answers.truth], answers.probability)["ece"] == pytest.approx(ece)


def test_chance_alone_gives_the_floor():
    few, many = (calibration.ece_floor(drawn(n).confidence) for n in (100, 4000))
    assert few > 3 * many
    some = [drawn(300, seed=s) for s in range(30)]
    found = [calibration.ece_floor(answers.confidence, 20) - _ece(answers) for answers in some]
    assert np.mean(found) == pytest.approx(0, abs=0.01)


def _ece(answers):
    return expected_calibration_error(answers.right, answers.confidence)


def predictions(split=("val", "test", "test")):
    frame = pd.DataFrame({"split": split, "disease": ["a", "b", None], "patient_id": ["p", "q", "r"]})
    frame["fitzpatrick"] = pd.array([1, None, 3], dtype="Int64")
    frame["disease_prob"] = [np.array([0.5, 0.3, 0.2], np.float16)] * 3
    return frame


def test_the_split_is_taken_and_unknown_diseases_are_left_out():
    answers = differential(predictions(), SPACE)
    assert list(answers.truth) == [1]
    assert list(answers.patients) == ["q"]
    assert not answers.right[0]


def test_no_validation_split_is_said():
    with pytest.raises(ValueError, match="split 'val' with a disease: the predictions hold test"):
        differential(predictions(("test",) * 3), SPACE, "val")


@pytest.mark.parametrize(
    ("diseases", "message"), [(("a", "c", "d"), "disease 'b'"), (("a", "b"), "3 probabilities a photo")]
)
def test_another_label_space_is_refused(diseases, message):
    with pytest.raises(ValueError, match=message):
        differential(predictions(), LabelSpace("other", diseases=diseases))


def test_equal_probabilities_count_against_the_model():
    even = np.full((4, 5), 0.2)
    assert rank_of_truth(even, np.array([0, 1, 2, 4])).tolist() == [5, 5, 5, 5]
    assert class_metrics(np.eye(5)[[0, 1, 2, 4]], even)["top3_accuracy"] == 0
    some = np.array([[0.5, 0.3, 0.3], [0.2, 0.2, 0.6]])
    assert rank_of_truth(some, np.array([1, 1])).tolist() == [3, 3]
