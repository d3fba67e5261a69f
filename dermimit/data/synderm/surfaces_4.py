"""Surface attributes of version 4: horn, flakes, scars and vessels without the look of tiles."""

import numpy as np

from dermimit.data.synderm.canvas import ALL
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.outlines import NaturalCanvas, turned
from dermimit.data.synderm.places import blob, spots
from dermimit.data.synderm.textures import ramp
from dermimit.data.synderm.wounds_4 import WOUNDS


def draw_surfaces(canvas: NaturalCanvas, layout: Layout, wide: Array, present: frozenset[str]) -> None:
    """Draw the surface attributes that are present, from below to above."""
    for name, draw in SURFACES_4.items():
        if name in present:
            canvas.touch(name, ALL, draw(canvas, layout, wide))


def _warty(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Horny knobs of unequal size with dark clefts, and here and there the dot of a clotted capillary."""
    knob = turned(canvas, "knob", 1.0 + 0.8 * layout.shift[11], layout, 11, 0.03)
    body = wide * ramp(canvas.warp + 1.5, 1.6)
    canvas.height += body * np.float32(0.036) * knob
    canvas.put(ALL, (np.float32(0.30) + np.float32(0.28) * knob).clip(0, 0.7) * body, (0.47, 0.38, 0.28))
    canvas.put(ALL, np.float32(0.62) * body * ramp(0.50 - knob, 0.35), (0.15, 0.09, 0.055))
    dots = body * canvas.noise("spot", 1.6, 12)
    canvas.put(ALL, np.float32(0.75) * ramp(dots - 0.6, 0.4), (0.07, 0.025, 0.025))
    return wide


def _lichenification(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Thickened skin whose lines are deep, cross in uneven lozenges and fade at the margin; brownish and dull."""
    area = np.maximum(wide, blob(canvas, layout, (layout.x, layout.y), 0.21, 6, 0.5))
    x = canvas.axis[None, :] + np.float32(0.020) * canvas.warp + np.float32(0.004) * canvas.ragged
    y = canvas.axis[:, None] + np.float32(0.016) * canvas.ragged
    lean, step = 0.35 + 0.5 * layout.shift[12], 1 / (0.048 + 0.03 * layout.shift[13])
    a = np.abs(((x + np.float32(lean) * y) * np.float32(step) + 8) % 1.0 - np.float32(0.5))
    b = np.abs(((x - np.float32(1.1 - 0.5 * lean) * y) * np.float32(0.8 * step) + 8) % 1.0 - np.float32(0.5))
    lozenge = np.maximum(ramp(a - 0.34, 0.30), ramp(b - 0.36, 0.28))
    lines = turned(canvas, "lines", 2.2, layout, 14)
    depth = (np.float32(0.75) + np.float32(0.30) * canvas.warp).clip(0.3, 1)
    groove = area * (depth * lozenge - np.float32(0.25) * lines).clip(0, 1)
    canvas.height += np.float32(0.016) * (np.float32(0.7) * area - groove)
    canvas.melanin += np.float32(0.45) * area * (1 + np.float32(0.2) * canvas.ragged)
    canvas.blood += np.float32(0.18) * area
    canvas.put(ALL, (np.float32(0.50) * groove).clip(0, 1), (0.17, 0.085, 0.055))
    canvas.gloss -= np.float32(0.05) * area
    return area


def _scar(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Smooth, shiny, pale-pink bands of new tissue of uneven width, without skin lines."""
    part = np.zeros_like(wide)
    for x, y, spare in spots(layout, 3, 8, 0.6):
        dx, dy = 0.15 * layout.span, 0.15 * layout.span * (2 * layout.shift[9] - 1) + 0.08 * (spare - 0.5)
        r = layout.span * (0.026 + 0.036 * spare)
        window, rho = canvas.line((x - dx, y - dy), (x + dx, y + dy), r, 0.014)
        rho = rho * (1 + np.float32(0.16) * canvas.warp[window]) + np.float32(0.16) * canvas.ragged[window]
        band = canvas.disc(rho, r, 1.0, 0.5)
        here = canvas.height[window]
        np.maximum(here, np.float32(0.20 * r) * (1 - rho * rho).clip(0, 1), out=here)
        canvas.gloss[window] += np.float32(0.26) * band
        canvas.put(window, np.float32(0.46) * band, (0.64, 0.41, 0.36))
        canvas.put(window, np.float32(0.18) * canvas.disc(rho, r, 0.4, 1.0), (0.86, 0.70, 0.64))
        under = part[window]
        np.maximum(under, band, out=under)
    return part


def _telangiectasia(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Fine branching vessels near the surface, on faint redness."""
    patch = blob(canvas, layout, (layout.x, layout.y), 0.26, 10, 0.7)
    scale = 0.45 + 0.20 * layout.shift[15]
    distance = turned(canvas, "vein", scale, layout, 13, 0.02)
    canvas.blood += np.float32(0.26) * patch
    vessel = patch * ramp(0.10 - distance, max(0.10, 0.75 * scale * 32 * canvas.soft))
    canvas.put(ALL, (np.float32(0.90) + np.float32(0.10) * canvas.warp).clip(0, 0.98) * vessel, (0.40, 0.035, 0.055))
    return patch * (distance < 0.3)


def _scale(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Loose horn: torn silvery flakes of all sizes with lifted edges, thick here and thin there, and fine dust."""
    flake = turned(canvas, "flake", 1.0 + 0.9 * layout.shift[17], layout, 17, 0.02)
    much = layout.shift[19]
    field = wide * (np.float32(0.80 + 0.2 * much) + np.float32(0.22) * canvas.warp).clip(0.35, 1.0)
    horn = field * ramp(flake - np.float32(0.56 - 0.16 * much), 0.20)
    canvas.height += (np.float32(0.003) + np.float32(0.006) * flake) * horn
    canvas.put(ALL, (np.float32(0.10) + np.float32(0.52) * flake).clip(0, 0.64) * horn, (0.74, 0.70, 0.65))
    canvas.put(ALL, np.float32(0.14) * field, (0.70, 0.64, 0.58))
    dust = field * ramp(canvas.noise("grain", 0.8, 20) - 0.4, 1.2)
    canvas.put(ALL, np.float32(0.24) * dust, (0.74, 0.70, 0.64))
    return wide


SURFACES_4 = {
    "warty": _warty,
    "lichenification": _lichenification,
    "scar": _scar,
    "telangiectasia": _telangiectasia,
    "erosion": WOUNDS["erosion"],
    "scale": _scale,
    "crust": WOUNDS["crust"],
    "fissure": WOUNDS["fissure"],
    "excoriation": WOUNDS["excoriation"],
}
