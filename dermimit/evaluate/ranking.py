"""Ranking scores on every resample of the patients, and intervals from them."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.resampling import Draws, percentile_interval

PART = 100  # resamples at a time: the memory
Drawn = Float[np.ndarray, " resamples"]


def interval(value: float, draws: Drawn) -> Estimate:
    """A value with its percentile interval; without one where all resamples agree or there is nothing to draw."""
    draws = draws[~np.isnan(draws)]
    if not len(draws) or np.ptp(draws) < 1e-9:
        return Estimate(float(value), np.nan, np.nan)
    return Estimate(float(value), *percentile_interval(draws))


def centred_interval(value: float, draws: Drawn) -> Estimate:
    """As `interval`, the draws shifted to have `value` as their mean, kept in [0, 1].

    A photograph that is drawn twice ranks beside itself, so that average precision is higher on resamples than on the
    photographs: of answers that know nothing, one in four would lie above chance by the plain interval.
    """
    known = draws[~np.isnan(draws)]
    shift = value - known.mean() if len(known) else 0.0
    return interval(value, np.clip(draws + shift, 0, 1))


def mean_over_classes(
    statistic: Callable[..., Drawn],
    target: Float[np.ndarray, "photos classes"],
    probability: Float[np.ndarray, "photos classes"],
    draws: Draws,
) -> Drawn:
    """A ranking score of each class on every resample, averaged over the classes that hold both truths in the whole.

    A class that a resample lacks has its score on the whole test set there, see `resampling.mean_of_classes`.
    """
    known = zip(target.T, probability.T, ~np.isnan(target.T), strict=True)
    classes = [(t[k] == 1, p[k], k) for t, p, k in known if len(np.unique(t[k])) == 2]
    if not classes:
        return np.full(draws.weights.shape[1], np.nan)
    whole = np.concatenate([statistic(t, p, np.ones((len(t), 1))) for t, p, _ in classes])
    parts = []
    for start in range(0, draws.weights.shape[1], PART):
        weights = draws.weights[draws.patient, start : start + PART]
        lines = [statistic(t, p, weights[k]) for t, p, k in classes]
        parts.append(mean_of_lines(np.stack(lines), whole))
    return np.concatenate(parts)


def mean_of_lines(lines: Float[np.ndarray, "some r"], whole: Float[np.ndarray, " some"]) -> Drawn:
    """The mean of the lines in every resample; NaN where all are, and the value on the whole set where some are."""
    lost = np.isnan(lines)
    return np.where(lost.all(axis=0), np.nan, np.where(lost, whole[:, None], lines).mean(axis=0))


def auroc_draws(
    truth: Bool[np.ndarray, " photos"], score: Float[np.ndarray, " photos"], weights: Float[np.ndarray, "photos r"]
) -> Float[np.ndarray, " r"]:
    """P(a positive is ranked above a negative), ties half, on every resample; NaN where one of the two is missing."""
    positive, below, upto, total = _at_positives(truth, score, weights)
    before, positives = np.cumsum(positive, axis=0) - positive, positive.sum(0)
    worse, level = below - before, upto - below - positive
    return _ratio((positive * (worse + level / 2)).sum(0), positives * (total - positives))


def precision_draws(
    truth: Bool[np.ndarray, " photos"], score: Float[np.ndarray, " photos"], weights: Float[np.ndarray, "photos r"]
) -> Float[np.ndarray, " r"]:
    """Average precision on every resample; NaN where one of the two truths is missing."""
    positive, below, _, total = _at_positives(truth, score, weights)
    positives = positive.sum(0)
    hits, found = positives - np.cumsum(positive, axis=0) + positive, np.maximum(total - below, 1)
    return _ratio((positive * hits / found).sum(0), np.where(total > positives, positives, 0))


def _at_positives(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """At each distinct score of a positive, the lowest first, on every resample: weight of the positives there, of all
    photographs below it, and of all up to it, each (levels, r); and the weight of all, (r,)."""
    order = np.argsort(score, kind="stable")
    ranked, sums = score[order], np.zeros((len(score) + 1, weights.shape[1]))
    np.cumsum(weights[order], axis=0, out=sums[1:])
    places = order[truth[order]]
    levels, first = np.unique(score[places], return_index=True)
    start, end = (np.searchsorted(ranked, levels, side) for side in ("left", "right"))
    return np.add.reduceat(weights[places], first), sums[start], sums[end], sums[-1]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
