"""The bootstrap by weights against the slow one, its p-values, and what it covers."""

import numpy as np
import pytest
from scipy import stats

from dermimit.evaluate import resampling
from dermimit.evaluate.comparisons import macro_f1


def study(photos=80, patients=30, classes=6, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, photos)
    answer = np.where(rng.random(photos) < 0.5, truth, rng.integers(0, classes + 1, photos))
    return truth, answer, [f"p{i}" for i in rng.integers(0, patients, photos)]


def test_weights_give_what_copied_rows_give():
    truth, answer, patients = study()
    draws = resampling.patient_draws(patients, resamples=50)
    fast = resampling.macro_f1_draws(truth, answer, draws)
    means = draws.means(np.stack([truth, answer], axis=1).astype(float))
    for r in range(50):
        rows = np.repeat(np.arange(len(truth)), draws.weights[draws.patient, r].astype(int))
        assert fast[r] == pytest.approx(macro_f1(truth[rows], answer[rows]))
        assert means[:, r] == pytest.approx([truth[rows].mean(), answer[rows].mean()])


def test_classes_of_one_patient_do_not_move_the_interval():
    truth, rng, covered = np.r_[np.repeat(np.arange(4), 40), np.arange(4, 10)], np.random.default_rng(1), []
    draws = resampling.patient_draws(range(len(truth)), resamples=300)
    for _ in range(100):  # a guess among the four common diseases: 1/10 by definition
        drawn = resampling.balanced_accuracy_draws(truth, rng.integers(0, 4, len(truth)) == truth, draws)
        low, high = resampling.percentile_interval(drawn)
        covered.append(low <= 0.1 <= high)
    assert np.mean(covered) > 0.89
    none = resampling.Draws(draws.patient, np.zeros((len(truth), 1)))
    assert np.isnan(resampling.balanced_accuracy_draws(truth, truth == truth, none)).all()


def test_whole_patients_are_drawn_and_photos_without_one_stand_alone():
    draws = resampling.patient_draws(["a", "a", "b", None, None, float("nan")], resamples=40)
    assert len(draws.weights) == 5
    assert draws.patient[0] == draws.patient[1]
    assert (draws.weights.sum(axis=0) == 5).all()


def test_interval_of_a_mean_is_the_known_one():
    # Efron and Tibshirani (1993), chapter 5: the standard error of a share of 1/2 among 100 is .05
    values = np.array([[1.0], [0.0]] * 50)
    low, high = resampling.percentile_interval(resampling.patient_draws(range(100), 4000).means(values)[0])
    assert (low, high) == (pytest.approx(0.402, abs=0.012), pytest.approx(0.598, abs=0.012))


def test_p_by_hand_and_with_the_interval():
    assert resampling.bootstrap_p(np.array([-1.0] + [1.0] * 98)) == pytest.approx(2 * 2 / 100)
    assert resampling.bootstrap_p(np.ones(1999)) == pytest.approx(0.001)
    assert resampling.bootstrap_p(np.zeros(100)) == 1.0
    rng = np.random.default_rng(0)
    for shift in np.linspace(-4, 4, 41):
        draws = rng.normal(shift, 1, 2000)
        low, high = resampling.percentile_interval(draws)
        assert (resampling.bootstrap_p(draws) <= 0.05) == (low > 0 or high < 0) or min(abs(low), abs(high)) < 0.01


def test_p_is_uniform_where_two_models_are_equally_good():
    rng, found = np.random.default_rng(3), []
    for study_seed in range(250):
        truth = rng.integers(0, 4, 200)
        first, second = (np.where(rng.random(200) < 0.6, truth, rng.integers(0, 4, 200)) for _ in range(2))
        draws = resampling.patient_draws(range(200), 300, seed=study_seed)
        difference = resampling.macro_f1_draws(truth, first, draws) - resampling.macro_f1_draws(truth, second, draws)
        found.append(resampling.bootstrap_p(difference))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) < 0.05) < 0.10


def test_one_seed_adds_no_luck_and_several_add_that_of_student():
    assert (resampling.seed_luck([0.4], 10) == 0).all()
    scores = np.array([0.31, 0.35, 0.30, 0.36, 0.33, 0.34, 0.32, 0.30])
    luck = resampling.seed_luck(scores, 40_000)
    half = stats.t.ppf(0.975, 7) * scores.std(ddof=1) / np.sqrt(8)
    assert luck.mean() == pytest.approx(0, abs=2e-4)
    assert np.quantile(luck, 0.975) == pytest.approx(half, rel=0.06)


SEEDS, NOISES = (2, 3, 5), {"seeds": (0.01, 1.0, 0.01), "both": (1.0, 0.07, 1.0), "photos": (1.0, 0.001, 1.0)}


@pytest.fixture(scope="module")
def held():
    """In how many of 150 studies the interval holds the truth, by number of seeds and kind of noise."""
    kinds = [(seeds, noise) for seeds in SEEDS for noise in NOISES]
    rngs, held = {kind: np.random.default_rng(1) for kind in kinds}, dict.fromkeys(kinds, 0)
    for study_seed in range(150):
        drawn = resampling.patient_draws(range(150), 400, seed=study_seed)
        for (seeds, noise), rng in rngs.items():
            of_photo, of_seed, of_both = NOISES[noise]
            scores = of_photo * rng.normal(size=(1, 150)) + of_seed * rng.normal(size=(seeds, 1))
            scores = scores + of_both * rng.normal(size=(seeds, 150))
            means = resampling.two_level(drawn.means(scores.T), scores.mean(axis=1), study_seed)
            low, high = resampling.percentile_interval(means)
            held[seeds, noise] += low <= 0 <= high
    return held


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("noise", NOISES)
def test_two_level_interval_holds_the_truth(held, seeds, noise):
    assert held[seeds, noise] / 150 >= 0.88  # 95 % but for the luck of 150 studies


def test_resamples_without_what_is_measured_do_not_count():
    draws = resampling.patient_draws(["a"] * 10 + ["b"] * 10 + ["c"] * 20, 400)
    group = resampling.Draws(draws.patient[:20], draws.weights)  # a resample of c alone has nothing of it
    means = group.means(np.repeat([0.0, 1.0], 10)[:, None])[0]
    assert 0 < np.isnan(means).mean() < 0.1
    assert resampling.percentile_interval(means) == (0.0, 1.0)
    assert all(np.isnan(resampling.percentile_interval(np.array([np.nan, np.nan, np.nan, 0.5]))))
