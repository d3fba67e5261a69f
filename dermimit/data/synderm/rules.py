"""The parts of SynDerm's generating process: rules between attributes, elements, courses, and interactions."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Dependence:
    """One rule of `knowledge.yaml`: how the odds of `attribute` change with attributes drawn before it.

    It fires when any of `parents` is present (`negate` False) or when none is (`negate` True). Then it either
    multiplies the odds (`odds`) or fixes the attribute (`fixed` 0 or 1).
    """

    attribute: int
    parents: tuple[int, ...]
    negate: bool
    odds: float
    fixed: int | None


@dataclass(frozen=True)
class Elements:
    """How many lesion elements a primary lesion has and how large they are (fractions of the picture's side)."""

    count: tuple[int, int]
    radius: tuple[float, float]


@dataclass(frozen=True)
class Course:
    """How a disease goes on: its kind, its time constant in days, and the attribute it leaves behind, if any."""

    kind: str
    days: float
    residue: str | None


@dataclass(frozen=True)
class Interaction:
    """A finding that tells diseases of a group apart only in the light of the body part; see `interactions.yaml`.

    `diseases` are the group: two with one finding, four with two. `probability` (of the group, 15) is
    P(finding | disease, body part), exactly: no rule changes it. `signs` is 1 for a disease that shows the finding
    more often in the set of body parts `here` (15,) bool, -1 for one that shows it less often; the first disease has 1.
    Both sets have mass one half. `known` is what the clinic knows of it, with its references in `sources`;
    `constructed` says what is made up.
    """

    diseases: tuple[int, ...]
    finding: int
    here: Array
    probability: Array
    known: str
    sources: tuple[str, ...]
    constructed: str
    signs: tuple[int, ...] = (1, -1)

    @property
    def levels(self) -> tuple[float, float]:
        """P(finding | first disease) in the set `here`, and elsewhere."""
        return float(self.probability[0, self.here.argmax()]), float(self.probability[0, self.here.argmin()])


def by_group(interactions: Iterable[Interaction]) -> list[tuple[Interaction, ...]]:
    """The findings of each group of diseases, in their order."""
    groups: dict[tuple[int, ...], list[Interaction]] = {}
    for one in interactions:
        groups.setdefault(one.diseases, []).append(one)
    return [tuple(findings) for findings in groups.values()]
