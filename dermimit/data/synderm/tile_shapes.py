"""What tiles are made of: smooth noise, cells, wandering lines; everything repeats at the tile's edge."""

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from dermimit.data.synderm.knowledge import Array

SIDE = 512  # texels along a tile; every tile repeats


def noise(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """Smooth noise with about unit spread: a random grid interpolated by cubic splines, repeating."""
    grid = rng.standard_normal((rows, columns))
    return ndimage.zoom(grid, (SIDE / rows, SIDE / columns), order=3, mode="grid-wrap", grid_mode=True) * 1.3


def cells(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Cells around n random points: distance to the nearest (in cell sizes), gap to the second, and a random shade."""
    points = rng.random((n, 2))
    axis = (np.arange(SIDE) + 0.5) / SIDE
    where = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    distance, index = cKDTree(points, boxsize=1.0).query(where, k=2)
    return distance[..., 0] * n**0.5, (distance[..., 1] - distance[..., 0]) * n**0.5, rng.random(n)[index[..., 0]]


def walks(rng: np.random.Generator, n: int, steps: int, bend: float, branch: float) -> Array:
    """Distance in texels to wandering, branching lines: vessels, or hairs when nothing branches."""
    empty = np.ones((SIDE, SIDE), dtype=bool)
    queue = [(*(rng.random(2) * SIDE), *turned(0.0, 1.0, rng.uniform(-1, 1)), steps) for _ in range(n)]
    while queue:
        y, x, dy, dx, left = queue.pop()
        for step in range(left):
            dy, dx = turned(dy, dx, bend * rng.standard_normal())
            y, x = y + dy, x + dx
            empty[int(y) % SIDE, int(x) % SIDE] = False
            if rng.random() < branch:
                queue.append((y, x, *turned(dy, dx, 0.35 if rng.random() < 0.5 else -0.35), (left - step) // 2))
    return distance_to(empty)


def distance_to(empty: Array, edge: int = 32) -> Array:
    """Distance in texels to the nearest texel that is not empty, across the tile's border too."""
    return ndimage.distance_transform_edt(np.pad(empty, edge, mode="wrap"))[edge:-edge, edge:-edge]


def turned(dy: float, dx: float, t: float) -> tuple[float, float]:
    """A unit vector turned by the angle of half tangent t: a rational rotation, no sine needed."""
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    return cos * dy + sin * dx, cos * dx - sin * dy
