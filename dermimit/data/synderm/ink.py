"""Pen marks as they are drawn on skin: unsteady rings, broken or doubled; arrows; dots about the lesion; smears."""

import numpy as np

from dermimit.data.synderm.confounders import INKS, Confounders
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import capsule, ramp


def pen_marks(
    axis: Array, found: Confounders, ring: tuple[float, float, float], wavy: Array, relief: Array
) -> tuple[Array, tuple[float, float, float]]:
    """Cover (H, W) by ink and its linear colour.

    Args:
        axis: (H,) coordinates 0..1.
        found: its spare numbers 1, 2, 3, 4, 6 and 7 shape the marks.
        ring: centre and radius of the lesion field, which the ink goes round.
        wavy: (H, W) noise of about unit size, for the unsteady hand.
        relief: (H, W) of the skin; ink stays in the hollows where it is thin.
    """
    _, hue, kind, a, b, _, c, d, _ = found.spare
    x, y, r = axis[None, :] - np.float32(ring[0]), axis[:, None] - np.float32(ring[1]), ring[2]
    wide = 0.004 + 0.006 * a
    if kind < 0.55:
        x, y = x * np.float32(0.85 + 0.4 * b), y * np.float32(1.2 - 0.35 * b)
        round_ = np.sqrt(x * x + y * y) - np.float32(r) - np.float32(0.028) * wavy
        away = np.abs(round_)
        if c > 0.6:  # a second time round
            away = np.minimum(away, np.abs(round_ + np.float32(0.012) + np.float32(0.02) * (x - y)))
        if d > 0.5:  # not closed
            away = away + np.float32(0.10) * ramp(
                np.float32(2 * b - 1) * x + np.float32(2 * c - 1) * y - 0.35 * r, 0.03
            )
    elif kind < 0.75:
        dx, dy = (1 if a < 0.5 else -1) * (0.5 + 0.5 * b), (1 if c < 0.5 else -1) * (0.4 + 0.6 * d)
        tip = (0.75 * r * dx, 0.75 * r * dy)
        end = (tip[0] + 0.20 * dx, tip[1] + 0.20 * dy)
        barbs = [(tip[0] + 0.07 * dx - s * 0.05 * dy, tip[1] + 0.07 * dy + s * 0.05 * dx) for s in (-1, 1)]
        away = np.minimum(capsule(x, y, tip, end, 0.0), capsule(x, y, tip, barbs[0], 0.0))
        away = np.minimum(away, capsule(x, y, tip, barbs[1], 0.0)) + np.float32(0.006) * wavy
    elif kind < 0.9:
        away, wide = np.full_like(wavy, 9.0), wide + 0.006
        for sx, sy in ((1, b - 0.5), (-1, 0.5 - c), (d - 0.5, 1), (0.5 - a, -1))[: 2 + int(3 * a)]:
            away = np.minimum(away, np.sqrt((x - np.float32(r * sx)) ** 2 + (y - np.float32(r * sy)) ** 2))
        away = away + np.float32(0.004) * wavy
    else:
        p = (r * (2 * a - 1), -r * (0.8 + 0.4 * b))
        away, wide = capsule(x, y, p, (p[0] + 0.10 + 0.12 * c, p[1] + 0.05 * (d - 0.5)), 0.0), wide + 0.010
        away = away + np.float32(0.012) * wavy
    strength = (np.float32(0.72 + 0.20 * d) + np.float32(0.24) * wavy - np.float32(40.0) * relief).clip(0.35, 0.95)
    return strength * ramp(np.float32(wide) - away, max(0.010, 1.0 / len(axis))), INKS[int(3 * hue)]
