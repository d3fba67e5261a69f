"""Chest, back, abdomen and groin."""

import numpy as np

from dermimit.data.synderm.scene import Frame, Scene
from dermimit.data.synderm.textures import capsule, ellipse, ramp, rounded


def chest(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    top = -v - 0.86 + 0.35 * side * side
    full = 0.08 + 0.08 * f.chance[0]
    height = 0.05 * f.inside(capsule(side, v, (0.10, -0.62), (0.85, -0.74), 0.05), 0.14)
    breast = ellipse(side - 0.5, v - 0.12, 0.5, 0.48)
    height = height + full * np.sqrt(f.inside(breast, 0.8)) - 0.03 * f.bump(0, -0.1, 0.22, 0.8)
    height = height - 0.05 * f.bump(0, -0.72, 0.10, 0.08)
    nipple = f.inside(ellipse(side - 0.55, v - 0.30, 0.105, 0.095), 0.06)
    tip = f.inside(ellipse(side - 0.55, v - 0.30, 0.036, 0.036), 0.04)
    fold = f.inside(np.abs(breast) - 0.012, 0.06) * ramp(v - 0.38, 0.2)
    brown = 0.9 * nipple + 0.4 * tip + 0.35 * fold + 0.08 * f.inside(side - 0.012, 0.10) * ramp(v + 0.4, 0.3)
    return Scene(f.inside(top), height + 0.04 * tip, 38, 1.0, brown, 0.45 * nipple, hairy=0.8 * (f.chance[1] < 0.5))


def back(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    torso = side - (0.95 - 0.22 * np.clip(v + 0.2, 0, 1.2) ** 2)
    groove = f.bump(0, 0.1, 0.16, 1.4)
    bone = ellipse(side - 0.46 - 0.12 * v, v + 0.28, 0.22, 0.38)
    height = rounded(torso, 0.5, 0.24) - 0.08 * groove + 0.06 * f.inside(bone, 0.34)
    knob = np.abs((v * 4.0) % 1.0 - 0.5)
    height = height + 0.012 * f.inside(side - 0.05, 0.08) * ramp(0.2 - knob, 0.3)
    height = height + 0.03 * (f.bump(-0.2, 0.7, 0.18, 0.4) + f.bump(0.2, 0.7, 0.18, 0.4))
    brown = 0.25 * f.inside(side - 0.012, 0.08) * ramp(v + 0.85, 0.1)
    nape = f.inside(np.maximum(side - 0.3, v + 0.86 + 0.3 * side), 0.06)
    waist = f.inside(0.93 - v)
    return Scene(f.inside(torso), height, 46, 1.0, brown, hair=nape, cloth=[(waist, f.cloth)])


def abdomen(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    torso = side - (0.80 + 0.35 * np.abs(v - 0.05) ** 2)
    navel = ellipse(u, v - 0.18, 0.075, 0.10)
    height = rounded(torso, 0.6, 0.36) + 0.05 * f.inside(np.abs(navel) - 0.03, 0.10) - 0.06 * f.inside(navel, 0.12)
    height = height + 0.10 * f.chance[0] * f.bump(0, 0.35, 0.9, 0.7) - 0.02 * f.bump(0, -0.4, 0.12, 0.6)
    brown = 1.3 * f.inside(ellipse(u, v - 0.19, 0.05, 0.065), 0.07) + 0.15 * f.inside(side - 0.012, 0.06) * ramp(v, 0.5)
    band = f.inside(0.74 + 0.08 * u * u - v)
    seam = f.inside(np.abs(v - 0.80 - 0.08 * u * u) - 0.012, 0.02)
    cloth = [(band, f.cloth), (0.6 * seam, (0.55, 0.53, 0.50))]
    return Scene(f.inside(torso), height, 40, 1.0, brown, hairy=0.6 * (f.chance[1] < 0.4), cloth=cloth)


def groin(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    briefs = v + 0.95 * side - 0.30
    crease = np.abs(v + 0.95 * side - 0.42)
    gap = side - 0.05 - 0.22 * np.clip(v - 0.35, 0, 1)
    split = np.maximum(gap, 0.32 - v)
    thigh = ellipse(side - 0.62, v - 0.6, 0.58, 1.0)
    height = rounded(thigh, 0.4, 0.28) - 0.08 * f.inside(crease - 0.02, 0.14)
    brown = 0.45 * f.inside(crease - 0.008, 0.06) + 0.5 * f.inside(np.abs(split) - 0.01, 0.14)
    hem = f.inside(np.abs(briefs + 0.05) - 0.015, 0.02)
    cloth = [(f.inside(briefs), f.cloth), (0.7 * hem, (0.6, 0.6, 0.58))]
    return Scene(
        1 - f.inside(split), height, 42, 0.9, brown, 0.25 * f.inside(crease - 0.05, 0.2), hairy=0.6, cloth=cloth
    )
