"""Prototypes: a disease as the mean of a few examples' features, the nearest one is the answer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

Features = Float[np.ndarray, "photos features"]


def prototypes(
    features: Features, labels: Int[np.ndarray, " photos"], classes: int, shots: int, rng: np.random.Generator
) -> Float[np.ndarray, "classes features"]:
    """The mean of `shots` examples of each class, of unit length; zeros for a class without examples.

    Args:
        features, labels: of the examples to draw from, without replacement; all of a class that has fewer.
        classes: how many there are.

    Source: Snell et al. 2017, here with the cosine and over features that were trained as usual.
    """
    found = np.zeros((classes, features.shape[1]))
    lengths = unit(features)
    for c in range(classes):
        rows = np.flatnonzero(labels == c)
        if len(rows):
            found[c] = lengths[rng.choice(rows, min(shots, len(rows)), replace=False)].mean(0)
    return unit(found)


def nearest(features: Features, means: Float[np.ndarray, "classes features"]) -> Int[np.ndarray, " photos"]:
    """The class whose prototype has the greatest cosine with each photo's features; one without examples never wins."""
    cosine = unit(features) @ means.T
    cosine[:, ~means.any(1)] = -np.inf
    return cosine.argmax(1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)
