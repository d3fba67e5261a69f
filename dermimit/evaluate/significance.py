"""Is a difference more than luck, how large is it, and how many seeds would show it?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from dermimit.evaluate.estimate import ALPHA
from dermimit.evaluate.statistics import mean_sd

MOST_SEEDS = 1000


class TTest(NamedTuple):
    """Two-sided p-value of a mean difference of 0; degrees of freedom; half of the 95 % interval that agrees with p."""

    p: float
    df: float
    half: float


def t_test(differences: Iterable[float], photographs: float, patients: int) -> TTest:
    """Test a difference between two rows for the luck of training and the choice of test photographs together.

    With S seeds whose paired differences have variance s², and variance v of their mean over resampled photographs,
    p is the larger of two: that of

        t = mean / sqrt(s²/S + v),   df = (s²/S + v)² / ((s²/S)² / (S - 1) + v² / (patients - 1)),

    and that of the paired t-test over seeds alone, t = mean / sqrt(s²/S) with S - 1 degrees of freedom. The first alone
    is too light in the tail where s² happens to be small, as it may with few seeds: in 6,000 simulated studies of three
    and five seeds with 10 to 100 % of the variance in the seeds, a level of 0.0042 held at 0.004 to 0.022 by the first,
    and at 0.002 to 0.006 by the larger.

    Args:
        differences: one a seed, on the photographs as they are.
        photographs: v, from the bootstrap over patients.
        patients: how many patients the photographs are of.

    Returns:
        the test; NaN throughout for one seed, which says nothing about luck. `df` is that of the first.

    Raises:
        ValueError: a negative variance.
    Source: Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    values = np.array(list(differences), dtype=float)
    if photographs < 0:
        raise ValueError(f"a variance cannot be negative, found {photographs}")
    if len(values) < 2:
        return TTest(float("nan"), float("nan"), float("nan"))
    mean, seeds = abs(values.mean()), float(values.var(ddof=1)) / len(values)
    total, free = seeds + photographs, len(values) - 1
    if total == 0:
        return TTest(float(mean == 0), float("inf"), 0.0)
    df = total**2 / (seeds**2 / free + photographs**2 / max(patients - 1, 1))
    scales = [(total**0.5, df), (seeds**0.5, free)]
    p = max(2 * stats.t.sf(mean / se, f) if se else float(mean == 0) for se, f in scales)
    return TTest(float(p), df, float(max(se * stats.t.ppf(0.975, f) for se, f in scales)))


def drawn_test(observed: Iterable[float], draws: Float[np.ndarray, "seeds resamples"], patients: int) -> TTest:
    """`t_test` of a difference that was resampled.

    Args:
        observed: the difference of each seed on the photographs as they are.
        draws: that of each seed on each resample of the patients.
        patients: how many there are.
    """
    return t_test(observed, float(np.nanvar(draws.mean(axis=0), ddof=1)), patients)


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Correct p-values of one table for their number: the k-th smallest of m times m - k + 1, never decreasing.

    The chance of any false finding among the m stays below the level. NaN (a row that is not tested) does not count.

    Raises:
        ValueError: a p-value outside [0, 1].
    Source: Holm, Scand. J. Stat. 6 (1979); the same as `multipletests(method="holm")` of statsmodels.
    """
    p = np.array(list(p_values), dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise ValueError(f"p-values lie between 0 and 1, found {p[(p < 0) | (p > 1)][0]}")
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    p[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return p


def effect_size(differences: Iterable[float]) -> float:
    """Mean of the paired differences over their standard deviation, corrected for few seeds (Hedges).

    g = J mean / sd with J = Γ(m/2) / (sqrt(m/2) Γ((m - 1)/2)) and m = n - 1. It tells how sure one more seed would show
    the same sign, not how useful the difference is.

    Args:
        differences: one a seed.
    Returns:
        g; NaN for fewer than three seeds (J does not exist) and where all differences are the same.
    Source: Hedges, J. Educ. Stat. 6 (1981).
    """
    differences = list(differences)
    mean, sd = mean_sd(differences)
    half = (len(differences) - 1) / 2
    if len(differences) < 3 or sd <= 1e-12 * max(map(abs, differences)):
        return float("nan")
    correction = np.exp(special.gammaln(half) - special.gammaln(half - 0.5)) / np.sqrt(half)
    return float(correction * mean / sd)


def power(seeds: int | np.ndarray, difference: float, sd: float, alpha: float = ALPHA) -> np.ndarray:
    """Power of the two-sided paired t-test over seeds, from the noncentral t distribution.

    Args:
        seeds: number of seeds, 2 or more.
        difference, sd: true mean and standard deviation of the paired differences, same unit.
    Source: Cohen, Statistical Power Analysis (1988), section 2.3; `TTestPower` of statsmodels.
    """
    n = np.asarray(seeds, dtype=float)
    limit, shift = stats.t.ppf(1 - alpha / 2, n - 1), abs(difference) / sd * np.sqrt(n)
    # the far tail is below 1e-9 for shifts above 6; scipy cannot sum it for large ones
    other = np.where(shift < 6, stats.nct.cdf(-limit, n - 1, np.minimum(shift, 6)), 0.0)
    return np.asarray(stats.nct.sf(limit, n - 1, shift) + other)


def seeds_needed(difference: float, sd: float, *, wanted: float = 0.8, alpha: float = ALPHA) -> int | None:
    """Fewest seeds with which a paired t-test shows a difference of this size.

    Args:
        difference: size of the true difference, not 0.
        sd: standard deviation of the paired differences over seeds, same unit.
        wanted: power, in (0, 1).
    Returns:
        2 or more; None beyond 1,000.
    Raises:
        ValueError: sd is missing or negative, as it is with one seed; or the difference is 0.
    """
    if not sd >= 0:
        raise ValueError(f"the spread over seeds is {sd}: it takes two seeds or more to know it")
    if difference == 0:
        raise ValueError("no number of seeds shows a difference of 0")
    if sd < abs(difference) / 1000:
        return 2
    for n in np.array_split(np.arange(2, MOST_SEEDS + 1), 20):
        enough = np.flatnonzero(power(n, difference, sd, alpha) >= wanted)
        if len(enough):
            return int(n[enough[0]])
    return None
