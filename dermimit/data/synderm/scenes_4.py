"""The body parts of version 4: those of version 3 seen from nearer, and a face without the look of a doll."""

from collections.abc import Callable

import numpy as np

from dermimit.data.synderm.scene import NAIL, Frame, Scene
from dermimit.data.synderm.scenes import SCENES
from dermimit.data.synderm.textures import capsule, ellipse, ramp, rounded, sample_warped


def face(f: Frame) -> Scene:
    """A face turned a little to one side; the eyes are closed, half open or open, and nothing is quite symmetric."""
    yaw = 0.36 * (f.chance[4] - 0.5)
    u, v = f.u, f.v
    w = u - yaw * (1 - u * u)
    side = np.abs(w)
    long = 0.94 + 0.10 * f.chance[0]
    head = ellipse(u * (1 - 0.06 * np.clip(0.2 - v, -1, 0.5)), (v - 0.02) * (1 / long), 0.73, 1.0)
    throat = np.maximum(np.abs(u) - 0.42, 0.4 - v)
    body = np.minimum(head, throat)
    relief = 0.11 * f.bump(yaw, 0.10, 0.20, 0.46) + 0.10 * f.bump(yaw, 0.28, 0.20, 0.16)
    relief = relief + 0.05 * f.bump(0, -0.34, 0.8, 0.18) + 0.05 * f.bump(yaw, 0.80, 0.28, 0.18)
    socket = np.clip(1 - ((side - 0.29) * 4.4) ** 2 - ((v + 0.10) * 6.5) ** 2, 0, 1)
    cheek = np.clip(1 - ((side - 0.42) * 3.6) ** 2 - ((v - 0.24) * 3.6) ** 2, 0, 1)
    ball = np.clip(1 - ((side - 0.29) * 6.5) ** 2 - ((v + 0.105) * 11) ** 2, 0, 1)
    height = np.maximum(rounded(head, 0.7, 0.42), 0.2 * f.inside(throat, 0.3)) + relief
    height = height - 0.09 * socket * socket + 0.05 * ball + 0.06 * cheek * cheek
    across = (side - 0.29) ** 2
    upper = v + 0.100 + (0.034 - 1.5 * across) * (0.1 + 1.0 * f.chance[5])
    slit = np.maximum(-upper, v + 0.078 + 1.2 * across)
    slit = np.maximum(slit, np.abs(side - 0.29) - 0.135)
    open_ = 0.0 if f.chance[6] < 0.4 else 1.0
    lash = f.inside(np.maximum(np.abs(upper) - 0.006 - 0.008 * f.chance[7], np.abs(side - 0.29) - 0.145), 0.030)
    eye = open_ * f.inside(slit, 0.025)
    iris = eye * f.inside(ellipse(side - 0.29, v + 0.100, 0.055, 0.055), 0.03)
    fold = f.inside(np.maximum(np.abs(upper + 0.055) - 0.004, np.abs(side - 0.29) - 0.15), 0.035)
    mouth = np.abs(v - 0.570 - (0.10 - 0.16 * f.chance[8]) * w * w + 0.012 * w)
    half = 0.21 - 0.03 * f.chance[9]
    lips = f.inside(np.maximum(mouth - 0.058 + 0.9 * w * w, np.abs(w) - half), 0.06)
    parting = f.inside(np.maximum(mouth - 0.004, np.abs(w) - half), 0.028)
    nostril = f.inside(ellipse(side - 0.072, v - 0.345, 0.040, 0.020), 0.035)
    crease = f.inside(capsule(side, v, (0.17, 0.28), (0.31, 0.54), 0.002), 0.07)
    wing = f.inside(np.maximum(np.abs(ellipse(side - 0.11, v - 0.29, 0.075, 0.075)) - 0.004, 0.10 - side), 0.035)
    strand = sample_warped("strand", v + 0.2 * u, u + 0.3 * v * v, 0.35, 0.8)
    brow = f.inside(capsule(side, v, (0.13, -0.275), (0.44, -0.29 + 0.04 * f.chance[10]), 0.016), 0.07)
    brow = brow * np.clip(0.55 + 0.4 * strand, 0, 1) * (0.45 + 0.5 * f.chance[11])
    hairline = v + 0.62 - 0.42 * u * u - 0.14 * f.chance[1] + 0.03 * strand
    hair = np.maximum(np.clip(0.82 + 0.22 * strand, 0, 1) * f.inside(hairline, 0.12), 0.8 * brow)
    brown = 1.1 * nostril + 0.9 * parting + 0.9 * lash + 0.25 * fold + 0.28 * crease + 0.4 * wing
    brown = brown + 0.30 * socket * socket + 0.16 * lips
    beard = ramp(v - 0.36 - 0.3 * side, 0.25) * max(f.chance[2] - 0.6, 0) * 1.1
    pink = 0.50 * lips + 0.20 * cheek * cheek + 0.16 * f.bump(yaw, 0.27, 0.16, 0.13)
    paint = [(0.80 * eye, (0.30, 0.23, 0.20)), (0.95 * iris, (0.035, 0.022, 0.014))]
    shirt = f.inside(0.92 + 0.10 * f.chance[3] - 0.15 * np.abs(u) - v, 0.03)
    return Scene(
        np.maximum(f.inside(body), shirt), height, 24, 0.82, brown + beard, pink, hair, rough=0.8,
        gloss=0.05 * f.bump(yaw, 0, 0.3, 0.9) + 0.06 * lips, paint=paint, cloth=[(shirt, f.cloth)],
    )  # fmt: skip


