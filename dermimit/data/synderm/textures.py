"""Fixed texture tiles, and the small shape functions that everything is drawn with.

The tiles come from one fixed seed, so they are part of the renderer, not of a case. Drawing uses +, *, / and sqrt only
(no exp or sin on arrays): these are rounded the same way on every processor, so pictures are equal to the bit.
"""

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from dermimit.data.synderm.knowledge import Array

SIDE = 512  # texels along a tile; every tile repeats
LEVELS = 5  # each level of a tile has half the texels of the one before, so that small pictures do not alias
TILE_SEED = 49
Point = tuple[float | np.float32, float | np.float32]


def _noise(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Smooth noise with about unit spread: a random grid interpolated by cubic splines, repeating."""
    grid = rng.standard_normal((rows, columns))
    return ndimage.zoom(grid, (SIDE / rows, SIDE / columns), order=3, mode="grid-wrap", grid_mode=True) * 1.3


def _cells(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Cells around n random points: distance to the nearest (in cell sizes), gap to the second, and a random shade."""
    points = rng.random((n, 2))
    axis = (np.arange(SIDE) + 0.5) / SIDE
    where = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    distance, index = cKDTree(points, boxsize=1.0).query(where, k=2)
    return distance[..., 0] * n**0.5, (distance[..., 1] - distance[..., 0]) * n**0.5, rng.random(n)[index[..., 0]]


def _walks(rng: np.random.Generator, n: int, steps: int, bend: float, branch: float) -> Array:
    """Distance in texels to wandering, branching lines: vessels, or hairs when nothing branches."""
    empty = np.ones((SIDE, SIDE), dtype=bool)
    queue = [(*(rng.random(2) * SIDE), *_turned(0.0, 1.0, rng.uniform(-1, 1)), steps) for _ in range(n)]
    while queue:
        y, x, dy, dx, left = queue.pop()
        for step in range(left):
            dy, dx = _turned(dy, dx, bend * rng.standard_normal())
            y, x = y + dy, x + dx
            empty[int(y) % SIDE, int(x) % SIDE] = False
            if rng.random() < branch:
                queue.append((y, x, *_turned(dy, dx, 0.35 if rng.random() < 0.5 else -0.35), (left - step) // 2))
    edge = 32
    return ndimage.distance_transform_edt(np.pad(empty, edge, mode="wrap"))[edge:-edge, edge:-edge]


def _turned(dy: float, dx: float, t: float) -> tuple[float, float]:
    """A unit vector turned by the angle of half tangent t: a rational rotation, no sine needed."""
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    return cos * dy + sin * dx, cos * dx - sin * dy


@cache
def tiles() -> dict[str, tuple[Array, ...]]:
    """The tiles by name, each a pyramid of float32 arrays from (512, 512) down.

    Rounded to 1/1024, so that the last bit of a library does not matter. `vessel` and `hair` are distances in 1/32 of
    a tile; `near`, `gap` and `shade` are cells of a twentieth of a tile, `pore` and `furrow` cells of a fortieth.
    """
    rng = np.random.Generator(np.random.Philox(key=TILE_SEED))
    near, gap, shade = _cells(rng, 400)
    pore, furrow, speck = _cells(rng, 1600)
    made = {
        "coarse": _noise(rng, 8, 8),
        "middle": _noise(rng, 20, 20),
        "fine": _noise(rng, 48, 48),
        "grain": _noise(rng, 128, 128),
        "strand": _noise(rng, 6, 128),
        "near": near,
        "gap": gap,
        "shade": shade,
        "pore": pore,
        "furrow": furrow,
        "speck": speck,
        "vessel": _walks(rng, 12, 240, 0.12, 0.030) * (32 / SIDE),
        "hair": _walks(rng, 130, 46, 0.02, 0.0) * (32 / SIDE),
    }
    return {name: _pyramid((np.round(tile * 1024) / 1024).astype(np.float32)) for name, tile in made.items()}


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
    return tiles()[name][level].ravel(), SIDE >> level


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
    t += np.float32(0.5)
    np.maximum(t, np.float32(0), out=t)
    np.minimum(t, np.float32(1), out=t)
    s = t * np.float32(-2)
    s += np.float32(3)
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
