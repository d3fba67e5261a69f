"""The generating process of SynDerm's labels: disease, then body part, attributes and lesion parameters."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dermimit.data.synderm.rules import Array, Course, Dependence, Elements, Interaction

Rule = tuple[tuple[int, ...], bool, float | None, float]
"""Parents, negate, fixed probability, and log odds to add."""
Step = tuple[float, list[float] | None, list[Rule]]
"""P(attribute) where no rule fires, its probability by body part where an interaction gives it, and its rules."""


@dataclass(frozen=True)
class Knowledge:
    """The generating process of the labels.

    `prior` (49,) is P(disease), `body_part` (49, 15) is P(body part | disease). `marginal` (49, 27) is
    P(attribute | disease) over all cases; `attribute` (49, 27) is its value where no rule fires, so that rules and
    marginals agree (see `calibrate`). `number`, `size` and `arrangement` (49, 3) are the lesion parameters over
    NUMBERS, SIZES and ARRANGEMENTS, independent of the rest given the disease. `sources` gives the references of each
    field of each disease. `interactions` are findings that depend on the body part too; none outside that regime.
    """

    diseases: tuple[str, ...]
    body_parts: tuple[str, ...]
    attributes: tuple[str, ...]
    prior: Array
    body_part: Array
    attribute: Array
    marginal: Array
    number: Array
    size: Array
    arrangement: Array
    courses: tuple[Course, ...]
    dependences: tuple[Dependence, ...]
    elements: Mapping[str, Elements]
    sources: Mapping[str, Mapping[str, tuple[str, ...]]]
    interactions: tuple[Interaction, ...] = ()

    @cached_property
    def ruled(self) -> frozenset[int]:
        """Attributes that a rule speaks of."""
        return frozenset(rule.attribute for rule in self.dependences)

    @property
    def lesions(self) -> tuple[Array, Array, Array]:
        """Number, size and arrangement, in the order of the columns that `draw` returns."""
        return self.number, self.size, self.arrangement

    def rule_effect(self, j: int, present: Array) -> tuple[Array, Array]:
        """What the rules of attribute j do to n cases: (n,) log odds to add, and (n,) fixed value or NaN."""
        log_odds, fixed = np.zeros(len(present)), np.full(len(present), np.nan)
        for rule in self.dependences:
            if rule.attribute != j:
                continue
            fires = present[:, list(rule.parents)].any(axis=1) != rule.negate
            if rule.fixed is None:
                log_odds += np.where(fires, np.log(rule.odds), 0.0)
            else:
                fixed = np.where(fires & np.isnan(fixed), rule.fixed, fixed)
        return log_odds, fixed

    def attribute_probability(
        self, j: int, present: Array, disease: Array | None = None, body: Array | None = None
    ) -> Array:
        """P(attribute j | disease, body part, attributes before j), for n cases.

        logit p = logit attribute[d, j] + sum of log odds of the rules that fire; a fixing rule replaces p. The finding
        of an interaction has the probability of its table instead, for the diseases concerned.

        Args:
            j: index of the attribute in drawing order, 0..26.
            present: (n, 27) bool; only columns before j are read.
            disease: (n,) int, the disease of each case; every disease when None.
            body: (n,) int, the body part of each case; the mean over the disease's body parts when None. Multiplied
                over the attributes that is exact where one of them depends on the body part given the disease; in
                groups of four two do (see `log_likelihood`).

        Returns:
            (n, 49) probabilities, or (n, 1) when `disease` is given.
        """
        base = self.attribute[:, j] if disease is None else self.attribute[disease, j, None]
        if j in self.ruled:
            p = apply_rules(base, *self.rule_effect(j, present))
        else:
            p = np.broadcast_to(base, (len(present), base.shape[-1]))
        for (d, k), row in self.findings.items():
            if k == j:
                own = np.arange(len(self.diseases)) == d if disease is None else (disease == d)[:, None]
                p = np.where(own, row @ self.body_part[d] if body is None else row[body][:, None], p)
        return p

    def draw(self, disease: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Draw body part, attributes and lesion parameters for diseases.

        Args:
            disease: (n,) int, 0..48.
            rng: source of randomness; one case takes 31 uniform numbers: body part, attributes, lesion parameters.

        Returns:
            body part (n,) int, attributes (n, 27) bool, and lesions (n, 3) int: number, size, arrangement.
        """
        m = len(self.attributes)
        uniform = rng.random((len(disease), 1 + m + len(self.lesions)))
        body = _choose(self.body_part[disease], uniform[:, 0])
        present = np.zeros((len(disease), m), dtype=bool)
        for j in range(m):
            present[:, j] = uniform[:, 1 + j] < self.attribute_probability(j, present, disease, body)[:, 0]
        lesions = [_choose(table[disease], uniform[:, 1 + m + i]) for i, table in enumerate(self.lesions)]
        return body, present, np.stack(lesions, axis=1)

    def draw_one(self, disease: int, rng: np.random.Generator) -> tuple[int, list[bool], list[int]]:
        """As `draw` for a single case, with the same numbers, many times faster."""
        uniform = iter(rng.random(1 + len(self.attributes) + len(self.lesions)).tolist())
        body_part, *lesions = self._cumulative[disease]
        body = _first_above(body_part, next(uniform))
        present: list[bool] = []
        for base, finding, rules in self._steps[disease]:
            p, log_odds = base, 0.0
            for parents, negate, fixed, own in rules:
                if any(present[k] for k in parents) == negate:
                    continue
                if fixed is not None:
                    p = fixed
                    break
                log_odds += own
            else:
                p = 1.0 / (1.0 + (1.0 - base) / base * math.exp(-log_odds)) if log_odds else base
            present.append(next(uniform) < (p if finding is None else finding[body]))
        return body, present, [_first_above(table, u) for table, u in zip(lesions, uniform, strict=True)]

    @cached_property
    def _cumulative(self) -> list[list[list[float]]]:
        """Of each disease, the cumulative probabilities of body part, number, size and arrangement."""
        tables = [np.cumsum(table, axis=1).tolist() for table in (self.body_part, *self.lesions)]
        return [list(rows) for rows in zip(*tables, strict=True)]

    @cached_property
    def _steps(self) -> list[list[Step]]:
        """Of each disease and attribute, what `draw_one` needs, as Python numbers."""
        rules: list[list[Rule]] = [[] for _ in self.attributes]
        for r in self.dependences:
            fixed = None if r.fixed is None else float(r.fixed)
            rules[r.attribute].append((r.parents, r.negate, fixed, 0.0 if fixed is not None else math.log(r.odds)))
        findings = {key: row.tolist() for key, row in self.findings.items()}
        bases = enumerate(self.attribute.tolist())
        return [[(p, findings.get((d, j)), rules[j]) for j, p in enumerate(row)] for d, row in bases]

    @cached_property
    def findings(self) -> Mapping[tuple[int, int], Array]:
        """(disease, attribute) -> (15,) P(attribute | disease, body part), for the findings of the interactions."""
        return {
            (d, pair.finding): row
            for pair in self.interactions
            for d, row in zip(pair.diseases, pair.probability, strict=True)
        }


def _choose(p: Array, uniform: Array) -> Array:
    """(n,) index drawn from each row of p (n, k) by one uniform number each."""
    return np.minimum((uniform[:, None] >= np.cumsum(p, axis=1)).sum(axis=1), p.shape[1] - 1)


def _first_above(cumulative: list[float], uniform: float) -> int:
    """`_choose` of one row, from its cumulative probabilities."""
    return min(bisect_right(cumulative, uniform), len(cumulative) - 1)


def apply_rules(base: Array, log_odds: Array, fixed: Array) -> Array:
    """(n, k) probabilities from base probabilities and the effect of the rules on n cases."""
    p = 1.0 / (1.0 + (1.0 - base) / base * np.exp(-log_odds)[:, None])
    return np.where(np.isnan(fixed)[:, None], p, fixed[:, None])
