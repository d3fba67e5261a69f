"""From the drawn surface to a photograph: light, exposure, lens, sensor, file."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from scipy import ndimage

from dermimit.data.synderm.colour import encode, rgb
from dermimit.data.synderm.knowledge import Array

AMBIENT = 0.42  # share of the light that comes from everywhere


@dataclass(frozen=True)
class Shot:
    """Camera of one case.

    `light` (x, y) with z = 1; `relief` contrast of the shading; `tint` of the light; `falloff` (x, y) of its
    brightness; `blur` as a fraction of the side; `noise` of the sensor, in display values; `contrast` of the tone
    curve; `quality` of the JPEG file, 1 to 99, or 100 for none; `saturation` of the colours, 1 as they are.
    """

    light: tuple[float, float]
    relief: float
    tint: tuple[float, float, float]
    falloff: tuple[float, float]
    exposure: float
    blur: float
    noise: float
    contrast: float
    quality: int
    saturation: float


def draw_shot(rng: np.random.Generator) -> Shot:
    """Draw a camera and a light, independent of what is photographed."""
    x, y, relief, red, blue, across, down, exposure, blur, noise, contrast, quality, colour = rng.random(13).tolist()
    return Shot(
        light=(0.9 * (2 * x - 1), -0.25 - 0.65 * y),
        relief=0.75 + 0.40 * relief,
        tint=(1.03 + 0.26 * _tailed(red), 1.0, 0.98 + 0.36 * _tailed(blue)),
        falloff=(0.5 * (across - 0.5), 0.5 * (down - 0.5)),
        exposure=0.70 + 0.52 * exposure,
        blur=0.0025 + 0.0060 * blur * blur,
        noise=0.002 + 0.014 * noise * noise,
        contrast=0.40 * contrast,
        quality=60 + int(36 * quality),
        saturation=0.50 + 0.65 * colour,
    )


def _tailed(u: float) -> float:
    """A number of 0..1 spread over -1..1, more often near 0: most cameras find the white of the room, some do not."""
    t = 2 * u - 1
    return t * (0.4 + 0.6 * t * t)


def shading(height: Array, gloss: Array, shot: Shot) -> tuple[Array, Array]:
    """Brightness of a rough surface, relative to a flat one, and its mirror-like highlights.

    Diffuse: ambient + (1 - ambient) n.l / l_z with the normal n of the relief; hollows are darkened by how far they lie
    below their surroundings. Highlights: gloss (n.h)^64 with h half way between light and camera (Blinn 1977).

    Args:
        height: (H, W) in units of the picture's side.
        gloss: (H, W), 0 and up; 0.05 for dry skin, about 1 for wet.

    Returns:
        brightness (H, W) and highlights (H, W), both 0 and up.
    """
    n = height.shape[0]
    across, down = np.zeros_like(height), np.zeros_like(height)
    across[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(-0.5 * n * shot.relief)
    down[1:-1] = (height[2:] - height[:-2]) * np.float32(-0.5 * n * shot.relief)
    across[:, [0, -1]], down[[0, -1]] = across[:, [1, -2]], down[[1, -2]]
    x, y = np.float32(shot.light[0]), np.float32(shot.light[1])
    upright = 1 / np.sqrt(1 + across * across + down * down)
    facing = np.maximum((1 + across * x + down * y) * upright, 0)
    around = ndimage.uniform_filter(height, max(3, n // 20), mode="nearest")
    hollow = np.clip(1 - 5 * (around - height), 0.62, 1.06)
    long = (1 + float(x) ** 2 + float(y) ** 2) ** 0.5
    half = np.float32(float(x) / long), np.float32(float(y) / long), np.float32(1 + 1 / long)
    size = np.float32(1 / (float(half[0]) ** 2 + float(half[1]) ** 2 + float(half[2]) ** 2) ** 0.5)
    shine = np.maximum((across * half[0] + down * half[1] + half[2]) * upright * size, 0)
    for _ in range(6):
        shine = shine * shine
    return (AMBIENT + (1 - AMBIENT) * facing) * hollow, np.maximum(gloss, 0) * shine


def expose(picture: Array, axis: Array, shot: Shot, vignette: float, rng: np.random.Generator) -> Array:
    """Light, lens and sensor: linear (3, H, W) to (H, W, 3) uint8.

    Args:
        vignette: darkening of the corners, 0 to 1.
    """
    x, y = axis[None, :] - np.float32(0.5), axis[:, None] - np.float32(0.5)
    gain = 1 + shot.falloff[0] * x + shot.falloff[1] * y - np.float32(1.6 * vignette) * (x * x + y * y)
    red, green, blue = (shot.exposure * t for t in shot.tint)
    shown = encode(picture * (gain * rgb((red, green, blue))))
    shown *= 1 + np.float32(shot.contrast) * (shown * (3 - 2 * shown) - 1)
    grey = shown.mean(axis=0) * np.float32(1 - shot.saturation)
    shown *= np.float32(shot.saturation)
    shown += grey
    shown = blurred(shown, shot.blur * len(axis))
    grain = rng.standard_normal(shown.shape, dtype=np.float32)
    grain *= np.float32(255 * shot.noise)
    shown *= np.float32(255)
    shown += grain
    shown += np.float32(0.5)
    np.clip(shown, 0, 255, out=shown)
    return np.ascontiguousarray(shown.astype(np.uint8).transpose(1, 2, 0))


def blurred(picture: Array, down: float, across: float | None = None) -> Array:
    """Blur a planar picture with biweight kernels of standard deviations `down` and `across` (as `down`) in pixels.

    They are rational functions, so the same on every processor.
    """
    for along, sigma in ((1, down), (2, down if across is None else across)):
        reach = sigma * 7**0.5
        k = np.arange(-int(reach), int(reach) + 1)
        weights = (1 - (k / max(reach, 1e-6)) ** 2) ** 2 if reach >= 1 else np.ones(1)
        picture = ndimage.correlate1d(picture, (weights / weights.sum()).astype(np.float32), axis=along, mode="nearest")
    return picture


def compressed(picture: Array, quality: int) -> Array:
    """What is left of a picture (H, W, 3) uint8 after it was stored as a JPEG file; quality 100 leaves it untouched."""
    if quality >= 100:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=quality)
    file.seek(0)
    return np.asarray(JpegImageFile(file))
