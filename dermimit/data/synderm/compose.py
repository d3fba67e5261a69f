"""Put a picture together, back to front: backdrop, skin, features, lesions, hair, cloth, and things left lying."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dermimit.data.synderm.camera import Shot, shading
from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.colour import BLOOD, MELANIN, REST, rgb, skin_colour, transmit
from dermimit.data.synderm.confounders import Confounders, hair_cover, overlays
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.scene import Scene
from dermimit.data.synderm.textures import ramp

HAIR_COLOURS = ((0.012, 0.010, 0.009), (0.035, 0.020, 0.012), (0.09, 0.05, 0.025), (0.26, 0.17, 0.08),
                (0.30, 0.29, 0.28))  # fmt: skip
BACKDROPS = ((0.05, 0.14, 0.22), (0.06, 0.17, 0.13), (0.50, 0.50, 0.49), (0.02, 0.02, 0.022), (0.26, 0.28, 0.32),
             (0.12, 0.24, 0.38), (0.42, 0.38, 0.33), (0.62, 0.63, 0.64))  # fmt: skip
FURROW_CM, PORE_CM = 4.6, 14.0  # width of a tile of skin lines, and of freckles
OIL = 0.045  # gloss of calm skin
HAZE = 0.022  # light that the skin's surface throws back uncoloured, some per cent at a boundary with air (Fresnel)


@dataclass(frozen=True)
class Look:
    """The person and the room: pigment of the skin, its redness, freckles, hair, backdrop; none depends on labels."""

    melanin: float
    redness: float
    freckles: float
    oil: float
    body_hair: float
    hair: int
    backdrop: int
    dim: float
    shift: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, melanin: float, fitzpatrick: int) -> "Look":
        """Draw a person of a skin type; the numbers drawn do not depend on the type, only what is made of them."""
        pigment, red, spots, oil, hairy, colour, behind, dim = rng.random(8).tolist()
        return cls(
            melanin=melanin * (0.87 + 0.26 * pigment),
            redness=REST * (0.55 + 1.0 * red * red),
            freckles=max(spots - 0.6, 0) * 2.5 * (fitzpatrick < 4),
            oil=OIL * (0.4 + 1.6 * oil),
            body_hair=max(hairy - 0.45, 0) / 0.55,
            hair=int(colour * (5 if fitzpatrick < 4 else 2)),
            backdrop=int(behind * len(BACKDROPS)),
            dim=0.55 + 0.55 * dim,
            shift=tuple(rng.random(8).tolist()),
        )

    def numbers(self) -> dict[str, object]:
        return dict(vars(self))


def compose(
    canvas: Canvas, scene: Scene, layout: Layout, look: Look, shot: Shot, found: Confounders, cm: float
) -> tuple[Array, dict[str, Array], float]:
    """Colour everything.

    Args:
        canvas: what the lesions add to the skin.
        scene: the body part.
        cm: centimetres across the picture, which scales skin lines, freckles and body hair.

    Returns:
        linear picture (3, H, W); cover (H, W) of each thing, with `seen` the skin in sight; and the vignette, 0..1.
    """
    texture = Texture(canvas, look, cm)
    picture = _skin(canvas, scene, look, texture)
    cover = {"skin": scene.skin, "seen": scene.skin}
    if scene.paint:
        cover["feature"] = np.max([alpha for alpha, _ in scene.paint], axis=0) * scene.skin
    picture *= 1 - canvas.cover
    picture += canvas.paint
    height = canvas.height + scene.height * np.float32(0.5 * scene.width / cm) + texture.relief(canvas, scene)
    light, shine = shading(height, canvas.gloss + look.oil + scene.gloss, shot)
    picture *= light
    picture += np.float32(HAZE) * light
    picture += np.float32(0.55) * shine
    hairs = _hairs(canvas, scene, layout, look, found, texture)
    if hairs is not None:
        cover["hair"] = hairs
        picture += hairs * (rgb(HAIR_COLOURS[look.hair]) * (0.45 + 0.55 * light) - picture)
        cover["seen"] = cover["seen"] * (hairs < 0.75)
    folds = 1 + 0.22 * canvas.noise("coarse", 0.8, 23) + 0.06 * canvas.noise("grain", 1.0, 23)
    for alpha, colour in scene.cloth:
        picture += alpha * (rgb(colour) * (folds * (0.4 + 0.6 * light)) - picture)
        cover["cloth"] = np.maximum(cover.get("cloth", 0.0), alpha)
        cover["seen"] = cover["seen"] * (1 - alpha)
    behind = _behind(canvas, scene, look, shot, folds)
    picture = behind + scene.skin * (picture - behind)
    ring = (layout.x, layout.y, 1.35 * layout.reach)
    for name, (alpha, paint) in overlays(canvas.axis, found, ring, canvas.warp).items():
        if name == "ink":
            alpha = alpha * cover["seen"]
            cover[name] = alpha
            picture = picture * (1 - alpha) + alpha * paint * (0.6 + 0.4 * light)
        else:
            cover[name] = alpha
            cover["seen"] = cover["seen"] * (1 - alpha)
            picture = picture * (1 - alpha) + alpha * paint
    return picture, cover, 0.25 + 0.5 * found.spare[8] if found.vignette else 0.0


class Texture:
    """The skin's own fine structure, at its natural size for the given centimetres across the picture."""

    def __init__(self, canvas: Canvas, look: Look, cm: float) -> None:
        self.cm, self.look = cm, look
        self.mottle = canvas.noise("coarse", 0.6, 22) + 0.5 * canvas.noise("middle", 0.5 + cm / 40, 22)
        self.fine = canvas.noise("fine", cm / 22, 20)
        self.furrow = canvas.noise("furrow", cm / FURROW_CM, 21)

    def freckles(self, canvas: Canvas) -> Array | float:
        """Extra melanin in small spots, on some light skins."""
        if not self.look.freckles:
            return 0.0
        near, shade = canvas.noise("near", self.cm / PORE_CM, 19), canvas.noise("shade", self.cm / PORE_CM, 19)
        return np.float32(0.45 * self.look.freckles) * ramp(0.30 - near, 0.3) * ramp(shade - 0.6, 0.3)

    def relief(self, canvas: Canvas, scene: Scene) -> Array:
        """Height of the skin lines; shallow lozenges of about a millimetre."""
        depth = np.float32(0.0065 / self.cm * scene.rough)
        return depth * ramp(self.furrow - 0.25, 0.6) * (1 - canvas.cover) + np.float32(0.0035 / self.cm) * self.fine


