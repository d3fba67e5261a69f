"""From the drawn surface to a photograph: light, exposure, lens, sensor, and the things left lying in the picture."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dermimit.data.synderm.colour import encode
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import ramp

HAIR_COLOURS = (
    (0.012, 0.010, 0.009),
    (0.035, 0.020, 0.012),
    (0.09, 0.05, 0.025),
    (0.30, 0.19, 0.08),
    (0.32, 0.31, 0.30),
)
BACKDROPS = ((0.05, 0.16, 0.24), (0.06, 0.20, 0.14), (0.55, 0.55, 0.54), (0.02, 0.02, 0.022), (0.30, 0.32, 0.36),
             (0.12, 0.26, 0.42))  # fmt: skip
CLOTHS = ((0.03, 0.06, 0.16), (0.03, 0.03, 0.035), (0.30, 0.32, 0.34), (0.04, 0.14, 0.14), (0.16, 0.05, 0.14),
          (0.18, 0.24, 0.40))  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """Camera of one case.

    `light` (x, y) with z = 1; `relief` contrast of the shading; `tint` of the light; `blur` as a fraction of the side;
    `noise` of the sensor, in display values; then the confounders (0 or False when absent), and seven spare numbers.
    """

    light: tuple[float, float]
    relief: float
    tint: tuple[float, float, float]
    exposure: float
    blur: float
    noise: float
    vignette: float
    ink: bool
    ruler: bool
    hairs: int
    spare: tuple[float, ...]


def draw_shot(rng: np.random.Generator, confounders: bool) -> Shot:
    """Draw a camera; the confounders take the same random numbers whether they are on or off."""
    x, y, relief, red, blue, exposure, blur, noise, vignette, ink, ruler, hairs = rng.random(12).tolist()
    light = (0.9 * (2 * x - 1), -0.35 - 0.55 * y)
    tint = (0.96 + 0.10 * red, 1.0, 0.92 + 0.14 * blue)
    on = float(confounders)
    return Shot(
        light, 0.75 + 0.35 * relief, tint, 0.88 + 0.30 * exposure, 0.004 + 0.005 * blur, 0.006 + 0.014 * noise,
        on * 0.5 * max(vignette - 0.6, 0) / 0.4, confounders and ink < 0.06, confounders and ruler < 0.06,
        int(on * 8 * max(hairs - 0.75, 0) / 0.25 + 0.5), tuple(rng.random(7).tolist()),
    )  # fmt: skip


def relief_shading(height: Array, shot: Shot) -> Array:
    """Brightness of a rough surface: n . l / l_z with the normal n = (-h_x, -h_y, 1) / |.|."""
    n = height.shape[0]
    across, down = np.zeros_like(height), np.zeros_like(height)
    across[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * (0.5 * n)
    down[1:-1] = (height[2:] - height[:-2]) * (0.5 * n)
    across[:, [0, -1]], down[[0, -1]] = across[:, [1, -2]], down[[1, -2]]
    lit = (1 + shot.relief * (-across * shot.light[0] - down * shot.light[1])) / np.sqrt(
        1 + 0.6 * (across**2 + down**2)
    )
    return np.clip(lit, 0.28, 1.55)


def hair_cover(axis: Array, shot: Shot) -> Array:
    """Cover by a few stray hairs: thin parabolas across the picture."""
    cover = np.zeros((len(axis), len(axis)), np.float32)
    x, y = axis[None, :], axis[:, None]
    for i in range(shot.hairs):
        a, b, c = (shot.spare[(i + k) % 7] * (i + 1.37) % 1 for k in range(3))
        line = y - a - 1.2 * (b - 0.5) * x - 0.8 * (c - 0.5) * x * x
        ends = ramp(0.22 - np.abs(x - b), 0.1)
        cover = np.maximum(cover, ends * ramp(0.006 - np.abs(line), max(0.008, 1.0 / len(axis))))
    return cover


def ink_and_ruler(picture: Array, axis: Array, shot: Shot, ring: tuple[float, float, float]) -> Array:
    """Draw the surgeon's ring round the lesions and a ruler along the lower edge, when this case has them."""
    x, y = axis[None, :], axis[:, None]
    if shot.ink:
        distance = np.abs(np.sqrt((x - ring[0]) ** 2 + (y - ring[1]) ** 2) - ring[2])
        picture = _over(picture, 0.75 * ramp(0.010 - distance, 0.012), (0.10, 0.03, 0.30))
    if shot.ruler:
        band = ramp(y - 0.90, 0.01) * np.ones_like(x)
        tick = ramp(0.12 - np.abs((x * 16) % 1 - 0.5), 0.1) * ramp(0.955 - y, 0.01) * band
        picture = _over(_over(picture, band, (0.80, 0.80, 0.78)), 0.9 * tick, (0.03, 0.03, 0.03))
    return picture


def _over(picture: Array, alpha: Array, colour: tuple[float, float, float]) -> Array:
    """Lay a colour over a picture."""
    return picture * (1 - alpha[..., None]) + alpha[..., None] * np.asarray(colour, np.float32)


def expose(picture: Array, axis: Array, shot: Shot, rng: np.random.Generator) -> Array:
    """Light, lens and sensor: linear (H, W, 3) to uint8."""
    x, y = axis[None, :] - 0.5, axis[:, None] - 0.5
    gain = shot.exposure * (1 - shot.vignette * 1.6 * (x * x + y * y))
    shown = encode(picture * gain[..., None].astype(np.float32) * np.asarray(shot.tint, np.float32))
    sigma = shot.blur * len(axis)
    for along in (0, 1):
        shown = ndimage.gaussian_filter1d(shown, sigma, axis=along, truncate=2.5)
    shown = shown + np.float32(shot.noise) * rng.standard_normal(shown.shape, dtype=np.float32)
    return np.clip(shown * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
