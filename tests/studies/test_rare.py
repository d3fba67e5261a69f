"""Rare and unseen diseases: conformal coverage, novelty scores, prototypes and parts against slow references."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score, roc_auc_score

from dermimit.evaluate import conformal
from studies.rare_diseases import by_frequency as rare
from studies.rare_diseases import coverage, few_shot, novelty, numbers, tables
from studies.shared.folders import find_root

RNG = np.random.default_rng(0)


def calibrated(n: int, seed: int, classes: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and truths drawn from them."""
    rng = np.random.default_rng(seed)
    p = softmax(2 * rng.normal(size=(n, classes)), axis=1)
    return p, np.array([rng.choice(classes, p=row) for row in p])


@pytest.mark.parametrize("kind", ["threshold", "adaptive"])
def test_sets_hold_the_truth_as_often_as_promised(kind):
    rates = []
    for seed in range(120):
        p, truth = calibrated(300, seed)
        test, answers = calibrated(500, 1000 + seed)
        rates.append(conformal.covered(conformal.prediction_sets(p, truth, test, 0.1, kind), answers).mean())
    assert np.mean(rates) == pytest.approx(0.9 + 0.5 / 301, abs=0.01)


def test_nonconformity_and_threshold_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(conformal.nonconformity(p, "threshold"), 1 - p)
    np.testing.assert_allclose(conformal.nonconformity(p, "adaptive"), [[0.5, 0.8, 1.0], [1.0, 0.9, 0.7]])
    assert conformal.threshold(np.arange(1.0, 10), 0.1) == 9  # ceil(10 * 0.9) = 9th of 9
    assert conformal.threshold(np.arange(1.0, 9), 0.1) == np.inf
    assert conformal.threshold(np.array([3.0, 1.0, 2.0]), 0.5) == 2
    with pytest.raises(ValueError, match="unknown kind"):
        conformal.nonconformity(p, "magic")
    with pytest.raises(ValueError, match="above 0 and below 1"):
        conformal.threshold(np.ones(3), 1.0)


def test_each_group_has_its_own_threshold():
    p, truth = calibrated(400, 1)
    test, answers = calibrated(4000, 2)
    hard = np.arange(400) % 2 == 0
    p[hard] = softmax(np.random.default_rng(3).normal(size=(200, 6)), axis=1)  # says nothing of the truth
    groups, asked = np.where(hard, "hard", "easy"), np.array(["easy"] * 4000)
    sets = conformal.prediction_sets(p, truth, test, 0.1, "adaptive", groups, asked)
    alone = conformal.prediction_sets(p[~hard], truth[~hard], test, 0.1, "adaptive")
    np.testing.assert_array_equal(sets, alone)
    assert conformal.covered(sets, answers).mean() == pytest.approx(0.9, abs=0.04)
    new = conformal.prediction_sets(p, truth, test[:2], 0.1, "adaptive", groups, np.array(["never", "seen"]))
    assert new.all()


def test_p_values_by_counting():
    calibration, test = RNG.normal(size=50), RNG.normal(size=20)
    slow = [(sum(c >= t for c in calibration) + 1) / 51 for t in test]
    np.testing.assert_allclose(conformal.p_values(calibration, test), slow)


def test_novelty_scores_against_slow_references():
    logits = RNG.normal(size=(5, 4))
    found = novelty.from_logits(logits)
    for i, z in enumerate(logits):
        p = np.exp(z) / np.exp(z).sum()
        assert found["max_probability"][i] == pytest.approx(1 - p.max())
        assert found["max_logit"][i] == -z.max()
        assert found["energy"][i] == pytest.approx(-np.log(np.exp(z).sum()))
    known, new = RNG.normal(size=80), RNG.normal(1, size=30)
    labels = np.r_[np.zeros(80), np.ones(30)]
    assert novelty.auroc(known, new) == pytest.approx(roc_auc_score(labels, np.r_[known, new]))
    cut = np.sort(new)[1]  # 29 of 30 reach it
    assert novelty.false_alarms(known, new) == (known >= cut).mean()
    found = novelty.with_intervals(known, new, resamples=200)
    assert found["auroc_low"] < found["auroc"] < found["auroc_high"] and found["fpr95_low"] <= found["fpr95"]


