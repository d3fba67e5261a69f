"""One SynDerm case: its labels, its parameters and its photograph, all from (seed, index) alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from dermimit.data.synderm.camera import compressed
from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.colour import MELANIN_OF_TYPE
from dermimit.data.synderm.confounders import draw_confounders, probabilities
from dermimit.data.synderm.distractors import draw_distractors, draw_moles, lay_things
from dermimit.data.synderm.drawing import DRAWINGS, Drawing
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Array, knowledge
from dermimit.data.synderm.layout import Layout, Manner, draw_layout
from dermimit.data.synderm.places import widened
from dermimit.data.synderm.regimes import VERSION_3, Regime, process
from dermimit.data.synderm.small import (
    TRIES,
    covered_share,
    drawn_zoom,
    lay,
    moved,
    place,
    window_side,
)  # fmt: skip

# Independent streams of random numbers of a case.
LABELS, VIEW, SKIN, SHOT, SENSOR, THINGS, LESIONS, READER, SMALL, DISTRACTORS = range(10)
WHOLE, SKETCH = (0.5, 0.5), 24  # middle of a window; pixels of the scene in which a place for it is looked for
CAUSES = ("backdrop", "skin", "feature", "lesion", "hair", "cloth", "ink", "ruler", "dressing", "distractor")


@dataclass(frozen=True)
class Labels:
    """What a case shows, by name, and the skin type 1..6."""

    disease: str
    body_part: str
    attributes: tuple[str, ...]
    fitzpatrick: int
    number: str = "several"
    size: str = "medium"
    arrangement: str = "scattered"


@dataclass(frozen=True)
class Stage:
    """How far the course of a disease has changed the lesions: factors on their size and number, and the activity."""

    grown: float = 1.0
    more: float = 1.0
    activity: float = 1.0
    shuffle: int = 0


@dataclass(frozen=True)
class Knobs:
    """What a user fixes: `zoom` 1..3 of the framing, and fields of `Shot` by name; drawn by chance otherwise."""

    zoom: float | None = None
    camera: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A photograph with all that is known about it.

    `image` (H, W, 3) uint8; `mask` (H, W) bool, true on lesion pixels in sight; `lesion_map` (H, W) uint8, the number
    of the primary lesion a pixel belongs to, 0 for none; `attribute_map` (27, H, W) bool, which attributes changed a
    pixel; `cause` (H, W) uint8, index into CAUSES of what the pixel shows; `parameters` every number drawn for the
    picture, of which `parameters["nuisance"]` are independent of the labels.
    """

    image: Array
    mask: Array
    lesion_map: Array
    attribute_map: Array
    cause: Array
    labels: Labels
    index: int
    parameters: dict[str, Any]

    @property
    def disease(self) -> str:
        return self.labels.disease

    @property
    def body_part(self) -> str:
        return self.labels.body_part

    @property
    def attributes(self) -> tuple[str, ...]:
        return self.labels.attributes

    @property
    def fitzpatrick(self) -> int:
        return self.labels.fitzpatrick


def stream(seed: int, index: int, which: int, part: int = 0) -> np.random.Generator:
    """The random numbers of one case: Philox keyed by (seed, index), at a counter far from the other streams."""
    key = np.array([seed, index], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, part, which], dtype=np.uint64)))


def draw_labels(seed: int, index: int, prior: Array, skin_types: Array, regime: Regime = VERSION_3) -> Labels:
    """Draw disease, body part, attributes, lesion parameters and skin type; the skin type is independent of the rest.

    Args:
        seed, index: the case, both 0 and up.
        prior: (49,) probabilities of the diseases.
        skin_types: (6,) probabilities of Fitzpatrick types I to VI.
        regime: whose process draws them.
    """
    facts, rng = process(regime), stream(seed, index, LABELS)
    disease = min(int(np.searchsorted(np.cumsum(prior), rng.random(), side="right")), len(prior) - 1)
    body, present, (number, size, arrangement) = facts.draw_one(disease, rng)
    names = tuple(a for a, yes in zip(facts.attributes, present, strict=True) if yes)
    skin = 1 + min(int(np.searchsorted(np.cumsum(skin_types), rng.random(), side="right")), 5)
    return Labels(
        facts.diseases[disease], facts.body_parts[body], names, skin,
        NUMBERS[number], SIZES[size], ARRANGEMENTS[arrangement],
    )  # fmt: skip


USUAL_CONFOUNDERS = probabilities(True, knowledge().diseases)
NO_CONFOUNDERS = probabilities(False, knowledge().diseases)


