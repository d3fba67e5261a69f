"""What photographs look like, in numbers: colour, texture, thumbnails."""

import numpy as np

from dermimit.probe.colour import describe, linear, local_patterns

__all__ = ["CLOSE_UP", "describe", "linear", "local_patterns", "thumbnails"]
CLOSE_UP = 1.9  # zoom


def thumbnails(images: np.ndarray, side: int = 8) -> np.ndarray:
    """(n, 3 side^2) in 0..1: block means of photographs (n, S, S, 3) uint8; S must be a multiple of `side`."""
    n, size = images.shape[:2]
    if size % side:
        raise ValueError(f"thumbnails: the photographs' side {size} is no multiple of {side}")
    blocks = images.reshape(n, side, size // side, side, size // side, 3)
    return blocks.mean(axis=(2, 4)).reshape(n, -1) / 255
