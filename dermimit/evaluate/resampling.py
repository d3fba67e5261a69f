"""Bootstrap over patients and seeds: a resample is a weight for each patient, never a copy of photographs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import sparse, stats

from dermimit.evaluate.statistics import Interval

KEPT = 8_000_000  # weights of resamples that are kept for the next table of the same test set
LEAST_KNOWN = 0.5  # share of the resamples that must hold what is measured


@dataclass(frozen=True)
class Draws:
    """Resamples of a test set.

    Attributes:
        patient: number of the patient of each photo.
        weights: how often each resample drew each patient.
    """

    patient: Int[np.ndarray, " photos"]
    weights: Float[np.ndarray, "patients resamples"]

    def sums(self, values: Float[np.ndarray, "photos k"]) -> Float[np.ndarray, "k resamples"]:
        """Weighted sum over photos of each column of `values`."""
        by_patient = np.zeros((len(self.weights), values.shape[1]))
        np.add.at(by_patient, self.patient, values)
        return by_patient.T @ self.weights

    def means(self, values: Float[np.ndarray, "photos k"]) -> Float[np.ndarray, "k resamples"]:
        """Weighted mean over photos of each column of `values`; NaN where a resample has none of the photos."""
        count = self.sums(np.ones((len(values), 1)))
        return np.where(count > 0, self.sums(values) / np.maximum(count, 1), np.nan)

    def class_counts(
        self, classes: Int[np.ndarray, " some"], photos: Int[np.ndarray, " some"], size: int
    ) -> Float[np.ndarray, "{size} resamples"]:
        """How many of `photos`, that have these `classes`, each resample holds of each class."""
        places = (classes, self.patient[photos])
        return sparse.csr_array((np.ones(len(photos)), places), shape=(size, len(self.weights))) @ self.weights


def patient_draws(patients: Iterable, resamples: int = 2000, seed: int = 0) -> Draws:
    """Draw whole patients with replacement, as many as there are.

    Args:
        patients: patient of each photo; a photo without one stands alone.
        resamples: number of bootstrap samples.
        seed: seed of the resampling; the same seed draws the same patients.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 8.
    """
    given = pd.Series(list(patients), dtype=object)
    names = [
        str(("photo", i) if lost else name) for i, (name, lost) in enumerate(zip(given, given.isna(), strict=True))
    ]
    patient = pd.factorize(np.array(names, dtype=object))[0]
    count = int(patient.max()) + 1
    weights = _weights if count * resamples < KEPT else _weights.__wrapped__
    return Draws(patient, weights(count, resamples, seed))


@lru_cache(maxsize=2)
def _weights(count: int, resamples: int, seed: int) -> Float[np.ndarray, "{count} {resamples}"]:
    rng, weights = np.random.default_rng(seed), np.empty((count, resamples))
    for r in range(resamples):
        weights[:, r] = np.bincount(rng.integers(count, size=count), minlength=count)
    weights.setflags(write=False)  # others are given the same array
    return weights


def macro_f1_draws(
    truth: Int[np.ndarray, " photos"], answer: Int[np.ndarray, " photos"], draws: Draws
) -> Float[np.ndarray, " resamples"]:
    """Macro-F1 of every resample, over the classes of the whole truth: the mean of 2 hits / (true + said).

    Args:
        truth, answer: class index of each photo.
    """
    size, photos = int(max(truth.max(), answer.max())) + 1, np.arange(len(truth))
    hit = truth == answer
    true, said = (draws.class_counts(classes, photos, size) for classes in (truth, answer))
    f1 = 2 * draws.class_counts(truth[hit], photos[hit], size) / np.maximum(true + said, 1)
    counts = [np.bincount(classes, minlength=size) for classes in (truth[hit], truth, answer)]
    return mean_of_classes(f1, true, 2 * counts[0] / np.maximum(counts[1] + counts[2], 1))


def balanced_accuracy_draws(
    truth: Int[np.ndarray, " photos"], right: Bool[np.ndarray, " photos"], draws: Draws
) -> Float[np.ndarray, " resamples"]:
    """Balanced accuracy of every resample: the mean over the classes of the whole truth of hits / true.

    Args:
        truth: class index of each photo.
        right: whether it was answered.
    """
    size, photos = int(truth.max()) + 1, np.arange(len(truth))
    true = draws.class_counts(truth, photos, size)
    hits = draws.class_counts(truth[right], photos[right], size)
    counts = [np.bincount(classes, minlength=size) for classes in (truth[right], truth)]
    return mean_of_classes(hits / np.maximum(true, 1), true, counts[0] / np.maximum(counts[1], 1))


def mean_of_classes(
    found: Float[np.ndarray, "classes resamples"],
    true: Float[np.ndarray, "classes resamples"],
    whole: Float[np.ndarray, " classes"],
) -> Float[np.ndarray, " resamples"]:
    """The mean over classes in every resample; NaN in one without photos.

    A class that a resample lacks has its score on the whole test set there. Were it left out, as scores of a single
    test set leave out a class without photos, each resample would average over other classes: with classes of few
    patients the interval would then lie beside the score.

    Args:
        found: score of each class on each resample.
        true: photos of each class in each resample; a class without any in all of them does not count.
        whole: score of each class on the whole test set.
    """
    some = true.any(axis=1)
    sums = np.where(true[some] > 0, found[some], whole[some, None]).sum(0)
    return np.where(true.any(axis=0), sums / max(some.sum(), 1), np.nan)


def seed_luck(scores: Iterable[float], resamples: int, seed: int = 0) -> Float[np.ndarray, " resamples"]:
    """What resampling the seeds adds to the mean over seeds; zero for one seed, which says nothing about luck.

    S seeds are drawn from S with replacement, and the shift of the mean is stretched by sqrt(S / (S - 1)) t / z. The
    root undoes the bootstrap's too small variance; t / z (97.5 % quantiles, S - 1 degrees of freedom) its normal tails.

    Args:
        scores: one value a seed.
    Source: Hesterberg, Am. Stat. 69 (2015): narrowness bias and the expanded percentile interval.
    """
    scores = np.array(list(scores), dtype=float)
    n, rng = len(scores), np.random.default_rng([seed, 1])
    if n == 1:
        return np.zeros(resamples)
    stretch = np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1) / stats.norm.ppf(0.975)
    shares = rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n - 1 / n
    return stretch * shares @ scores


def two_level(
    draws: Float[np.ndarray, "seeds resamples"], observed: Iterable[float], seed: int = 0
) -> Float[np.ndarray, " resamples"]:
    """Resample patients and seeds both: the mean over seeds for the drawn patients, plus the luck of drawn seeds.

    In simulated studies of 2, 3 and 5 seeds, with the noise in the seeds, in the photographs, in both or in how each
    seed meets each photograph, its 95 % interval held the truth in 93 to 100 % of them; too wide is likelier than too
    narrow. Resampling both in one go (Owen, Ann. Appl. Stat. 1, 2007) is safe as well, and wider.

    Args:
        draws: the statistic of each seed on each resample of patients.
        observed: the statistic of each seed on the photographs as they are.
    """
    return draws.mean(0) + seed_luck(observed, draws.shape[1], seed)


def percentile_interval(draws: Float[np.ndarray, " resamples"], level: float = 0.95) -> Interval:
    """The percentile bootstrap interval of a statistic, from its value on every resample.

    A resample without what is measured, as of a group of few patients, has NaN and does not count. Both ends are NaN
    where fewer than `LEAST_KNOWN` of the resamples are left.
    """
    known = draws[~np.isnan(draws)]
    if len(known) < max(1, LEAST_KNOWN * len(draws)):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def bootstrap_floor(resamples: int, tests: int = 1) -> float:
    """The smallest p that `bootstrap_p` can give, times the number of tests it is corrected for: print "< floor"."""
    return min(1.0, tests * 2 / (resamples + 1))


def bootstrap_p(draws: Float[np.ndarray, " resamples"]) -> float:
    """Two-sided p-value of a difference being zero: p < 0.05 where the 95 % percentile interval leaves zero out.

    p = 2 min(#(draw <= 0) + 1, #(draw >= 0) + 1) / (R + 1), at most 1.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), chapter 4; the added ones keep p
        above 0.
    """
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(draws) + 1))
