"""Fixed texture tiles, and the small shape functions that everything is drawn with.

The tiles come from one fixed seed, so they are part of the renderer, not of a case. Drawing uses +, *, / and sqrt only
(no exp or sin on arrays): these are rounded the same way on every processor, so pictures are equal to the bit.
"""

from functools import cache

import numpy as np

from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.octaves import octaves
from dermimit.data.synderm.tile_shapes import SIDE, cells, noise, walks

LEVELS = 5  # each level of a tile has half the texels of the one before, so that small pictures do not alias
TILE_SEED = 49
ZERO, HALF, ONE, THREE, MINUS_TWO = (np.float32(value) for value in (0, 0.5, 1, 3, -2))
Point = tuple[float | np.float32, float | np.float32]


@cache
def tiles() -> dict[str, tuple[Array, ...]]:
    """The tiles by name, each a pyramid of float32 arrays from (512, 512) down.

    Rounded to 1/1024, so that the last bit of a library does not matter. `vessel` and `hair` are distances in 1/32 of
    a tile; `near`, `gap` and `shade` are cells of a twentieth of a tile, `pore` and `furrow` cells of a fortieth.
    """
    rng = np.random.Generator(np.random.Philox(key=TILE_SEED))
    near, gap, shade = cells(rng, 400)
    pore, furrow, speck = cells(rng, 1600)
    made = {
        "coarse": noise(rng, 8, 8),
        "middle": noise(rng, 20, 20),
        "fine": noise(rng, 48, 48),
        "grain": noise(rng, 128, 128),
        "strand": noise(rng, 6, 128),
        "near": near,
        "gap": gap,
        "shade": shade,
        "pore": pore,
        "furrow": furrow,
        "speck": speck,
        "vessel": walks(rng, 12, 240, 0.12, 0.030) * (32 / SIDE),
        "hair": walks(rng, 130, 46, 0.02, 0.0) * (32 / SIDE),
    }
    return {name: _pyramid((np.round(tile * 1024) / 1024).astype(np.float32)) for name, tile in made.items()}


@cache
def tiles_4() -> dict[str, tuple[Array, ...]]:
    """The tiles of version 4 by name, in the same form; see `octaves`."""
    return {name: _pyramid((np.round(tile * 1024) / 1024).astype(np.float32)) for name, tile in octaves().items()}


def _pyramid(tile: Array) -> tuple[Array, ...]:
    """The tile and its halvings by means of 2 x 2 texels."""
    levels = [tile]
    for _ in range(LEVELS - 1):
        t = levels[-1]
        levels.append((t[::2, ::2] + t[1::2, ::2] + t[::2, 1::2] + t[1::2, 1::2]) * np.float32(0.25))
    return tuple(levels)


def _level(name: str, step: float) -> tuple[Array, int]:
    """The level of a tile whose texels are about as large as a pixel, which spans `step` of the tile."""
    level = 0
    while level < LEVELS - 1 and step * SIDE > 1.4 * 2**level:
        level += 1
    pyramid = tiles()[name] if name in tiles() else tiles_4()[name]
    return pyramid[level].ravel(), SIDE >> level


def sample(name: str, y: Array, x: Array, scale: float, shift: tuple[float, float]) -> Array:
    """Read a tile at the grid of coordinates y (rows) and x (columns), repeated `scale` times per unit length."""
    texels, side = _level(name, scale * float(x[1] - x[0]) if len(x) > 1 else 0.0)
    rows = ((y * np.float32(scale) + np.float32(shift[0])) * side).astype(np.int32) & (side - 1)
    columns = ((x * np.float32(scale) + np.float32(shift[1])) * side).astype(np.int32) & (side - 1)
    return texels.take(rows[:, None] * side + columns)


def sample_warped(name: str, v: Array, u: Array, scale_v: float, scale_u: float) -> Array:
    """Read a tile at any coordinates (arrays of the picture's shape), for hair that flows."""
    step = max(scale_v, scale_u) * 2 / v.shape[0]
    texels, side = _level(name, step)
    rows = ((v * np.float32(scale_v) + 9) * side).astype(np.int32) & (side - 1)
    columns = ((u * np.float32(scale_u) + 9) * side).astype(np.int32) & (side - 1)
    return texels.take(rows * side + columns)


def ramp(value: Array, width: float) -> Array:
    """0 below -width/2, 1 above +width/2, a smooth step between."""
    t = np.multiply(value, np.float32(1.0 / width))
    t += HALF
    np.maximum(t, ZERO, out=t)
    np.minimum(t, ONE, out=t)
    s = t * MINUS_TWO
    s += THREE
    s *= t
    s *= t
    return s


def ellipse(u: Array, v: Array, a: float, b: float) -> Array:
    """Signed distance, roughly, to an ellipse of half axes a and b about the origin; negative inside."""
    return (np.sqrt((u * (1 / a)) ** 2 + (v * (1 / b)) ** 2) - 1) * min(a, b)


def capsule(u: Array, v: Array, p: Point, q: Point, r: float) -> Array:
    """Signed distance to the set of points within r of the segment from p to q."""
    du, dv = q[0] - p[0], q[1] - p[1]
    along = np.clip(((u - p[0]) * du + (v - p[1]) * dv) * (1 / (du * du + dv * dv + 1e-9)), 0, 1)
    return np.sqrt((u - p[0] - along * du) ** 2 + (v - p[1] - along * dv) ** 2) - r


def rounded(distance: Array, reach: float | Array, height: float) -> Array:
    """Height of a rounded body from its signed distance: a quarter circle over `reach`, then flat."""
    t = np.clip(distance * (-1.0 / reach), 0, 1)
    return height * np.sqrt(t * (2 - t))
