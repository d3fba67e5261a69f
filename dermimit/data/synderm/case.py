"""One SynDerm case: its labels, its parameters and its photograph, all from (seed, index) alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Array
from dermimit.data.synderm.regimes import VERSION_3, Regime, process

# Independent streams of random numbers of a case.
LABELS, VIEW, SKIN, SHOT, SENSOR, THINGS, LESIONS, READER, SMALL, DISTRACTORS = range(10)
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
