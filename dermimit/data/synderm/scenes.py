"""The fifteen body parts: how each is drawn, and where on it lesions lie."""

from collections.abc import Callable

from dermimit.data.synderm.scene import Frame, Scene
from dermimit.data.synderm.scenes_head import ear, face, neck, scalp
from dermimit.data.synderm.scenes_limbs import foot, forearm, hand, lower_leg, nails, thigh, upper_arm
from dermimit.data.synderm.scenes_trunk import abdomen, back, chest, groin

SCENES: dict[str, Callable[[Frame], Scene]] = {
    draw.__name__: draw
    for draw in (scalp, face, ear, neck, chest, back, abdomen, upper_arm, forearm, hand, nails, groin, thigh, lower_leg,
                 foot)
}  # fmt: skip

# The ellipse (u, v, half width, half height) of a scene in which the middle of the lesions lies.
ZONES = {
    "scalp": (0, 0.05, 0.45, 0.40),
    "face": (0, 0.16, 0.45, 0.42),
    "ear": (0.0, 0.05, 0.30, 0.50),
    "neck": (0, 0.1, 0.34, 0.38),
    "chest": (0, 0.02, 0.55, 0.45),
    "back": (0, 0.1, 0.55, 0.5),
    "abdomen": (0, -0.12, 0.5, 0.45),
    "upper_arm": (-0.1, 0.18, 0.28, 0.45),
    "forearm": (-0.1, 0, 0.5, 0.24),
    "hand": (0, 0.30, 0.32, 0.34),
    "nails": (0, -0.2, 0.12, 0.22),
    "groin": (0.5, 0.20, 0.22, 0.30),
    "thigh": (0, 0.18, 0.42, 0.40),
    "lower_leg": (0, -0.1, 0.24, 0.5),
    "foot": (0.02, 0.15, 0.26, 0.42),
}
