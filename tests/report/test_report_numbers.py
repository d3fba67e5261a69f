"""What the page says of a record written by hand: every number counted on one's fingers."""

import numpy as np
import pandas as pd
import pytest
from hand_records import predictions, record, show  # noqa: F401
from sklearn.metrics import average_precision_score, roc_auc_score

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.chance import always_most_frequent, random_order, uniform_guess
from dermimit.evaluate.ranking import auroc_draws, precision_draws
from dermimit.prediction import DISCLAIMER

# 10 photographs of classes a (5), b (3), c (2), d (0); 6 right: a 4 of 5, b 2 of 3, c 0 of 2
TRUTH = ["a", "a", "a", "a", "a", "b", "b", "b", "c", "c"]
ANSWER = ["a", "a", "a", "a", "b", "b", "b", "a", "a", "b"]
SURE = [0.5, 0.6, 0.7, 0.8, 0.9, 0.5, 0.6, 0.7, 0.55, 0.4]
SPACE = LabelSpace("hand", ("a", "b", "c", "d"))
HISTORY = {
    "epoch": [0, 1, 2],
    "samples_seen": [100, 200, 300],
    "loss": [2.0, 1.5, 1.0],
    "val/disease/macro_f1": [0.25, 0.5, 0.375],
    "seconds": [1.0, 1.0, 1.0],
}


def answers(truth=TRUTH, answer=ANSWER, sure=SURE, names="abcd"):
    """Probabilities with the rest spread evenly."""
    rest = len(names) - 1
    return [[s if name == said else (1 - s) / rest for name in names] for said, s in zip(answer, sure, strict=True)]


