"""Where secondary lesions go: blobs, scattered spots, and hosts among the primary lesions."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout

BIG = ("patch", "plaque", "nodule", "wheal", "ulcer", "bulla")
Spot = tuple[float, float, float]


def widened(canvas: Canvas, layout: Layout, ground: Array, ring: bool) -> Array:
    """The ground with a blob in its middle where the lesions alone are too small to show a texture."""
    if any(e.kind in BIG for e in layout.elements) and not ring:
        return ground
    return np.maximum(ground, blob(canvas, layout, (layout.x, layout.y), 0.17, 0))


def blob(canvas: Canvas, layout: Layout, at: tuple[float, float], r: float, k: int, soft: float = 0.15) -> Array:
    """A full-size field: a wavy disc of radius r (before the body part's scale) about a point."""
    e = Element("blob", *at, r * layout.span, 1.0 + 0.4 * layout.shift[k], 1.0, 0.0)
    field = np.zeros_like(canvas.melanin)
    window = canvas.window(*at, 1.7 * e.r)
    field[window] = canvas.disc(canvas.radius(e, window, 0.25), e.r, 1.0, soft)
    return field


def spots(layout: Layout, n: int, k: int, reach: float = 1.0) -> list[Spot]:
    """n points (x, y) in the field with a spare number each, from the layout's random numbers by an irrational step."""
    found = []
    for i in range(n):
        a = (layout.shift[k % 24] + 0.7549 * (i + 1)) % 1
        b = (layout.shift[(k + 1) % 24] + 0.5698 * (i + 1)) % 1
        dx, dy = 2 * a - 1, 2 * b - 1
        limit = max(1.0, (dx * dx + dy * dy) ** 0.5)
        spare = (layout.shift[(k + 2) % 24] + 0.3819 * i) % 1
        found.append(
            (layout.x + reach * layout.reach * dx / limit, layout.y + reach * layout.reach * dy / limit, spare)
        )
    return found


def hosts(layout: Layout, n: int, k: int) -> list[Spot]:
    """Up to n places: the first two large elements, where there are any, then points near the middle of the field."""
    big = [e for e in layout.elements if e.kind in BIG][: min(2, n)]
    near = spots(layout, n, k, 0.55)
    return [(e.x, e.y, s[2]) for e, s in zip(big, near, strict=False)] + near[len(big) :]
