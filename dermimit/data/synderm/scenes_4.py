"""The body parts of version 4: those of version 3 seen from nearer, and a face without the look of a doll."""

from collections.abc import Callable

import numpy as np

from dermimit.data.synderm.scene import Frame, Scene
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
    relief = 0.15 * f.bump(yaw, 0.12, 0.15, 0.40) + 0.09 * f.bump(yaw, 0.28, 0.17, 0.14)
    relief = relief + 0.05 * f.bump(0, -0.34, 0.8, 0.18) + 0.05 * f.bump(yaw, 0.80, 0.28, 0.18)
    socket = np.clip(1 - ((side - 0.29) * 4.4) ** 2 - ((v + 0.10) * 6.5) ** 2, 0, 1)
    cheek = np.clip(1 - ((side - 0.42) * 3.6) ** 2 - ((v - 0.24) * 3.6) ** 2, 0, 1)
    ball = np.clip(1 - ((side - 0.29) * 6.5) ** 2 - ((v + 0.105) * 11) ** 2, 0, 1)
    height = np.maximum(rounded(head, 0.7, 0.42), 0.2 * f.inside(throat, 0.3)) + relief
    height = height - 0.09 * socket * socket + 0.05 * ball + 0.06 * cheek * cheek
    upper = v + 0.105 + (0.030 - 0.9 * (side - 0.29) ** 2) * (0.2 + 1.1 * f.chance[5])
    slit = np.maximum(-upper, v + 0.085 - 1.1 * (side - 0.29) ** 2 * -1 - 0.012)
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
    paint = [(0.85 * eye, (0.36, 0.29, 0.26)), (0.95 * iris, (0.035, 0.022, 0.014))]
    shirt = f.inside(0.92 + 0.10 * f.chance[3] - 0.15 * np.abs(u) - v, 0.03)
    return Scene(
        np.maximum(f.inside(body), shirt), height, 24, 0.82, brown + beard, pink, hair, rough=0.8,
        gloss=0.05 * f.bump(yaw, 0, 0.3, 0.9) + 0.06 * lips, paint=paint, cloth=[(shirt, f.cloth)],
    )  # fmt: skip


SCENES_4: dict[str, Callable[[Frame], Scene]] = SCENES | {"face": face}

# How much nearer than in version 3 each part is seen at the same zoom.
CLOSENESS = dict.fromkeys(SCENES, 1.1) | {
    "face": 1.2, "hand": 1.25, "forearm": 1.25, "upper_arm": 1.2, "lower_leg": 1.25, "neck": 1.15, "scalp": 1.1, "ear": 1.05,
    "nails": 1.0, "groin": 1.15, "foot": 1.15,
}  # fmt: skip
