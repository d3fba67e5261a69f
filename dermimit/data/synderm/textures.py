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


def _contour_distance(field: Array) -> Array:
    """Distance in tile units to the nearest zero line of a field: |f| / |grad f|."""
    down, across = np.gradient(np.pad(field, 1, mode="wrap"), 1.0 / SIDE)
    slope = np.sqrt(down**2 + across**2)[1:-1, 1:-1]
    return np.abs(field) / (slope + 2.0)


@cache
def tiles() -> dict[str, Array]:
    """The tiles, each (512, 512) float32, rounded to 1/1024 so that the last bit of a library does not matter."""
    rng = np.random.Generator(np.random.Philox(key=TILE_SEED))
    coarse, fine = _noise(rng, 8, 8), _noise(rng, 48, 48)
    near, gap, shade = _cells(rng, 400)
    made = {
        "coarse": coarse,
        "middle": _noise(rng, 20, 20),
        "fine": fine,
        "grain": _noise(rng, 128, 128),
        "strand": _noise(rng, 6, 128),
        "near": near,
        "gap": gap,
        "shade": shade,
        "vessel": _contour_distance(coarse + 0.35 * fine),
    }
    return {name: (np.round(tile * 1024) / 1024).astype(np.float32) for name, tile in made.items()}


def sample(name: str, y: Array, x: Array, scale: float, shift: tuple[float, float]) -> Array:
    """Read a tile at the grid of coordinates y (rows) and x (columns), repeated `scale` times per unit length."""
    rows = ((y * scale + shift[0]) * SIDE).astype(np.int64) % SIDE
    columns = ((x * scale + shift[1]) * SIDE).astype(np.int64) % SIDE
    return tiles()[name].ravel().take(rows[:, None] * SIDE + columns)


def sample_warped(name: str, v: Array, u: Array, scale_v: float, scale_u: float) -> Array:
    """Read a tile at any coordinates (arrays of the picture's shape), for hair that flows."""
    rows = ((v * scale_v + 9) * SIDE).astype(np.int64) % SIDE
    columns = ((u * scale_u + 9) * SIDE).astype(np.int64) % SIDE
    return tiles()[name].ravel().take(rows * SIDE + columns)


def ramp(value: Array, width: float) -> Array:
    """0 below -width/2, 1 above +width/2, a smooth step between."""
    t = np.minimum(np.maximum(value * np.float32(1.0 / width) + np.float32(0.5), np.float32(0)), np.float32(1))
    return t * t * (3 - 2 * t)


def ellipse(u: Array, v: Array, a: float, b: float) -> Array:
    """Signed distance, roughly, to an ellipse of half axes a and b about the origin; negative inside."""
    return (np.sqrt((u * (1 / a)) ** 2 + (v * (1 / b)) ** 2) - 1) * min(a, b)


def capsule(u: Array, v: Array, p: Point, q: Point, r: float) -> Array:
    """Signed distance to the set of points within r of the segment from p to q."""
    du, dv = q[0] - p[0], q[1] - p[1]
    along = np.clip(((u - p[0]) * du + (v - p[1]) * dv) * (1 / (du * du + dv * dv + 1e-9)), 0, 1)
    return np.sqrt((u - p[0] - along * du) ** 2 + (v - p[1] - along * dv) ** 2) - r


def rounded(distance: Array, reach: float, height: float) -> Array:
    """Height of a rounded body from its signed distance: a quarter circle over `reach`, then flat."""
    t = np.clip(distance * (-1.0 / reach), 0, 1)
    return height * np.sqrt(t * (2 - t))
