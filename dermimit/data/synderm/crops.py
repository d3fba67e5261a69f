"""Readers who see only a crop of the photograph: what zooming at the right place could be worth."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from dermimit.data.synderm.case import Case
from dermimit.data.synderm.ceiling import Ceiling, scored
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Array, Knowledge
from dermimit.data.synderm.posterior import log_likelihood
from dermimit.data.synderm.regimes import process
from dermimit.data.synderm.small import centre_of_mass

PLACES = ("random", "central", "true", "whole")
HALF = 0.5  # share of its pixels that must lie in the crop for an attribute, or the lesions, to be seen
OPEN = 4  # attributes at most that a reader leaves open; of the others that are cut off it takes the commoner value


@dataclass(frozen=True)
class Sight:
    """What a crop of one case shows: whether the lesions are seen, and which attributes are cut off."""

    seen: bool
    cut: tuple[int, ...]


def corner_of(place: str, side: float, case: Case, chance: tuple[float, float]) -> tuple[float, float]:
    """Upper left corner (x, y) of a crop, in fractions of the picture; it lies within the picture.

    Args:
        place: "random", "central", or "true", about the middle of the lesions in sight (the centre where none is).
        side: of the crop.
        case: the photograph.
        chance: two random numbers, for "random".
    """
    room = 1 - side
    if place == "random":
        return room * chance[0], room * chance[1]
    middle = (centre_of_mass(case.mask) if place == "true" else None) or (0.5, 0.5)
    x, y = (min(max(m - side / 2, 0.0), room) for m in middle)
    return x, y


def sight(case: Case, corner: tuple[float, float], side: float) -> Sight:
    """What a crop shows of the lesions and of each attribute that is present."""
    n = len(case.mask)
    x0, y0 = (round(c * n) for c in corner)
    window = (slice(y0, y0 + round(side * n)), slice(x0, x0 + round(side * n)))
    whole, inside = case.attribute_map.sum(axis=(1, 2)), case.attribute_map[:, *window].sum(axis=(1, 2))
    cut = [j for j, a in enumerate(LABEL_SPACE.attributes) if a in case.attributes and inside[j] < HALF * whole[j]]
    return Sight(bool(case.mask[window].sum() >= HALF * case.mask.sum()), tuple(cut))


def crop_ceiling(
    regime: str, side: float, n: int = 2000, seed: int = 0, image_size: int = 64, body_part: bool = True
) -> dict[str, Ceiling]:
    """Scores of readers who know the process and see a crop, by Bayes' rule, on n drawn cases.

    A reader sees the lesions where at least half of their pixels in sight lie in the crop; else it knows neither
    attributes nor lesion parameters. Of the lesions that it sees it knows every attribute that is absent, and each
    present one of which at least half lies in the crop; the others it does not know, and sums over their values.

    Args:
        regime: as in `SynDerm`.
        side: of the crop, in fractions of the picture.
        n: cases, a multiple of 10.
        seed: of the cases and of the random crops.
        image_size: of the photographs that the maps are taken from, in pixels.
        body_part: whether the reader also knows the body part, as from a glance at the whole.

    Returns:
        the scores by place: a crop at random, of the centre, about the lesions, and the whole picture.
    """
    data = SynDerm(n, seed, image_size, regime=regime)
    facts, rng = process(data.regime), np.random.default_rng(seed)
    truth = np.zeros(n, dtype=int)
    found = {place: np.zeros((n, len(facts.diseases))) for place in PLACES}
    for i in range(n):
        case, chance = data[i], (float(rng.random()), float(rng.random()))
        truth[i] = facts.diseases.index(case.disease)
        for place in PLACES:
            extent = 1.0 if place == "whole" else side
            corner = (0.0, 0.0) if place == "whole" else corner_of(place, side, case, chance)
            found[place][i] = _likelihood(case, sight(case, corner, extent), facts, body_part)
    with np.errstate(divide="ignore"):
        return {place: scored(truth, values + np.log(data.prior)) for place, values in found.items()}


def _likelihood(case: Case, shown: Sight, facts: Knowledge, body_part: bool) -> Array:
    """(49,) log likelihood of what a reader knows of a case."""
    labels = case.labels
    body = np.array([facts.body_parts.index(labels.body_part)]) if body_part else None
    if not shown.seen:
        return log_likelihood(body, None, None, facts)[0] if body is not None else np.zeros(len(facts.diseases))
    patterns = np.array([*_patterns(case, shown, facts)])
    lesions = np.array(
        [[NUMBERS.index(labels.number), SIZES.index(labels.size), ARRANGEMENTS.index(labels.arrangement)]]
    )
    bodies, many = None if body is None else body.repeat(len(patterns)), lesions.repeat(len(patterns), axis=0)
    values = log_likelihood(bodies, patterns, many, facts)
    most = values.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(most), most + np.log(np.exp(values - most).sum(axis=0)), -np.inf)


def _patterns(case: Case, shown: Sight, facts: Knowledge) -> Iterator[Array]:
    """The (27,) attributes that agree with what is seen."""
    present = np.array([a in case.attributes for a in facts.attributes])
    common = facts.prior @ facts.marginal > 0.5
    for j in shown.cut[OPEN:]:
        present[j] = common[j]
    for values in product((False, True), repeat=len(shown.cut[:OPEN])):
        pattern = present.copy()
        pattern[list(shown.cut[:OPEN])] = values
        yield pattern
