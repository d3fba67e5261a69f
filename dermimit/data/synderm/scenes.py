"""Fifteen body parts, as shapes in a frame of coordinates u (right) and v (down) that spans about -1..1."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import capsule, ellipse, ramp, rounded, sample_warped

NAIL = (0.72, 0.44, 0.38)
WHITE = (0.90, 0.88, 0.84)
TOES = ((-0.33, -0.66, 0.17), (-0.06, -0.74, 0.115), (0.15, -0.68, 0.105), (0.33, -0.56, 0.095), (0.48, -0.40, 0.085))

Paint = tuple[Array, tuple[float, float, float]]


@dataclass
class Scene:
    """What a body part looks like before lesions.

    `skin` is 1 on the body and 0 on the backdrop; `height` is in units of the frame; `brown` and `pink` add melanin and
    blood; `hair` is the cover by hair 0..1; `paint` are things under the lesions, such as nails, and
    `cloth` things over them, both (alpha, linear RGB); `zone` is the ellipse
    (u, v, half width, half height) where lesions lie; `span` scales the lesions to the part.
    """

    skin: Array
    height: Array
    zone: tuple[float, float, float, float]
    span: float = 1.0
    brown: Array | float = 0.0
    pink: Array | float = 0.0
    hair: Array | None = None
    paint: list[Paint] = field(default_factory=list)
    cloth: list[Paint] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """Coordinates (H, W) of a scene, its edge softness, and the random numbers of this case (eight in 0..1)."""

    u: Array
    v: Array
    soft: float
    chance: Array
    cloth: tuple[float, float, float]

    def inside(self, distance: Array, soft: float = 0.0) -> Array:
        """1 where the signed distance is negative, with a soft edge."""
        return ramp(-distance, max(soft, self.soft))

    def line(self, p: tuple[float, float], q: tuple[float, float], r: float) -> Array:
        """A soft line from p to q."""
        return self.inside(capsule(self.u, self.v, p, q, r), 1.5 * r)


def scalp(f: Frame) -> Scene:
    head = ellipse(f.u, f.v - 0.25, 1.15, 1.2)
    part = np.abs(f.u - 0.1 * f.v + 0.25 * (f.chance[0] - 0.5))
    strand = sample_warped("strand", f.v, f.u * (1.2 - 0.3 * f.v), 0.35, 0.22)
    hair = np.clip(0.80 + 0.35 * strand, 0.2, 1) * ramp(part - 0.03, 0.08)
    return Scene(f.inside(head), rounded(head, 0.7, 0.35), (0, 0.05, 0.45, 0.4), hair=hair)


def face(f: Frame) -> Scene:
    u, v = f.u, f.v
    head = ellipse(u, v - 0.05, 0.74, 0.98)
    side = np.abs(u)
    height = rounded(head, 0.6, 0.30) + 0.13 * f.inside(capsule(u, v, (0, -0.2), (0, 0.2), 0.1), 0.2)
    hairline = v + 0.58 - 0.35 * u * u
    hair = np.maximum(f.inside(hairline, 0.08), f.inside(capsule(side, v, (0.17, -0.31), (0.42, -0.30), 0.045), 0.05))
    eye = f.inside(ellipse(side - 0.3, v + 0.13, 0.135, 0.07))
    iris = f.inside(ellipse(side - 0.3, v + 0.13, 0.06, 0.06))
    lips = f.inside(ellipse(u, v - 0.55, 0.24, 0.075), 0.04)
    nostril = f.inside(ellipse(side - 0.07, v - 0.26, 0.045, 0.03), 0.04)
    dark = 1.2 * nostril + 1.0 * f.line((-0.22, 0.55), (0.22, 0.55), 0.015)
    paint = [(eye, WHITE), (iris, (0.06, 0.035, 0.02))]
    return Scene(f.inside(head), height, (0, 0.16, 0.45, 0.42), 0.85, dark, 1.3 * lips, hair, paint)


def ear(f: Frame) -> Scene:
    u, v = f.u + 0.12 * f.v, f.v
    outer = ellipse(u, v + 0.08, 0.50, 0.70)
    lobe = ellipse(u - 0.02, v - 0.52, 0.24, 0.26)
    shell = np.minimum(outer, lobe)
    rim = np.abs(ellipse(u, v + 0.08, 0.43, 0.62)) - 0.05
    fold = np.abs(ellipse(u + 0.08, v + 0.02, 0.24, 0.42)) - 0.03
    bowl = f.inside(ellipse(u + 0.10, v - 0.10, 0.15, 0.22), 0.12)
    body = f.inside(shell, 0.05)
    height = 0.22 * body + 0.16 * f.inside(rim, 0.12) + 0.10 * f.inside(fold, 0.1) - 0.2 * bowl
    gap = f.inside(np.abs(shell) - 0.02, 0.06)
    strand = np.clip(0.85 + 0.3 * sample_warped("strand", v, u - 0.3 * v, 0.3, 0.25), 0, 1)
    hair = strand * np.maximum(ramp(f.u - 0.35, 0.2), ramp(-v - 0.62, 0.2)) * (1 - body)
    dark = 0.9 * bowl + 0.6 * gap * (u > 0)
    return Scene(np.ones_like(u), height, (0.0, 0.05, 0.30, 0.50), 0.85, dark, 0.25 * body, hair)


def neck(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    width = 0.52 + 0.5 * np.clip(v - 0.35, 0, 1) ** 2 * 3
    column = side - width
    jaw = ellipse(u, v + 1.12, 0.78, 0.62)
    body = np.minimum(column, jaw)
    height = np.maximum(rounded(column, 0.5, 0.32), rounded(jaw, 0.3, 0.42))
    shadow = f.inside(np.abs(jaw - 0.05) - 0.04, 0.12)
    crease = np.abs(v - 0.12 - 0.12 * u * u)
    crease = f.inside(np.minimum(crease, np.abs(v - 0.34 - 0.1 * u * u)) - 0.008, 0.03)
    tendon = f.inside(np.abs(side - 0.36 + 0.28 * (v + 0.4)) - 0.03, 0.1)
    collar = f.inside(0.86 - 0.3 * side - v)
    return Scene(
        f.inside(body), height + 0.04 * tendon, (0, 0.1, 0.34, 0.38), 0.9, 0.9 * shadow + 0.6 * crease,
        cloth=[(collar, f.cloth)],
    )  # fmt: skip


def chest(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    top = -v - 0.86 + 0.35 * side * side
    height = 0.05 * f.inside(capsule(side, v, (0.10, -0.62), (0.85, -0.74), 0.05), 0.12)
    breast = ellipse(side - 0.5, v - 0.12, 0.5, 0.48)
    height = height + 0.10 * f.inside(breast, 0.5) - 0.05 * f.inside(side - 0.03, 0.1)
    nipple = f.inside(ellipse(side - 0.55, v - 0.30, 0.12, 0.11), 0.05)
    tip = f.inside(ellipse(side - 0.55, v - 0.30, 0.045, 0.045), 0.04)
    fold = f.inside(np.abs(breast) - 0.015, 0.06) * ramp(v - 0.35, 0.2)
    dark = 0.75 * nipple + 0.5 * tip + 0.5 * fold + 0.35 * f.inside(side - 0.012, 0.05) * ramp(v + 0.4, 0.3)
    return Scene(f.inside(top), height, (0, 0.02, 0.55, 0.45), 1.0, dark, 0.5 * nipple)


def back(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    torso = side - (0.95 - 0.22 * np.clip(v + 0.2, 0, 1.2) ** 2)
    groove = f.inside(side - 0.02, 0.14)
    bone = ellipse(side - 0.46 - 0.12 * v, v + 0.28, 0.22, 0.38)
    height = rounded(torso, 0.5, 0.22) - 0.12 * groove + 0.07 * f.inside(bone, 0.3)
    edge = f.inside(np.abs(bone) - 0.015, 0.08) * ramp(v + 0.15, 0.3)
    knob = np.abs((v * 4.0) % 1.0 - 0.5)
    dark = 0.55 * f.inside(side - 0.012, 0.05) * ramp(v + 0.85, 0.1) + 0.4 * edge
    dark = dark - 0.25 * f.inside(side - 0.05, 0.05) * ramp(0.2 - knob, 0.2)
    nape = f.inside(np.maximum(side - 0.3, v + 0.86 + 0.3 * side), 0.06)
    return Scene(f.inside(torso), height, (0, 0.1, 0.55, 0.5), 1.0, dark, hair=nape)


def abdomen(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    torso = side - (0.80 + 0.35 * np.abs(v - 0.05) ** 2)
    navel = ellipse(u, v - 0.18, 0.10, 0.13)
    height = rounded(torso, 0.6, 0.35) + 0.06 * f.inside(np.abs(navel) - 0.03, 0.08) - 0.03 * f.inside(navel, 0.1)
    belly = f.inside(np.abs(side - 0.42) - 0.02, 0.12) * ramp(0.1 - v, 0.6)
    dark = 2.4 * f.inside(ellipse(u, v - 0.19, 0.08, 0.10), 0.06) + 0.25 * f.inside(side - 0.012, 0.05) + 0.15 * belly
    band = f.inside(0.74 + 0.08 * u * u - v)
    seam = f.inside(np.abs(v - 0.80 - 0.08 * u * u) - 0.012, 0.02)
    cloth = [(band, f.cloth), (seam, (0.75, 0.73, 0.70))]
    return Scene(f.inside(torso), height, (0, -0.12, 0.5, 0.45), 1.0, dark, cloth=cloth)


def upper_arm(f: Frame) -> Scene:
    u, v = f.u, f.v
    width = 0.50 - 0.10 * np.clip(v + 0.3, 0, 1.3)
    arm = np.abs(u + 0.1) - width
    sleeve = np.maximum(v + 0.48 + 0.10 * u, np.abs(u + 0.08) - 0.62)
    shirt = np.minimum(sleeve, 0.50 - 0.02 * v - u)
    hem = np.abs(v + 0.50 + 0.10 * u)
    height = np.maximum(rounded(arm, 0.45, 0.32), 0.12 * f.inside(shirt, 0.1))
    stitch = f.inside(np.maximum(hem - 0.012, np.abs(u + 0.08) - 0.6), 0.02)
    cloth = [(f.inside(shirt), f.cloth), (stitch, (0.7, 0.7, 0.68))]
    return Scene(np.maximum(f.inside(arm), f.inside(shirt)), height, (-0.1, 0.18, 0.28, 0.45), 0.9, cloth=cloth)


def forearm(f: Frame) -> Scene:
    u, v = f.u, f.v
    width = 0.48 - 0.19 * np.clip(u + 0.5, 0, 1.25) + 0.6 * np.clip(u - 0.72, 0, 1)
    arm = np.abs(v) - width
    crease = f.inside(np.abs(u - 0.68 - 0.15 * v * v) - 0.010, 0.03) + f.inside(np.abs(u - 0.60) - 0.008, 0.03)
    tendon = f.inside(np.abs(np.abs(v) - 0.08) - 0.02, 0.06) * ramp(u - 0.2, 0.4)
    vein = f.inside(np.abs(v + 0.16 - 0.18 * u + 0.05 * f.chance[1]) - 0.014, 0.04) * ramp(0.3 - u, 0.5)
    height = rounded(arm, 0.42, 0.32) + 0.04 * tendon
    return Scene(f.inside(arm), height, (-0.1, 0, 0.5, 0.24), 0.85, 0.6 * crease + 0.25 * vein)


def hand(f: Frame) -> Scene:
    u, v = f.u, f.v
    palm = np.maximum(ellipse(u, v - 0.36, 0.56, 0.62), v - 1.4)
    body = np.minimum(palm, capsule(u, v, (0, 0.6), (0, 1.4), 0.33))
    spread = 0.08 + 0.10 * f.chance[0]
    for k, tip in enumerate((-0.66, -0.88, -0.92, -0.70)):
        base = -0.39 + 0.26 * k
        body = np.minimum(body, capsule(u, v, (base, 0.1), (base + spread * (k - 1.5), tip), 0.115))
    body = np.minimum(body, capsule(u, v, (0.40, 0.55), (0.85, 0.02), 0.13))
    crease = f.line((-0.42, 0.22), (0.25, 0.12), 0.012) + f.line((-0.40, 0.42), (0.30, 0.30), 0.012)
    crease = crease + f.line((0.32, 0.26), (0.10, 0.80), 0.014)
    joint = f.inside(np.abs(v + 0.28 - 0.3 * u * u) - 0.010, 0.03) + f.inside(np.abs(v + 0.02) - 0.010, 0.03)
    dark = 0.5 * np.minimum(crease, 1) + 0.35 * joint * f.inside(np.abs(u) - 0.5, 0.05)
    return Scene(f.inside(body), rounded(body, 0.16, 0.13), (0, 0.30, 0.32, 0.34), 0.9, dark, 0.15)


def nails(f: Frame) -> Scene:
    u, v = f.u, f.v
    near = u - 0.64 * np.clip(np.round(u * (1 / 0.64)), -1, 1)
    drop = 0.16 * (u - near) ** 2
    finger = capsule(near, v - drop, (0, -0.50), (0, 1.6), 0.29)
    plate = np.maximum(ellipse(near, v - drop + 0.32, 0.235, 0.44), -0.72 - v + drop + 0.6 * near * near)
    nail = f.inside(plate, 0.04)
    free = nail * f.inside(v - drop + 0.62 - 0.5 * near * near, 0.04)
    moon = nail * f.inside(ellipse(near, v - drop - 0.12, 0.15, 0.13), 0.06)
    shine = nail * f.inside(np.abs(near + 0.08) - 0.02, 0.08) * 0.5
    groove = f.inside(np.abs(plate) - 0.015, 0.045) * ramp(v - drop + 0.65, 0.1)
    knuckle = f.inside(np.abs(np.abs(v - drop - 0.72) - 0.07) - 0.012, 0.04)
    height = rounded(finger, 0.27, 0.24) + 0.02 * nail
    paint = [(0.75 * nail, NAIL), (0.35 * moon, WHITE), (0.8 * free, WHITE), (shine, (1, 1, 1))]
    return Scene(
        f.inside(finger), height, (0, -0.2, 0.12, 0.22), 0.85, 0.9 * groove + 0.5 * knuckle, 0.3 * groove, paint=paint
    )


def groin(f: Frame) -> Scene:
    u, v = f.u, f.v
    side = np.abs(u)
    briefs = v + 0.95 * side - 0.30
    crease = np.abs(v + 0.95 * side - 0.42)
    gap = side - 0.05 - 0.22 * np.clip(v - 0.35, 0, 1)
    split = np.maximum(gap, 0.32 - v)
    thigh = ellipse(side - 0.62, v - 0.6, 0.58, 1.0)
    height = rounded(thigh, 0.4, 0.26) - 0.10 * f.inside(crease - 0.02, 0.1)
    dark = 0.8 * f.inside(crease - 0.012, 0.05) + 0.8 * f.inside(np.abs(split) - 0.01, 0.10)
    hem = f.inside(np.abs(briefs + 0.05) - 0.015, 0.02)
    cloth = [(f.inside(briefs), f.cloth), (hem, (0.7, 0.7, 0.68))]
    skin = 1 - f.inside(split)
    zone = (0.5 if f.chance[2] < 0.5 else -0.5, 0.20, 0.22, 0.30)
    return Scene(skin, height, zone, 0.9, dark, 0.3 * f.inside(crease - 0.05, 0.2), cloth=cloth)


def thigh(f: Frame) -> Scene:
    u, v = f.u, f.v
    leg = np.abs(u) - (0.74 - 0.17 * np.clip(v + 0.4, 0, 1.6))
    knee = ellipse(u, v - 0.95, 0.36, 0.28)
    shorts = np.maximum(v + 0.46 - 0.06 * u, np.abs(u) - 0.86)
    height = rounded(leg, 0.65, 0.42) + rounded(knee, 0.2, 0.12)
    dark = 0.5 * f.inside(np.abs(knee) - 0.02, 0.06)
    hem = f.inside(np.maximum(np.abs(v + 0.50 - 0.06 * u) - 0.014, np.abs(u) - 0.86), 0.02)
    cloth = [(f.inside(shorts), f.cloth), (hem, (0.7, 0.7, 0.68))]
    return Scene(np.maximum(f.inside(leg), f.inside(shorts)), height, (0, 0.18, 0.42, 0.40), 1.0, dark, cloth=cloth)


def lower_leg(f: Frame) -> Scene:
    u, v = f.u, f.v
    calf = 0.25 + 0.22 * np.clip(1 - (v + 0.25) ** 2 * 1.6, 0, 1)
    leg = np.abs(u) - calf - 0.10 * np.clip(-v - 0.75, 0, 1)
    knee = ellipse(u, v + 0.95, 0.3, 0.2)
    sock = np.maximum(0.60 - v, np.abs(u) - 0.31)
    shoe = capsule(u, v, (0.0, 1.05), (0.55, 1.08), 0.24)
    shin = f.inside(np.abs(u + 0.08) - 0.03, 0.12)
    height = rounded(leg, 0.4, 0.34) + 0.05 * shin + rounded(knee, 0.15, 0.08)
    dark = 0.5 * f.inside(np.abs(knee) - 0.02, 0.06) - 0.1 * shin
    rib = f.inside(np.maximum(np.abs(v - 0.66) - 0.02, np.abs(u) - 0.31), 0.02)
    cloth = [(f.inside(sock), f.cloth), (rib, (0.75, 0.75, 0.72)), (f.inside(shoe), (0.03, 0.03, 0.035))]
    skin = np.maximum(np.maximum(f.inside(leg), f.inside(sock)), f.inside(shoe))
    return Scene(skin, height, (0, -0.1, 0.24, 0.5), 0.85, dark, cloth=cloth)


def foot(f: Frame) -> Scene:
    u, v = f.u, f.v
    sole = ellipse(u - 0.06 * v, v - 0.35, 0.44, 0.95)
    body = np.minimum(sole, ellipse(u + 0.02, v + 0.22, 0.50, 0.42))
    paint = []
    for x, y, r in TOES:
        body = np.minimum(body, capsule(u, v, (x * 0.9, y + 0.30), (x, y), r))
        paint.append((0.8 * f.inside(ellipse(u - x, v - y + 0.06, 0.62 * r, 0.55 * r), 0.03), NAIL))
    tendon = f.inside(np.abs(np.abs((u - 0.05) * 3.2 + 10) % 0.5 - 0.25) - 0.03, 0.08) * f.inside(v - 0.2, 0.5)
    return Scene(
        f.inside(body), rounded(body, 0.20, 0.15) + 0.015 * tendon, (0.02, 0.15, 0.26, 0.42), 0.9, 0.0, 0.05,
        paint=paint,
    )  # fmt: skip


SCENES: dict[str, Callable[[Frame], Scene]] = {
    draw.__name__: draw
    for draw in (scalp, face, ear, neck, chest, back, abdomen, upper_arm, forearm, hand, nails, groin, thigh, lower_leg,
                 foot)
}  # fmt: skip