@pytest.fixture
def hand(record, show):  # noqa: F811
    patients = ["P1", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P8"]
    return show(record(SPACE, predictions(TRUTH, answers(), patients), history=HISTORY))


def test_scores_stand_beside_chance(hand):
    scores = hand[0].table("Disease: scores")
    assert scores["accuracy"][0].startswith("60.0 (") and scores["accuracy"][1:3] == ["25.0", "50.0"]
    assert scores["balanced accuracy"][0].startswith("48.9 (")  # (4/5 + 2/3 + 0) / 3
    assert scores["balanced accuracy"][1:3] == ["25.0", "33.3"]
    # F1: a 2·4/(5+6), b 2·2/(3+4), c 0; always a: 2·5/(10+5) / 3
    assert scores["macro-F1"][0].startswith("43.3 (") and scores["macro-F1"][2] == "22.2"
    assert scores["AUROC"][1:3] == ["50.0", "50.0"]
    low, high = scores["accuracy"][0].split("(")[1].rstrip(")").split(" to ")
    assert float(low) < 60 < float(high) and scores["accuracy"][3] == "cannot be told from chance"


def test_the_sentences_count_photographs_patients_and_what_is_missing(hand):
    text = hand[0].text
    assert "The most probable disease is the true one in 6 of 10 photographs, 60.0 %" in text
    assert "which cannot be told from chance; always answering the most frequent one would be right in 50.0 %" in text
    assert "drawn by patient (8 patients, 10 photographs)" in text
    assert "1 disease without a photograph here, so that nothing is known of them: d." in text
    assert "n is small for disease: 3 of 4 diseases with fewer than 10 photographs; the widest interval spans" in text
    assert text.count(DISCLAIMER) == 1 and text.count("medical device") == 1
    assert "1,234,567 parameters" in text and "the folder photographs" in text and "/nowhere" not in hand[1]


def test_each_class_has_its_line_and_each_cell_its_count(hand):
    lines = hand[0].table("Each disease")
    assert lines["a"][0] == "5" and lines["a"][1].startswith("80.0 (")
    low, high = map(float, lines["a"][1].split("(")[1].rstrip(")").split(" to "))
    assert low < 37.7 and high > 96.3  # Wilson of 4 in 5, and wider: two of the five are of one patient
    assert lines["a"][2].startswith("66.7 (") and lines["a"][3].startswith("72.7 (") and lines["a"][4] == "b (1 of 5)"
    assert lines["b"][4] == "a (1 of 3)" and lines["c"][4] == "a (1 of 2), 1 more as often"
    assert lines["d"] == ["0", "–", "–", "–", "–"]
    matrix = hand[0].table("Confusion matrix of disease")
    assert matrix["truth ↓ answer →"] == ["a", "b", "c", "photographs"]  # d is neither true nor answered
    assert matrix["a"] == ["480 %", "120 %", "", "5"] and matrix["c"] == ["150 %", "150 %", "", "2"]


def test_the_kept_epoch_and_the_trend_are_told(hand):
    text = hand[0].text
    assert "epoch 2 of 3 were kept, after 200 photographs seen" in text
    assert "they had the best validation macro-F1 of disease, 50.0 %" in text
    assert "In 1 further epoch the score did not exceed it and ended 12.5 points lower" in text


def test_a_score_that_is_best_at_the_end_may_still_be_rising(record, show):  # noqa: F811
    rising = HISTORY | {"val/disease/macro_f1": [0.1, 0.2, 0.3]}
    text = show(record(SPACE, predictions(TRUTH, answers()), history=rising))[0].text
    assert "The best score came at the very end: it may still have been rising" in text


def test_calibration_is_measured_against_what_chance_gives(hand):
    text, gap = hand[0].text, np.mean(SURE) - 0.6
    assert f"state a probability of {100 * np.mean(SURE):.1f} % on average, and 60.0 % of them are correct" in text
    assert f"a difference of {100 * gap:+.1f} (" in text
    assert "A perfectly calibrated model with these confidences would have" in text
    bins = hand[0].table("Reliability of disease")
    assert bins["87 to 93"][0] == "1" and bins["87 to 93"][2].startswith("0.0 (")
    assert sum(int(line[0]) for name, line in bins.items() if name != "probability, %") == 10


def test_the_worst_errors_are_the_surest(hand):
    errors = hand[0].table("Most confident errors")
    assert list(errors)[1:] == ["p04.jpg", "p07.jpg", "p08.jpg", "p09.jpg"]
    assert errors["p04.jpg"] == ["a", "b", "90.0 %", "4"]


def test_chance_by_hand():
    counts = np.array([3, 1, 0])
    assert uniform_guess(counts)["accuracy"] == pytest.approx(1 / 3)
    f1 = (2 * 0.75 / 3 / (0.75 + 1 / 3), 2 * 0.25 / 3 / (0.25 + 1 / 3))  # 2 hits / (true + said), as shares
    assert uniform_guess(counts)["macro_f1"] == pytest.approx(np.mean(f1))
    assert always_most_frequent(counts)["macro_f1"] == pytest.approx(2 * 0.75 / 1.75 / 2)
    orders = [average_precision_score(t, [3, 2, 1]) for t in ([1, 0, 0], [0, 1, 0], [0, 0, 1])]
    assert random_order(np.array([[1.0], [0], [0]])) == pytest.approx(np.mean(orders))


def test_ranking_scores_of_resamples_are_those_of_repeated_photographs():
    rng = np.random.default_rng(0)
    truth, score = rng.random(40) < 0.3, rng.integers(0, 8, 40) / 8  # with ties
    weights = rng.integers(0, 3, (40, 5)).astype(float)
    for r, line in enumerate(weights.T.astype(int)):
        repeated = np.repeat(np.arange(40), line)
        assert auroc_draws(truth, score, weights)[r] == pytest.approx(roc_auc_score(truth[repeated], score[repeated]))
        expected = average_precision_score(truth[repeated], score[repeated])
        assert precision_draws(truth, score, weights)[r] == pytest.approx(expected)


def test_answers_that_know_nothing_are_not_called_better_than_chance(monkeypatch):
    from dermimit.report.answers import AnyOf
    from dermimit.report.scores import label_scores

    monkeypatch.setattr("dermimit.report.draws.RESAMPLES", 200)
    verdicts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        target = (rng.random((60, 8)) < 0.1).astype(float)
        rows = pd.DataFrame({"place": range(60), "image": "x", "patient_id": [None] * 60})
        found = label_scores(AnyOf("attributes", tuple("abcdefgh"), target, rng.random((60, 8)), rows, 0, {}))
        verdicts.append(found[0].verdict)
    assert verdicts.count("above") <= 1
