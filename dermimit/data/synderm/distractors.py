"""Things that are not the lesion: moles, clumps of hair, shadows, jewellery and ruler marks."""

from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.colour import rgb
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element
from dermimit.data.synderm.textures import capsule, ramp

MOLES = 6  # at most; each number from 0 to MOLES is as likely as any other
PROBABILITY = {"tuft": 0.25, "shadow": 0.35, "jewel": 0.5, "ruler": 0.15}
ROUND, LONG = ("ear", "face", "neck", "abdomen", "chest"), ("hand", "forearm", "neck", "foot", "nails")
METALS = ((0.62, 0.45, 0.12), (0.52, 0.53, 0.55), (0.06, 0.06, 0.07))
COUNT = 5 * MOLES + 24  # random numbers of a case


@dataclass(frozen=True)
class Mole:
    """A mole about (x, y) of mean radius r, all in fractions of the picture; `dark` is melanin, `high` its relief."""

    x: float
    y: float
    r: float
    dark: float
    high: float


@dataclass(frozen=True)
class Distractors:
    """What lies about in a picture. `tuft`, `shadow`, `jewel` and `ruler` are six numbers in 0..1 each, or none."""

    moles: tuple[Mole, ...]
    tuft: tuple[float, ...]
    shadow: tuple[float, ...]
    jewel: tuple[float, ...]
    ruler: tuple[float, ...]

    def numbers(self) -> tuple[float, ...]:
        """Everything drawn, as a tuple of one length for all pictures."""
        moles = [value for mole in self.moles for value in vars(mole).values()]
        things = [value for name in PROBABILITY for value in (getattr(self, name) or (-1.0,) * 6)]
        return (float(len(self.moles)), *moles, *((-1.0,) * (5 * (MOLES - len(self.moles)))), *things)


def draw_distractors(body_part: str, rng: np.random.Generator) -> Distractors:
    """Draw them; only whether there may be jewellery depends on the body part, and nothing on the lesions."""
    chance = rng.random(COUNT + len(PROBABILITY) + 1).tolist()
    count = int(chance.pop() * (MOLES + 1))
    there = {name: chance.pop() < p for name, p in PROBABILITY.items()}
    there["jewel"] &= body_part in {*ROUND, *LONG}
    moles = []
    for i in range(count):
        x, y, r, dark, high = chance[5 * i : 5 * i + 5]
        moles.append(Mole(x, y, 0.010 + 0.055 * r * r, 0.5 + 1.5 * dark, 0.5 * high if high > 0.5 else 0.0))
    parts = {name: tuple(chance[5 * MOLES + 6 * k : 5 * MOLES + 6 * k + 6]) if there[name] else ()
             for k, name in enumerate(PROBABILITY)}  # fmt: skip
    return Distractors(tuple(moles), **parts)


def draw_moles(canvas: Canvas, found: Distractors) -> Array:
    """Put the moles into the skin of a canvas; returns (H, W) how far they cover it."""
    seen = np.zeros_like(canvas.melanin)
    for k, mole in enumerate(found.moles):
        turn = 0.2 + 0.1 * k
        e = Element("mole", mole.x, mole.y, mole.r, 1.0 + 0.3 * ((7.3 * mole.r * 100) % 1), 1 - turn * turn, turn)
        window = canvas.window(e.x, e.y, 1.6 * e.r)
        rho = canvas.radius(e, window, 0.20)
        if not rho.size:
            continue
        disc = canvas.disc(rho, e.r, 1.0, 0.5)
        canvas.melanin[window] += np.float32(mole.dark) * disc
        canvas.height[window] += np.float32(mole.high * mole.r) * np.sqrt(np.clip(1 - rho * rho, 0, 1))
        np.maximum(seen[window], disc, out=seen[window])
    return seen


def lay_things(picture: Array, cover: dict[str, Array], axis: Array, body_part: str, found: Distractors) -> Array:
    """Lay the other things over a picture; returns (H, W) how far opaque ones hide it.

    Args:
        picture: (3, H, W) linear light, changed in place.
        cover: of each thing so far, as `compose` gives it; hair and jewellery lie on the body only.
        axis: (H,) coordinates of the pixels, 0..1.
        body_part: says which jewellery there is.
        found: what lies about.
    """
    x, y, skin = axis[None, :], axis[:, None], cover["skin"]
    soft, hidden = 1.5 / len(axis), np.zeros_like(skin)
    if found.shadow:
        a, b, c, d, e, f = found.shadow
        edge = np.float32(2 * a - 1) * (x - np.float32(b)) + np.float32(2 * c - 1) * (y - np.float32(d))
        picture *= 1 - np.float32(0.35 + 0.35 * e) * ramp(edge, 0.02 + 0.12 * f)
    for alpha, colour in _opaque(x, y, soft, body_part, found):
        alpha = alpha * skin if colour is not WHITE else alpha
        picture += alpha * (rgb(colour) * (np.float32(0.75) + np.float32(0.25) * (x + y)) - picture)
        np.maximum(hidden, alpha, out=hidden)
    return hidden


WHITE, TICK = (0.78, 0.78, 0.74), (0.05, 0.05, 0.05)


def _opaque(
    x: Array, y: Array, soft: float, body_part: str, found: Distractors
) -> list[tuple[Array, tuple[float, float, float]]]:
    """Cover (H, W) and colour of each opaque thing, from below to above."""
    made = []
    if found.tuft:
        a, b, c, d, e, f = found.tuft
        for k in range(7):
            dx, dy = 0.10 * (c - 0.5 + 0.09 * (k - 3)), 0.12 * (d - 0.5) + 0.05
            p = a + 0.012 * (k - 3) * (1 + e), b + 0.02 * ((k * 0.618 + f) % 1)
            made.append((0.85 * ramp(-capsule(x, y, p, (p[0] + dx, p[1] + dy), 0.003), 2 * soft), (0.03, 0.02, 0.015)))
    if found.jewel:
        a, b, c, d, e, f = found.jewel
        metal = METALS[int(3 * e)]
        if body_part in LONG:
            u = np.float32(0.6 * (c - 0.5)) * (x - np.float32(0.5)) + (y - np.float32(0.1 + 0.8 * b))
            band = np.abs(u) - np.float32(0.012 + 0.02 * d)
            made.append((ramp(-band, 2 * soft), metal))
            made.append((0.7 * ramp(-np.abs(u) + 0.004, 2 * soft), (0.9, 0.86, 0.75)))
        else:
            gap = np.sqrt((x - np.float32(a)) ** 2 + (y - np.float32(b)) ** 2)
            made.append((ramp(np.float32(0.014 + 0.022 * d) - gap, 2 * soft), metal))
            glint = np.sqrt((x - np.float32(a - 0.006)) ** 2 + (y - np.float32(b - 0.006)) ** 2)
            made.append((ramp(np.float32(0.005) - glint, 2 * soft), (1.0, 0.97, 0.9)))
    if found.ruler:
        a, b, c, d, e, f = found.ruler
        t = 0.4 * (c - 0.5)
        along = (x - np.float32(a)) + np.float32(t) * (y - np.float32(b))
        across = (y - np.float32(b)) - np.float32(t) * (x - np.float32(a))
        strip = np.minimum(0.035 - np.abs(across), np.float32(0.16 + 0.2 * d) - np.abs(along))
        made.append((ramp(strip, 2 * soft), WHITE))
        tick = np.minimum(ramp(0.10 - np.abs((along * 30) % 1 - 0.5), 0.1), ramp(strip, 2 * soft))
        made.append((np.where(across < 0, tick, 0).astype(np.float32), TICK))
    return made
