"""Upper arm, forearm, hand, nails, thigh, lower leg and foot."""

import numpy as np

from dermimit.data.synderm.scene import NAIL, WHITE, Frame, Scene
from dermimit.data.synderm.textures import capsule, ellipse, ramp, rounded

TOES = ((-0.33, -0.66, 0.17), (-0.06, -0.74, 0.115), (0.15, -0.68, 0.105), (0.33, -0.56, 0.095), (0.48, -0.40, 0.085))


def upper_arm(f: Frame) -> Scene:
    u, v = f.u, f.v
    width = 0.50 - 0.10 * np.clip(v + 0.3, 0, 1.3)
    arm = np.abs(u + 0.1) - width
    sleeve = np.maximum(v + 0.48 + 0.10 * u, np.abs(u + 0.08) - 0.62)
    shirt = np.minimum(sleeve, 0.50 - 0.02 * v - u)
    hem = np.abs(v + 0.50 + 0.10 * u)
    height = np.maximum(rounded(arm, width, 0.34), 0.12 * f.inside(shirt, 0.1)) + 0.05 * f.bump(-0.2, 0.1, 0.3, 0.5)
    stitch = f.inside(np.maximum(hem - 0.010, np.abs(u + 0.08) - 0.6), 0.02)
    cloth = [(f.inside(shirt), f.cloth), (0.6 * stitch, (0.5, 0.5, 0.48))]
    skin = np.maximum(f.inside(arm), f.inside(shirt))
    return Scene(skin, height, 26, 0.9, hairy=0.4, cloth=cloth)


def forearm(f: Frame) -> Scene:
    u, v = f.u, f.v
    width = 0.48 - 0.19 * np.clip(u + 0.5, 0, 1.25) + 0.6 * np.clip(u - 0.72, 0, 1)
    arm = np.abs(v) - width
    crease = f.inside(np.abs(u - 0.68 - 0.15 * v * v) - 0.006, 0.025) + f.inside(np.abs(u - 0.60) - 0.005, 0.025)
    tendon = f.inside(np.abs(np.abs(v) - 0.08) - 0.02, 0.08) * ramp(u - 0.2, 0.4)
    vein = f.inside(np.abs(v + 0.16 - 0.18 * u + 0.05 * f.chance[1]) - 0.012, 0.05) * ramp(0.3 - u, 0.5)
    height = rounded(arm, width, 0.34) + 0.03 * tendon + 0.012 * vein - 0.008 * crease
    brown = 0.35 * np.minimum(crease, 1) * f.inside(arm) + 0.10 * vein
    return Scene(f.inside(arm), height, 26, 0.85, brown, -0.05 * vein, hairy=1.0)


def hand(f: Frame) -> Scene:
    u, v = f.u, f.v
    palm = np.maximum(ellipse(u, v - 0.36, 0.56, 0.62), v - 1.4)
    body = np.minimum(palm, capsule(u, v, (0, 0.6), (0, 1.4), 0.33))
    spread = 0.08 + 0.10 * f.chance[0]
    finger = np.full_like(u + v, 9.0)
    for k, tip in enumerate((-0.66, -0.88, -0.92, -0.70)):
        base = -0.39 + 0.26 * k
        finger = np.minimum(finger, capsule(u, v, (base, 0.1), (base + spread * (k - 1.5), tip), 0.115))
    thumb = capsule(u, v, (0.40, 0.55), (0.85, 0.02), 0.13)
    body = np.minimum(np.minimum(body, finger), thumb)
    crease = f.line((-0.42, 0.22), (0.25, 0.12), 0.007) + f.line((-0.40, 0.42), (0.30, 0.30), 0.007)
    crease = crease + f.line((0.32, 0.26), (0.10, 0.80), 0.009)
    joint = f.inside(np.abs(v + 0.28 - 0.3 * u * u) - 0.006, 0.025) + f.inside(np.abs(v + 0.02) - 0.006, 0.025)
    height = np.maximum(rounded(body, 0.20, 0.15), np.maximum(rounded(finger, 0.115, 0.13), rounded(thumb, 0.13, 0.16)))
    height = height + 0.06 * f.bump(0.28, 0.5, 0.22, 0.32) + 0.05 * f.bump(-0.32, 0.55, 0.2, 0.34)
    lines = np.minimum(crease, 1) + 0.7 * joint * f.inside(np.abs(u) - 0.5, 0.05)
    brown = 0.40 * lines - 0.35  # a palm is paler than the rest
    return Scene(f.inside(body), height - 0.012 * lines, 18, 0.9, brown, 0.22 - 0.1 * lines, rough=1.4)


