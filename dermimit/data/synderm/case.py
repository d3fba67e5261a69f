"""One SynDerm case: its labels, its parameters and its photograph, all from (seed, index) alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermimit.data.synderm.camera import (
    BACKDROPS,
    CLOTHS,
    HAIR_COLOURS,
    Shot,
    draw_shot,
    expose,
    hair_cover,
    ink_and_ruler,
    relief_shading,
)
from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.colour import BLOOD, MELANIN, MELANIN_OF_TYPE, SKIN_TYPES, skin_colour, transmit
from dermimit.data.synderm.knowledge import Array, knowledge
from dermimit.data.synderm.layout import Layout, draw_layout
from dermimit.data.synderm.lesions import draw_elements, umbilicate
from dermimit.data.synderm.marks import draw_marks
from dermimit.data.synderm.scenes import SCENES, Frame, Scene
from dermimit.data.synderm.textures import ramp

LABELS, LOOKS, SENSOR = 0, 1, 2  # independent streams of random numbers of a case


@dataclass(frozen=True)
class Labels:
    """What a case shows, by name, and the skin type 1..6."""

    disease: str
    body_part: str
    attributes: tuple[str, ...]
    fitzpatrick: int


@dataclass(frozen=True)
class Case:
    """A photograph with all that is known about it.

    `image` (H, W, 3) uint8; `mask` (H, W) bool, true on lesion pixels; `parameters` every number drawn for the picture.
    """

    image: Array
    mask: Array
    disease: str
    body_part: str
    attributes: tuple[str, ...]
    fitzpatrick: int
    index: int
    parameters: dict[str, Any]


def stream(seed: int, index: int, which: int) -> np.random.Generator:
    """The random numbers of one case: Philox keyed by (seed, index), at a counter far from the other streams."""
    key = np.array([seed, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, which], dtype=np.uint64)))


def draw_labels(seed: int, index: int, prior: Array, skin_types: Sequence[int] = SKIN_TYPES) -> Labels:
    """Draw disease, body part, attributes and skin type; the skin type is independent of the rest.

    Args:
        seed, index: the case, both 0 and up.
        prior: (49,) probabilities of the diseases.
        skin_types: Fitzpatrick types to draw from, evenly.
    """
    facts, rng = knowledge(), stream(seed, index, LABELS)
    disease = min(int(np.searchsorted(np.cumsum(prior), rng.random(), side="right")), len(prior) - 1)
    body, present = facts.draw(np.array([disease]), rng)
    names = tuple(a for a, yes in zip(facts.attributes, present[0], strict=True) if yes)
    skin = skin_types[int(rng.random() * len(skin_types))]
    return Labels(facts.diseases[disease], facts.body_parts[body[0]], names, int(skin))


def make_case(seed: int, index: int, size: int, labels: Labels, confounders: bool = True) -> Case:
    """Draw the picture of a case. It depends on the disease only through body part and attributes."""
    rng = stream(seed, index, LOOKS)
    framing, scene, centre = _frame(labels.body_part, size, rng)
    span = scene.span * (0.95 + 0.2 * (framing["zoom"] - 1.0))
    layout = draw_layout(frozenset(labels.attributes), centre, span, knowledge().elements, rng)
    shot = draw_shot(rng, confounders)
    melanin = MELANIN_OF_TYPE[labels.fitzpatrick] * float(rng.uniform(0.85, 1.15))
    hair = HAIR_COLOURS[int(rng.random() * (5 if labels.fitzpatrick < 4 else 2))]
    backdrop = BACKDROPS[int(rng.random() * len(BACKDROPS))]
    canvas = _surface(scene, layout, frozenset(labels.attributes), shot, framing["zoom"], size)
    picture, body = _compose(canvas, scene, layout, melanin, hair, backdrop, shot)
    picture = ink_and_ruler(picture, canvas.axis, shot, (layout.x, layout.y, 1.35 * layout.reach))
    mask = (canvas.mask > 0.5) & (body > 0.5)
    image = expose(picture, canvas.axis, shot, stream(seed, index, SENSOR))
    elements = [vars(e) for e in layout.elements]
    parameters = {**framing, "melanin": melanin, "layout": {**vars(layout), "elements": elements}, "shot": vars(shot)}
    return Case(image, mask, labels.disease, labels.body_part, labels.attributes, labels.fitzpatrick, index, parameters)


def _frame(body_part: str, size: int, rng: np.random.Generator) -> tuple[dict[str, Any], Scene, tuple[float, float]]:
    """Choose how the camera looks at the body part and where in its zone the lesions lie."""
    zoom, turn, left, right, mirror, a, b, cloth = rng.random(8).tolist()
    chance = rng.random(8).astype(np.float32)
    zoom, turn = 1.0 + 0.35 * zoom, 0.6 * (turn - 0.5)
    shift, flip = (0.24 * (left - 0.5), 0.24 * (right - 0.5)), 1 if mirror < 0.5 else -1
    cos, sin = (1 - turn * turn) / (1 + turn * turn), 2 * turn / (1 + turn * turn)
    axis = (((np.arange(size) + 0.5) / size) * 2 - 1).astype(np.float32) * np.float32(1 / zoom)
    x, y = axis[None, :], axis[:, None]
    u, v = flip * (cos * x + sin * y) + shift[0], cos * y - sin * x + shift[1]
    frame = Frame(u, v, 3.0 / size, chance, CLOTHS[int(cloth * len(CLOTHS))])
    scene = SCENES[body_part](frame)
    zu, zv, width, height = scene.zone
    dx, dy = 2 * a - 1, 2 * b - 1
    limit = max(1.0, (dx * dx + dy * dy) ** 0.5)
    pu, pv = flip * (zu + 0.8 * width * dx / limit - shift[0]), zv + 0.8 * height * dy / limit - shift[1]
    px, py = zoom * (cos * pu - sin * pv), zoom * (sin * pu + cos * pv)
    centre = (min(max(0.5 + px / 2, 0.2), 0.8), min(max(0.5 + py / 2, 0.2), 0.8))
    return {"zoom": zoom, "turn": turn, "shift": shift, "mirror": flip}, scene, centre


def _surface(scene: Scene, layout: Layout, present: frozenset[str], shot: Shot, zoom: float, size: int) -> Canvas:
    """Lay all lesions on a canvas, and add the body's own relief beneath them."""
    canvas = Canvas(size, layout.shift)
    ground = draw_elements(canvas, layout, present, shot.light)
    draw_marks(canvas, layout, ground, present)
    if "umbilication" in present:
        umbilicate(canvas, layout)
    canvas.height += (0.5 * zoom) * scene.height + np.float32(0.0008) * canvas.noise("grain", 0.5, 21)
    return canvas


