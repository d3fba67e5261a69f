"""Skin colour from pigments, as light passing twice through melanin and blood (Beer-Lambert)."""

import numpy as np

from dermimit.data.synderm.knowledge import Array

# Absorption of one unit of pigment in red, green and blue light; round values with the order of measured spectra.
MELANIN = np.array([0.40, 0.68, 1.02], dtype=np.float32)
BLOOD = np.array([0.10, 0.92, 0.72], dtype=np.float32)
DERMIS = np.array([0.90, 0.76, 0.66], dtype=np.float32)  # linear reflectance without pigment
MELANIN_OF_TYPE = {1: 0.05, 2: 0.25, 3: 0.60, 4: 1.20, 5: 2.10, 6: 3.30}
SKIN_TYPES = (1, 2, 3, 4, 5, 6)


def transmit(depth: Array) -> Array:
    """About exp(-depth), by products only: 1 / (1 + depth / 16)^16; 3 % above it at depth 1, 30 % at depth 3."""
    power = 1.0 / (1.0 + depth * np.float32(1 / 16))
    for _ in range(4):
        power = power * power
    return power


def skin_colour(melanin: Array, blood: Array) -> Array:
    """Linear reflectance of skin.

    R_c = D_c exp(-(m M_c + b' B_c)), b' = b / (1 + 0.45 m): melanin above the vessels hides part of their red, which is
    why erythema is fainter on dark skin.

    Args:
        melanin: (H, W), 0 and up; about 0.05 (type I) to 3.3 (type VI).
        blood: (H, W), 0 and up; about 0.25 at rest, above 1 in marked erythema.

    Returns:
        (H, W, 3) in 0..1.
    """
    melanin, blood = np.maximum(melanin, 0), np.maximum(blood, 0)
    seen = blood / (1 + np.float32(0.45) * melanin)
    return DERMIS * transmit(melanin[..., None] * MELANIN + seen[..., None] * BLOOD)


def encode(linear: Array) -> Array:
    """Linear light 0..1 to display values 0..1; a gamma of 2, close to sRGB and made of a square root only."""
    return np.sqrt(np.clip(linear, 0, 1))
