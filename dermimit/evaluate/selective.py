"""What if the model may stay silent where it is unsure? Risk among the answered against the share answered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import digamma

from dermimit.evaluate.differential import Differential
from dermimit.evaluate.statistics import count_interval


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


class Rule(NamedTuple):
    """From which confidence a model answers, and what that had on the photographs that it was chosen on.

    Attributes:
        threshold: a photograph is answered where the confidence is at least this; 0 where all are answered.
        photos: that it was chosen on.
        answered, wrong: of those.
        low, high: 95 % interval of the error among the answered (Wilson).
    """

    threshold: float
    photos: int
    answered: int
    wrong: int
    low: float
    high: float

    @property
    def risk(self) -> float:
        """Error among the answered."""
        return self.wrong / self.answered

    @property
    def coverage(self) -> float:
        """Share of the photographs that is answered."""
        return self.answered / self.photos


def rule_for(confidence: Float[np.ndarray, " photos"], right: Bool[np.ndarray, " photos"], risk: float) -> Rule:
    """The threshold that answers most photographs with at most this error among them.

    It holds for the photographs that are given and promises nothing of others: the interval says how little few
    photographs tell. The threshold lies midway between the least confident photograph that is answered and the next.

    Args:
        confidence: of the answers, in [0, 1].
        right: whether each answer is the truth.
        risk: the most error that is allowed, 0 or more and below 1.
    Raises:
        ValueError: the risk is out of range, or no threshold reaches it.
    """
    if not 0 <= risk < 1:
        raise ValueError(f"risk {risk}: give the share of wrong answers that is allowed, 0 or more and below 1")
    counts = levels(confidence, right)
    covered, wrong = np.cumsum(counts.photos[:, 0]), np.cumsum(counts.errors[:, 0])
    allowed = np.flatnonzero(wrong <= risk * covered + 1e-9)
    if not len(allowed):
        least = f"{(wrong / covered).min():.3g}" if len(covered) else "unknown: there is no photograph"
        raise ValueError(f"no threshold of confidence has an error of at most {risk:g}; the least is {least}")
    last = int(allowed[-1])
    below = last + 1 < len(covered)
    threshold = float(counts.confidence[last : last + 2].mean()) if below else 0.0
    answered, errors = int(covered[last]), int(wrong[last])
    return Rule(threshold, len(confidence), answered, errors, *count_interval(errors, answered))