def test_mahalanobis_is_small_at_a_class_mean_and_knows_the_spread():
    labels = np.repeat([0, 1], 500)
    train = RNG.normal(size=(1000, 2)) * [3.0, 0.3] + labels[:, None] * [20.0, 0.0]
    at, along, across = novelty.mahalanobis(train, labels, np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]))
    assert at < 0.05 and along == pytest.approx(1, abs=0.2) and across > 20 * along


def test_prototypes_by_hand():
    features, labels = np.array([[2.0, 0], [0, 1], [0, 3]]), np.array([0, 1, 1])
    means = few_shot.prototypes(features, labels, 3, 2, np.random.default_rng(0))
    np.testing.assert_allclose(means, [[1, 0], [0, 1], [0, 0]])
    np.testing.assert_array_equal(few_shot.nearest(np.array([[5.0, 1], [-1.0, 0.1], [-1, -1]]), means), [0, 1, 0])


def answers(seed: int = 0):
    """Truths of five diseases, three seeds that are right more often on the common ones, and their counts."""
    rng, counts = np.random.default_rng(seed), np.array([500, 200, 100, 50, 20])
    truth = np.repeat(np.arange(5), 40)
    said = np.stack(
        [np.where(rng.random(200) < 0.2 + 0.15 * (4 - truth), truth, rng.integers(0, 5, 200)) for _ in range(3)]
    )
    return truth, said, counts


def test_scores_by_disease_are_those_of_scikit_learn():
    truth, said, _ = answers()
    table = rare.by_disease(truth, said, 5)
    slow = np.mean([f1_score(truth, s, average=None) for s in said], axis=0)
    np.testing.assert_allclose(table["f1"], slow)
    np.testing.assert_allclose(
        table["recall"], [np.mean([(s[truth == c] == c).mean() for s in said]) for c in range(5)]
    )


def test_parts_and_their_means():
    truth, said, counts = answers()
    part = rare.parts_of(counts)
    assert list(part) == ["head", "head", "middle", "middle", "tail"]
    assert list(rare.parts_of(np.array([1, 3, 2]))) == ["tail", "head", "middle"]
    table = rare.by_part(truth, said, part, resamples=200).set_index("part")
    f1 = rare.by_disease(truth, said, 5)["f1"]
    assert table.loc["tail", "value"] == pytest.approx(f1[4]) and table.loc["all", "value"] == pytest.approx(f1.mean())
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()


def test_gains_of_parts_are_paired_by_seed():
    truth, said, counts = answers()
    part, better = rare.parts_of(counts), said.copy()
    better[:, truth == 4] = 4
    gains = rare.gain_by_part(truth, better, said, part, resamples=200).set_index("part")
    f1 = [np.mean([f1_score(truth, s, average=None)[part == "tail"].mean() for s in of]) for of in (better, said)]
    assert gains.loc["tail", "value"] == pytest.approx(f1[0] - f1[1]) and gains.loc["tail", "low"] > 0
    same = rare.gain_by_part(truth, said, said, part, resamples=20)
    assert (same[["value", "low", "high"]] == 0).all(axis=None)
    one = rare.gain_by_part(truth, better[:1], said, part, resamples=200).set_index("part")
    alone = f1_score(truth, better[0], average=None) - f1_score(truth, said[0], average=None)
    assert one.loc["all", "value"] == pytest.approx(alone.mean())
    frame = pd.DataFrame({"truth": truth, "plain/0": said[0], "plain/1": said[1], "new/0": better[0]})
    table = rare.gains_of_parts(frame, part, {"new": "the new one"}, "plain", resamples=20)
    assert set(table["row"]) == {"new"} and set(table["label"]) == {"the new one"} and set(table["seeds"]) == {1}


