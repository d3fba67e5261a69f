"""Put a picture of version 4 together: skin at all scales, lesions, hairs, cloth, what lies behind, pen marks."""

import numpy as np
from scipy import ndimage

from dermimit.data.synderm.camera import Shot
from dermimit.data.synderm.camera_4 import shading
from dermimit.data.synderm.colour import rgb
from dermimit.data.synderm.compose import HAIR_COLOURS, HAZE
from dermimit.data.synderm.confounders import Confounders, overlays
from dermimit.data.synderm.ink import pen_marks
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.layout import Layout
from dermimit.data.synderm.outlines import NaturalCanvas
from dermimit.data.synderm.scene import Scene
from dermimit.data.synderm.skin_4 import BACKDROPS_4, Person, Skin, skin
from dermimit.data.synderm.textures import ramp, sample


def compose(
    canvas: NaturalCanvas, scene: Scene, layout: Layout, look: Person, shot: Shot, found: Confounders, cm: float
) -> tuple[Array, dict[str, Array], float]:
    """Colour everything; arguments and results as in `compose.compose`."""
    texture = Skin(canvas, look, cm)
    picture = skin(canvas, scene, look, texture)
    cover = {"skin": scene.skin, "seen": scene.skin}
    if scene.paint:
        cover["feature"] = np.max([alpha for alpha, _ in scene.paint], axis=0) * scene.skin
    if canvas.cover.any():
        picture *= 1 - canvas.cover
        picture += canvas.paint * (1 + np.float32(0.10) * texture.mottle + np.float32(0.12) * canvas.ragged)
    relief = texture.relief(canvas, scene)
    height = canvas.height + scene.height * np.float32(0.5 * scene.width / cm) + relief
    light, shine = shading(height, canvas.gloss + look.oil + scene.gloss, shot)
    picture *= light
    picture += np.float32(HAZE) * light + np.float32(0.50) * shine
    hairs = _hairs(canvas, scene, layout, look, found, texture)
    if hairs is not None:
        cover["hair"] = hairs
        picture += hairs * (rgb(HAIR_COLOURS[look.hair]) * (0.45 + 0.55 * light) - picture)
        cover["seen"] = cover["seen"] * (hairs < 0.75)
    for alpha, colour in scene.cloth:
        if not alpha.any():
            continue
        folds = 1 + np.float32(0.20) * canvas.warp + np.float32(0.10) * canvas.ragged
        picture += alpha * (rgb(colour) * (folds * (0.4 + 0.6 * light)) - picture)
        cover["cloth"] = np.maximum(cover.get("cloth", 0.0), alpha)
        cover["seen"] = cover["seen"] * (1 - alpha)
    if scene.skin.min() < 1:
        behind = _behind(canvas, scene, look, shot)
        picture = behind + scene.skin * (picture - behind)
    if found.ink:
        alpha, colour = pen_marks(canvas.axis, found, (layout.x, layout.y, 1.15 * layout.reach), canvas.warp, relief)
        cover["ink"] = alpha = alpha * cover["seen"]
        picture += alpha * (rgb(colour) * (0.6 + 0.4 * light) - picture)
    if found.ruler or found.dressing:
        for name, (alpha, paint) in overlays(canvas.axis, found, (0, 0, 0), canvas.warp).items():
            if name != "ink":
                cover[name] = alpha
                cover["seen"] = cover["seen"] * (1 - alpha)
                picture = picture * (1 - alpha) + alpha * paint
    return picture, cover, 0.25 + 0.5 * found.spare[8] if found.vignette else 0.0


def _hairs(
    canvas: NaturalCanvas, scene: Scene, layout: Layout, look: Person, found: Confounders, texture: Skin
) -> Array | None:
    """Cover by hair: of the head, thinned over the lesions so that they can be seen; of the body; and stray hairs."""
    hairs = _stray(canvas, found) if found.hair else None
    if scene.hair is not None and scene.hair.any():
        gap = np.sqrt((canvas.axis[None, :] - layout.x) ** 2 + (canvas.axis[:, None] - layout.y) ** 2)
        clear = ramp(np.float32(0.95 * layout.reach) - gap + np.float32(0.07) * canvas.warp, 0.20)
        np.maximum(clear, canvas.lesion > 0, out=clear)
        head = scene.hair * (1 - np.float32(0.86) * clear)
        hairs = head if hairs is None else np.maximum(hairs, head)
    hairy = max(scene.hairy, 0.25) * look.body_hair
    if hairy > 0.08:
        distance = canvas.noise("curl", min(max(texture.cm / 11.0, 0.8), 2.4), 18)
        body = np.float32(0.85 * hairy) * ramp(np.float32(0.09) - distance, 0.16) * (1 - np.float32(0.8) * canvas.cover)
        hairs = body if hairs is None else np.maximum(hairs, body)
    return None if hairs is None else hairs * scene.skin


def _stray(canvas: NaturalCanvas, found: Confounders) -> Array:
    """Cover by a few loose, bent hairs, more on one side of the picture than on the other."""
    a, b, c, d = found.spare[:4]
    scale = 0.45 + 0.35 * c
    distance = sample("curl", canvas.axis, canvas.axis, scale, (a, b))
    x, y = canvas.axis[None, :] - np.float32(0.5), canvas.axis[:, None] - np.float32(0.5)
    here = ramp(np.float32(2 * c - 1) * x + np.float32(2 * d - 1) * y + np.float32(0.05), 0.35)
    return np.float32(0.92) * here * ramp(np.float32(0.03) - distance, max(0.07, 14 * scale * canvas.soft))


def _behind(canvas: NaturalCanvas, scene: Scene, look: Person, shot: Shot) -> Array:
    """What lies behind the body, out of focus: two colours that run into each other, and the body's soft shadow."""
    n = canvas.size
    dx, dy = (int(-0.05 * n * s) for s in shot.light)
    shadow = ndimage.uniform_filter(np.roll(scene.skin, (dy, dx), axis=(0, 1)), max(3, n // 8), mode="nearest")
    lean = 2 * look.shift[0] - 1, 2 * look.shift[1] - 1
    blend = np.float32(lean[0]) * canvas.axis[None, :] + np.float32(lean[1]) * canvas.axis[:, None]
    blend = ramp(blend + np.float32(0.55) * canvas.noise("coarse", 0.16, 21) - np.float32(0.5 * sum(lean)), 1.1)
    first, second = rgb(BACKDROPS_4[look.backdrop]), rgb(BACKDROPS_4[look.other])
    weave = 1 + np.float32(0.18) * canvas.warp + np.float32(0.08 * look.shift[2]) * canvas.ragged
    weave *= np.float32(look.dim) - np.float32(0.55 * look.dim) * shadow
    made = blend * (second - first)
    made += first
    made *= weave
    return made
