"""The camera of version 4: raking light with cast shadows, glare, uneven light, motion, and a plane of focus."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dermimit.data.synderm.camera import AMBIENT, Shot, blurred
from dermimit.data.synderm.colour import encode, rgb
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import ramp


@dataclass(frozen=True)
class Shot4(Shot):
    """A camera with more that can go wrong.

    `motion` blurs further along x and y, fractions of the side; `defocus` (fraction of the side) grows away from the
    line `focus` (a, b, c): a x + b y = c; `glare` (x, y, radius, strength) is a veil of light; `shade` (a, b, c,
    strength) darkens where a x + b y > c. All x and y are 0..1.
    """

    motion: tuple[float, float] = (0.0, 0.0)
    defocus: float = 0.0
    focus: tuple[float, float, float] = (0.0, 1.0, 0.5)
    glare: tuple[float, float, float, float] = (0.5, 0.5, 0.3, 0.0)
    shade: tuple[float, float, float, float] = (1.0, 0.0, 0.5, 0.0)


def draw_shot(rng: np.random.Generator) -> Shot4:
    """Draw a camera and a light, independent of what is photographed."""
    x, y, relief, red, blue, across, down, exposure, blur, noise, contrast, quality, colour = rng.random(13).tolist()
    shaken, where, far, a, b, c, gx, gy, gr, glare, sa, sb, sc, shade = rng.random(14).tolist()
    motion = 0.007 * max(shaken - 0.75, 0) / 0.25
    return Shot4(
        light=(1.15 * (2 * x - 1), -0.30 - 0.80 * y),
        relief=0.80 + 0.50 * relief,
        tint=(1.06 + 0.42 * _tailed(red), 1.0, 0.95 + 0.44 * _tailed(blue)),
        falloff=(0.9 * (across - 0.5), 0.9 * (down - 0.5)),
        exposure=0.78 + 0.75 * exposure * (0.4 + 0.6 * exposure),
        blur=0.0010 + 0.0060 * blur * blur * blur,
        noise=0.002 + 0.013 * noise * noise,
        contrast=0.38 * contrast,
        quality=45 + int(50 * quality),
        saturation=0.55 + 0.65 * colour,
        motion=(motion, 0.0) if where < 0.5 else (0.0, motion),
        defocus=0.012 * max(far - 0.60, 0) / 0.40,
        focus=(2 * a - 1, 2 * b - 1, (2 * a - 1) * 0.5 + (2 * b - 1) * 0.5 + 0.4 * (c - 0.5)),
        glare=(gx, gy, 0.15 + 0.4 * gr, 0.5 * max(glare - 0.75, 0) / 0.25),
        shade=(2 * sa - 1, 2 * sb - 1, (2 * sa - 1) * 0.5 + (2 * sb - 1) * 0.5 + 0.5 * (sc - 0.5),
               0.55 * max(shade - 0.7, 0) / 0.3),
    )  # fmt: skip


def _tailed(u: float) -> float:
    """A number of 0..1 spread over -1..1, more often near 0, with a tail of white balances gone wrong."""
    t = 2 * u - 1
    return t * (0.35 + 0.65 * t * t)


def shading(height: Array, gloss: Array, shot: Shot) -> tuple[Array, Array]:
    """Brightness of a rough surface and its highlights, as `camera.shading`, with the shadows that it casts.

    A point lies in shadow where the relief a step toward the light stands above the ray. Highlights are broader,
    (n.h)^32, so that texture breaks them up.

    Args:
        height: (H, W) in units of the picture's side.
        gloss: (H, W), 0 and up.

    Returns:
        brightness (H, W) and highlights (H, W), both 0 and up.
    """
    n = height.shape[0]
    across, down = np.zeros_like(height), np.zeros_like(height)
    steep = np.float32(-0.5 * n * shot.relief)
    np.subtract(height[:, 2:], height[:, :-2], out=across[:, 1:-1])
    np.subtract(height[2:], height[:-2], out=down[1:-1])
    across[:, [0, -1]], down[[0, -1]] = across[:, [1, -2]], down[[1, -2]]
    across *= steep
    down *= steep
    x, y = np.float32(shot.light[0]), np.float32(shot.light[1])
    upright = 1 / np.sqrt(1 + across * across + down * down)
    facing = np.maximum((1 + across * x + down * y) * upright, 0)
    facing *= lit(height, shot)
    around = ndimage.uniform_filter(height, max(3, n // 14), mode="nearest")
    hollow = np.clip(1 - np.float32(3.5) * (around - height), 0.70, 1.08)
    long = (1 + float(x) ** 2 + float(y) ** 2) ** 0.5
    half = float(x) / long, float(y) / long, 1 + 1 / long
    size = 1 / (half[0] ** 2 + half[1] ** 2 + half[2] ** 2) ** 0.5
    shine = across * np.float32(half[0] * size) + down * np.float32(half[1] * size) + np.float32(half[2] * size)
    shine *= upright
    np.maximum(shine, 0, out=shine)
    for _ in range(5):
        shine *= shine
    facing *= np.float32(1 - AMBIENT)
    facing += np.float32(AMBIENT)
    facing *= hollow
    return facing, np.maximum(gloss, 0) * shine


def lit(height: Array, shot: Shot) -> Array:
    """(H, W): 1 in the light, down to 0.4 where the relief toward the light, near or farther, stands above the ray."""
    n, above = height.shape[0], np.full_like(height, -1.0)
    raised, (x, y) = height * np.float32(shot.relief), shot.light
    for far in (0.022, 0.055):
        dx, dy = round(far * n * x), round(far * n * y)
        rise = (dx * dx + dy * dy) ** 0.5 / n / max((x * x + y * y) ** 0.5, 0.3)
        rows, columns = slice(max(-dy, 0), n - max(dy, 0)), slice(max(-dx, 0), n - max(dx, 0))
        gap = raised[max(dy, 0) : n + min(dy, 0), max(dx, 0) : n + min(dx, 0)] - raised[rows, columns]
        gap -= np.float32(rise + 0.008)
        here = above[rows, columns]
        np.maximum(here, gap, out=here)
    shadow = ramp(above, 0.035)
    shadow *= np.float32(-0.60)
    shadow += 1
    return shadow


def expose(picture: Array, axis: Array, shot: Shot4, vignette: float, rng: np.random.Generator) -> Array:
    """Light, lens and sensor: linear (3, H, W), which is changed, to (H, W, 3) uint8.

    Args:
        vignette: darkening of the corners, 0 to 1.
    """
    x, y, n = axis[None, :] - np.float32(0.5), axis[:, None] - np.float32(0.5), len(axis)
    gain = np.float32(shot.falloff[0]) * x + np.float32(shot.falloff[1]) * y
    gain = 1 + gain - np.float32(1.6 * vignette + 0.25) * (x * x + y * y)
    a, b, c, dark = shot.shade
    if dark:
        gain *= 1 - np.float32(dark) * ramp(axis[None, :] * np.float32(a) + axis[:, None] * np.float32(b) - c, 0.35)
    red, green, blue = (shot.exposure * t for t in shot.tint)
    picture *= np.maximum(gain, 0.1) * rgb((red, green, blue))
    gx, gy, r, veil = shot.glare
    if veil:
        away = (axis[None, :] - np.float32(gx)) ** 2 + (axis[:, None] - np.float32(gy)) ** 2
        spot = np.clip(1 - away * np.float32(1 / (r * r)), 0, 1)
        picture += np.float32(veil) * spot * spot * (np.float32(0.4) + picture.mean(axis=0))
    shown = encode(picture)
    curve = shown * np.float32(-2 * shot.contrast)
    curve += np.float32(3 * shot.contrast)
    curve *= shown
    curve += np.float32(1 - shot.contrast)
    shown *= curve
    grey = (shown[0] + shown[1] + shown[2]) * np.float32((1 - shot.saturation) / 3)
    shown *= np.float32(shot.saturation)
    shown += grey
    shown = blurred(shown, (shot.blur + shot.motion[1]) * n, (shot.blur + shot.motion[0]) * n)
    if shot.defocus:
        a, b, c = shot.focus
        off = np.abs(axis[None, :] * np.float32(a) + axis[:, None] * np.float32(b) - np.float32(c))
        shown += ramp(off - np.float32(0.28), 0.40) * (blurred(shown, shot.defocus * n) - shown)
    bright, hue = grain(n, rng) * np.float32(255 * shot.noise)
    shown *= np.float32(255)
    shown += bright
    shown[0] += hue
    shown[2] -= hue
    shown += np.float32(0.5)
    np.clip(shown, 0, 255, out=shown)
    return np.ascontiguousarray(shown.astype(np.uint8).transpose(1, 2, 0))


def grain(n: int, rng: np.random.Generator) -> Array:
    """(2, n, n) noise of unit spread, nearly normal: each value is the sum of four bytes, centred and scaled."""
    four = np.frombuffer(rng.bytes(8 * n * n), np.uint8).reshape(4, 2, n, n)
    made = four.sum(axis=0, dtype=np.uint16).astype(np.float32)
    made -= np.float32(510)
    made *= np.float32(1 / 147.8)
    return made
