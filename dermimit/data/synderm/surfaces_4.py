"""Surface attributes of version 4: horn, flakes, crusts and scars without the look of tiles."""

import numpy as np

from dermimit.data.synderm.canvas import ALL, Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.places import blob, hosts, spots
from dermimit.data.synderm.textures import ramp, sample_warped


def draw_surfaces(canvas: Canvas, layout: Layout, wide: Array, present: frozenset[str]) -> None:
    """Draw the surface attributes that are present, from below to above."""
    for name, draw in SURFACES_4.items():
        if name in present:
            canvas.touch(name, ALL, draw(canvas, layout, wide))


def turned(canvas: Canvas, tile: str, scale: float, layout: Layout, k: int, bend: float = 0.0) -> Array:
    """A tile over the picture, turned and shifted by the case, and bent by `bend` (fractions of the side)."""
    s = 2 * layout.shift[k] - 1
    cos, sin = np.float32((1 - s * s) / (1 + s * s)), np.float32(2 * s / (1 + s * s))
    u = cos * canvas.axis[None, :] + (sin * canvas.axis[:, None] + np.float32(layout.shift[k + 1]))
    v = cos * canvas.axis[:, None] - (sin * canvas.axis[None, :] - np.float32(layout.shift[k + 2]))
    if bend:
        u += np.float32(bend) * canvas.warp
        v += np.float32(bend) * canvas.ragged
    return sample_warped(tile, v, u, scale, scale)


