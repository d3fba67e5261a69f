"""A photograph in 25 numbers of colour and texture: what can be told without looking at shapes."""

import numpy as np
from scipy import ndimage

from dermimit.data.synderm import lab


def linear(display: np.ndarray) -> np.ndarray:
    """Linear light 0..1 from sRGB display values uint8, by the sRGB curve (IEC 61966-2-1)."""
    share = np.asarray(display) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def describe(image: np.ndarray) -> np.ndarray:
    """(25,) colour and texture of a photograph (S, S, 3) uint8.

    Mean, standard deviation and skewness of L*, a* and b* (9); mean and standard deviation of the gradient of L* at
    three scales (6); shares of the ten rotation-invariant uniform local binary patterns of eight neighbours (10).
    Source: Ojala, Pietikainen and Maenpaa, IEEE TPAMI 24 (2002), for the patterns.
    """
    colours = lab(linear(image))
    flat, light = colours.reshape(-1, 3), colours[..., 0]
    centred = flat - flat.mean(axis=0)
    skew = (centred**3).mean(axis=0) / (flat.std(axis=0) + 1e-6) ** 3
    steps = [ndimage.gaussian_gradient_magnitude(light, sigma) for sigma in (0.7, 1.5, 3.0)]
    moments = [value for step in steps for value in (step.mean(), step.std())]
    return np.concatenate([flat.mean(axis=0), flat.std(axis=0), skew, moments, local_patterns(light)])


def local_patterns(grey: np.ndarray) -> np.ndarray:
    """(10,) shares of uniform local binary patterns: 0 to 8 brighter neighbours in one arc, then all others."""
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    height, width = grey.shape
    inner = grey[1:-1, 1:-1]
    bits = np.stack([grey[y : height - 2 + y, x : width - 2 + x] >= inner for y, x in around])
    changes = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
    code = np.where(changes <= 2, bits.sum(axis=0), 9)
    return np.bincount(code.ravel(), minlength=10) / code.size