def scalp(f: Frame) -> Scene:
    """Hair of several widths that parts, thins out and lets the skin through."""
    head = ellipse(f.u, f.v - 0.25, 1.15, 1.2)
    lean = 0.5 * (f.chance[1] - 0.5)
    u = f.u * (1.2 - 0.3 * f.v) + lean * f.v * f.v
    part = np.abs(f.u - 0.1 * f.v + 0.25 * (f.chance[0] - 0.5))
    lock = sample_warped("strand", f.v, u, 0.40, 0.28 + 0.2 * f.chance[2])
    strand = sample_warped("strand", f.v, u + 0.08 * f.v, 0.9, 1.1)
    dense = 0.62 + 0.30 * f.chance[3]
    hair = np.clip(dense + 0.16 * lock + 0.26 * strand, 0.08, 1) * ramp(part - 0.02, 0.14)
    return Scene(f.inside(head), rounded(head, 0.7, 0.35) + 0.010 * lock * hair, 22, hair=hair)


def ear(f: Frame) -> Scene:
    """An ear whose rim, fold and bowl run into each other and are of unequal width."""
    u, v = f.u + 0.12 * f.v + 0.10 * (f.chance[0] - 0.5), f.v
    outer = ellipse(u - 0.08 * np.clip(-v, 0, 1), v + 0.08, 0.46 + 0.06 * f.chance[1], 0.70)
    shell = np.minimum(outer, ellipse(u + 0.06, v - 0.52, 0.20 + 0.05 * f.chance[2], 0.26))
    rim = np.abs(ellipse(u + 0.02 * v, v + 0.08, 0.40, 0.60)) - 0.045 - 0.03 * np.clip(-v, 0, 1)
    rim = np.maximum(rim, 0.05 - (0.5 + u - 0.25 * v))
    fold = np.abs(ellipse(u + 0.05 + 0.16 * np.clip(v, 0, 1), v + 0.04, 0.22, 0.44)) - 0.03
    fold = np.maximum(fold, -0.16 - u - 0.3 * v)
    bowl = f.inside(ellipse(u + 0.12, v - 0.06, 0.17, 0.24), 0.22)
    canal = f.inside(ellipse(u + 0.22, v - 0.09, 0.06, 0.09), 0.12)
    body = f.inside(shell, 0.08)
    height = 0.18 * body + 0.13 * f.inside(rim, 0.20) + 0.08 * f.inside(fold, 0.18) - 0.17 * bowl
    height = height + 0.10 * f.bump(-0.29, 0.08, 0.11, 0.16)
    gap = f.inside(np.abs(shell) - 0.01, 0.22)
    strand = np.clip(0.80 + 0.3 * sample_warped("strand", v, u - 0.3 * v, 0.5, 0.7), 0, 1)
    hair = strand * np.maximum(ramp(f.u - 0.42, 0.25), ramp(-v - 0.70, 0.25)) * (1 - body)
    brown = 0.45 * bowl + 1.5 * canal + 0.4 * gap * ramp(u + 0.1, 0.2)
    return Scene(np.ones_like(u), height, 10, 0.85, brown, 0.16 * body, hair, gloss=0.04 * body)


