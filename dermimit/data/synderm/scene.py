"""What a scene is: a body part as shapes in coordinates u (right) and v (down) that span about -1..1."""

from dataclasses import dataclass, field

import numpy as np

from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.textures import capsule, ramp

NAIL = (0.66, 0.40, 0.33)
WHITE = (0.82, 0.78, 0.73)
CLOTHS = ((0.03, 0.06, 0.16), (0.03, 0.03, 0.035), (0.30, 0.32, 0.34), (0.04, 0.12, 0.12), (0.16, 0.05, 0.12),
          (0.16, 0.22, 0.36), (0.55, 0.55, 0.54), (0.30, 0.10, 0.08))  # fmt: skip

Paint = tuple[Array, tuple[float, float, float]]


@dataclass
class Scene:
    """What a body part looks like before lesions.

    `skin` is 1 on the body and 0 on the backdrop; `height` is in units of the frame's half side; `width` the
    centimetres across the frame; `span` scales the lesions to the part; `brown` and `pink` add melanin and blood;
    `hair` is the cover by hair of the head 0..1, `hairy` how much body hair can grow; `rough` scales the skin lines,
    `gloss` adds shine; `paint` are things under the lesions, such as nails, and `cloth` things over them, both
    (alpha, linear RGB).
    """

    skin: Array
    height: Array
    width: float
    span: float = 1.0
    brown: Array | float = 0.0
    pink: Array | float = 0.0
    hair: Array | None = None
    hairy: float = 0.0
    rough: float = 1.0
    gloss: Array | float = 0.0
    paint: list[Paint] = field(default_factory=list)
    cloth: list[Paint] = field(default_factory=list)


@dataclass(frozen=True)
class Frame:
    """Coordinates (H, W) of a scene, its edge softness, and the random numbers of this case (eight in 0..1)."""

    u: Array
    v: Array
    soft: float
    chance: tuple[float, ...]
    cloth: tuple[float, float, float]

    def inside(self, distance: Array, soft: float = 0.0) -> Array:
        """1 where the signed distance is negative, with a soft edge."""
        return ramp(-distance, max(soft, self.soft))

    def line(self, p: tuple[float, float], q: tuple[float, float], r: float) -> Array:
        """A soft line from p to q."""
        return self.inside(capsule(self.u, self.v, p, q, r), 1.5 * r)

    def bump(self, x: float, y: float, a: float, b: float) -> Array:
        """A smooth hill of height 1 about (x, y) that ends at the ellipse of half axes a and b."""
        t = np.clip(1 - ((self.u - x) * (1 / a)) ** 2 - ((self.v - y) * (1 / b)) ** 2, 0, 1)
        return t * t
