"""Skin colour from pigments, as light passing twice through melanin and blood (Beer-Lambert)."""

from collections.abc import Mapping, Sequence

import numpy as np

from dermimit.data.synderm.knowledge import Array

# Pictures are planar, (3, H, W), while they are drawn: arithmetic on them is several times faster than on (H, W, 3).
# Absorption of one unit of pigment in red, green and blue light; round values with the order of measured spectra.
MELANIN = np.array([0.52, 0.71, 0.88], dtype=np.float32)[:, None, None]
BLOOD = np.array([0.12, 0.86, 0.66], dtype=np.float32)[:, None, None]
DERMIS = np.array([0.84, 0.70, 0.55], dtype=np.float32)[:, None, None]  # linear reflectance without pigment
REST = 0.28  # blood of calm skin
MELANIN_OF_TYPE = {1: 0.20, 2: 0.62, 3: 0.98, 4: 1.50, 5: 2.30, 6: 3.95}
SKIN_TYPES = (1, 2, 3, 4, 5, 6)
# Individual typology angle in degrees that each type covers here (after Del Bino and Bernerd 2013, whose classes are
# very light, light, intermediate, tan, brown and dark; types I to VI are set to these by our choice).
ANGLE_OF_TYPE = {1: (55, 90), 2: (41, 55), 3: (28, 41), 4: (10, 28), 5: (-30, 10), 6: (-90, -30)}


def transmit(depth: Array) -> Array:
    """About exp(-depth), by products only: 1 / (1 + depth / 16)^16; 3 % above it at depth 1, 30 % at depth 3."""
    power = depth * np.float32(1 / 16)
    power += np.float32(1)
    np.divide(np.float32(1), power, out=power)
    for _ in range(4):
        power *= power
    return power


def rgb(colour: tuple[float, float, float]) -> Array:
    """A colour as (3, 1, 1) float32, to lay over a planar picture."""
    return np.asarray(colour, np.float32)[:, None, None]


def skin_colour(melanin: Array, blood: Array) -> Array:
    """Linear reflectance of skin.

    R_c = D_c exp(-(m M_c + b' B_c)), b' = b / (1 + 0.45 m): melanin above the vessels hides part of their red, which is
    why erythema is fainter on dark skin.

    Args:
        melanin: (H, W), 0 and up; about 0.05 (type I) to 3 (type VI).
        blood: (H, W), 0 and up; about 0.28 at rest, above 1 in marked erythema.

    Returns:
        (3, H, W) in 0..1.
    """
    melanin, blood = np.maximum(melanin, 0), np.maximum(blood, 0)
    seen = blood / (1 + np.float32(0.45) * melanin)
    picture = transmit(melanin * MELANIN + seen * BLOOD)
    picture *= DERMIS
    return picture


def encode(linear: Array) -> Array:
    """Linear light 0..1 to display values 0..1; a gamma of 2, close to sRGB and made of a square root only."""
    return np.sqrt(np.clip(linear, 0, 1))


def lab(linear: Array) -> Array:
    """CIE L*a*b* (D65) of linear sRGB, both (..., 3). For measuring, not for drawing."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def typology_angle(linear: Array) -> Array:
    """Individual typology angle arctan((L* - 50) / b*) in degrees, of linear sRGB (..., 3) (Chardon et al. 1991)."""
    colour = lab(np.asarray(linear, dtype=np.float64))
    return np.asarray(np.degrees(np.arctan2(colour[..., 0] - 50, colour[..., 2])))


def skin_weights(fitzpatrick: int | Sequence[int] | Mapping[int, float] | None) -> Array:
    """(6,) probabilities of Fitzpatrick types I to VI."""
    if isinstance(fitzpatrick, int):
        fitzpatrick = (fitzpatrick,)
    weights = fitzpatrick if isinstance(fitzpatrick, Mapping) else dict.fromkeys(fitzpatrick or SKIN_TYPES, 1.0)
    if (fitzpatrick is not None and not len(fitzpatrick)) or set(weights) - set(SKIN_TYPES):
        raise ValueError(f"fitzpatrick: must be some of 1..6, found {fitzpatrick}")
    table = np.array([float(weights.get(t, 0.0)) for t in SKIN_TYPES])
    if (table < 0).any() or not 0 < table.sum() < np.inf:
        raise ValueError(f"fitzpatrick: weights must not be negative nor all 0, found {fitzpatrick}")
    return table / table.sum()
