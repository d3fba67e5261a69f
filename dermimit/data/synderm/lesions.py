"""Primary lesions: each element with its own relief, pigment and surface."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout

HALO = {"comedo": 2.0, "vesicle": 1.7, "pustule": 1.8, "ulcer": 1.5, "bulla": 1.3}  # reach of the pigments beyond r


def draw_elements(canvas: Canvas, layout: Layout, present: frozenset[str], light: tuple[float, float]) -> Array:
    """Draw the primary lesions and return the ground (H, W): the skin they cover, where pigment and texture go."""
    ground = np.zeros_like(canvas.melanin)
    ring = "annular" in present
    if ring:
        _ring(canvas, layout, ground)
    for e in layout.elements:
        reach = HALO.get(e.kind, 1.0)
        window = canvas.window(e.x, e.y, e.r * e.aspect**0.5 * (reach * 1.35 + 0.25))
        rho = canvas.radius(e, window, 0.22 if e.kind in ("patch", "plaque", "wheal", "ulcer", "macule") else 0.08)
        if not rho.size:
            continue
        if ring and e.kind in ("patch", "plaque"):
            rho = 1 + np.abs(rho - 0.80) * (1 / 0.24) - 1.0
        disc = canvas.disc(rho, e.r, 1.0, 0.12)
        DRAW[e.kind](canvas, window, rho, disc, e, light)
        ground[window] = np.maximum(ground[window], canvas.disc(rho, e.r, reach, 0.25 * reach))
        canvas.mark(window, disc)
    return ground


def umbilicate(canvas: Canvas, layout: Layout) -> None:
    """A pit with a dark floor and a pale rim in the middle of each papule, vesicle and nodule."""
    for e in layout.elements:
        if e.kind not in ("papule", "vesicle", "nodule"):
            continue
        window = canvas.window(e.x, e.y, e.r)
        rho = canvas.radius(e, window, 0.0)
        edge = 0.42 if e.kind != "nodule" else 0.34
        pit = canvas.disc(rho, e.r, edge, 0.2)
        canvas.height[window] -= 0.5 * e.r * pit
        canvas.put(window, 0.55 * (canvas.disc(rho, e.r, 0.82, 0.25) - pit).clip(0, 1), (0.90, 0.80, 0.72))
        canvas.put(window, 0.85 * pit, (0.20, 0.09, 0.06))


def _ring(canvas: Canvas, layout: Layout, ground: Array) -> None:
    """The raised, redder border of an annular lesion; its middle is left clear."""
    e = Element("ring", layout.x, layout.y, 0.82 * layout.reach, 1.1, 1.0, 0.0)
    window = canvas.window(e.x, e.y, 1.6 * e.r)
    rho = canvas.radius(e, window, 0.18)
    band = canvas.disc(np.abs(rho - 1.0), e.r, 0.17, 0.16)
    canvas.height[window] += 0.030 * band
    canvas.blood[window] += 0.75 * band
    canvas.melanin[window] += 0.22 * band
    ground[window] = np.maximum(ground[window], band)
    canvas.mark(window, band)


def _dome(canvas: Canvas, window, rho: Array, e: Element, steep: float) -> None:
    """Raise a half ellipsoid: height = steep r sqrt(1 - rho^2)."""
    dome = steep * e.r * np.sqrt(np.clip(1 - rho * rho, 0, 1))
    canvas.height[window] = np.maximum(canvas.height[window], dome)


def _glint(canvas: Canvas, window, e: Element, light: tuple[float, float], size: float, strength: float) -> None:
    """The bright spot that a smooth wet dome throws back, on the side of the light."""
    dy = canvas.axis[window[0]][:, None] - (e.y + 0.36 * e.r * light[1])
    dx = canvas.axis[window[1]][None, :] - (e.x + 0.36 * e.r * light[0])
    r = size * e.r
    rho = np.sqrt(dx * dx + dy * dy) * (1 / r)
    canvas.put(window, strength * canvas.disc(rho, r, 1.0, 0.5), (1.0, 1.0, 1.0))


def _papule(canvas, window, rho, disc, e, light) -> None:
    _dome(canvas, window, rho, e, 0.75)
    canvas.blood[window] += 0.25 * disc


def _plaque(canvas, window, rho, disc, e, light) -> None:
    bumps = canvas.noise("fine", 1.0, 4, window)
    canvas.height[window] = np.maximum(
        canvas.height[window], (0.045 + 0.006 * bumps) * canvas.disc(rho, e.r, 0.96, 0.16)
    )
    canvas.blood[window] += 0.22 * disc
    canvas.melanin[window] += 0.10 * disc


def _nodule(canvas, window, rho, disc, e, light) -> None:
    _dome(canvas, window, rho, e, 0.85)
    canvas.blood[window] += 0.30 * disc
    _glint(canvas, window, e, light, 0.22, 0.30)


def _vesicle(canvas, window, rho, disc, e, light) -> None:
    _dome(canvas, window, rho, e, 0.8)
    canvas.blood[window] += 0.7 * (canvas.disc(rho, e.r, 1.35, 0.3) - 0.8 * disc).clip(0, 1)
    canvas.put(window, 0.55 * disc, (0.74, 0.71, 0.68))
    _glint(canvas, window, e, light, 0.45, 0.95)


def _bulla(canvas, window, rho, disc, e, light) -> None:
    _dome(canvas, window, rho, e, 0.8)
    rim = (disc - canvas.disc(rho, e.r, 0.84, 0.14)).clip(0, 1)
    canvas.put(window, 0.50 * disc, (0.80, 0.62, 0.34))
    canvas.put(window, 0.55 * rim, (0.92, 0.84, 0.66))
    _glint(canvas, window, e, light, 0.28, 0.95)


def _pustule(canvas, window, rho, disc, e, light) -> None:
    _dome(canvas, window, rho, e, 0.7)
    canvas.blood[window] += 1.3 * (canvas.disc(rho, e.r, 1.55, 0.5) - disc).clip(0, 1)
    canvas.put(window, 0.95 * canvas.disc(rho, e.r, 0.86, 0.25), (0.90, 0.80, 0.34))


def _wheal(canvas, window, rho, disc, e, light) -> None:
    middle = canvas.disc(rho, e.r, 0.78, 0.3)
    canvas.height[window] = np.maximum(canvas.height[window], 0.075 * canvas.disc(rho, e.r, 0.95, 0.45))
    canvas.blood[window] += 1.0 * (canvas.disc(rho, e.r, 1.22, 0.3) - middle).clip(0, 1)
    canvas.put(window, 0.45 * middle, (0.90, 0.70, 0.64))


def _comedo(canvas, window, rho, disc, e, light) -> None:
    canvas.put(window, 0.5 * canvas.disc(rho, e.r, 1.7, 0.6), (0.80, 0.66, 0.52))
    canvas.put(window, 0.97 * canvas.disc(rho, e.r, 1.05, 0.3), (0.02, 0.015, 0.01))


def _ulcer(canvas, window, rho, disc, e, light) -> None:
    floor = canvas.disc(rho, e.r, 0.86, 0.14)
    canvas.height[window] -= 0.06 * floor
    canvas.height[window] += 0.05 * (canvas.disc(rho, e.r, 1.2, 0.25) - floor).clip(0, 1)
    canvas.blood[window] += 0.5 * disc
    canvas.put(window, 0.94 * floor, (0.26, 0.03, 0.03))
    slough = floor * np.clip(canvas.noise("middle", 1.0, 5, window) * 1.2 + 0.1, 0, 1)
    canvas.put(window, 0.85 * slough, (0.66, 0.55, 0.20))


def _flat(canvas, window, rho, disc, e, light) -> None:
    canvas.blood[window] += 0.30 * disc
    canvas.melanin[window] += 0.50 * disc


DRAW = {
    "papule": _papule,
    "plaque": _plaque,
    "nodule": _nodule,
    "vesicle": _vesicle,
    "bulla": _bulla,
    "pustule": _pustule,
    "wheal": _wheal,
    "comedo": _comedo,
    "ulcer": _ulcer,
    "macule": _flat,
    "patch": _flat,
}