def _compose(
    canvas: Canvas,
    scene: Scene,
    layout: Layout,
    melanin: float,
    hair: tuple[float, float, float],
    backdrop: tuple[float, float, float],
    shot: Shot,
) -> tuple[Array, Array]:
    """Colour everything, back to front: skin, nails and eyes, lesion matter, hair, cloth, backdrop."""
    mottle = canvas.noise("coarse", 0.6, 22)
    own = melanin * (1 + 0.07 * mottle) + scene.brown * (0.55 + 0.3 * melanin)
    bleach = 1 + np.minimum(canvas.melanin, 0)
    picture = skin_colour(
        own * bleach + np.maximum(canvas.melanin, 0), 0.26 + 0.05 * mottle + scene.pink + canvas.blood
    )
    if scene.paint:
        depth = np.maximum(canvas.melanin, 0)[..., None] * MELANIN + np.maximum(canvas.blood, 0)[..., None] * BLOOD
        tinted = transmit(depth)
        for alpha, colour in scene.paint:
            picture += alpha[..., None] * (tinted * np.asarray(colour, np.float32) - picture)
    picture = picture * (1 - canvas.cover[..., None]) + canvas.paint
    body = scene.skin
    hairs = hair_cover(canvas.axis, shot) if shot.hairs else 0.0
    if scene.hair is not None:
        gap = np.sqrt((canvas.axis[None, :] - layout.x) ** 2 + (canvas.axis[:, None] - layout.y) ** 2)
        clear = np.maximum(ramp(layout.reach - gap, 0.1), canvas.mask)
        hairs = np.maximum(hairs, scene.hair * (1 - 0.9 * clear))
    if shot.hairs or scene.hair is not None:
        picture += hairs[..., None] * (np.asarray(hair, np.float32) - picture)
    weave = (1 + 0.08 * canvas.noise("grain", 0.6, 23))[..., None]
    for alpha, colour in scene.cloth:
        picture += alpha[..., None] * (weave * np.asarray(colour, np.float32) - picture)
        body = body * (1 - alpha)
    picture *= relief_shading(canvas.height, shot)[..., None]
    behind = np.asarray(backdrop, np.float32) * (1 + 0.06 * mottle)[..., None]
    return picture * scene.skin[..., None] + behind * (1 - scene.skin[..., None]), body
