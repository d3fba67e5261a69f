"""Split conformal prediction: differentials that hold the truth as often as promised, and may say "none of these"."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

Probability = Float[np.ndarray, "photos classes"]
Classes = Int[np.ndarray, " photos"]


def nonconformity(probability: Probability, kind: str = "adaptive") -> Float[np.ndarray, "photos classes"]:
    """How strange each class would be as the truth of each photo.

    Args:
        probability: of the classes, rows that sum to 1.
        kind: "threshold": 1 - p_c (Sadinle et al. 2019), the smallest sets on average, empty where nothing is likely;
            "adaptive": the probability of all classes more probable than c, and of c (Romano et al. 2020, without their
            random part), empty where the most probable class alone is above the threshold.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "threshold":
        return 1 - probability
    if kind == "adaptive":
        order = np.argsort(-probability, axis=1, kind="stable")
        mass = np.take_along_axis(probability, order, 1).cumsum(1)
        found = np.empty_like(mass)
        np.put_along_axis(found, order, mass, 1)
        return found
    raise ValueError(f"unknown kind {kind!r}: threshold or adaptive")


def threshold(scores: Float[np.ndarray, " photos"], miss: float) -> float:
    """The ⌈(n + 1)(1 - α)⌉-th smallest of n calibration scores: a new one is above it with a chance of at most α.

    Args:
        scores: nonconformity of the true classes of calibration photos.
        miss: α, above 0 and below 1.

    Returns:
        infinity where n is too small for α, so that every class is in the set.

    Source: Vovk et al. 2005; Angelopoulos and Bates, arXiv 2107.07511.
    """
    if not 0 < miss < 1:
        raise ValueError(f"miss={miss}: give a chance above 0 and below 1")
    rank = int(np.ceil((len(scores) + 1) * (1 - miss)))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


def prediction_sets(
    calibration: Float[np.ndarray, "known classes"],
    truth: Int[np.ndarray, " known"],
    test: Probability,
    miss: float = 0.1,
    kind: str = "adaptive",
    calibration_groups: np.ndarray | None = None,
    test_groups: np.ndarray | None = None,
) -> Bool[np.ndarray, "photos classes"]:
    """The classes that cannot be ruled out at α; with groups, each group has a threshold of its own (Mondrian).

    Args:
        calibration, truth: probabilities and true classes of photos that no weight has seen.
        test: probabilities of the photos to answer for.
        miss: α: the truth may be missing from this share of the sets.
        kind: as in `nonconformity`.
        calibration_groups, test_groups: the group of each photo, given together; one that calibration has not seen
            gets the full set.
    """
    own = nonconformity(calibration, kind)[np.arange(len(truth)), truth]
    strange = nonconformity(test, kind)
    if calibration_groups is None or test_groups is None:
        return strange <= threshold(own, miss)
    cut = {g: threshold(own[calibration_groups == g], miss) for g in np.unique(test_groups)}
    return strange <= np.array([cut[g] for g in test_groups])[:, None]


def covered(sets: Bool[np.ndarray, "photos classes"], truth: Classes) -> Bool[np.ndarray, " photos"]:
    """Whether each set holds the truth."""
    return sets[np.arange(len(truth)), truth]


def p_values(calibration: Float[np.ndarray, " known"], test: Float[np.ndarray, " photos"]) -> np.ndarray:
    """Share of calibration scores at least as strange as each test score, itself counted: below α, "none of these".

    Args:
        calibration: novelty of photos of known classes, higher is stranger.
        test: novelty of the photos to answer for.
    """
    order = np.sort(calibration)
    at_least = len(order) - np.searchsorted(order, test, side="left")
    return (at_least + 1) / (len(order) + 1)
