"""Pigments of version 4: the same attributes, uneven over several octaves and with softer edges."""

import numpy as np

from dermimit.data.synderm.camera import blurred
from dermimit.data.synderm.canvas import ALL
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.outlines import NaturalCanvas
from dermimit.data.synderm.places import blob, spots
from dermimit.data.synderm.textures import ramp


def draw_pigments(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array, present: frozenset[str]) -> None:
    """Draw the pigments that are present, in a fixed order; arguments as in `pigments.draw_pigments`."""
    for name, draw in PIGMENTS_4.items():
        if name in present:
            canvas.touch(name, ALL, draw(canvas, layout, ground, wide))


def _erythema(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Widened vessels: more blood on the lesions and, fading unevenly, around them."""
    flare = blurred(ground[None], 0.022 * canvas.size)[0]
    flare *= np.float32(2.2)
    red = np.maximum(ground, np.minimum(flare, np.float32(0.85)))
    red *= (1 + np.float32(0.22) * canvas.noise("blotch", 1.1, 10)).clip(0.45, 1.5)
    canvas.blood += np.float32(0.80 * (0.25 + 0.75 * layout.activity)) * red
    return red


def _hyperpigmentation(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """More melanin, unevenly spread, darker here and there."""
    net = 1 + np.float32(0.30) * canvas.noise("mottle", 1.2, 6)
    canvas.melanin += np.float32(1.25) * wide * net.clip(0.35, 1.8)
    return wide


def _hypopigmentation(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Melanin lost in ragged areas; the pale skin keeps a faint pink."""
    part = wide * ramp(canvas.noise("blotch", 0.6, 8) + 0.9, 0.7)
    part = np.maximum(part, blob(canvas, layout, (layout.x, layout.y), 0.12, 2, 0.3))
    canvas.bleach = np.maximum(canvas.bleach, np.float32(0.93) * part)
    canvas.melanin *= 1 - part
    canvas.blood -= np.float32(0.12) * part
    canvas.put(ALL, np.float32(0.24) * part, (0.86, 0.77, 0.67))
    return part


def _black(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Blue-black pigment in irregular blots that thin out at their edge."""
    part = wide * ramp(canvas.noise("mottle", 0.9, 9) - 0.55, 0.8)
    for x, y, spare in spots(layout, 2, 3, 0.35):
        part = np.maximum(part, blob(canvas, layout, (x, y), 0.050 + 0.055 * spare, 4, 0.5))
    part *= (np.float32(0.92) + np.float32(0.10) * canvas.ragged).clip(0, 1)
    canvas.put(ALL, np.float32(0.92) * part, (0.030, 0.022, 0.026))
    return part


def _purpura(canvas: NaturalCanvas, layout: Layout, ground: Array, wide: Array) -> Array:
    """Blood outside the vessels: dark dots of unequal size and age, and a few blots; pressing would not blanch them."""
    part = np.zeros_like(ground)
    for i, (x, y, spare) in enumerate(spots(layout, 26, 5, 1.15)):
        r = layout.span * (0.012 + 0.026 * spare * spare + (0.055 if i < 3 else 0.0) * spare)
        window = canvas.window(x, y, 1.8 * r)
        rho = canvas.radius(Element("dot", x, y, r, 1.0 + 0.5 * ((7 * spare) % 1), 0.8, 0.6), window, 0.32)
        here = part[window]
        np.maximum(here, (0.62 + 0.38 * spare) * canvas.disc(rho, r, 1.0, 0.35 + 0.5 * spare), out=here)
    canvas.put(ALL, np.float32(0.80) * part, (0.15, 0.016, 0.050))
    return part


PIGMENTS_4 = {
    "erythema": _erythema,
    "hyperpigmentation": _hyperpigmentation,
    "hypopigmentation": _hypopigmentation,
    "black_pigment": _black,
    "purpura": _purpura,
}