def make_case(
    seed: int,
    index: int,
    image_size: int,
    labels: Labels,
    confounders: Mapping[str, Array] = USUAL_CONFOUNDERS,
    stage: Stage = Stage(),
    knobs: Knobs = Knobs(),
    visit: int = 0,
    regime: Regime = VERSION_3,
    first: Labels | None = None,
) -> Case:
    """Draw the picture of a case.

    It depends on the disease only through body part, attributes, lesion parameters, stage and, where their
    probabilities differ between diseases, the confounders. Every group of numbers has a stream of its own, so a change
    of one factor leaves the others as they were. `first` are the labels that say how large a small lesion field is
    made, where others are shown: of the first visit, and without counterfactuals.
    """
    facts, draw, how = knowledge(), partial(stream, seed, index), DRAWINGS[regime.version]
    chance = tuple(draw(SMALL).random(2 + 2 * TRIES).tolist()) if regime.small else ()
    zoom = drawn_zoom(chance) if chance and knobs.zoom is None else knobs.zoom
    view, scene = how.view(labels.body_part, image_size, zoom, draw(VIEW))
    span = scene.span * (0.92 + 0.40 * (view.zoom - 1.0))
    arrange = partial(_arrange, draw, WHOLE if chance else view.centre, span)
    layout, drawn = arrange(labels, stage), {}
    look = how.look(draw(SKIN), MELANIN_OF_TYPE[labels.fitzpatrick], labels.fitzpatrick)
    shot = how.shot(draw(SHOT, visit))
    shot = type(shot)(**{**vars(shot), **knobs.camera})
    found = draw_confounders(confounders, facts.diseases.index(labels.disease), draw(THINGS, visit))
    canvas = how.canvas(image_size, layout.shift) if chance else _lesions(how, layout, labels, image_size)
    if chance:
        things, usual = draw_distractors(labels.body_part, draw(DISTRACTORS)), first or labels
        same = usual == labels and stage == Stage()
        before = layout if same else arrange(usual, Stage())
        side = window_side(covered_share(before, frozenset(usual.attributes)), chance)
        at = place(how.view(labels.body_part, SKETCH, zoom, draw(VIEW))[1], side, chance[2:])
        pixels = max(round(side * image_size), 2)
        lay(canvas, _lesions(how, layout, labels, pixels, pixels // 2), at)
        layout = moved(layout, at, side)
        drawn = {"window": (side, *at), "distractors": things.numbers()}
        moles = draw_moles(canvas, things)
    picture, cover, vignette = how.compose(canvas, scene, layout, look, shot, found, scene.width / view.zoom)
    if chance:
        hidden = lay_things(picture, cover, canvas.axis, labels.body_part, things)
        cover["seen"] = cover["seen"] * (1 - hidden)
    image = compressed(how.expose(picture, canvas.axis, shot, vignette, draw(SENSOR, visit)), shot.quality)
    touched = _attribute_map(canvas, cover["seen"] > 0.5, facts.attributes)
    mask = np.any(touched, axis=0)
    if chance:
        cover["distractor"] = np.maximum(hidden, moles * ~mask)
    parameters = {
        "layout": {**vars(layout), "elements": [vars(e) for e in layout.elements]},
        "nuisance": {**view.drawn, **look.numbers(), **vars(shot), **vars(found), **drawn},
    }
    lesion_map = np.where(mask, canvas.lesion, 0).astype(np.uint8)
    return Case(image, mask, lesion_map, touched, _cause(cover, mask), labels, index, parameters)


def _arrange(
    draw: Callable[..., np.random.Generator], centre: tuple[float, float], span: float, labels: Labels, stage: Stage
) -> Layout:
    """Where the lesions of the labels lie at a stage of the course."""
    manner = Manner(labels.number, labels.size, labels.arrangement, stage.grown, stage.more, stage.activity)
    present, sizes = frozenset(labels.attributes), knowledge().elements
    return draw_layout(present, centre, span, sizes, manner, lambda k: draw(LESIONS, k + 64 * stage.shuffle))


def _lesions(how: Drawing, layout: Layout, labels: Labels, size: int, margin: int = 0) -> Canvas:
    """Lay all lesions on a canvas; a margin goes on beyond the edges of the picture."""
    canvas, present = how.canvas(size, layout.shift, margin), frozenset(labels.attributes)
    if layout.elements:
        ground = how.elements(canvas, layout, present)
        wide = widened(canvas, layout, ground, "annular" in present)
        how.pigments(canvas, layout, ground, wide, present)
        how.surfaces(canvas, layout, wide, present)
        if "umbilication" in present:
            how.umbilicate(canvas, layout)
    return canvas


def _attribute_map(canvas: Canvas, seen: Array, attributes: Sequence[str]) -> Array:
    """(27, H, W): where each attribute shows on skin in sight."""
    made = np.zeros((len(attributes), canvas.size, canvas.size), dtype=bool)
    for j, name in enumerate(attributes):
        if name in canvas.touched:
            made[j] = canvas.touched[name] & seen
    return made


def _cause(cover: Mapping[str, Array], mask: Array) -> Array:
    """(H, W): what each pixel shows, the uppermost thing that covers more than half of it."""
    cause = np.zeros(mask.shape, dtype=np.uint8)
    for code, name in enumerate(CAUSES):
        if name == "lesion":
            cause[mask] = code
        elif name in cover:
            cause[cover[name] > 0.5] = code
    return cause
