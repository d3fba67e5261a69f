"""Scalp, face, ear and neck."""

import numpy as np

from dermimit.data.synderm.scene import Frame, Scene
from dermimit.data.synderm.textures import capsule, ellipse, ramp, rounded, sample_warped


def scalp(f: Frame) -> Scene:
    head = ellipse(f.u, f.v - 0.25, 1.15, 1.2)
    part = np.abs(f.u - 0.1 * f.v + 0.25 * (f.chance[0] - 0.5))
    strand = sample_warped("strand", f.v, f.u * (1.2 - 0.3 * f.v), 0.35, 0.22)
    wave = sample_warped("strand", f.v, f.u * (1.2 - 0.3 * f.v) + 0.05 * f.v, 0.7, 0.5)
    hair = np.clip(0.82 + 0.28 * strand + 0.22 * wave, 0.15, 1) * ramp(part - 0.03, 0.08)
    return Scene(f.inside(head), rounded(head, 0.7, 0.35) + 0.012 * wave * hair, 22, hair=hair)


def face(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    long = 0.94 + 0.08 * f.chance[0]
    head = ellipse(u * (1 - 0.06 * np.clip(0.2 - v, -1, 0.5)), (v - 0.02) * (1 / long), 0.71, 0.98)
    throat = np.maximum(side - 0.40, 0.4 - v)
    ears = ellipse(side - 0.76, v + 0.02, 0.09, 0.20)
    body = np.minimum(np.minimum(head, throat), ears)
    relief = 0.16 * f.bump(0, 0.12, 0.16, 0.36) + 0.09 * f.bump(0, 0.27, 0.15, 0.13)
    relief = relief + 0.05 * f.bump(0, -0.30, 0.75, 0.16) + 0.05 * f.bump(0, 0.80, 0.26, 0.18)
    relief = relief + 0.035 * (f.bump(0, 0.53, 0.26, 0.07) + f.bump(0, 0.62, 0.24, 0.08))
    for s in (-1, 1):
        relief = relief - 0.10 * f.bump(0.29 * s, -0.11, 0.20, 0.13) + 0.06 * f.bump(0.40 * s, 0.22, 0.26, 0.24)
        relief = relief + 0.03 * f.bump(0.10 * s, 0.30, 0.07, 0.07)
    height = np.maximum(rounded(head, 0.7, 0.42), 0.2 * f.inside(throat, 0.3)) + relief
    eye = np.maximum(ellipse(side - 0.29, v + 0.02, 0.19, 0.13), ellipse(side - 0.29, v + 0.20, 0.19, 0.13))
    white = f.inside(eye)
    iris = white * f.inside(ellipse(side - 0.29, v + 0.115, 0.056, 0.056))
    pupil = white * f.inside(ellipse(side - 0.29, v + 0.115, 0.025, 0.025))
    lid = f.inside(np.abs(eye + 0.004) - 0.010, 0.02) * ramp(-v - 0.10, 0.05)
    fold = f.inside(np.abs(ellipse(side - 0.29, v + 0.06, 0.20, 0.15)) - 0.006, 0.02) * ramp(-v - 0.14, 0.04)
    upper, lower = ellipse(u, v - 0.555, 0.23, 0.055), ellipse(u, v - 0.59, 0.20, 0.075)
    lips = f.inside(np.minimum(upper, lower), 0.03)
    mouth = f.inside(np.maximum(np.abs(v - 0.565 - 0.10 * u * u) - 0.007, side - 0.22), 0.022)
    nostril = f.inside(ellipse(side - 0.065, v - 0.335, 0.042, 0.020), 0.025)
    crease = f.inside(capsule(side, v, (0.16, 0.30), (0.30, 0.52), 0.004), 0.05)
    brow = f.inside(capsule(side, v, (0.15, -0.285), (0.42, -0.30), 0.030), 0.05)
    strand = np.clip(0.86 + 0.16 * sample_warped("strand", v, u + 0.3 * v * v, 0.35, 0.7), 0, 1)
    hairline = v + 0.60 - 0.42 * u * u - 0.08 * f.chance[1]
    hair = np.maximum(strand * f.inside(hairline, 0.07), 0.85 * brow)
    brown = 1.4 * nostril + 1.2 * mouth + 0.8 * lid + 0.35 * fold + 0.35 * crease
    brown = brown + 0.25 * (f.bump(-0.29, -0.02, 0.2, 0.1) + f.bump(0.29, -0.02, 0.2, 0.1)) + 0.3 * lips
    pink = 0.75 * lips + 0.16 * (f.bump(-0.4, 0.2, 0.25, 0.25) + f.bump(0.4, 0.2, 0.25, 0.25))
    pink = pink + 0.14 * f.bump(0, 0.27, 0.14, 0.12)
    iris_colour = ((0.05, 0.025, 0.012), (0.10, 0.06, 0.02), (0.09, 0.13, 0.16))[int(2.3 * f.chance[2])]
    glint = white * f.inside(ellipse(side - 0.305, v + 0.135, 0.010, 0.010))
    paint = [(white, (0.62, 0.56, 0.52)), (iris, iris_colour), (pupil, (0.01, 0.01, 0.01)), (glint, (1, 1, 1))]
    shirt = f.inside(0.92 + 0.10 * f.chance[3] - 0.15 * side - v)
    shoulders = np.maximum(f.inside(body), shirt)
    return Scene(
        shoulders, height, 24, 0.82, brown, pink, hair, rough=0.8, gloss=0.05 * f.bump(0, 0, 0.3, 0.9) + 0.12 * lips,
        paint=paint, cloth=[(shirt, f.cloth)],
    )  # fmt: skip


def ear(f: Frame) -> Scene:
    u, v = f.u + 0.12 * f.v, f.v
    outer = ellipse(u - 0.05 * np.clip(-v, 0, 1), v + 0.08, 0.48, 0.70)
    lobe = ellipse(u + 0.06, v - 0.52, 0.22, 0.26)
    shell = np.minimum(outer, lobe)
    rim = np.abs(ellipse(u, v + 0.08, 0.41, 0.62)) - 0.05
    rim = np.maximum(rim, 0.05 - (0.5 + u - 0.25 * v))
    fold = np.abs(ellipse(u + 0.06, v + 0.02, 0.24, 0.42)) - 0.03
    bowl = f.inside(ellipse(u + 0.10, v - 0.08, 0.15, 0.22), 0.14)
    canal = f.inside(ellipse(u + 0.20, v - 0.08, 0.06, 0.08), 0.08)
    tragus = f.bump(-0.28, 0.08, 0.09, 0.13)
    body = f.inside(shell, 0.06)
    height = 0.20 * body + 0.15 * f.inside(rim, 0.16) + 0.09 * f.inside(fold, 0.14) - 0.18 * bowl + 0.10 * tragus
    gap = f.inside(np.abs(shell) - 0.02, 0.08)
    strand = np.clip(0.85 + 0.3 * sample_warped("strand", v, u - 0.3 * v, 0.3, 0.25), 0, 1)
    hair = strand * np.maximum(ramp(f.u - 0.38, 0.2), ramp(-v - 0.66, 0.2)) * (1 - body)
    brown = 0.5 * bowl + 1.6 * canal + 0.5 * gap * (u > -0.1)
    return Scene(np.ones_like(u), height, 10, 0.85, brown, 0.16 * body, hair, gloss=0.05 * body)


def neck(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    width = 0.50 + 0.5 * np.clip(v - 0.35, 0, 1) ** 2 * 3
    column = side - width
    jaw = ellipse(u, v + 1.10, 0.78, 0.62)
    body = np.minimum(column, jaw)
    height = np.maximum(rounded(column, width, 0.32), 0.10 + rounded(jaw, 0.3, 0.40))
    under = f.inside(jaw - 0.10, 0.25) * (1 - f.inside(jaw, 0.05))
    crease = np.abs(v - 0.10 - 0.12 * u * u)
    crease = f.inside(np.minimum(crease, np.abs(v - 0.32 - 0.1 * u * u)) - 0.006, 0.025)
    height = height + 0.05 * f.inside(np.abs(side - 0.34 + 0.30 * (v + 0.4)) - 0.03, 0.16) - 0.010 * crease
    height = height + 0.05 * f.bump(0, 0.05, 0.14, 0.2)
    collar = f.inside(0.88 - 0.3 * side - v)
    lips = f.inside(ellipse(u, v + 0.92, 0.22, 0.06), 0.03)
    return Scene(
        f.inside(body),
        height,
        22,
        0.9,
        0.55 * under + 0.35 * crease + 0.3 * lips,
        0.7 * lips,
        cloth=[(collar, f.cloth)],
    )
