"""The one synthetic lesion that the book follows from its first page to its last."""

from functools import cache

import numpy as np

from dermimit.data.synderm import Case, SynDerm

SEED, INDEX = 1_000_003, 8_993
"""No training has seen this seed. The case was picked by eye among the plaque psoriases on a forearm, because its signs
are plain and the shipped model predicts it well: it shows how the model works, and not how often it is right."""

MODEL_SIZE = 64  # pixels of a side, as the models of this book see it
REGIME = "plain"


@cache
def worked_case(size: int = MODEL_SIZE) -> Case:
    """Plaque psoriasis with scale on a forearm; its labels and layout do not depend on the size.

    Args:
        size: side of the picture in pixels, 16 and up.
    """
    return SynDerm(INDEX + 1, seed=SEED, image_size=size, regime=REGIME)[INDEX]


def picture(size: int = 384) -> np.ndarray:
    """The picture of the case, uint8 (size, size, 3); 256 pixels and up for people."""
    return worked_case(size).image
