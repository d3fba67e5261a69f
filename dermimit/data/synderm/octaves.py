"""The tiles of version 4: the same kinds of structure as before, but each over several octaves and none regular."""

import numpy as np

from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.tile_shapes import SIDE, cells, distance_to, noise, turned, walks

SEED_4 = 50


def octaves() -> dict[str, Array]:
    """The tiles by name, (512, 512) each.

    `mottle` and `blotch` are noise of unit spread over six and four octaves; `lines` the relief of skin, furrows of two
    sizes, pores and grain, about -1..1; `wrinkle` ridges along one direction; `curl` the distance to bent hairs and
    `vein` to branching vessels, in 1/32 of a tile; `spot` soft dots of all sizes, 0..1; `knob` horny knobs of two sizes
    and `flake` torn flakes, about 0..1.
    """
    rng = np.random.Generator(np.random.Philox(key=SEED_4))
    made = {"mottle": fractal(rng, 4, 128, 0.66), "blotch": fractal(rng, 5, 40, 0.70)}
    bend = 7 * fractal(rng, 8, 64, 0.6), 7 * fractal(rng, 8, 64, 0.6)
    soft = 0.45 * bend[0], 0.45 * bend[1]
    near, gap, shade = (bent(tile, soft) for tile in cells(rng, 1000))
    dot, crack, speck = (bent(tile, soft) for tile in cells(rng, 4200))
    grain, mottle = noise(rng, 160, 160), made["mottle"]
    furrows = np.clip(gap * 1.5, 0, 0.7) + 0.7 * np.clip(crack * 1.5, 0, 0.7)
    pores = np.clip(1 - near * 3.2, 0, 1) * (shade > 0.45)
    made["lines"] = furrows - 0.75 + 0.16 * grain - 0.9 * pores + 0.22 * mottle
    ridge = noise(rng, 24, 5) + 0.45 * noise(rng, 60, 12)
    made["wrinkle"] = np.sqrt(bent(ridge, bend) ** 2 + 0.06) - 1.0
    made["curl"] = hairs(rng, 60) * (32 / SIDE)
    made["spot"] = spots(rng, 260)
    big, cleft, tone = (bent(tile, (1.6 * bend[1], 1.6 * bend[0])) for tile in cells(rng, 420))
    knob = 0.62 * np.sqrt(np.clip(1.1 - big * big, 0, 1)) + 0.30 * np.sqrt(np.clip(1.1 - dot * dot, 0, 1))
    made["knob"] = knob * (0.55 + 0.5 * tone) + 0.07 * mottle + 0.04 * grain
    torn = bent(tone, (2.2 * bend[0], 2.2 * bend[1]))
    made["flake"] = (
        0.34 * torn + 0.26 * speck + 0.25 + 0.16 * mottle + 0.05 * grain - 0.35 * np.clip(0.25 - cleft, 0, 1)
    )
    made["vein"] = walks(rng, 26, 170, 0.10, 0.035) * (32 / SIDE)
    return made


def fractal(rng: np.random.Generator, first: int, last: int, gain: float) -> Array:
    """Noise of unit spread, octave by octave from `first` to `last` cycles, each `gain` times the one before."""
    made, strength, n = np.zeros((SIDE, SIDE)), 1.0, first
    while n <= last:
        made += strength * noise(rng, n, n)
        n, strength = 2 * n, strength * gain
    return made / made.std()


def bent(tile: Array, bend: tuple[Array, Array]) -> Array:
    """A tile read at places shifted by `bend` texels, so that straight edges waver."""
    rows, columns = np.indices(tile.shape)
    return tile[(rows + bend[0]).astype(int) % SIDE, (columns + bend[1]).astype(int) % SIDE]


def spots(rng: np.random.Generator, n: int) -> Array:
    """n soft dots, most of them small, of unequal darkness."""
    made, axis = np.zeros((SIDE, SIDE)), np.arange(SIDE)
    for y, x, size, dark in rng.random((n, 4)):
        r = 3 + 16 * size**5
        dy, dx = (np.minimum(np.abs(axis - SIDE * c), SIDE - np.abs(axis - SIDE * c)) for c in (y, x))
        rows, columns = np.flatnonzero(dy < r), np.flatnonzero(dx < r)
        inside = np.clip(1.3 * (1 - (dy[rows, None] ** 2 + dx[columns] ** 2) / r**2), 0, 1)
        made[np.ix_(rows, columns)] = np.maximum(made[np.ix_(rows, columns)], (0.35 + 0.65 * dark) * inside)
    return made


def hairs(rng: np.random.Generator, n: int) -> Array:
    """Distance in texels to n bent hairs that lie roughly in one direction, each with a curl of its own."""
    empty = np.ones((SIDE, SIDE), dtype=bool)
    for y, x, lean, curl, long in rng.random((n, 5)):
        (dy, dx), curl = turned(0.8, 0.6, 0.5 * (2 * lean - 1)), 0.022 * (2 * curl - 1)
        y, x = y * SIDE, x * SIDE
        for _ in range(int(40 + 90 * long)):
            dy, dx = turned(dy, dx, curl + 0.008 * rng.standard_normal())
            y, x = y + dy, x + dx
            empty[int(y) % SIDE, int(x) % SIDE] = False
    return distance_to(empty, 128)
