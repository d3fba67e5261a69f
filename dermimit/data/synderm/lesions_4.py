"""Primary lesions of version 4: soft, uneven, each with a height, tone, edge and gloss of its own."""

import numpy as np

from dermimit.data.synderm.blisters_4 import BLISTERS
from dermimit.data.synderm.canvas import Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element, Layout
from dermimit.data.synderm.lesions import HALO
from dermimit.data.synderm.outlines import NaturalCanvas, Variety, dome, raised, variety

ROUGH = {"patch": 0.30, "plaque": 0.26, "wheal": 0.16, "ulcer": 0.24, "macule": 0.28, "nodule": 0.11, "papule": 0.14}


def draw_elements(canvas: NaturalCanvas, layout: Layout, present: frozenset[str]) -> Array:
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


def umbilicate(canvas: NaturalCanvas, layout: Layout) -> None:
    """A pit, off the centre, with a dark plug, in each papule, vesicle and nodule."""
    for e in layout.elements:
        if e.kind not in ("papule", "vesicle", "nodule"):
            continue
        a, b, c, _ = variety(layout, e)
        at = Element(
            e.kind, e.x + 0.22 * e.r * (a - 0.5), e.y + 0.22 * e.r * (b - 0.5), e.r, 1.0 + 0.3 * c, e.cos, e.sin
        )
        window = canvas.window(e.x, e.y, e.r)
        rho = canvas.radius(at, window, 0.07)
        edge = (0.38 if e.kind != "nodule" else 0.32) + 0.10 * c
        pit = canvas.disc(rho, e.r, edge, 0.45)
        canvas.height[window] -= (0.24 + 0.14 * b) * e.r * pit
        canvas.put(window, 0.14 * (canvas.disc(rho, e.r, 0.85, 0.7) - pit).clip(0, 1), (0.80, 0.66, 0.56))
        plug = canvas.disc(rho, e.r, 1.05 * edge, 0.35)
        canvas.put(window, (0.80 + 0.15 * a) * plug, (0.13 + 0.08 * b, 0.060 + 0.02 * b, 0.040))
        canvas.touch("umbilication", window, pit)


def _ring(canvas: NaturalCanvas, layout: Layout, ground: Array) -> None:
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


def _papule(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    raised(canvas, window, dome(rho, e.r, 0.66 + 0.34 * high, 0.30 + 0.5 * gloss))
    canvas.blood[window] += np.float32(0.22 + 0.50 * tone) * disc
    canvas.melanin[window] += np.float32(0.02 + 0.22 * (1 - tone) * high) * disc
    canvas.gloss[window] += np.float32(0.14 + 0.26 * gloss) * disc


def _plaque(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, edge, _ = own
    uneven = canvas.ragged[window] * np.float32(0.0025) + canvas.warp[window] * np.float32(0.005)
    body = canvas.disc(rho - np.float32(0.08) * canvas.ragged[window], e.r, 0.94, 0.17 + 0.20 * edge)
    raised(canvas, window, (np.float32(0.034 + 0.014 * high) + uneven) * body)
    canvas.blood[window] += np.float32(0.30 + 0.25 * tone) * disc
    canvas.melanin[window] += np.float32(0.16 + 0.22 * (1 - tone)) * disc


def _nodule(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    lumps = canvas.warp[window] * np.float32(0.05 * e.r)
    raised(canvas, window, dome(rho, e.r, 0.76 + 0.22 * high, 0.6) + lumps * disc)
    canvas.blood[window] += (
        np.float32(0.20 + 0.45 * tone) * disc * (np.float32(0.75) + np.float32(0.35) * rho.clip(0, 1))
    )
    canvas.melanin[window] += np.float32(0.06 + 0.26 * (1 - tone)) * disc
    canvas.gloss[window] += np.float32(0.28 + 0.36 * gloss) * disc


def _wheal(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, _, _, _ = own
    middle = canvas.disc(rho, e.r, 0.78, 0.5)
    dimples = canvas.noise("pore", 1.2, 7, window)
    swollen = canvas.disc(rho, e.r, 0.95, 0.6)
    raised(canvas, window, (np.float32(0.030 + 0.014 * high) + np.float32(0.004) * dimples) * swollen)
    canvas.blood[window] += np.float32(0.62) * (canvas.disc(rho, e.r, 1.3, 0.8) - 0.6 * middle).clip(0, 1)
    canvas.put(window, 0.18 * middle, (0.84, 0.66, 0.56))
    canvas.gloss[window] += np.float32(0.12) * disc


def _macule(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    _stain(canvas, window, disc, 0.45 + 0.55 * own[1], 0.60 + 0.55 * own[0])


def _patch(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    _stain(canvas, window, canvas.disc(rho, e.r, 1.0, 0.26 + 0.4 * own[2]), 0.40 + 0.3 * own[1], 0.34 + 0.3 * own[0])


def _stain(canvas: NaturalCanvas, window: Window, disc: Array, blood: float, melanin: float) -> None:
    """Flat colour, uneven within; nothing is raised."""
    uneven = disc * (1 + np.float32(0.22) * canvas.ragged[window] + np.float32(0.18) * canvas.warp[window])
    canvas.blood[window] += np.float32(blood) * uneven
    canvas.melanin[window] += np.float32(melanin) * uneven


DRAW_4 = BLISTERS | {
    "papule": _papule,
    "plaque": _plaque,
    "nodule": _nodule,
    "wheal": _wheal,
    "macule": _macule,
    "patch": _patch,
}
