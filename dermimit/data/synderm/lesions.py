"""Primary lesions: each element with its own relief, pigment and surface."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas, Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout

HALO = {"comedo": 2.0, "vesicle": 1.6, "pustule": 1.8, "ulcer": 1.4, "bulla": 1.25}  # reach of the pigments beyond r
ROUGH = {"patch": 0.24, "plaque": 0.22, "wheal": 0.26, "ulcer": 0.24, "macule": 0.26}  # waviness of the outline
TINT = {"macule": (0.80, 0.75), "patch": (0.58, 0.46)}  # blood and melanin of a flat lesion


def draw_elements(canvas: Canvas, layout: Layout, present: frozenset[str]) -> Array:
    """Draw the primary lesions and return the ground (H, W): the skin they cover, where pigment and texture go."""
    ground = np.zeros_like(canvas.melanin)
    ring = "annular" in present
    if ring:
        _ring(canvas, layout, ground)
    for number, e in enumerate(layout.elements, start=1):
        reach = HALO.get(e.kind, 1.0)
        window = canvas.window(e.x, e.y, e.r * e.aspect**0.5 * (reach * 1.35 + 0.25))
        rho = canvas.radius(e, window, ROUGH.get(e.kind, 0.08))
        if not rho.size:
            continue
        if ring and e.kind in ("patch", "plaque"):
            rho = 1 + (np.abs(rho - 0.80) * (1 / 0.24) - 1.0)
        disc = canvas.disc(rho, e.r, 1.0, 0.12)
        DRAW[e.kind](canvas, window, rho, disc, e)
        ground[window] = np.maximum(ground[window], canvas.disc(rho, e.r, reach, 0.25 * reach))
        canvas.touch(e.kind, window, disc)
        canvas.lesion[window][disc > 0.5] = min(number, 255)
    return ground


def umbilicate(canvas: Canvas, layout: Layout) -> None:
    """A pit with a darker floor and a pale rim in the middle of each papule, vesicle and nodule."""
    for e in layout.elements:
        if e.kind not in ("papule", "vesicle", "nodule"):
            continue
        window = canvas.window(e.x, e.y, e.r)
        rho = canvas.radius(e, window, 0.0)
        edge = 0.44 if e.kind != "nodule" else 0.36
        pit = canvas.disc(rho, e.r, edge, 0.3)
        canvas.height[window] -= 0.55 * e.r * pit
        canvas.put(window, 0.15 * (canvas.disc(rho, e.r, 0.85, 0.5) - pit).clip(0, 1), (0.80, 0.66, 0.56))
        canvas.put(window, 0.62 * canvas.disc(rho, e.r, 0.8 * edge, 0.3), (0.24, 0.11, 0.07))
        canvas.touch("umbilication", window, pit)


def _ring(canvas: Canvas, layout: Layout, ground: Array) -> None:
    """The raised, redder border of an annular lesion; its middle is left clear."""
    e = Element("ring", layout.x, layout.y, 0.82 * layout.reach, 1.1, 1.0, 0.0)
    window = canvas.window(e.x, e.y, 1.6 * e.r)
    rho = canvas.radius(e, window, 0.18)
    band = canvas.disc(np.abs(rho - 1.0), e.r, 0.17, 0.16)
    canvas.height[window] += 0.030 * band
    canvas.blood[window] += 0.70 * band
    canvas.melanin[window] += 0.45 * band
    ground[window] = np.maximum(ground[window], band)
    canvas.touch("annular", window, canvas.disc(rho, e.r, 1.18, 0.16))


def _dome(canvas: Canvas, window: Window, rho: Array, e: Element, steep: float) -> None:
    """Raise a half ellipsoid: height = steep r sqrt(1 - rho^2)."""
    dome = (steep * e.r) * np.sqrt(np.clip(1 - rho * rho, 0, 1))
    canvas.height[window] = np.maximum(canvas.height[window], dome)


def _papule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    _dome(canvas, window, rho, e, 0.78)
    canvas.blood[window] += 0.50 * disc
    canvas.melanin[window] += 0.22 * disc
    canvas.gloss[window] += 0.25 * disc


def _plaque(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    bumps = canvas.noise("fine", 1.0, 4, window)
    plateau = (0.042 + 0.0030 * bumps) * canvas.disc(rho, e.r, 0.97, 0.14)
    canvas.height[window] = np.maximum(canvas.height[window], plateau)
    canvas.blood[window] += 0.38 * disc
    canvas.melanin[window] += 0.30 * disc


def _nodule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    _dome(canvas, window, rho, e, 0.88)
    canvas.blood[window] += 0.48 * disc
    canvas.melanin[window] += 0.20 * disc
    canvas.gloss[window] += 0.50 * disc


def _vesicle(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    _dome(canvas, window, rho, e, 0.62)
    canvas.blood[window] += 0.55 * (canvas.disc(rho, e.r, 1.5, 0.6) - 0.8 * disc).clip(0, 1)
    canvas.put(window, 0.42 * canvas.disc(rho, e.r, 0.95, 0.25), (0.78, 0.70, 0.58))
    canvas.gloss[window] += 1.1 * disc
    canvas.height[window] += 0.05 * e.r * canvas.noise("grain", 0.6, 5, window) * disc


def _bulla(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    square = rho * rho
    tense = (0.55 * e.r) * np.sqrt(np.clip(1 - square * square, 0, 1))
    canvas.height[window] = np.maximum(canvas.height[window], tense)
    canvas.height[window] += 0.0016 * canvas.noise("fine", 0.9, 6, window) * disc
    rim = (disc - canvas.disc(rho, e.r, 0.82, 0.2)).clip(0, 1)
    canvas.blood[window] += 0.4 * (canvas.disc(rho, e.r, 1.22, 0.35) - disc).clip(0, 1)
    canvas.put(window, 0.34 * disc, (0.70, 0.52, 0.32))
    canvas.put(window, 0.22 * rim, (0.80, 0.66, 0.50))
    canvas.gloss[window] += 1.0 * disc


def _pustule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    _dome(canvas, window, rho, e, 0.60)
    canvas.blood[window] += 0.80 * (canvas.disc(rho, e.r, 1.6, 0.8) - 0.5 * disc).clip(0, 1)
    canvas.put(window, 0.90 * canvas.disc(rho, e.r, 0.80, 0.35), (0.84, 0.76, 0.46))
    canvas.gloss[window] += 0.55 * disc


def _wheal(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    middle = canvas.disc(rho, e.r, 0.80, 0.35)
    dimples = canvas.noise("pore", 1.2, 7, window)
    canvas.height[window] = np.maximum(canvas.height[window], (0.042 + 0.003 * dimples) * canvas.disc(rho, e.r, 1, 0.3))
    canvas.blood[window] += 0.75 * (canvas.disc(rho, e.r, 1.25, 0.4) - 0.75 * middle).clip(0, 1)
    canvas.put(window, 0.20 * middle, (0.84, 0.66, 0.56))
    canvas.gloss[window] += 0.15 * disc


def _comedo(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    canvas.height[window] = np.maximum(canvas.height[window], 0.35 * e.r * canvas.disc(rho, e.r, 1.7, 0.8))
    canvas.put(window, 0.16 * canvas.disc(rho, e.r, 1.7, 0.8), (0.70, 0.54, 0.42))
    canvas.put(window, 0.95 * canvas.disc(rho, e.r, 1.0, 0.35), (0.030, 0.020, 0.014))


def _ulcer(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    floor = canvas.disc(rho, e.r, 0.88, 0.14)
    uneven = canvas.noise("fine", 1.0, 8, window)
    canvas.height[window] -= (0.05 - 0.006 * uneven) * floor
    canvas.height[window] += 0.030 * (canvas.disc(rho, e.r, 1.2, 0.3) - floor).clip(0, 1)
    canvas.blood[window] += 0.5 * (canvas.disc(rho, e.r, 1.3, 0.5) - floor).clip(0, 1)
    canvas.put(window, 0.94 * floor, (0.36, 0.055, 0.045))
    slough = floor * np.clip(canvas.noise("middle", 0.9, 5, window) * 1.1 + 0.25 * uneven, 0, 1)
    canvas.put(window, 0.85 * slough, (0.58, 0.45, 0.20))
    canvas.gloss[window] += 0.8 * floor


def _flat(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element) -> None:
    shade = 1 + 0.18 * canvas.noise("fine", 0.8, 9, window)
    blood, melanin = TINT[e.kind]
    canvas.blood[window] += blood * disc * shade
    canvas.melanin[window] += melanin * disc * shade


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
