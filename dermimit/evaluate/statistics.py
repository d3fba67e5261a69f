"""Uncertainty: spread over seeds, bootstrap intervals over test images or patients, exact-count intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy import stats

Interval = tuple[float, float]


def mean_sd(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation (n − 1 in the denominator) of one value per seed.

    Returns:
        `(mean, sd)`; sd is NaN for a single seed, because one run says nothing about spread.
    """
    array = np.array(list(values), dtype=float)
    sd = float(array.std(ddof=1)) if len(array) > 1 else float("nan")
    return float(array.mean()), sd


def format_mean_sd(values: Iterable[float], digits: int = 3) -> str:
    """Write `mean ± sd`, or the bare value where there is one seed."""
    mean, sd = mean_sd(values)
    return f"{mean:.{digits}f}" if np.isnan(sd) else f"{mean:.{digits}f} ± {sd:.{digits}f}"


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float],
    n: int,
    *,
    groups: Iterable | None = None,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of a statistic of a test set.

    Images of one patient are not independent, so whole patients are drawn where `groups` is given.

    Args:
        statistic: takes row numbers (int array, with repeats) and returns the statistic of those rows.
        n: number of rows in the test set.
        groups: one label a row (patient); None draws rows.
        resamples: number of bootstrap samples.
        level: coverage in (0, 1).
        seed: seed of the resampling.
    Returns:
        `(low, high)`.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; `scipy.stats.bootstrap`.
    """
    members = None if groups is None else _members(n, groups)

    def of_units(units: np.ndarray) -> float:
        rows = units if members is None else np.concatenate([members[int(unit)] for unit in units])
        return statistic(rows)

    result = stats.bootstrap(
        (np.arange(n if members is None else len(members)),),
        of_units,
        n_resamples=resamples,
        confidence_level=level,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _members(n: int, groups: Iterable) -> list[np.ndarray]:
    """Return the row numbers of each group."""
    names, unit = np.unique([str(group) for group in groups], return_inverse=True)
    if len(unit) != n:
        raise ValueError(f"groups has {len(unit)} labels for {n} rows: give one label a row")
    return [np.flatnonzero(unit == k) for k in range(len(names))]


def share_interval(share: float, size: float, level: float = 0.95) -> Interval:
    """Return Wilson's interval for a share among as many independent trials as a sample is worth, which may be broken.

    Args:
        share: 0..1.
        size: effective number of trials, above 0.
        level: of the interval.
    Source: as `count_interval`; Korn and Graubard, Survey Methodology 24 (1998) for effective numbers.
    """
    z2 = float(stats.norm.ppf((1 + level) / 2)) ** 2
    middle = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = np.sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def count_interval(hits: int, n: int, level: float = 0.95) -> Interval:
    """Return Wilson's interval for a share of `hits` among `n` trials.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927); `scipy.stats.binomtest`.
    """
    interval = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)
