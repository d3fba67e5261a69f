"""Primary lesions of version 4: soft, uneven, each with a height, tone, edge and gloss of its own."""

import numpy as np

from dermimit.data.synderm.canvas import Canvas, Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.lesions import HALO
from dermimit.data.synderm.outlines import variety

ROUGH = {"patch": 0.30, "plaque": 0.26, "wheal": 0.16, "ulcer": 0.24, "macule": 0.28, "nodule": 0.11, "papule": 0.14}
Variety = tuple[float, float, float, float]


def draw_elements(canvas: Canvas, layout: Layout, present: frozenset[str]) -> Array:
    """Draw the primary lesions and return the ground (H, W): the skin they cover, where pigment and texture go."""
    ground = np.zeros_like(canvas.melanin)
    ring = "annular" in present
    if ring:
        _ring(canvas, layout, ground)
    for number, e in enumerate(layout.elements, start=1):
        own, reach = variety(layout, e), HALO.get(e.kind, 1.0)
        window = canvas.window(e.x, e.y, e.r * e.aspect**0.5 * (reach * 1.4 + 0.35))
        rho = canvas.radius(e, window, ROUGH.get(e.kind, 0.12))
        if not rho.size:
            continue
        if ring and e.kind in ("patch", "plaque"):
            rho = 1 + (np.abs(rho - 0.80) * (1 / 0.24) - 1.0)
        disc = canvas.disc(rho, e.r, 1.0, 0.22 + 0.36 * own[2] * own[2])
        DRAW_4[e.kind](canvas, window, rho, disc, e, own)
        here = ground[window]
        np.maximum(here, disc if reach == 1 else canvas.disc(rho, e.r, reach, 0.35 * reach), out=here)
        canvas.touch(e.kind, window, disc)
        canvas.lesion[window][disc > 0.5] = min(number, 255)
    uneven = canvas.ragged * np.float32(0.10) + canvas.warp * np.float32(0.16)
    canvas.melanin *= 1 + uneven
    canvas.blood *= 1 - uneven
    return ground


def umbilicate(canvas: Canvas, layout: Layout) -> None:
    """A pit, off the centre, with a dark plug, in each papule, vesicle and nodule."""
    for e in layout.elements:
        if e.kind not in ("papule", "vesicle", "nodule"):
            continue
        a, b, c, _ = variety(layout, e)
        at = Element(e.kind, e.x + 0.22 * e.r * (a - 0.5), e.y + 0.22 * e.r * (b - 0.5), e.r, 1.0 + 0.3 * c, e.cos, e.sin)
        window = canvas.window(e.x, e.y, e.r)
        rho = canvas.radius(at, window, 0.07)
        edge = (0.40 if e.kind != "nodule" else 0.34) + 0.08 * c
        pit = canvas.disc(rho, e.r, edge, 0.35)
        canvas.height[window] -= 0.36 * e.r * pit
        canvas.put(window, 0.08 * (canvas.disc(rho, e.r, 0.85, 0.7) - pit).clip(0, 1), (0.80, 0.66, 0.56))
        canvas.put(window, (0.55 + 0.2 * a) * canvas.disc(rho, e.r, 0.8 * edge, 0.35), (0.22 + 0.1 * b, 0.11, 0.07))
        canvas.touch("umbilication", window, pit)


def _ring(canvas: Canvas, layout: Layout, ground: Array) -> None:
    """The raised, redder border of an annular lesion, broken here and there; its middle is left clear."""
    e = Element("ring", layout.x, layout.y, 0.82 * layout.reach, 1.1, 1.0, 0.0)
    window = canvas.window(e.x, e.y, 1.6 * e.r)
    rho = canvas.radius(e, window, 0.16)
    band = canvas.disc(np.abs(rho - 1.0), e.r, 0.16, 0.22) * (0.85 + 0.15 * canvas.ragged[window]).clip(0.5, 1)
    canvas.height[window] += 0.026 * band
    canvas.blood[window] += 0.70 * band
    canvas.melanin[window] += 0.40 * band
    ground[window] = np.maximum(ground[window], band)
    canvas.touch("annular", window, canvas.disc(rho, e.r, 1.18, 0.16))


def _raise(canvas: Canvas, window: Window, height: Array) -> None:
    here = canvas.height[window]
    np.maximum(here, height, out=here)


def _dome(rho: Array, r: float, steep: float, flat: float) -> Array:
    """A dome of height steep r; `flat` from 0 (a hill with a soft foot) to 1 (half an ellipsoid)."""
    t = np.clip(1 - rho * rho, 0, 1)
    return np.float32(steep * r) * (t * np.float32(1 - flat) + np.sqrt(t) * np.float32(flat))


def _papule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    _raise(canvas, window, _dome(rho, e.r, 0.46 + 0.30 * high, 0.15 + 0.5 * gloss))
    canvas.blood[window] += np.float32(0.15 + 0.60 * tone) * disc
    canvas.melanin[window] += np.float32(0.06 + 0.34 * (1 - tone) * high) * disc
    canvas.gloss[window] += np.float32(0.05 + 0.22 * gloss * gloss) * disc