def _skin(canvas: Canvas, scene: Scene, look: Look, texture: Texture) -> Array:
    """Linear reflectance of the body with the pigments of its lesions, and of nails, eyes and lips."""
    own = np.float32(look.melanin) * (1 + 0.050 * texture.mottle + 0.018 * texture.fine) + texture.freckles(canvas)
    own = np.maximum(own + scene.brown * np.float32(0.45 + 0.22 * look.melanin), 0) * (1 - canvas.bleach)
    melanin = own + np.maximum(canvas.melanin, 0) * np.float32(1 + 0.22 * look.melanin)
    blood = np.float32(look.redness) * (1 + 0.14 * texture.mottle + 0.05 * texture.fine) + scene.pink + canvas.blood
    picture = skin_colour(melanin, blood)
    if scene.paint:
        depth = np.maximum(canvas.melanin, 0) * MELANIN + np.maximum(canvas.blood, 0) * BLOOD
        tinted = transmit(depth)
        for alpha, colour in scene.paint:
            picture += alpha * (tinted * rgb(colour) - picture)
    return picture


def _hairs(
    canvas: Canvas, scene: Scene, layout: Layout, look: Look, found: Confounders, texture: Texture
) -> Array | None:
    """Cover by hair: of the head, thinned over the lesions so that they can be seen; of the body; and stray hairs."""
    hairs = hair_cover(canvas.axis, found) if found.hair else None
    if scene.hair is not None:
        gap = np.sqrt((canvas.axis[None, :] - layout.x) ** 2 + (canvas.axis[:, None] - layout.y) ** 2)
        lesion = (canvas.lesion > 0).astype(np.float32)
        clear = np.maximum(ramp(np.float32(0.95 * layout.reach) - gap + 0.05 * canvas.warp, 0.16), lesion)
        head = scene.hair * (1 - 0.86 * clear)
        hairs = head if hairs is None else np.maximum(hairs, head)
    if scene.hairy and look.body_hair:
        distance = canvas.noise("hair", texture.cm / 7.0, 18)
        body = np.float32(0.75 * scene.hairy * look.body_hair) * ramp(0.10 - distance, 0.16) * (1 - canvas.cover)
        hairs = body if hairs is None else np.maximum(hairs, body)
    return None if hairs is None else hairs * scene.skin


def _behind(canvas: Canvas, scene: Scene, look: Look, shot: Shot, folds: Array) -> Array:
    """What lies behind the body: cloth or wall, with the body's soft shadow away from the light."""
    n = canvas.size
    shift = tuple(int(-0.05 * n * s) for s in (shot.light[1], shot.light[0]))
    shadow = ndimage.uniform_filter(np.roll(scene.skin, shift, axis=(0, 1)), max(3, n // 10), mode="nearest")
    shade = (look.dim * (1 - 0.5 * shadow)) * (0.75 + 0.25 * folds)
    return shade * rgb(BACKDROPS[look.backdrop])
