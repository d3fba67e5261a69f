"""Tests of difference and size of effect against published values, and their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dermimit.evaluate import significance as sig


def test_holm_as_published():
    # the worked example of the Holm-Bonferroni procedure in many texts: only .005 and .01 stand at the level .05
    assert sig.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert sig.holm([0.5, float("nan"), 0.01])[[0, 2]] == pytest.approx([0.5, 0.02])  # a row not tested is not counted
    with pytest.raises(ValueError, match="between 0 and 1"):
        sig.holm([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_never_helps(p):
    corrected, p = sig.holm(p), np.array(p)
    assert (corrected >= p).all() and (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
    assert (corrected <= len(p) * p + 1e-12).all()  # never stricter than Bonferroni
    assert corrected.min() == pytest.approx(min(1, len(p) * p.min()))


def test_t_test_without_photographs_is_the_paired_t_test():
    differences = [0.02, 0.05, 0.01, 0.04, 0.03]
    found = sig.t_test(differences, 0.0, 1000)
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue) and found.df == pytest.approx(4)


def test_t_test_with_equal_seeds_is_that_of_the_photographs():
    found = sig.t_test([0.02] * 5, 0.01**2, 1001)
    assert found.df == pytest.approx(1000) and found.p == pytest.approx(2 * stats.t.sf(2, 1000))
    assert sig.t_test([0.0, 0.0], 0.0, 9) == (1.0, np.inf, 0.0)
    assert np.isnan(sig.t_test([0.5], 0.01, 9)).all()
    with pytest.raises(ValueError, match="cannot be negative"):
        sig.t_test([0.1, 0.2], -0.1, 9)


def test_p_and_interval_agree_and_a_small_spread_by_luck_does_not_show_a_difference():
    differences = [0.0124, 0.0214, 0.0092]
    for photographs in (0.0, 0.002**2, 0.01**2):
        found = sig.t_test(differences, photographs, 2000)
        assert (found.p < 0.05) == (np.mean(differences) > found.half)
        assert found.p >= stats.ttest_1samp(differences, 0).pvalue - 1e-12
    lucky = sig.t_test([0.02, 0.02, 0.02001], 0.01**2, 2000)  # seeds agree to five digits: the photographs decide
    assert lucky.p == pytest.approx(2 * stats.norm.sf(2), rel=0.05)


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
def test_t_test_keeps_its_level_with_few_seeds(share):
    """`share` of the variance of a mean is in the seeds, the rest in the photographs; nothing differs."""
    rng, alpha = np.random.default_rng(1), 0.05 / 7
    for seeds in (3, 5):
        below = 0
        for _ in range(3000):
            differences = rng.normal(0, np.sqrt(1 - share)) + rng.normal(0, np.sqrt(seeds * share), seeds)
            below += sig.t_test(differences, 1 - share, 2000).p < alpha
        assert below / 3000 < 1.6 * alpha


def test_effect_size_by_hand():
    # mean 2, sd 1, n = 3: J = Γ(1) / (sqrt(1) Γ(1/2)) = 1 / sqrt(π)
    assert sig.effect_size([1.0, 2.0, 3.0]) == pytest.approx(2 / np.pi**0.5)
    # Hedges (1981), table 1: c(10) = .9228, c(4) = .7979 (by the exact formula)
    assert sig.effect_size(np.arange(11.0)) / (5 / np.std(np.arange(11.0), ddof=1)) == pytest.approx(0.9228, abs=5e-4)
    assert sig.effect_size(np.arange(5.0)) / (2 / np.std(np.arange(5.0), ddof=1)) == pytest.approx(0.7979, abs=5e-4)


@pytest.mark.parametrize("differences", [[0.1], [0.1, 0.2], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0]])
def test_no_effect_size_without_spread(differences):
    assert np.isnan(sig.effect_size(differences))


def test_power_as_published():
    # Cohen (1988), exercise 2.5, among the examples of the pwr package for R: d = .2, n = 60, alpha = .10
    assert sig.power(60, 0.2, 1, alpha=0.10) == pytest.approx(0.4555818, abs=1e-6)


@pytest.mark.parametrize(("d", "n"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.3, 7), (2, 5), (5, 3)])
def test_seeds_needed_as_published(d, n):
    # small, medium, large: G*Power 3 (Faul et al., Behav. Res. Methods 39, 2007); all: TTestPower of statsmodels
    assert sig.seeds_needed(d, 1) == n
    assert sig.seeds_needed(-0.013 * d, 0.013) == n


def test_seeds_needed_at_the_ends():
    assert sig.seeds_needed(0.01, 1) is None
    assert sig.seeds_needed(0.013, 0) == 2
    assert sig.seeds_needed(1, 0.002) == 2
    with pytest.raises(ValueError, match="two seeds"):
        sig.seeds_needed(0.013, float("nan"))
    with pytest.raises(ValueError, match="difference of 0"):
        sig.seeds_needed(0.0, 1)


@given(st.floats(0.05, 20))
def test_seeds_needed_is_the_first_with_enough_power(ratio):
    n = sig.seeds_needed(ratio, 1)
    if n is not None:
        assert sig.power(n, ratio, 1) >= 0.8
        assert n == 2 or sig.power(n - 1, ratio, 1) < 0.8
