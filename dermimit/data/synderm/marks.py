"""Secondary lesions and pigments: what colours, breaks, covers or roughens the ground that the elements made."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.textures import ramp

BIG = ("patch", "plaque", "nodule", "wheal", "ulcer", "bulla")


def draw_marks(canvas: Canvas, layout: Layout, ground: Array, present: frozenset[str]) -> None:
    """Draw every present attribute of this module, in a fixed order, on ground widened so that each can be seen."""
    wide = ground
    if not any(e.kind in BIG for e in layout.elements) or "annular" in present:
        wide = np.maximum(ground, _blob(canvas, layout, (layout.x, layout.y), 0.17, 0))
    for name, draw in PIGMENTS.items():
        if name in present:
            draw(canvas, layout, ground, wide)
    for name, draw in SURFACES.items():
        if name in present:
            draw(canvas, layout, wide)


def _blob(canvas: Canvas, layout: Layout, at: tuple[float, float], r: float, k: int) -> Array:
    """A full-size field: a wavy disc of radius r (before the body part's scale) about a point."""
    e = Element("blob", *at, r * layout.span, 1.0 + 0.4 * layout.shift[k], 1.0, 0.0)
    field = np.zeros_like(canvas.melanin)
    window = canvas.window(*at, 1.7 * e.r)
    field[window] = canvas.disc(canvas.radius(e, window, 0.25), e.r, 1.0, 0.15)
    return field


def _spots(layout: Layout, n: int, k: int, reach: float = 1.0) -> list[tuple[float, float, float]]:
    """n points (x, y) in the field with a spare number each, from the layout's random numbers by an irrational step."""
    spots = []
    for i in range(n):
        a = (layout.shift[k % 24] + 0.7549 * (i + 1)) % 1
        b = (layout.shift[(k + 1) % 24] + 0.5698 * (i + 1)) % 1
        dx, dy = 2 * a - 1, 2 * b - 1
        limit = max(1.0, (dx * dx + dy * dy) ** 0.5)
        spare = (layout.shift[(k + 2) % 24] + 0.3819 * i) % 1
        spots.append(
            (layout.x + reach * layout.reach * dx / limit, layout.y + reach * layout.reach * dy / limit, spare)
        )
    return spots


def _hosts(layout: Layout, n: int, k: int) -> list[tuple[float, float, float]]:
    """Up to n places on the largest elements, filled up with points near the field's middle."""
    big = sorted(layout.elements, key=lambda e: -e.r)[:n]
    near = _spots(layout, n, k, 0.55)
    return [
        (e.x, e.y, s[2]) if e.kind in BIG and i < 2 else s for i, (e, s) in enumerate(zip(big, near, strict=False))
    ] + near[len(big) :]


def _hyperpigmentation(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> None:
    net = canvas.noise("fine", 0.6, 6) * 0.22 + 1.0
    canvas.melanin += 1.25 * wide * net
    canvas.mark(ALL, wide)


def _hypopigmentation(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> None:
    part = wide * ramp(canvas.noise("coarse", 0.5, 8) + 0.6, 0.3)
    part = np.maximum(part, _blob(canvas, layout, (layout.x, layout.y), 0.11, 2))
    canvas.melanin = canvas.melanin * (1 - part) - 0.95 * part  # below 0: share of the skin's own melanin that is lost
    canvas.blood *= 1 - 0.5 * part
    canvas.put(ALL, 0.72 * part, (0.93, 0.88, 0.84))
    canvas.mark(ALL, part)


def _black(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> None:
    part = wide * ramp(canvas.noise("middle", 0.5, 9) - 0.35, 0.4)
    for x, y, spare in _spots(layout, 2, 3, 0.35):
        part = np.maximum(part, _blob(canvas, layout, (x, y), 0.06 + 0.05 * spare, 4))
    canvas.put(ALL, 0.93 * part, (0.018, 0.016, 0.026))
    canvas.mark(ALL, part)


def _purpura(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> None:
    for x, y, spare in _spots(layout, 22, 5, 1.1):
        r = layout.span * (0.018 + 0.026 * spare * spare)
        window = canvas.window(x, y, 1.6 * r)
        rho = canvas.radius(Element("dot", x, y, r, 1.1, 1.0, 0.0), window, 0.2)
        dot = canvas.disc(rho, r, 1.0, 0.3)
        canvas.put(window, 0.86 * dot, (0.20, 0.015, 0.13))
        canvas.mark(window, dot)


def _erythema(canvas: Canvas, layout: Layout, ground: Array, wide: Array) -> None:
    for e in layout.elements:
        window = canvas.window(e.x, e.y, 2.3 * e.r)
        halo = canvas.disc(canvas.radius(e, window, 0.15), e.r, 1.35, 0.9)
        canvas.blood[window] = np.maximum(canvas.blood[window], 1.2 * halo)
    canvas.blood += (1.05 + 0.15 * canvas.noise("middle", 1.0, 10)) * ground
    canvas.mark(ALL, ground)


def _warty(canvas: Canvas, layout: Layout, wide: Array) -> None:
    near = canvas.noise("near", 0.85, 11)
    canvas.height += 0.055 * wide * np.sqrt(np.clip(1.1 - near * near, 0, 1))
    crevice = wide * ramp(near - 0.62, 0.25)
    canvas.put(ALL, 0.35 * wide, (0.52, 0.42, 0.30))
    canvas.put(ALL, 0.8 * crevice, (0.12, 0.08, 0.05))
    canvas.mark(ALL, wide)


def _lichenification(canvas: Canvas, layout: Layout, wide: Array) -> None:
    x = canvas.axis[None, :] + 0.010 * canvas.noise("middle", 0.6, 12)
    y = canvas.axis[:, None] + 0.010 * canvas.noise("middle", 0.6, 13)
    step = 1 / 0.062
    a = np.abs(((x + 0.6 * y) * step) % 1.0 - 0.5)
    b = np.abs(((x - 0.7 * y + 4) * step) % 1.0 - 0.5)
    area = np.maximum(wide, _blob(canvas, layout, (layout.x, layout.y), 0.21, 6))
    groove = area * np.maximum(ramp(a - 0.36, 0.2), ramp(b - 0.36, 0.2))
    canvas.height += 0.018 * (area - groove)
    canvas.melanin += 0.35 * area
    canvas.put(ALL, 0.72 * groove, (0.12, 0.055, 0.035))
    canvas.mark(ALL, area)


def _scar(canvas: Canvas, layout: Layout, wide: Array) -> None:
    for x, y, spare in _spots(layout, 3, 8, 0.6):
        dx, dy = 0.15 * layout.span, 0.15 * layout.span * (2 * layout.shift[9] - 1) + 0.03 * (spare - 0.5)
        r = layout.span * (0.026 + 0.012 * spare)
        window, rho = canvas.line((x - dx, y - dy), (x + dx, y + dy), r, 0.005)
        band = canvas.disc(rho, r, 1.0, 0.3)
        canvas.height[window] = np.maximum(canvas.height[window], 1.1 * r * np.sqrt(np.clip(1 - rho * rho, 0, 1)))
        canvas.put(window, 0.80 * band, (0.86, 0.60, 0.58))
        canvas.put(window, 0.85 * canvas.disc(rho, r, 0.28, 0.4), (0.99, 0.93, 0.92))
        canvas.mark(window, band)


def _telangiectasia(canvas: Canvas, layout: Layout, wide: Array) -> None:
    patch = _blob(canvas, layout, (layout.x, layout.y), 0.24, 10)
    width = 0.011
    vessel = patch * ramp(width - canvas.noise("vessel", 0.75, 14) * (1 / 0.75), max(0.012, canvas.soft))
    canvas.put(ALL, 0.85 * vessel, (0.45, 0.015, 0.05))
    canvas.mark(ALL, patch * ramp(0.02 - canvas.noise("vessel", 0.75, 14), 0.01))


def _erosion(canvas: Canvas, layout: Layout, wide: Array) -> None:
    for x, y, spare in _hosts(layout, 2, 11):
        r = 0.075 + 0.05 * spare
        raw = _blob(canvas, layout, (x + 0.03, y - 0.02), r, 12)
        canvas.height -= 0.02 * raw
        canvas.put(ALL, 0.90 * raw, (0.66, 0.075, 0.085))
        wet = raw * ramp(canvas.noise("fine", 0.5, 15) - 1.1, 0.4)
        canvas.put(ALL, 0.85 * wet, (1.0, 0.93, 0.92))
        canvas.mark(ALL, raw)


def _crust(canvas: Canvas, layout: Layout, wide: Array) -> None:
    shade, gap = canvas.noise("shade", 0.9, 16), canvas.noise("gap", 0.9, 16)
    for x, y, spare in _hosts(layout, 4, 13):
        clump = _blob(canvas, layout, (x - 0.02, y + 0.03), 0.055 + 0.035 * spare, 14)
        part = clump * ramp(gap - 0.06, 0.12)
        canvas.height += 0.05 * part * (0.5 + shade)
        canvas.put(ALL, 0.8 * clump, (0.20, 0.09, 0.02))
        canvas.put(ALL, 0.95 * part * ramp(shade - 0.35, 0.3), (0.66, 0.36, 0.055))
        canvas.mark(ALL, clump)


def _scale(canvas: Canvas, layout: Layout, wide: Array) -> None:
    gap, shade = canvas.noise("gap", 0.8, 17), canvas.noise("shade", 0.8, 17)
    flake = wide * ramp(gap - 0.16, 0.16) * ramp(shade - 0.36, 0.1)
    canvas.height += 0.022 * flake * (0.4 + shade)
    canvas.put(ALL, 0.90 * flake, (0.93, 0.91, 0.87))
    canvas.mark(ALL, wide)


def _fissure(canvas: Canvas, layout: Layout, wide: Array) -> None:
    for i, (x, y, spare) in enumerate(_spots(layout, 3, 15, 0.45)):
        dx, dy = 0.14 * layout.span * (spare - 0.3), 0.13 * layout.span
        bend = 0.05 * (1 if i % 2 else -1)
        for p, q in (((x - dx, y - dy), (x + bend, y)), ((x + bend, y), (x + dx, y + dy))):
            window, rho = canvas.line(p, q, 0.013)
            canvas.put(window, 0.6 * canvas.disc(rho, 0.013, 2.2, 0.8), (0.86, 0.70, 0.55))
            canvas.put(window, 0.97 * canvas.disc(rho, 0.013, 1.0, 0.5), (0.13, 0.0, 0.005))
            canvas.height[window] -= 0.025 * canvas.disc(rho, 0.013, 1.2, 0.8)
            canvas.mark(window, canvas.disc(rho, 0.013, 1.4, 0.5))


def _excoriation(canvas: Canvas, layout: Layout, wide: Array) -> None:
    slope = 0.5 * (2 * layout.shift[17] - 1)
    for i in range(4):
        x = layout.x + layout.span * 0.04 * (layout.shift[18 + i % 4] - 0.5)
        y = layout.y + layout.span * 0.085 * (i - 1.5)
        half = layout.span * (0.17 + 0.08 * layout.shift[19 + i % 4])
        window, rho = canvas.line((x - half, y - half * slope), (x + half, y + half * slope), 0.013)
        broken = ramp(canvas.noise("middle", 1.0, 20 + i, window) + 0.8, 0.5)
        raw = canvas.disc(rho, 0.013, 1.0, 0.5) * broken
        canvas.blood[window] += 0.8 * canvas.disc(rho, 0.013, 2.0, 1.0)
        canvas.put(window, 0.92 * raw, (0.52, 0.03, 0.03))
        canvas.mark(window, canvas.disc(rho, 0.013, 1.4, 0.5))


ALL = (slice(None), slice(None))
PIGMENTS = {
    "erythema": _erythema,
    "hyperpigmentation": _hyperpigmentation,
    "hypopigmentation": _hypopigmentation,
    "black_pigment": _black,
    "purpura": _purpura,
}
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
