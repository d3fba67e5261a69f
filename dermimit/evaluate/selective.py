"""What if the model may stay silent where it is unsure? Risk among the answered against the share answered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import digamma

from dermimit.evaluate.differential import Differential


class Levels(NamedTuple):
    """Photos and errors at each confidence, the most confident first; a last axis of resamples, where there are any."""

    confidence: np.ndarray
    photos: np.ndarray
    errors: np.ndarray


def levels(
    confidence: Float[np.ndarray, " photos"],
    right: Bool[np.ndarray, " photos"],
    weights: Float[np.ndarray, "photos resamples"] | None = None,
) -> Levels:
    """Count photos and errors at each distinct confidence; photos of equal confidence cannot be told apart.

    Args:
        weights: how often each photo counts in each resample; once, if None.
    """
    distinct, which = np.unique(-confidence, return_inverse=True)
    weights = np.ones((len(confidence), 1)) if weights is None else weights
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(distinct)))
    photos, errors = (np.add.reduceat(w[order], starts, axis=0) for w in (weights, weights * ~right[:, None]))
    return Levels(-distinct, photos, errors)


def aurc(counts: Levels) -> np.ndarray:
    """Area under the risk-coverage curve: the mean over k = 1 .. n of the error among the k most confident photos.

    Photos of equal confidence are averaged over all their orders, so the order of the file does not matter: m photos
    with errors e after M photos with E errors add Σ_j (E + j e/m) / (M + j) = e + (E - M e/m) (H(M + m) - H(M)).

    Returns:
        one value a resample, in [0, 1]; smaller is better.
    Source: Geifman, Uziel and El-Yaniv, Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers (2019).
    """
    photos, errors = counts.photos, counts.errors
    before, wrong = np.cumsum(photos, axis=0) - photos, np.cumsum(errors, axis=0) - errors
    share = errors / np.maximum(photos, 1)
    steps = digamma(before + photos + 1) - digamma(before + 1)
    return (errors + (wrong - before * share) * steps).sum(axis=0) / photos.sum(axis=0)


def best_aurc(counts: Levels) -> np.ndarray:
    """The AURC of the same answers if every error were less sure than every right answer."""
    wrong, n = counts.errors.sum(axis=0), counts.photos.sum(axis=0)
    return aurc(Levels(np.array([1.0, 0.0]), np.stack([n - wrong, wrong]), np.stack([0 * wrong, wrong])))


def coverage_at(counts: Levels, risk: float) -> np.ndarray:
    """Largest share of photos that a threshold of confidence lets answer with at most this error among them."""
    covered, wrong = np.cumsum(counts.photos, axis=0), np.cumsum(counts.errors, axis=0)
    allowed = (wrong <= risk * covered + 1e-9) & (covered > 0)
    return np.where(allowed, covered, 0).max(axis=0) / covered[-1]


def risk_coverage(answers: Differential) -> pd.DataFrame:
    """The curve itself, a line for each distinct confidence.

    Returns:
        columns `threshold` (confidence from which the model answers), `photos` (answered), `coverage` (their share) and
        `risk` (error among them).
    """
    counts = levels(answers.confidence, answers.right)
    covered, wrong = np.cumsum(counts.photos[:, 0]), np.cumsum(counts.errors[:, 0])
    table = pd.DataFrame({"threshold": counts.confidence, "photos": covered.astype(int)})
    return table.assign(coverage=covered / covered[-1], risk=wrong / covered)
