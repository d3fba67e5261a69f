"""Ink on photographs: found by colour and thinness, painted over, and what that does to an answer.

Skin has no blue: melanin and blood both absorb it more than red, so skin of any type lies at b* > 0 in CIELAB. A pen's
blue or violet lies at b* < 0 or far below its surroundings. Pixels count as ink if they are bluer than their
surroundings by `BLUER` and than the photograph's skin can be (`MOST_B`), darker than their surroundings, and part of
something thin: what survives an opening with a disc is cloth, a glove or a table. Black ink is not found by colour, nor
told from hair by it; the sensitivity is therefore stated by the colour of the ink.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from dermimit.data.synderm import lab
from studies.shared.pictures import linear

SIDE = 128  # pixels; photographs are compared at this size
BLUER, DARKER, MOST_B = 10.0, 3.0, 4.0  # units of b*, L*, b*
AROUND = 0.10  # of the side: radius of the surroundings
THICK = 0.05  # of the side: radius of the disc that fits into what is no line
LEAST = 0.0015  # share of the picture from which a photograph counts as inked


def ink_pixels(photo: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels off the lesion that look like blue or violet ink.

    Args:
        photo: (H, W, 3) uint8, square.
        lesion: (H, W) bool; blue lesions, such as deep naevi, would pass for ink.

    Raises:
        ValueError: not such a picture.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"photo of shape {photo.shape} and type {photo.dtype}: give (H, W, 3) uint8")
    if lesion.shape != photo.shape[:2] or lesion.dtype != bool:
        raise ValueError(f"lesion of shape {lesion.shape} and type {lesion.dtype}: give {photo.shape[:2]} bool")
    light, _, blue = np.moveaxis(lab(linear(photo)), -1, 0)
    around = [surroundings(part) for part in (light, blue)]
    found = (blue < around[1] - BLUER) & (light < around[0] - DARKER) & (blue < MOST_B)
    return found & ~thick(found) & ~lesion


def surroundings(values: np.ndarray) -> np.ndarray:
    """(H, W) median of a square picture's values (H, W) within `AROUND`, on a quarter of the pixels a side."""
    small = ndimage.uniform_filter(values, 4, mode="nearest")[2::4, 2::4]
    median = ndimage.median_filter(small, 2 * max(1, round(AROUND * len(small))) + 1, mode="nearest")
    rows, columns = (np.minimum(np.arange(n) // 4, k - 1) for n, k in zip(values.shape, median.shape, strict=True))
    return median[np.ix_(rows, columns)]


def thick(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: parts of a mask into which a disc of radius `THICK` fits, and what touches the disc there."""
    radius = max(2, round(THICK * len(mask)))
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    core = ndimage.binary_erosion(mask, x * x + y * y <= radius * radius)
    return ndimage.binary_dilation(core, iterations=2 * radius) & mask


def painted_over(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A photograph (H, W, 3) uint8 whose masked pixels and their neighbours are painted with what surrounds them.

    The mask is widened by two pixels, since ink runs, and filled by a normalised Gaussian mean of the pixels outside,
    narrow where these are near and wider where they are not.
    """
    hole = ndimage.binary_dilation(mask, iterations=2)
    if not mask.any() or hole.all():
        return photo.copy()
    known, filled, left = (~hole).astype(float), photo.astype(float), hole.copy()
    for sigma in (1.5, 3.0, 6.0, 12.0, 24.0):
        weight = ndimage.gaussian_filter(known, sigma)
        near = left & (weight > 0.02)
        for channel in range(3):
            mean = ndimage.gaussian_filter(photo[..., channel] * known, sigma) / np.maximum(weight, 1e-9)
            filled[near, channel] = mean[near]
        left &= ~near
    return np.clip(filled + 0.5, 0, 255).astype(np.uint8)


def elsewhere(mask: np.ndarray, keep_off: np.ndarray) -> np.ndarray:
    """The mask turned or mirrored, so that it covers as much in another place: of the seven ways the one that hits
    `keep_off` (H, W) bool, the ink and the lesion, least."""
    ways = [np.rot90(m, k) for m in (mask, mask.T) for k in range(4)][1:]
    return min(ways, key=lambda moved: int((moved & keep_off).sum()))
