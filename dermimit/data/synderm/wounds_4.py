"""Surface attributes of version 4 where the skin is broken: erosion, crust, fissure, excoriation."""

import numpy as np

from dermimit.data.synderm.canvas import ALL
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.outlines import NaturalCanvas, turned
from dermimit.data.synderm.places import blob, hosts, spots
from dermimit.data.synderm.textures import ramp


def _erosion(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
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


def _crust(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
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


def _fissure(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
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


def _excoriation(canvas: NaturalCanvas, layout: Layout, wide: Array) -> Array:
    """Scratches: roughly parallel, broken, tapering lines of small dark crusts in a red flare."""
    part = np.zeros_like(wide)
    slope = 0.5 * (2 * layout.shift[17] - 1)
    for i in range(4):
        a, b, c = (layout.shift[(18 + i + k) % 24] for k in (0, 2, 5))
        x, y = (
            layout.x + layout.span * 0.07 * (a - 0.5),
            layout.y + layout.span * (0.085 * (i - 1.5) + 0.03 * (c - 0.5)),
        )
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


WOUNDS = {"erosion": _erosion, "crust": _crust, "fissure": _fissure, "excoriation": _excoriation}
