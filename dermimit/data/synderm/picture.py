"""The picture of a case: framing, person, light and lesions put together from its streams of random numbers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from dermimit.data.synderm.camera import compressed
from dermimit.data.synderm.canvas import Canvas
from dermimit.data.synderm.case import (
    CAUSES,
    DISTRACTORS,
    LESIONS,
    SENSOR,
    SHOT,
    SKIN,
    SMALL,
    THINGS,
    VIEW,
    Case,
    Knobs,
    Labels,
    Stage,
    stream,
)  # fmt: skip
from dermimit.data.synderm.colour import MELANIN_OF_TYPE
from dermimit.data.synderm.confounders import draw_confounders, probabilities
from dermimit.data.synderm.distractors import draw_distractors, draw_moles, lay_things
from dermimit.data.synderm.drawing import DRAWINGS, Drawing
from dermimit.data.synderm.knowledge import Array, knowledge
from dermimit.data.synderm.layout import Layout, Manner, draw_layout
from dermimit.data.synderm.places import widened
from dermimit.data.synderm.regimes import VERSION_3, Regime
from dermimit.data.synderm.small import (
    TRIES,
    covered_share,
    drawn_zoom,
    lay,
    moved,
    place,
    window_side,
)  # fmt: skip

FIRST_DAY, FREE = Stage(), Knobs()
WHOLE, SKETCH = (0.5, 0.5), 24  # middle of a window; pixels of the scene in which a place for it is looked for
USUAL_CONFOUNDERS = probabilities(True, knowledge().diseases)
NO_CONFOUNDERS = probabilities(False, knowledge().diseases)


def make_case(
    seed: int,
    index: int,
    image_size: int,
    labels: Labels,
    confounders: Mapping[str, Array] = USUAL_CONFOUNDERS,
    stage: Stage = FIRST_DAY,
    knobs: Knobs = FREE,
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
    layout = arrange(labels, stage)
    look = how.look(draw(SKIN), MELANIN_OF_TYPE[labels.fitzpatrick], labels.fitzpatrick)
    shot = how.shot(draw(SHOT, visit))
    shot = type(shot)(**{**vars(shot), **knobs.camera})
    found = draw_confounders(confounders, facts.diseases.index(labels.disease), draw(THINGS, visit))
    if regime.small:
        usual = (first or labels, FIRST_DAY) if first or stage != FIRST_DAY else (labels, stage)
        reference = layout if usual == (labels, stage) else arrange(*usual)
        side = window_side(covered_share(reference, frozenset(usual[0].attributes)), chance)
        at = place(how.view(labels.body_part, SKETCH, zoom, draw(VIEW))[1], side, chance[2:])
        pixels = max(round(side * image_size), 2)
        canvas = how.canvas(image_size, layout.shift)
        lay(canvas, _lesions(how, layout, labels, pixels, pixels // 2), at)
        layout = moved(layout, at, side)
        things = draw_distractors(labels.body_part, draw(DISTRACTORS))
        drawn = {"window": (side, *at), "distractors": things.numbers()}
    else:
        canvas, things, drawn = _lesions(how, layout, labels, image_size), None, {}
    moles = draw_moles(canvas, things) if things else 0
    picture, cover, vignette = how.compose(canvas, scene, layout, look, shot, found, scene.width / view.zoom)
    if things:
        hidden = lay_things(picture, cover, canvas.axis, labels.body_part, things)
        cover["seen"] = cover["seen"] * (1 - hidden)
    image = compressed(how.expose(picture, canvas.axis, shot, vignette, draw(SENSOR, visit)), shot.quality)
    touched = _attribute_map(canvas, cover["seen"] > 0.5, facts.attributes)
    mask = np.any(touched, axis=0)
    if things:
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