def _warty(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Horny knobs of unequal size with dark clefts, and here and there the dot of a clotted capillary."""
    knob = turned(canvas, "knob", 1.0 + 0.8 * layout.shift[11], layout, 11, 0.03)
    body = wide * ramp(canvas.warp + 1.5, 1.6)
    canvas.height += body * np.float32(0.036) * knob
    canvas.put(ALL, (np.float32(0.30) + np.float32(0.28) * knob).clip(0, 0.7) * body, (0.47, 0.38, 0.28))
    canvas.put(ALL, np.float32(0.62) * body * ramp(0.50 - knob, 0.35), (0.15, 0.09, 0.055))
    dots = body * canvas.noise("spot", 1.6, 12)
    canvas.put(ALL, np.float32(0.75) * ramp(dots - 0.6, 0.4), (0.07, 0.025, 0.025))
    return wide


def _lichenification(canvas: Canvas, layout: Layout, wide: Array) -> Array:
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


def _scar(canvas: Canvas, layout: Layout, wide: Array) -> Array:
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


def _telangiectasia(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Fine branching vessels near the surface, on faint redness."""
    patch = blob(canvas, layout, (layout.x, layout.y), 0.26, 10, 0.7)
    scale = 0.45 + 0.20 * layout.shift[15]
    distance = turned(canvas, "vein", scale, layout, 13, 0.02)
    canvas.blood += np.float32(0.26) * patch
    vessel = patch * ramp(0.10 - distance, max(0.10, 0.75 * scale * 32 * canvas.soft))
    canvas.put(ALL, (np.float32(0.90) + np.float32(0.10) * canvas.warp).clip(0, 0.98) * vessel, (0.40, 0.035, 0.055))
    return patch * (distance < 0.3)


def _erosion(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """The upper skin is gone: shallow, raw, wet, with a pale fringe of unequal width."""
    part = np.zeros_like(wide)
    for x, y, spare in hosts(layout, 2, 11):
        part = np.maximum(part, blob(canvas, layout, (x + 0.03, y - 0.02), 0.070 + 0.060 * spare, 12, 0.22))
    canvas.height -= np.float32(0.014) * part
    canvas.put(ALL, np.float32(0.42) * (4 * part * (1 - part)), (0.84, 0.72, 0.62))
    mottle = np.float32(0.76) + np.float32(0.16) * canvas.noise("mottle", 1.6, 15)
    canvas.put(ALL, (mottle * part).clip(0, 1), (0.50, 0.115, 0.10))
    canvas.gloss += np.float32(0.75) * part
    return part


def _scale(canvas: Canvas, layout: Layout, wide: Array) -> Array:
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


def _crust(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Dried fluid: thin honey-coloured glaze to thick brown plates, cracked, with a ragged edge, standing up."""
    knob = turned(canvas, "knob", 0.8 + 0.7 * layout.shift[13], layout, 15, 0.02)
    thick, old, many = layout.shift[16], layout.shift[15], layout.shift[14]
    part = np.zeros_like(wide)
    for x, y, spare in hosts(layout, 2 + int(3 * many), 13):
        part = np.maximum(part, blob(canvas, layout, (x - 0.02, y + 0.03), 0.034 + 0.052 * spare, 14, 0.5))
    plate = part * ramp(knob - 0.36, 0.30)
    canvas.height += np.float32(0.4 + 0.6 * thick) * (np.float32(0.008) + np.float32(0.026) * knob) * plate
    canvas.put(ALL, np.float32(0.34 + 0.42 * thick) * part, (0.17, 0.075, 0.035))
    honey = (np.float32(1.0 - 0.5 * old) * (np.float32(0.15) + np.float32(0.85) * knob)).clip(0, 1)
    canvas.put(ALL, (np.float32(0.60 + 0.32 * thick) * plate * honey).clip(0, 1), (0.46, 0.27 + 0.04 * old, 0.10))
    canvas.gloss += np.float32(0.18) * plate
    return part


def _fissure(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Deep cracks, dark red, that taper and bend, in dry thickened skin."""
    part = np.zeros_like(wide)
    for i, (x, y, spare) in enumerate(spots(layout, 4, 15, 0.45)):
        dx, dy = 0.13 * layout.span * (layout.shift[18] - 0.5 + 0.3 * spare), (0.07 + 0.08 * spare) * layout.span
        bend = 0.035 * (1 if i % 2 else -1) * (0.3 + spare)
        r = max(0.008 + 0.006 * ((5 * spare) % 1), 0.6 * canvas.soft)
        for p, q in (((x - dx, y - dy), (x + bend, y)), ((x + bend, y), (x + dx, y + dy))):
            window, rho = canvas.line(p, q, r, 0.010)
            away = np.abs(canvas.axis[window[0]][:, None] - np.float32(y)) * np.float32(0.7 / dy)
            rho = rho * (1 + away * away)
            canvas.put(window, np.float32(0.22) * canvas.disc(rho, r, 2.6, 2.2), (0.70, 0.56, 0.43))
            canvas.put(window, np.float32(0.92) * canvas.disc(rho, r, 0.95, 0.8), (0.17, 0.016, 0.016))
            canvas.height[window] -= np.float32(0.012) * canvas.disc(rho, r, 1.2, 1.2)
            here = part[window]
            np.maximum(here, canvas.disc(rho, r, 1.4, 0.6), out=here)
    return part


def _excoriation(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Scratches: roughly parallel, broken, tapering lines of small dark crusts in a red flare."""
    part = np.zeros_like(wide)
    slope = 0.5 * (2 * layout.shift[17] - 1)
    for i in range(4):
        a, b, c = (layout.shift[(18 + i + k) % 24] for k in (0, 2, 5))
        x, y = layout.x + layout.span * 0.07 * (a - 0.5), layout.y + layout.span * (0.085 * (i - 1.5) + 0.03 * (c - 0.5))
        half, r = layout.span * (0.12 + 0.13 * b), max(0.007 + 0.006 * c, 0.6 * canvas.soft)
        lean = half * (slope + 0.3 * (a - 0.5))
        window, rho = canvas.line((x - half, y - lean), (x + half, y + lean), r, 0.014)
        along = (canvas.axis[window[1]][None, :] - np.float32(x)) * np.float32(0.9 / half)
        rho = rho * (1 + along * along)
        raw = canvas.disc(rho, r, 1.0, 0.8) * ramp(canvas.ragged[window] + np.float32(0.5), 1.2)
        canvas.blood[window] += np.float32(0.60) * canvas.disc(rho, r, 3.0, 2.6)
        canvas.put(window, np.float32(0.82) * raw, (0.26, 0.040, 0.030))
        canvas.height[window] += np.float32(0.004) * raw
        here = part[window]
        np.maximum(here, canvas.disc(rho, r, 1.6, 0.8), out=here)
    return part


SURFACES_4 = {
    "warty": _warty,
    "lichenification": _lichenification,
    "scar": _scar,
    "telangiectasia": _telangiectasia,
    "erosion": _erosion,
    "scale": _scale,
    "crust": _crust,
    "fissure": _fissure,
    "excoriation": _excoriation,
}
