"""Things that lie in clinical photographs without being disease: each with its own switch and its own probability."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.colour import rgb
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import capsule, ramp

# Share of photographs with each of them; by default the same for every disease.
USUAL = {"ink": 0.06, "ruler": 0.06, "dressing": 0.04, "hair": 0.15, "vignette": 0.25}
USUAL_4 = USUAL | {"ink": 0.22}  # of version 4: pen marks as often as in clinics that excise
INKS = ((0.08, 0.03, 0.24), (0.03, 0.05, 0.26), (0.02, 0.02, 0.03))
Spec = bool | Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True)
class Confounders:
    """Which of them a photograph has, and nine numbers in 0..1 that shape them."""

    ink: bool
    ruler: bool
    dressing: bool
    hair: bool
    vignette: bool
    spare: tuple[float, ...]


def probabilities(spec: Spec, diseases: tuple[str, ...], usual: Mapping[str, float] = USUAL) -> dict[str, Array]:
    """P(confounder | disease) for each confounder, (49,).

    Args:
        spec: True for the usual ones, False for none, or a mapping from confounder to a probability, or to a mapping
            from disease to probability in which "default" is for all other diseases (0 without it). Confounders that
            the mapping does not name do not occur.
        diseases: names, in order.
        usual: what True stands for.

    Raises:
        ValueError: an unknown confounder or disease, or a probability outside 0..1.
    """
    wanted = usual if spec is True else {} if spec is False else spec
    unknown = sorted(set(wanted) - set(USUAL))
    if unknown:
        raise ValueError(f"confounders: unknown {unknown}; known are {', '.join(USUAL)}")
    table = {}
    for name in USUAL:
        value = wanted.get(name, 0.0)
        rows = value if isinstance(value, Mapping) else {"default": value}
        strange = sorted(set(rows) - {*diseases, "default"})
        if strange:
            raise ValueError(f"confounders: {name}: unknown disease {strange}; use names of LABEL_SPACE.diseases")
        table[name] = np.array([float(rows.get(d, rows.get("default", 0.0))) for d in diseases])
        if not ((table[name] >= 0) & (table[name] <= 1)).all():
            raise ValueError(f"confounders: {name}: probabilities must lie in 0..1, found {value}")
    return table


def draw_confounders(table: Mapping[str, Array], disease: int, rng: np.random.Generator) -> Confounders:
    """Draw which confounders occur; the numbers drawn do not depend on the probabilities."""
    chance = rng.random(len(USUAL)).tolist()
    there = {name: bool(c < table[name][disease]) for name, c in zip(USUAL, chance, strict=True)}
    return Confounders(**there, spare=tuple(rng.random(9).tolist()))


def hair_cover(axis: Array, found: Confounders) -> Array:
    """Cover by a few stray hairs: thin parabolas across the picture."""
    cover = np.zeros((len(axis), len(axis)), np.float32)
    x, y = axis[None, :], axis[:, None]
    for i in range(3 + int(6 * found.spare[0])):
        a, b, c = (found.spare[(i + k) % 7] * (i + 1.37) % 1 for k in range(3))
        line = y - np.float32(a) - np.float32(1.2 * (b - 0.5)) * x - np.float32(0.8 * (c - 0.5)) * x * x
        ends = ramp(0.26 - np.abs(x - np.float32(b)), 0.1)
        cover = np.maximum(cover, 0.9 * ends * ramp(0.0022 - np.abs(line), max(0.004, 1.2 / len(axis))))
    return cover


def overlays(
    axis: Array, found: Confounders, ring: tuple[float, float, float], wavy: Array
) -> dict[str, tuple[Array, Array]]:
    """Ink, ruler and dressing, each as cover (H, W) and linear colour (3, H, W).

    Args:
        ring: centre and radius of the lesion field, which the ink goes round.
        wavy: (H, W) noise of about unit size, for the unsteady hand.
    """
    x, y = axis[None, :], axis[:, None]
    made = {}
    if found.ink:
        colour = INKS[int(3 * found.spare[1])]
        if found.spare[2] < 0.6:
            away = np.abs(np.sqrt((x - ring[0]) ** 2 + (y - ring[1]) ** 2) - ring[2] - 0.015 * wavy)
        else:
            tip = (ring[0] + 0.75 * ring[2], ring[1] - 0.6 * ring[2])
            away = np.minimum(
                capsule(x, y, tip, (tip[0] + 0.18, tip[1] - 0.14), 0.0),
                np.minimum(capsule(x, y, tip, (tip[0] + 0.02, tip[1] - 0.07), 0.0),
                           capsule(x, y, tip, (tip[0] + 0.075, tip[1] - 0.005), 0.0)),
            )  # fmt: skip
        cover = (0.74 + 0.15 * wavy).clip(0.55, 0.95) * ramp(0.007 - away, 0.009)
        made["ink"] = cover, rgb(colour)
    if found.ruler:
        lift = 0.84 + 0.10 * found.spare[3] + 0.10 * (found.spare[4] - 0.5) * x
        band = ramp(y - lift, 0.008) * ramp(lift + 0.13 - y, 0.008)
        length = np.where((x * 20).astype(np.int32) % 5 == 0, 0.060, 0.032)
        tick = ramp(0.09 - np.abs((x * 20) % 1 - 0.5), 0.09) * ramp(lift + length - y, 0.008)
        shade = (0.78 - 0.72 * tick) * rgb((1.0, 1.0, 0.94))
        made["ruler"] = band * np.ones_like(x), shade.astype(np.float32)
    if found.dressing:
        side = 1.0 if found.spare[5] < 0.5 else -1.0
        edge = side * (x - 0.5) + 0.35 * (found.spare[6] - 0.5) * (y - 0.5) - 0.27 - 0.06 * found.spare[7]
        weave = 0.80 + 0.05 * np.where(((x * 60).astype(np.int32) + (y * 60).astype(np.int32)) % 2, 1.0, -1.0)
        colour = (weave + 0.03 * wavy) * rgb((1.0, 0.97, 0.90))
        made["dressing"] = ramp(edge, 0.010), colour.astype(np.float32)
    return made