def hand(f: Frame) -> Scene:
    """A palm, or the back of a hand with knuckles, veins and nails; fingers of unequal length and width."""
    u, v = f.u, f.v
    palm = np.maximum(ellipse(u, v - 0.36, 0.56, 0.62), v - 1.4)
    body = np.minimum(palm, capsule(u, v, (0, 0.6), (0, 1.4), 0.33))
    spread, back = 0.03 + 0.16 * f.chance[0], f.chance[1] < 0.55
    fingers, lines = np.full_like(u, 9.0), np.zeros_like(u)
    paint = []
    for k, tip in enumerate((-0.62, -0.86, -0.92, -0.72)):
        lean = spread * (k - 1.5) + 0.08 * (f.chance[2 + k] - 0.5)
        base, end = -0.39 + 0.26 * k, (-0.39 + 0.26 * k + lean, tip + 0.12 * (f.chance[5 + k] - 0.5))
        fingers = np.minimum(fingers, capsule(u, v, (base, -0.12), end, 0.108 + 0.014 * f.chance[7]))
        middle = base + 0.45 * lean
        for at in (0.34, 0.72):
            y = -0.12 + at * (end[1] + 0.12)
            lines += f.inside(
                np.maximum(np.abs(v - y - 0.6 * (u - middle) ** 2) - 0.004, np.abs(u - middle) - 0.09), 0.03
            )
        if back:
            paint.append((0.6 * f.inside(ellipse(u - end[0], v - end[1] + 0.02, 0.066, 0.075), 0.035), NAIL))
    thumb = capsule(u, v, (0.40, 0.55), (0.85, 0.02 + 0.2 * f.chance[9]), 0.13)
    body = np.minimum(np.minimum(body, fingers), thumb)
    height = np.maximum(rounded(body, 0.22, 0.15), np.maximum(rounded(fingers, 0.11, 0.13), rounded(thumb, 0.13, 0.16)))
    if back:
        knuckle = sum(f.bump(-0.36 + 0.24 * k, -0.06 - 0.05 * (k in (1, 2)), 0.13, 0.15) for k in range(4))
        vein = np.abs(np.abs(u + 0.05 * v) - 0.15 - 0.10 * (v - 0.3) ** 2) - 0.012
        vein = f.inside(np.maximum(vein, np.abs(v - 0.42) - 0.36), 0.06) * (0.4 + f.chance[10])
        height = height + 0.05 * knuckle + 0.016 * vein - 0.010 * lines
        brown = 0.22 * lines + 0.20 * knuckle + 0.08 * vein
        return Scene(
            f.inside(body), height, 18, 0.9, brown, 0.10 * knuckle - 0.05 * vein, hairy=0.5, rough=1.5, paint=paint
        )
    crease = f.line((-0.42, 0.20 + 0.06 * f.chance[10]), (0.25, 0.10), 0.006) + f.line(
        (-0.40, 0.42), (0.30, 0.28), 0.006
    )
    lines = np.minimum(crease + f.line((0.32, 0.24), (0.10, 0.80), 0.008) + 0.6 * lines, 1)
    height = height + 0.06 * f.bump(0.28, 0.5, 0.22, 0.32) + 0.05 * f.bump(-0.32, 0.55, 0.2, 0.34) - 0.010 * lines
    return Scene(f.inside(body), height, 18, 0.9, 0.36 * lines - 0.35, 0.18 - 0.1 * lines, rough=1.4)


SCENES_4: dict[str, Callable[[Frame], Scene]] = SCENES | {"scalp": scalp, "face": face, "ear": ear, "hand": hand}

# How much nearer than in version 3 each part is seen at the same zoom.
CLOSENESS = dict.fromkeys(SCENES, 1.25) | {
    "face": 1.65, "hand": 1.4, "forearm": 1.7, "upper_arm": 1.5, "lower_leg": 1.7, "ear": 1.2, "nails": 1.0,
}  # fmt: skip