def test_a_gain_for_the_rare_has_a_negative_slope():
    truth, said, counts = answers()
    better = said.copy()
    better[:, truth == 4] = 4
    found = rare.gain_by_count(truth, better, said, counts, resamples=200)
    assert found["slope_low"] <= found["slope"] < 0 and found["slope_high"] < 0
    same = rare.gain_by_count(truth, said, said, counts, resamples=20)
    assert same["slope"] == same["slope_low"] == same["slope_high"] == 0


def test_answers_are_found_by_their_row():
    frame = pd.DataFrame({"truth": [0, 1], "full/0": [0, 0], "full/1": [1, 1], "D/0": [0, 1]})
    assert rare.rows_of(frame) == ["full", "D"]
    assert rare.answers_of(frame, "full").tolist() == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="no answers of 'fuller'; there are: full, D"):
        rare.answers_of(frame, "fuller")


def test_where_a_gain_is_largest_is_read_off_the_interval_of_its_slope():
    ends = {"few": (-0.2, -0.1), "many": (0.1, 0.2), "neither": (-0.1, 0.1)}
    gains = {n: {"slope": (low + high) / 2, "slope_low": low, "slope_high": high} for n, (low, high) in ends.items()}
    table = tables.slopes_table(gains).set_index("gain in F1 of")
    assert table["largest"].to_dict() == {
        "few": "among rare diseases",
        "many": "among common diseases",
        "neither": "cannot tell",
    }
    assert table.loc["few", "for ten times as many photographs (95 %)"] == "−0.150 (−0.200 to −0.100)"


def test_coverage_lies_above_or_below_the_promise_by_its_interval():
    groups = {"all": (0.85, 0.95), "tail": (0.6, 0.8), "head": (0.92, 0.98)}
    lines = [
        {"way": "one threshold", "group": name, "coverage": (low + high) / 2, "low": low, "high": high, "size": 3.0,
         "empty": 0.0, "photographs": 9} for name, (low, high) in groups.items()
    ]  # fmt: skip
    table = coverage.promise_table(pd.DataFrame(lines), 0.1)
    assert table["beside the promise of 90 %"].tolist() == ["cannot tell", "below", "above"]
    assert table["hold the truth, % (95 %)"][1] == "70.0 (60.0 to 80.0)" and table["diseases in a set"][0] == "3.0"


def test_the_first_lines_are_those_of_the_tables():
    root = find_root()
    frame, record, labels = tables.read_rare(root)
    space = list(record["counts"])
    counts = np.array([record["counts"][name] for name in space])
    part, truth = rare.parts_of(counts), frame["truth"].to_numpy(np.int64)
    rows = [
        "reference:full",
        *(r for r in rare.rows_of(frame) if r.startswith("rare_diseases:full_") and "un" not in r),
    ]
    columns = [name for name in frame if name.rsplit("/", 1)[0] in rows]
    remedies = rare.table_of_parts(frame[["truth", *columns]], part, labels, resamples=20)
    gain = rare.gain_by_count(truth, *(rare.answers_of(frame, r) for r in ("D_B_A", "D")), counts, resamples=50)
    held = [{"way": "one threshold", "group": p, "coverage": 0.9} for p in ("all", "head", "tail")]
    first = numbers.of_rare_diseases(gain, remedies, record, pd.DataFrame(held), part)
    tail = remedies[remedies["part"] == "tail"].set_index("row")["value"]
    assert first["plain_tail"] == tail["reference:full"] and first["best_tail"] == tail.drop("reference:full").max()
    assert first["slope_low"] < first["slope"] < first["slope_high"] and first["idea"] == tables.largest(gain)
    assert first["covered_tail"] == pytest.approx(90) and 0 < first["least_strange"] < first["strangest"] < 1