def nails(f: Frame) -> Scene:
    u, v = f.u, f.v
    near = u - 0.64 * np.clip(np.round(u * (1 / 0.64)), -1, 1)
    drop = 0.16 * (u - near) ** 2
    finger = capsule(near, v - drop, (0, -0.50), (0, 1.6), 0.29)
    plate = np.maximum(ellipse(near, v - drop + 0.32, 0.235, 0.44), -0.72 - v + drop + 0.6 * near * near)
    nail = f.inside(plate, 0.04)
    free = nail * f.inside(v - drop + 0.62 - 0.5 * near * near, 0.04)
    moon = nail * f.inside(ellipse(near, v - drop - 0.12, 0.15, 0.13), 0.08)
    groove = f.inside(np.abs(plate) - 0.012, 0.05) * ramp(v - drop + 0.65, 0.1)
    knuckle = f.inside(np.abs(np.abs(v - drop - 0.72) - 0.07) - 0.010, 0.05)
    height = rounded(finger, 0.27, 0.26) + 0.025 * nail - 0.02 * groove - 0.012 * knuckle
    paint = [(0.70 * nail, NAIL), (0.30 * moon, WHITE), (0.7 * free, WHITE)]
    brown = 0.45 * groove + 0.30 * knuckle
    return Scene(
        f.inside(finger), height, 7, 0.85, brown, 0.25 * groove + 0.06, rough=1.2, gloss=0.5 * nail, paint=paint
    )


def thigh(f: Frame) -> Scene:
    u, v = f.u, f.v
    width = 0.74 - 0.17 * np.clip(v + 0.4, 0, 1.6)
    leg = np.abs(u) - width
    shorts = np.maximum(v + 0.46 - 0.06 * u, np.abs(u) - 0.86)
    height = rounded(leg, width, 0.44) + 0.12 * f.bump(0, 0.95, 0.38, 0.30)
    brown = 0.25 * f.bump(0, 0.95, 0.34, 0.26)
    hem = f.inside(np.maximum(np.abs(v + 0.50 - 0.06 * u) - 0.012, np.abs(u) - 0.86), 0.02)
    cloth = [(f.inside(shorts), f.cloth), (0.6 * hem, (0.55, 0.55, 0.53))]
    skin = np.maximum(f.inside(leg), f.inside(shorts))
    return Scene(skin, height, 34, 1.0, brown, hairy=0.8, cloth=cloth)


def lower_leg(f: Frame) -> Scene:
    u, v = f.u, f.v
    calf = 0.25 + 0.22 * np.clip(1 - (v + 0.25) ** 2 * 1.6, 0, 1)
    calf = calf + 0.10 * np.clip(-v - 0.75, 0, 1)
    leg = np.abs(u) - calf
    sock = np.maximum(0.60 - v, np.abs(u) - 0.31)
    shoe = capsule(u, v, (0.0, 1.05), (0.55, 1.08), 0.24)
    height = (
        np.maximum(rounded(leg, calf, 0.36), 0.1 * f.inside(sock, 0.1))
        + 0.03 * f.bump(-0.08, -0.1, 0.16, 0.9)
        + 0.10 * f.bump(0, -0.95, 0.32, 0.24)
    )
    brown = 0.25 * f.bump(0, -0.95, 0.3, 0.22)
    rib = f.inside(np.maximum(np.abs(v - 0.66) - 0.02, np.abs(u) - 0.31), 0.02)
    cloth = [(f.inside(sock), f.cloth), (0.5 * rib, (0.6, 0.6, 0.58)), (f.inside(shoe), (0.03, 0.03, 0.035))]
    skin = np.maximum(np.maximum(f.inside(leg), f.inside(sock)), f.inside(shoe))
    return Scene(skin, height, 36, 0.85, brown, hairy=1.0, cloth=cloth)


def foot(f: Frame) -> Scene:
    u, v = f.u, f.v
    sole = ellipse(u - 0.06 * v, v - 0.35, 0.44, 0.95)
    body = np.minimum(sole, ellipse(u + 0.02, v + 0.22, 0.50, 0.42))
    height, paint = rounded(body, 0.24, 0.18), []
    for x, y, r in TOES:
        toe = capsule(u, v, (x * 0.9, y + 0.30), (x, y), r)
        body = np.minimum(body, toe)
        height = np.maximum(height, rounded(toe, r, 0.9 * r))
        paint.append((0.75 * f.inside(ellipse(u - x, v - y + 0.06, 0.62 * r, 0.55 * r), 0.03), NAIL))
    tendon = f.inside(np.abs(np.abs((u - 0.05) * 3.2 + 10) % 0.5 - 0.25) - 0.03, 0.12) * f.inside(v - 0.2, 0.5)
    height = height + 0.012 * tendon + 0.10 * f.bump(0.03, 0.75, 0.3, 0.6)
    return Scene(f.inside(body), height, 20, 0.9, 0.0, 0.06, hairy=0.3, gloss=0.2 * paint[0][0], paint=paint)
