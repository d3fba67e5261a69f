"""Rare and unseen diseases: conformal coverage, novelty scores, prototypes and parts against slow references."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score, roc_auc_score

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate import conformal
from dermimit.evaluate.estimate import Estimate
from studies.rare_diseases import by_frequency as rare
from studies.rare_diseases import coverage, few_shot, novelty, numbers, unseen_tables
from studies.rare_diseases.tables import read_rare
from studies.shared.claims import Claim, verdicts
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
    assert found["slope_p"] < 0.05 and found["seeds"] == 3
    x, gain = np.log10(counts), rare.by_disease(truth, better, 5)["f1"] - rare.by_disease(truth, said, 5)["f1"]
    assert found["slope"] == pytest.approx(np.polyfit(x, gain, 1)[0])
    same = rare.gain_by_count(truth, said, said, counts, resamples=20)
    assert same["slope"] == same["slope_low"] == same["slope_high"] == 0


def test_answers_are_found_by_their_row():
    frame = pd.DataFrame({"truth": [0, 1], "full/0": [0, 0], "full/1": [1, 1], "D/0": [0, 1]})
    assert rare.rows_of(frame) == ["full", "D"]
    assert rare.answers_of(frame, "full").tolist() == [[0, 0], [1, 1]]
    with pytest.raises(ValueError, match="no answers of 'fuller'; there are: full, D"):
        rare.answers_of(frame, "fuller")


def measured():
    """Everything that the page shows, from the records, with few resamples."""
    root = find_root()
    frame, record, labels = read_rare(root)
    counts = np.array(list(record["counts"].values()))
    part, truth = rare.parts_of(counts), frame["truth"].to_numpy(np.int64)
    remedies = [r for r in rare.rows_of(frame) if r.startswith("rare_diseases:full_") and "un" not in r]
    tried = [name for name in frame if name.rsplit("/", 1)[0] in ("reference:full", *remedies)]
    gains = rare.gains_of_parts(frame[["truth", *tried]], part, labels, "reference:full", resamples=200)
    two = [name for name in frame if name.split("/")[0] in ("D", "full")]
    parts = rare.table_of_parts(frame[["truth", *two]], part, labels, resamples=20)
    slope = rare.gain_by_count(truth, *(rare.answers_of(frame, r) for r in ("D_B_A", "D")), counts, resamples=200)
    lines = [
        {"way": way, "group": group, "seeds": 5, "coverage": 0.9 - drop, "low": 0.88 - drop, "high": 0.92 - drop,
         "size": 3.0} for way, drop in ((numbers.ONE_WAY, 0.1), (numbers.BY_PART, 0.0)) for group in ("all", "tail")
    ]  # fmt: skip
    return parts, gains, record, pd.DataFrame(lines), part, slope


def test_the_numbers_of_the_prose_are_those_of_the_records():
    parts, gains, record, coverage, part, _ = measured()
    found = numbers.of_rare_diseases(parts, gains, record, coverage, part)
    tail = gains[gains["part"] == "tail"].set_index("row")["value"]
    assert found["best"] == "re-sampling" and tail.idxmax() == numbers.REMEDY
    assert found["resampled"] == f"{100 * tail.max():.1f}" == found["best_gain"].lstrip("+")
    assert found["covered_tail"] == pytest.approx(80) and found["covered_by_part"] == pytest.approx(90)
    # what captions and sentences say without a glued number
    assert found["tail_full"] < found["head_full"] and found["tail_D"] < found["tail_full"]
    assert found["shots_tail"] > found["trained_tail"] and found["shots"] == 20
    means = {
        x["shots"]: [np.mean(np.array(x["recall"])[part == p]) for p in rare.PARTS] for x in record["few_shot"]["full"]
    }
    assert means[20][0] < means[None][0] and means[1][2] > means[1][0]
    assert len(record["unseen"][0]["hidden"]) == 5


def test_claims_on_rare_diseases_have_the_signs_of_their_words():
    _, gains, record, coverage, _, slope = measured()
    claims = numbers.claims({"Extra tasks": slope}, gains, record, coverage, 0.1)
    tasks, tail, head, unseen, sets = claims
    assert tasks.estimate.value == -slope["slope"] and tasks.estimate.low == -slope["slope_high"]
    assert tail.estimate.low > 0 and sets.estimate.value == pytest.approx(0.1)
    row = gains[(gains["row"] == numbers.REMEDY) & (gains["part"] == "head")].iloc[0]
    assert head.estimate.value == -row["value"] and head.p == row["p"]
    assert unseen.estimate.low < 0 < unseen.estimate.high and unseen.seeds == 3
    words = verdicts([*claims, Claim("better", sets.estimate, 5)])
    assert (words[1], words[4]) == ("supported", "supported")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["supported", "inconclusive"], "extra tasks improved rare diseases most"),
        (["contradicted", "inconclusive"], "extra tasks improved common diseases most"),
        (["inconclusive", "inconclusive"], "whether extra tasks improve rare diseases most is inconclusive"),
        (["supported", "contradicted"], "results on whether extra tasks improve rare diseases most are mixed"),
        (["no meaningful difference"] * 2, "results on whether extra tasks improve rare diseases most are mixed"),
    ],
)  # fmt: skip
def test_where_extra_tasks_help_follows_the_verdicts(given, said):
    assert numbers.where_tasks_help(given) == said


def asked(*aurocs):
    return {"unseen": [{"row": "m", "scores": {"energy": {"auroc": a, "auroc_low": a - 0.03, "auroc_high": a + 0.03}}}
                       for a in aurocs]}  # fmt: skip


def test_auroc_over_seeds_is_no_surer_than_over_images():
    one = unseen_tables.mean_auroc(asked(0.6, 0.6, 0.6), "m")["energy"]
    assert (one.value, one.low, one.high) == pytest.approx((0.6, 0.57, 0.63))
    wide = unseen_tables.mean_auroc(asked(0.55, 0.6, 0.65), "m")["energy"]
    by_seed = 4.3027 * 0.05 / 3**0.5
    assert wide.high - wide.value == pytest.approx(np.hypot(0.03, by_seed), rel=1e-4)
    with pytest.raises(ValueError, match="row 'm' has 1 runs: two seeds"):
        unseen_tables.mean_auroc(asked(0.6), "m")


@pytest.mark.parametrize(
    ("ends", "verb"),
    [
        ((0.45, 0.55), "could not tell"),
        ((0.55, 0.65), "could hardly tell"),
        ((0.65, 0.75), "could partly tell"),
        ((0.75, 0.85), "could tell"),
    ],
)
def test_what_a_score_can_tell_is_read_off_the_best_interval(ends, verb):
    poor = Estimate(0.5, 0.45, 0.55)
    assert unseen_tables.told({"poor": poor, "best": Estimate(sum(ends) / 2, *ends)}) == verb


def test_an_interval_of_coverage_covers_other_seeds_and_other_patients(tmp_path):
    space = LabelSpace("six", tuple("abcdef"), ("arm",), ("scale",))
    p, truth = calibrated(600, 5)
    for run, shift in (("sure", 3.0), ("unsure", 0.0)):  # the first is surer in the test split than in validation
        probability = p.copy()
        probability[300:] = softmax(np.log(p[300:]) + shift * np.eye(6)[(truth[300:] + 1) % 6], axis=1)
        (tmp_path / run).mkdir()
        pd.DataFrame({
            "split": ["val"] * 300 + ["test"] * 300, "image": [f"{i}" for i in range(600)],
            "patient_id": [f"p{i // 2}" for i in range(600)], "fitzpatrick": [2, 5] * 300,
            "disease": [space.diseases[i] for i in truth], "disease_prob": list(probability),
        }).to_parquet(tmp_path / run / "predictions.parquet")  # fmt: skip
    counts = dict(zip(space.diseases, (600, 500, 90, 80, 9, 8), strict=True))

    def of(*names: str) -> pd.Series:
        table = coverage.coverage_table([tmp_path / name for name in names], space, counts, resamples=200)
        return table[(table["way"] == "one threshold") & (table["group"] == "all")].iloc[0]

    one, other, both = of("sure"), of("unsure"), of("sure", "unsure")
    assert both["coverage"] == pytest.approx((one["coverage"] + other["coverage"]) / 2)
    assert one["coverage"] < other["coverage"] - 0.1 and (one["seeds"], both["seeds"]) == (1, 2)
    assert both["low"] < one["low"] and both["high"] > other["high"] - 0.02  # of two seeds that differ, wide
    assert other["high"] - other["low"] < 0.12 and both["photographs"] == 300