def _plaque(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, edge, _ = own
    uneven = canvas.ragged[window] * np.float32(0.0025) + canvas.warp[window] * np.float32(0.005)
    body = canvas.disc(rho - np.float32(0.08) * canvas.ragged[window], e.r, 0.94, 0.22 + 0.22 * edge)
    _raise(canvas, window, (np.float32(0.028 + 0.014 * high) + uneven) * body)
    canvas.blood[window] += np.float32(0.30 + 0.25 * tone) * disc
    canvas.melanin[window] += np.float32(0.16 + 0.22 * (1 - tone)) * disc


def _nodule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    lumps = canvas.warp[window] * np.float32(0.05 * e.r)
    _raise(canvas, window, _dome(rho, e.r, 0.66 + 0.22 * high, 0.55) + lumps * disc)
    canvas.blood[window] += np.float32(0.20 + 0.45 * tone) * disc * (np.float32(0.75) + np.float32(0.35) * rho.clip(0, 1))
    canvas.melanin[window] += np.float32(0.06 + 0.26 * (1 - tone)) * disc
    canvas.gloss[window] += np.float32(0.12 + 0.38 * gloss) * disc


def _vesicle(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    _raise(canvas, window, _dome(rho, e.r, 0.46 + 0.24 * high, 0.7))
    canvas.blood[window] += np.float32(0.35 + 0.3 * tone) * (canvas.disc(rho, e.r, 1.5, 0.8) - 0.7 * disc).clip(0, 1)
    canvas.put(window, (0.20 + 0.16 * tone) * canvas.disc(rho, e.r, 0.92, 0.5), (0.76, 0.66, 0.50 + 0.1 * high))
    canvas.gloss[window] += np.float32(0.6 + 0.5 * gloss) * disc


def _bulla(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    square = rho * rho
    tense = np.float32((0.38 + 0.2 * high) * e.r) * np.sqrt(np.clip(1 - square * square, 0, 1))
    _raise(canvas, window, tense + canvas.ragged[window] * np.float32(0.0022) * disc)
    canvas.blood[window] += np.float32(0.4) * (canvas.disc(rho, e.r, 1.22, 0.5) - disc).clip(0, 1)
    canvas.put(window, (0.30 * disc + 0.06 * canvas.warp[window] * disc).clip(0, 1), (0.66, 0.48 - 0.2 * tone * tone, 0.30))
    canvas.gloss[window] += np.float32(0.55 + 0.45 * gloss) * disc


def _pustule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, edge, gloss = own
    _raise(canvas, window, _dome(rho, e.r, 0.42 + 0.24 * high, 0.5))
    canvas.blood[window] += np.float32(0.55 + 0.4 * tone) * (canvas.disc(rho, e.r, 1.6, 1.1) - 0.4 * disc).clip(0, 1)
    pus = canvas.disc(rho, e.r, 0.55 + 0.28 * edge, 0.55)
    canvas.put(window, (0.70 + 0.2 * high) * pus, (0.80, 0.71 + 0.05 * tone, 0.40 + 0.14 * tone))
    canvas.gloss[window] += np.float32(0.2 + 0.4 * gloss) * disc


def _wheal(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, _, _, _ = own
    middle = canvas.disc(rho, e.r, 0.78, 0.5)
    dimples = canvas.noise("pore", 1.2, 7, window)
    swollen = canvas.disc(rho, e.r, 0.95, 0.6)
    _raise(canvas, window, (np.float32(0.030 + 0.014 * high) + np.float32(0.004) * dimples) * swollen)
    canvas.blood[window] += np.float32(0.62) * (canvas.disc(rho, e.r, 1.3, 0.8) - 0.6 * middle).clip(0, 1)
    canvas.put(window, 0.18 * middle, (0.84, 0.66, 0.56))
    canvas.gloss[window] += np.float32(0.12) * disc


def _comedo(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, _ = own
    mound = canvas.disc(rho, e.r, 1.7, 1.0)
    _raise(canvas, window, np.float32((0.15 + 0.3 * high) * e.r) * mound)
    canvas.put(window, 0.10 * mound, (0.70, 0.54, 0.42))
    canvas.put(window, (0.75 + 0.2 * tone) * canvas.disc(rho, e.r, 0.95, 0.5), (0.05 - 0.02 * tone, 0.028, 0.018))


def _ulcer(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, _ = own
    floor = canvas.disc(rho, e.r, 0.86, 0.20)
    uneven = canvas.ragged[window]
    canvas.height[window] -= (np.float32(0.045) - np.float32(0.006) * uneven) * floor
    canvas.height[window] += np.float32(0.018 + 0.016 * high) * (canvas.disc(rho, e.r, 1.22, 0.45) - floor).clip(0, 1)
    canvas.blood[window] += np.float32(0.5) * (canvas.disc(rho, e.r, 1.3, 0.7) - floor).clip(0, 1)
    canvas.put(window, 0.90 * floor, (0.30 + 0.1 * tone, 0.055, 0.045))
    slough = floor * np.clip(0.9 * canvas.noise("mottle", 1.4, 5, window) + 0.15, 0, 1)
    canvas.put(window, 0.80 * slough, (0.56, 0.44, 0.20))
    canvas.gloss[window] += np.float32(0.6) * floor


def _macule(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    _stain(canvas, window, disc, 0.45 + 0.55 * own[1], 0.50 + 0.55 * own[0])


def _patch(canvas: Canvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    _stain(canvas, window, canvas.disc(rho, e.r, 1.0, 0.26 + 0.4 * own[2]), 0.40 + 0.3 * own[1], 0.34 + 0.3 * own[0])


def _stain(canvas: Canvas, window: Window, disc: Array, blood: float, melanin: float) -> None:
    """Flat colour, uneven within; nothing is raised."""
    uneven = disc * (1 + np.float32(0.22) * canvas.ragged[window] + np.float32(0.18) * canvas.warp[window])
    canvas.blood[window] += np.float32(blood) * uneven
    canvas.melanin[window] += np.float32(melanin) * uneven


DRAW_4 = {
    "papule": _papule,
    "plaque": _plaque,
    "nodule": _nodule,
    "vesicle": _vesicle,
    "bulla": _bulla,
    "pustule": _pustule,
    "wheal": _wheal,
    "comedo": _comedo,
    "ulcer": _ulcer,
    "macule": _macule,
    "patch": _patch,
}
