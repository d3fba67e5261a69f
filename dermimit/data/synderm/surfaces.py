"""Attributes that change the surface: what roughens, breaks, covers or scars the skin."""

import numpy as np

from dermimit.data.synderm.canvas import ALL, Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.places import blob, hosts, spots
from dermimit.data.synderm.textures import ramp


def draw_surfaces(canvas: Canvas, layout: Layout, wide: Array, present: frozenset[str]) -> None:
    """Draw the surface attributes that are present, from below to above."""
    for name, draw in SURFACES.items():
        if name in present:
            canvas.touch(name, ALL, draw(canvas, layout, wide))


def _warty(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """A cauliflower of horny knobs with dark clefts, and here and there the dot of a clotted capillary."""
    near, shade = canvas.noise("near", 1.0, 11), canvas.noise("shade", 1.0, 11)
    canvas.height += (0.034 + 0.014 * shade) * wide * np.sqrt(np.clip(1.15 - near * near, 0, 1))
    canvas.put(ALL, (0.42 + 0.12 * shade) * wide, (0.50, 0.40, 0.29))
    canvas.put(ALL, 0.70 * wide * ramp(near - 0.66, 0.3), (0.16, 0.10, 0.06))
    canvas.put(ALL, 0.9 * wide * ramp(0.16 - near, 0.1) * ramp(shade - 0.86, 0.05), (0.05, 0.02, 0.02))
    return wide


def _lichenification(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Thickened skin whose lines are deep and cross in lozenges, brownish and dull."""
    area = np.maximum(wide, blob(canvas, layout, (layout.x, layout.y), 0.21, 6, 0.35))
    x = canvas.axis[None, :] + 0.012 * canvas.noise("middle", 0.7, 12)
    y = canvas.axis[:, None] + 0.012 * canvas.noise("middle", 0.7, 13)
    step = 1 / 0.060
    a = np.abs(((x + 0.55 * y) * step) % 1.0 - 0.5)
    b = np.abs(((x - 0.65 * y + 4) * step) % 1.0 - 0.5)
    depth = 0.75 + 0.25 * canvas.noise("fine", 0.8, 14)
    groove = area * depth * np.maximum(ramp(a - 0.36, 0.22), ramp(b - 0.36, 0.22))
    canvas.height += 0.020 * (0.8 * area - groove)
    canvas.melanin += 0.45 * area
    canvas.blood += 0.15 * area
    canvas.put(ALL, (0.55 * groove).clip(0, 1), (0.17, 0.085, 0.055))
    canvas.gloss -= 0.05 * area
    return area


def _scar(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Smooth, shiny, pale-pink bands of new tissue without skin lines."""
    part = np.zeros_like(wide)
    for x, y, spare in spots(layout, 3, 8, 0.6):
        dx, dy = 0.15 * layout.span, 0.15 * layout.span * (2 * layout.shift[9] - 1) + 0.03 * (spare - 0.5)
        r = layout.span * (0.026 + 0.014 * spare)
        window, rho = canvas.line((x - dx, y - dy), (x + dx, y + dy), r, 0.012)
        band = canvas.disc(rho, r, 1.0, 0.35)
        canvas.height[window] = np.maximum(canvas.height[window], (0.8 * r) * np.sqrt(np.clip(1 - rho * rho, 0, 1)))
        canvas.gloss[window] += 0.75 * band
        canvas.put(window, 0.72 * band, (0.70, 0.45, 0.40))
        canvas.put(window, 0.32 * canvas.disc(rho, r, 0.35, 0.6), (0.92, 0.80, 0.75))
        part[window] = np.maximum(part[window], band)
    return part


def _telangiectasia(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Fine branching vessels near the surface, on faint redness."""
    patch = blob(canvas, layout, (layout.x, layout.y), 0.25, 10, 0.5)
    distance = canvas.noise("vessel", 0.50, 14)
    canvas.blood += 0.15 * patch
    vessel = patch * ramp(0.085 - distance, max(0.10, 0.6 * 0.50 * 32 * canvas.soft))
    canvas.put(ALL, 0.82 * vessel, (0.40, 0.035, 0.055))
    return patch * (distance < 0.3)


def _erosion(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """The upper skin is gone: sharp, shallow, raw, wet, with a pale fringe."""
    part = np.zeros_like(wide)
    for x, y, spare in hosts(layout, 2, 11):
        part = np.maximum(part, blob(canvas, layout, (x + 0.03, y - 0.02), 0.075 + 0.05 * spare, 12))
    canvas.height -= 0.016 * part
    canvas.put(ALL, 0.45 * (4 * part * (1 - part)), (0.84, 0.72, 0.62))
    mottle = 0.78 + 0.16 * canvas.noise("fine", 0.9, 15)
    canvas.put(ALL, (mottle * part).clip(0, 1), (0.50, 0.115, 0.10))
    canvas.gloss += 0.95 * part
    return part


def _scale(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Loose horn: two layers of silvery flakes with lifted edges, and fine dust between them."""
    x = 0.35 * layout.shift[17]
    part = np.zeros_like(wide)
    for tile, border, size, k in (("gap", "shade", 0.85 + x, 17), ("furrow", "speck", 0.8 + x, 18)):
        gap, shade = canvas.noise(tile, size, k), canvas.noise(border, size, k)
        gap = gap + 0.10 * canvas.noise("grain", 0.8, k)
        flake = wide * ramp(gap - 0.20, 0.30) * ramp(shade - (0.42 if tile == "gap" else 0.58), 0.12)
        canvas.height += (0.0035 + 0.0035 * shade) * flake
        canvas.put(ALL, ((0.34 + 0.40 * shade) * flake).clip(0, 0.85), (0.74, 0.70, 0.64))
        part = np.maximum(part, flake)
    canvas.put(ALL, 0.16 * wide, (0.72, 0.66, 0.60))
    dust = wide * ramp(canvas.noise("grain", 0.8, 20) - 0.4, 1.2)
    canvas.put(ALL, 0.28 * dust, (0.74, 0.70, 0.64))
    return wide


def _crust(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Dried fluid: thin honey-coloured glaze to thick brown plates, cracked, standing up from the skin."""
    shade, gap = canvas.noise("shade", 1.0, 16), canvas.noise("gap", 1.0, 16)
    thick, old, many = layout.shift[16], layout.shift[15], layout.shift[14]
    part = np.zeros_like(wide)
    for x, y, spare in hosts(layout, 2 + int(3 * many), 13):
        part = np.maximum(part, blob(canvas, layout, (x - 0.02, y + 0.03), 0.036 + 0.046 * spare, 14, 0.35))
    plate = part * ramp(gap - 0.05, 0.14)
    grain = canvas.noise("fine", 1.0, 16)
    canvas.height += (0.4 + 0.6 * thick) * (0.014 + 0.020 * shade + 0.004 * grain) * plate
    canvas.put(ALL, (0.30 + 0.45 * thick) * part, (0.17, 0.075, 0.035))
    honey = ((1.0 - 0.5 * old) * (0.35 + 0.5 * shade + 0.10 * grain)).clip(0, 1)
    canvas.put(ALL, ((0.55 + 0.35 * thick) * plate * honey).clip(0, 1), (0.46, 0.26, 0.09))
    canvas.gloss += 0.25 * plate
    return part


def _fissure(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Deep linear cracks, dark red, in dry thickened skin."""
    part = np.zeros_like(wide)
    r = 0.012
    for i, (x, y, spare) in enumerate(spots(layout, 3, 15, 0.45)):
        dx, dy = 0.14 * layout.span * (spare - 0.3), 0.13 * layout.span
        bend = 0.05 * (1 if i % 2 else -1)
        for p, q in (((x - dx, y - dy), (x + bend, y)), ((x + bend, y), (x + dx, y + dy))):
            window, rho = canvas.line(p, q, r)
            canvas.put(window, 0.28 * canvas.disc(rho, r, 2.4, 1.6), (0.72, 0.58, 0.44))
            canvas.put(window, 0.95 * canvas.disc(rho, r, 1.0, 0.6), (0.16, 0.012, 0.014))
            canvas.height[window] -= 0.022 * canvas.disc(rho, r, 1.2, 0.8)
            part[window] = np.maximum(part[window], canvas.disc(rho, r, 1.4, 0.5))
    return part


def _excoriation(canvas: Canvas, layout: Layout, wide: Array) -> Array:
    """Scratches: parallel broken lines of small dark crusts in a red flare."""
    part = np.zeros_like(wide)
    slope, r = 0.5 * (2 * layout.shift[17] - 1), 0.011
    for i in range(4):
        x = layout.x + layout.span * 0.04 * (layout.shift[18 + i % 4] - 0.5)
        y = layout.y + layout.span * 0.085 * (i - 1.5)
        half = layout.span * (0.17 + 0.08 * layout.shift[19 + i % 4])
        window, rho = canvas.line((x - half, y - half * slope), (x + half, y + half * slope), r)
        raw = canvas.disc(rho, r, 1.0, 0.6) * ramp(canvas.noise("fine", 0.9, 20 + i, window) + 0.7, 0.7)
        canvas.blood[window] += 0.55 * canvas.disc(rho, r, 2.6, 1.6)
        canvas.put(window, 0.90 * raw, (0.34, 0.035, 0.030))
        canvas.height[window] += 0.006 * raw
        part[window] = np.maximum(part[window], canvas.disc(rho, r, 1.4, 0.5))
    return part


SURFACES = {
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
