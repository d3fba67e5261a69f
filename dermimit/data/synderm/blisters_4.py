"""Primary lesions of version 4 that hold or have lost matter: vesicle, bulla, pustule, comedo, ulcer."""

import numpy as np

from dermimit.data.synderm.canvas import Window
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Element
from dermimit.data.synderm.outlines import NaturalCanvas, Variety, dome, raised


def _vesicle(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    raised(canvas, window, dome(rho, e.r, 0.46 + 0.24 * high, 0.7))
    canvas.blood[window] += np.float32(0.35 + 0.3 * tone) * (canvas.disc(rho, e.r, 1.5, 0.8) - 0.7 * disc).clip(0, 1)
    canvas.put(window, (0.20 + 0.16 * tone) * canvas.disc(rho, e.r, 0.92, 0.5), (0.76, 0.66, 0.50 + 0.1 * high))
    canvas.gloss[window] += np.float32(0.6 + 0.5 * gloss) * disc


def _bulla(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, gloss = own
    square = rho * rho
    tense = np.float32((0.38 + 0.2 * high) * e.r) * np.sqrt(np.clip(1 - square * square, 0, 1))
    raised(canvas, window, tense + canvas.ragged[window] * np.float32(0.0022) * disc)
    canvas.blood[window] += np.float32(0.4) * (canvas.disc(rho, e.r, 1.22, 0.5) - disc).clip(0, 1)
    canvas.put(
        window, (0.30 * disc + 0.06 * canvas.warp[window] * disc).clip(0, 1), (0.66, 0.48 - 0.2 * tone * tone, 0.30)
    )
    canvas.gloss[window] += np.float32(0.55 + 0.45 * gloss) * disc


def _pustule(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, edge, gloss = own
    raised(canvas, window, dome(rho, e.r, 0.42 + 0.24 * high, 0.5))
    canvas.blood[window] += np.float32(0.55 + 0.4 * tone) * (canvas.disc(rho, e.r, 1.6, 1.1) - 0.4 * disc).clip(0, 1)
    pus = canvas.disc(rho, e.r, 0.55 + 0.28 * edge, 0.55)
    canvas.put(window, (0.70 + 0.2 * high) * pus, (0.80, 0.71 + 0.05 * tone, 0.40 + 0.14 * tone))
    canvas.gloss[window] += np.float32(0.2 + 0.4 * gloss) * disc


def _comedo(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
    high, tone, _, _ = own
    mound = canvas.disc(rho, e.r, 1.7, 1.0)
    raised(canvas, window, np.float32((0.15 + 0.3 * high) * e.r) * mound)
    canvas.put(window, 0.10 * mound, (0.70, 0.54, 0.42))
    canvas.put(window, (0.75 + 0.2 * tone) * canvas.disc(rho, e.r, 0.95, 0.5), (0.05 - 0.02 * tone, 0.028, 0.018))


def _ulcer(canvas: NaturalCanvas, window: Window, rho: Array, disc: Array, e: Element, own: Variety) -> None:
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


BLISTERS = {"vesicle": _vesicle, "bulla": _bulla, "pustule": _pustule, "comedo": _comedo, "ulcer": _ulcer}
