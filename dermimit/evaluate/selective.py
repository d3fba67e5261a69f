"""What if the model may stay silent where it is unsure? Risk among the answered against the share answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.shares import share_of


class Levels(NamedTuple):
    """Photos and errors at each confidence, the most confident first."""

    confidence: np.ndarray
    photos: np.ndarray
    errors: np.ndarray


def levels(confidence: Float[np.ndarray, " photos"], right: Bool[np.ndarray, " photos"]) -> Levels:
    """Count photos and errors at each distinct confidence; photos of equal confidence cannot be told apart."""
    distinct, which = np.unique(-confidence, return_inverse=True)
    return Levels(-distinct, np.bincount(which), np.bincount(which, weights=~right))


class Rule(NamedTuple):
    """From which confidence a model answers, and what that had on the photographs that it was chosen on.

    Attributes:
        threshold: a photograph is answered where the confidence is at least this; 0 where all are answered.
        photos: that it was chosen on.
        answered, wrong: of those.
        low, high: 95 % interval of the error among the answered (Wilson), for as many photographs as those of one
            patient are worth together, see `dermimit.evaluate.shares.share_of`.
        by: patient, or photograph where no patient is known.
    """

    threshold: float
    photos: int
    answered: int
    wrong: int
    low: float
    high: float
    by: str

    @property
    def risk(self) -> float:
        """Error among the answered."""
        return self.wrong / self.answered

    @property
    def coverage(self) -> float:
        """Share of the photographs that is answered."""
        return self.answered / self.photos


def rule_for(
    confidence: Float[np.ndarray, " photos"],
    right: Bool[np.ndarray, " photos"],
    risk: float,
    patients: Sequence | None = None,
) -> Rule:
    """The threshold that answers most photographs with at most this error among them.

    It holds for the photographs that are given and promises nothing of others: the interval says how little few
    photographs tell. The threshold lies midway between the least confident photograph that is answered and the next.

    Args:
        confidence: of the answers, in [0, 1].
        right: whether each answer is the truth.
        risk: the most error that is allowed, 0 or more and below 1.
        patients: of each photograph, missing where unknown; None where all are.
    Raises:
        ValueError: the risk is out of range, or no threshold reaches it.
    """
    if not 0 <= risk < 1:
        raise ValueError(f"risk {risk}: give the share of wrong answers that is allowed, 0 or more and below 1")
    confidence = np.asarray(confidence, np.float64)  # a threshold between two neighbouring float16 is neither
    counts = levels(confidence, right)
    covered, wrong = np.cumsum(counts.photos), np.cumsum(counts.errors)
    allowed = np.flatnonzero(wrong <= risk * covered + 1e-9)
    if not len(allowed):
        least = f"{(wrong / covered).min():.3g}" if len(covered) else "unknown: there is no photograph"
        raise ValueError(f"no threshold of confidence has an error of at most {risk:g}; the least is {least}")
    last = int(allowed[-1])
    below = last + 1 < len(covered)
    threshold = float(counts.confidence[last : last + 2].mean()) if below else 0.0
    answered, errors = int(covered[last]), int(wrong[last])
    by = "photograph" if patients is None or pd.isna(patients).all() else "patient"
    draws = patient_draws(range(len(right)) if patients is None else patients)
    error = share_of(~right, confidence >= threshold, draws)
    return Rule(threshold, len(confidence), answered, errors, error.low, error.high, by)
