"""Attributes that colour the skin: more or less melanin, black, blood within vessels and outside them."""

import numpy as np

from dermimit.data.synderm.canvas import ALL, Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.places import blob, spots
from dermimit.data.synderm.textures import ramp


def draw_pigments(canvas: Canvas, layout: Layout, ground: Array, wide: Array, present: frozenset[str]) -> None:
    """Draw the pigments that are present, in a fixed order.

    Args:
        ground: (H, W), the primary lesions.
        wide: (H, W), the ground widened so that a texture can be seen.
    """
    for name, draw in PIGMENTS.items():
        if name in present:
            canvas.touch(name, ALL, draw(canvas, layout, ground, wide))


def _erythema(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Widened vessels: more blood on the lesions and, fading, around them."""
    red = (1 + 0.14 * canvas.noise("middle", 1.0, 10)) * ground
    for e in layout.elements:
        beyond = min(1.0, 0.09 / e.r)  # the flare of a large lesion is no wider than that of a small one
        window = canvas.window(e.x, e.y, (1.4 + beyond) * e.r)
        halo = canvas.disc(canvas.radius(e, window, 0.20), e.r, 1 + 0.4 * beyond, 0.2 + 0.9 * beyond)
        red[window] = np.maximum(red[window], 0.85 * halo)
    canvas.blood += np.float32(0.88 * (0.25 + 0.75 * layout.activity)) * red
    return red


def _hyperpigmentation(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """More melanin, unevenly spread."""
    net = 1 + 0.16 * canvas.noise("fine", 0.7, 6) + 0.12 * canvas.noise("middle", 0.8, 6)
    canvas.melanin += np.float32(1.30) * wide * net
    return wide


def _hypopigmentation(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Melanin lost; the pale skin keeps a faint pink."""
    part = wide * ramp(canvas.noise("coarse", 0.5, 8) + 0.7, 0.3)
    part = np.maximum(part, blob(canvas, layout, (layout.x, layout.y), 0.12, 2))
    canvas.bleach = np.maximum(canvas.bleach, 0.93 * part)
    canvas.melanin *= 1 - part
    canvas.blood -= 0.12 * part
    canvas.put(ALL, 0.26 * part, (0.86, 0.77, 0.67))
    return part


def _black(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Blue-black pigment in irregular blots."""
    part = wide * ramp(canvas.noise("middle", 0.6, 9) + 0.3 * canvas.noise("fine", 0.6, 9) - 0.40, 0.5)
    for x, y, spare in spots(layout, 2, 3, 0.35):
        part = np.maximum(part, blob(canvas, layout, (x, y), 0.055 + 0.045 * spare, 4, 0.35))
    canvas.put(ALL, 0.92 * part, (0.022, 0.018, 0.024))
    return part


def _purpura(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Blood outside the vessels: sharp dark dots of unequal size, and a blot or two; pressing would not blanch them."""
    part = np.zeros_like(ground)
    for i, (x, y, spare) in enumerate(spots(layout, 26, 5, 1.15)):
        r = layout.span * (0.014 + 0.022 * spare * spare + (0.05 if i < 2 else 0.0) * spare)
        window = canvas.window(x, y, 1.7 * r)
        rho = canvas.radius(Element("dot", x, y, r, 1.1, 1.0, 0.0), window, 0.28)
        part[window] = np.maximum(part[window], (0.7 + 0.3 * spare) * canvas.disc(rho, r, 1.0, 0.45))
    canvas.put(ALL, 0.76 * part, (0.15, 0.016, 0.045))
    return part


PIGMENTS = {
    "erythema": _erythema,
    "hyperpigmentation": _hyperpigmentation,
    "hypopigmentation": _hypopigmentation,
    "black_pigment": _black,
    "purpura": _purpura,
}
