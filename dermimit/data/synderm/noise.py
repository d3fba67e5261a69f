"""Labels as a reader gives them: some missing, some wrong, at the rates of `noise.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dermimit.data.package_yaml import package_yaml
from dermimit.data.synderm.process import Knowledge
from dermimit.data.synderm.rules import Array

READ = 3  # uniform numbers for one label: is it missing, is it drawn anew, and what is drawn


@dataclass(frozen=True)
class Reading:
    """What a reader wrote down of a photograph: `body_part` None where it is missing, and `unknown` attributes."""

    body_part: str | None
    attributes: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Rates:
    """(n,) arrays over the classes of a task: the share that is drawn anew, and the share that is missing."""

    anew: Array
    missing: Array


@cache
def table() -> Mapping[str, Any]:
    """The content of `noise.yaml`."""
    return dict(package_yaml(__package__, "noise.yaml"))


def rates(task: str, classes: tuple[str, ...], strength: float = 1.0) -> Rates:
    """The rates of "body_part" or "attributes"; the share that is drawn anew is 1 - sqrt(kappa).

    Args:
        task, classes: whose rates.
        strength: the published rates times this, at most 1; 0 for a reader without error.
    """
    rows = [table()[task][name] for name in classes]
    kappa = np.array([row["kappa"] for row in rows])
    missing = np.array([row["missing"] for row in rows])
    return Rates(np.minimum(strength * (1 - np.sqrt(kappa)), 1), np.minimum(strength * missing, 1))


class Reader:
    """A reader of the photographs of one dataset.

    Args:
        facts: the generating process.
        prior: (49,) probabilities of the diseases, which say how common each answer is.
        strength: see `rates`.
    """

    def __init__(self, facts: Knowledge, prior: Array, strength: float = 1.0) -> None:
        self.body_parts, self.attributes = facts.body_parts, facts.attributes
        self.body = rates("body_part", facts.body_parts, strength)
        self.signs = rates("attributes", facts.attributes, strength)
        self.usual_body = np.cumsum(prior @ facts.body_part)
        self.usual_signs = prior @ facts.marginal

    def read(self, body_part: str, attributes: tuple[str, ...], rng: np.random.Generator) -> Reading:
        """What the reader writes down of a photograph that shows this.

        Args:
            body_part: the true one.
            attributes: the true ones.
            rng: the numbers of this photograph and reader.
        """
        chance = rng.random((1 + len(self.attributes), READ))
        here, (missing, anew, drawn) = self.body_parts.index(body_part), chance[0]
        named = here
        if anew < self.body.anew[here]:
            named = min(int(np.searchsorted(self.usual_body, drawn, side="right")), len(self.body_parts) - 1)
        place = None if missing < self.body.missing[here] else self.body_parts[named]
        true = np.array([name in attributes for name in self.attributes])
        seen = np.where(chance[1:, 1] < self.signs.anew, chance[1:, 2] < self.usual_signs, true)
        lost = chance[1:, 0] < self.signs.missing
        given = [name for name, yes in zip(self.attributes, seen & ~lost, strict=True) if yes]
        return Reading(place, tuple(given), tuple(n for n, gone in zip(self.attributes, lost, strict=True) if gone))
