"""The person and the skin of version 4: pigment and relief that vary at all scales, moles, freckles, pores, hairs."""

from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.colour import BLOOD, MELANIN, REST, rgb, skin_colour, transmit
from dermimit.data.synderm.compose import OIL, Look
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.outlines import NaturalCanvas
from dermimit.data.synderm.scene import Scene
from dermimit.data.synderm.textures import ramp

BACKDROPS_4 = ((0.05, 0.14, 0.22), (0.06, 0.17, 0.13), (0.50, 0.49, 0.46), (0.02, 0.02, 0.022), (0.24, 0.24, 0.26),
               (0.14, 0.22, 0.32), (0.42, 0.36, 0.30), (0.62, 0.61, 0.58), (0.30, 0.18, 0.11), (0.16, 0.09, 0.05),
               (0.46, 0.29, 0.20), (0.36, 0.40, 0.36), (0.58, 0.50, 0.36), (0.24, 0.15, 0.20))  # fmt: skip


@dataclass(frozen=True)
class Person(Look):
    """A person: `mottle` and `flush`, how unevenly melanin and blood are spread; `lines`, depth of the skin lines;
    `wrinkles`; `moles`; each 0..1 or a little above; `backdrop` and `other`, the two colours of what lies behind. None
    depends on the labels.
    """

    mottle: float = 0.0
    flush: float = 0.0
    lines: float = 0.0
    wrinkles: float = 0.0
    moles: float = 0.0
    other: int = 0

    @classmethod
    def draw(cls, rng: np.random.Generator, melanin: float, fitzpatrick: int) -> "Person":
        """Draw a person of a skin type; the numbers drawn do not depend on the type, only what is made of them."""
        pigment, red, spots, oil, hairy, colour, behind, dim = rng.random(8).tolist()
        shift = tuple(rng.random(8).tolist())
        mottle, flush, lines, wrinkles, moles, other = rng.random(6).tolist()
        return cls(
            melanin=melanin * (0.87 + 0.26 * pigment),
            redness=REST * (0.55 + 1.3 * red * red),
            freckles=max(spots - 0.5, 0) * 2.0 * (fitzpatrick < 4),
            oil=OIL * (0.6 + 3.0 * oil * oil),
            body_hair=max(hairy - 0.15, 0) / 0.85,
            hair=int(colour * (5 if fitzpatrick < 4 else 2)),
            backdrop=int(behind * len(BACKDROPS_4)),
            dim=0.35 + 0.75 * dim,
            shift=shift,
            mottle=0.35 + 0.9 * mottle * mottle,
            flush=0.35 + 0.9 * flush * flush,
            lines=0.35 + 0.9 * lines,
            wrinkles=max(wrinkles - 0.45, 0) / 0.55,
            moles=max(moles - 0.6, 0) / 0.4,
            other=int(other * len(BACKDROPS_4)),
        )


class Skin:
    """The skin's own structure, near its natural size for `cm` centimetres across the picture."""

    def __init__(self, canvas: NaturalCanvas, person: Person, cm: float) -> None:
        self.person, self.cm = person, cm
        self.mottle = canvas.noise("mottle", 0.8 + cm / 40, 22)
        self.blotch = canvas.noise("blotch", 0.7 + cm / 50, 20)
        self.lines = canvas.noise("lines", min(max(cm / 13, 0.75), 2.2), 21)

    def spots(self, canvas: NaturalCanvas) -> Array | float:
        """Extra melanin in moles and, on some light skins, freckles."""
        made: Array | float = 0.0
        if self.person.moles:
            spot = canvas.noise("spot", min(max(self.cm / 22, 0.5), 1.6), 19)
            made = np.float32(1.5) * ramp(spot - np.float32(1.06 - 0.26 * self.person.moles), 0.30)
        if self.person.freckles:
            spot = canvas.noise("spot", min(max(self.cm / 9, 1.2), 3.2), 18)
            made = made + np.float32(0.55 * self.person.freckles) * spot
        return made

    def relief(self, canvas: NaturalCanvas, scene: Scene) -> Array:
        """Height of skin lines, pores and wrinkles; smoothed away under opaque matter."""
        depth = np.float32(0.0019 * self.person.lines * scene.rough)
        made = depth * self.lines
        if self.person.wrinkles:
            made += np.float32(0.0034 * self.person.wrinkles) * canvas.noise(
                "wrinkle", min(max(self.cm / 16, 0.5), 1.6), 17
            )
        made *= 1 - np.float32(0.7) * canvas.cover
        return made


def skin(canvas: NaturalCanvas, scene: Scene, person: Person, texture: Skin) -> Array:
    """Linear reflectance of the body with the pigments of its lesions, and of nails, eyes and lips."""
    uneven = np.float32(0.17 * person.mottle) * texture.mottle - np.float32(0.16) * texture.lines
    own = np.float32(person.melanin + 0.10) * (1 + uneven)
    own += texture.spots(canvas)
    own += scene.brown * np.float32(0.45 + 0.22 * person.melanin) - np.float32(0.10)
    np.maximum(own, 0, out=own)
    own *= 1 - canvas.bleach
    own += np.maximum(canvas.melanin, 0) * np.float32(1 + 0.22 * person.melanin)
    blood = np.float32(0.30 * person.flush) * texture.blotch - np.float32(0.16 * person.flush) * canvas.ragged
    blood += 1
    blood *= np.float32(person.redness)
    blood += scene.pink + canvas.blood
    picture = skin_colour(own, blood)
    if scene.paint:
        tinted = transmit(np.maximum(canvas.melanin, 0) * MELANIN + np.maximum(canvas.blood, 0) * BLOOD)
        alphas: dict[tuple[float, float, float], Array] = {}
        for alpha, colour in scene.paint:
            alphas[colour] = np.maximum(alphas[colour], alpha) if colour in alphas else alpha
        for colour, alpha in alphas.items():
            picture += alpha * (tinted * rgb(colour) - picture)
    return picture
