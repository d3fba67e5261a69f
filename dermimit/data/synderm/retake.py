"""A case photographed a second time on the same day: what two photographs of one visit differ in."""

from dermimit.data.synderm.case import SHOT, Case, Knobs, stream
from dermimit.data.synderm.dataset import SynDerm
from dermimit.data.synderm.drawing import DRAWINGS
from dermimit.data.synderm.picture import NO_CONFOUNDERS, make_case

NOISE, RETAKE = "other sensor noise", "photographed again"  # what a change of one thing is held against
NOT_DRAWN = 1  # visit: any but 0, which is the photograph of the dataset


def retake(cases: SynDerm, index: int, same_shot: bool = False) -> Case:
    """The case photographed a second time on the same day, without confounders.

    Args:
        same_shot: keep light, lens and exposure, so that only the sensor's noise differs.
    """
    camera = dict(cases.knobs.camera)
    if same_shot:
        camera = vars(DRAWINGS[cases.regime.version].shot(stream(cases.seed, index, SHOT))) | camera
    labels, knobs = cases.labels(index), Knobs(cases.knobs.zoom, camera)
    return make_case(
        cases.seed, index, cases.image_size, labels, NO_CONFOUNDERS, knobs=knobs, visit=NOT_DRAWN, regime=cases.regime
    )
