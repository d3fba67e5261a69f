"""What SynDerm-49 knows of skin diseases: the tables of `knowledge.yaml`, checked and typed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
import yaml

from dermimit.data.synderm.knowledge_schema import ARRANGEMENTS, LESIONS, NUMBERS, SIZES, KnowledgeError, check

__all__ = ["ARRANGEMENTS", "NUMBERS", "SIZES", "Course", "Knowledge", "KnowledgeError", "knowledge", "parse"]

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
class Knowledge:
    """The generating process of the labels.

    `prior` (49,) is P(disease), `body_part` (49, 15) is P(body part | disease). `marginal` (49, 27) is
    P(attribute | disease) over all cases; `attribute` (49, 27) is its value where no rule fires, so that rules and
    marginals agree (see `calibrate`). `number`, `size` and `arrangement` (49, 3) are the lesion parameters over
    NUMBERS, SIZES and ARRANGEMENTS, independent of the rest given the disease. `sources` gives the references of each
    field of each disease.
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

    def attribute_probability(self, j: int, present: Array, disease: Array | None = None) -> Array:
        """P(attribute j | disease, attributes before j), for n cases.

        logit p = logit attribute[d, j] + sum of log odds of the rules that fire; a fixing rule replaces p.

        Args:
            j: index of the attribute in drawing order, 0..26.
            present: (n, 27) bool; only columns before j are read.
            disease: (n,) int, the disease of each case; every disease when None.

        Returns:
            (n, 49) probabilities, or (n, 1) when `disease` is given.
        """
        base = self.attribute[:, j] if disease is None else self.attribute[disease, j, None]
        if j not in self.ruled:
            return np.broadcast_to(base, (len(present), base.shape[-1]))
        return _apply(base, *self.rule_effect(j, present))

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
            present[:, j] = uniform[:, 1 + j] < self.attribute_probability(j, present, disease)[:, 0]
        lesions = [_choose(table[disease], uniform[:, 1 + m + i]) for i, table in enumerate(self.lesions)]
        return body, present, np.stack(lesions, axis=1)

    def draw_one(self, disease: int, rng: np.random.Generator) -> tuple[int, list[bool], list[int]]:
        """As `draw` for a single case, with the same numbers, several times faster."""
        m = len(self.attributes)
        uniform = rng.random(1 + m + len(self.lesions))
        body = _choose(self.body_part[disease, None], uniform[:1])
        present: list[bool] = []
        for j, base in enumerate(self.attribute[disease].tolist()):
            p, log_odds = base, 0.0
            for rule in self.rules_of[j]:
                if any(present[k] for k in rule.parents) == rule.negate:
                    continue
                if rule.fixed is not None:
                    p = float(rule.fixed)
                    break
                log_odds += math.log(rule.odds)
            else:
                p = 1.0 / (1.0 + (1.0 - base) / base * math.exp(-log_odds)) if log_odds else base
            present.append(bool(uniform[1 + j] < p))
        lesions = [
            int(_choose(t[disease, None], uniform[1 + m + i : 2 + m + i])[0]) for i, t in enumerate(self.lesions)
        ]
        return int(body[0]), present, lesions

    @cached_property
    def rules_of(self) -> tuple[tuple[Dependence, ...], ...]:
        """The rules of each attribute, in order."""
        return tuple(tuple(r for r in self.dependences if r.attribute == j) for j in range(len(self.attributes)))


def _choose(p: Array, uniform: Array) -> Array:
    """(n,) index drawn from each row of p (n, k) by one uniform number each."""
    return np.minimum((uniform[:, None] >= np.cumsum(p, axis=1)).sum(axis=1), p.shape[1] - 1)


def _apply(base: Array, log_odds: Array, fixed: Array) -> Array:
    """(n, k) probabilities from base probabilities and the effect of the rules on n cases."""
    p = 1.0 / (1.0 + (1.0 - base) / base * np.exp(-log_odds)[:, None])
    return np.where(np.isnan(fixed)[:, None], p, fixed[:, None])


def calibrate(facts: Knowledge) -> Knowledge:
    """Set `attribute` so that each attribute's marginal probability stays at its table value in spite of the rules.

    For each attribute with rules, sum over every combination of the attributes that it depends on, directly or not, and
    solve for the base probability by bisection. Where a rule alone forces more or less than the table value (a patch
    where no other primary lesion is present), `marginal` takes the nearest value that the rules allow.
    """
    base, marginal = facts.attribute.copy(), facts.attribute.copy()
    facts = replace(facts, attribute=base, marginal=marginal)  # both are filled in below
    for j in sorted(facts.ruled):
        ancestors = sorted(_ancestors(j, facts.dependences))
        patterns = np.zeros((2 ** len(ancestors), len(facts.attributes)), dtype=bool)
        patterns[:, ancestors] = (np.arange(len(patterns))[:, None] >> np.arange(len(ancestors))) & 1
        weight = np.ones((len(patterns), len(facts.diseases)))
        for a in ancestors:
            p = facts.attribute_probability(a, patterns)
            weight *= np.where(patterns[:, a, None], p, 1 - p)
        effect, wanted = facts.rule_effect(j, patterns), base[:, j].copy()
        low, high = np.full(len(wanted), -7.0), np.full(len(wanted), 7.0)  # logits
        for _ in range(30):
            middle = (low + high) / 2
            short = (weight * _apply(1 / (1 + np.exp(-middle)), *effect)).sum(axis=0) < wanted
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        base[:, j] = (1 / (1 + np.exp(-middle))).round(6)  # the same on every processor
        marginal[:, j] = (weight * _apply(base[:, j], *effect)).sum(axis=0)
    return facts


def _ancestors(j: int, dependences: tuple[Dependence, ...]) -> set[int]:
    """Attributes that attribute j depends on, directly or through others."""
    parents = {p for rule in dependences if rule.attribute == j for p in rule.parents}
    return parents.union(*(_ancestors(p, dependences) for p in parents))


def parse(raw: Mapping[str, Any]) -> Knowledge:
    """Check the content of a knowledge file and turn it into tables.

    Raises:
        KnowledgeError: the content breaks a rule of `knowledge_schema`.
    """
    check(raw)
    diseases, rows = tuple(raw["diseases"]), raw["diseases"].values()
    bodies, attributes = tuple(raw["body_parts"]), tuple(raw["attributes"])
    prior = np.array([float(row["prior"]) for row in rows])
    table = np.array([[_probability(row, a, raw) for a in attributes] for row in rows])
    lesions = {field: np.array([[row[field][c] for c in names] for row in rows]) for field, names in LESIONS.items()}
    facts = Knowledge(
        diseases,
        bodies,
        attributes,
        prior / prior.sum(),
        np.array([_body_row(row["body"], bodies, raw["stray"]) for row in rows]),
        table,
        table,
        **lesions,
        courses=tuple(_course(row["course"]) for row in rows),
        dependences=tuple(_dependence(rule, attributes) for rule in raw["dependences"]),
        elements={k: Elements(tuple(v["count"]), tuple(v["radius"])) for k, v in raw["elements"].items()},
        sources={d: _sources(row["sources"], raw["sources"]) for d, row in raw["diseases"].items()},
    )
    return calibrate(facts)


def _body_row(row: Mapping[str, float], bodies: tuple[str, ...], stray: float) -> list[float]:
    """P(body part | disease): the listed parts share 1 - stray, the others share stray."""
    rest = len(bodies) - len(row)
    kept = 1 - stray if rest else 1.0
    return [row[b] * kept if b in row else stray / rest for b in bodies]


def _probability(row: Mapping[str, Any], attribute: str, raw: Mapping[str, Any]) -> float:
    """P(attribute | disease): the textbook value p0, or (k + s p0) / (n + s) where k of n images were counted."""
    p0, counts = row["attributes"].get(attribute, raw["background"]), row.get("skincon")
    if counts is not None and attribute not in raw["skincon"]["without"]:
        s = raw["skincon"]["smoothing"]
        p0 = (counts.get(attribute, 0) + s * p0) / (counts["n"] + s)
    low, high = raw["clip"]
    return min(max(p0, low), high)


def _course(row: Mapping[str, Any]) -> Course:
    """A course; the residue "none" becomes None."""
    return Course(row["kind"], float(row["days"]), None if row["residue"] == "none" else row["residue"])


def _dependence(rule: Mapping[str, Any], attributes: tuple[str, ...]) -> Dependence:
    """Turn one rule into indices."""
    parents = tuple(attributes.index(p) for p in rule.get("any", rule.get("none")))
    return Dependence(
        attributes.index(rule["attribute"]), parents, "none" in rule, float(rule.get("odds", 1.0)), rule.get("set")
    )


def _sources(row: Mapping[str, list[str]], table: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The full references behind each field of a disease."""
    return {field: tuple(table[key] for key in keys) for field, keys in row.items()}


@cache
def knowledge() -> Knowledge:
    """The knowledge that ships with the package."""
    return parse(_read("knowledge.yaml"))


@cache
def definitions() -> dict[str, str]:
    """What each attribute is and how it is drawn, a sentence each, in drawing order."""
    found = _read("definitions.yaml")
    return {name: found[name] for name in knowledge().attributes}


def _read(name: str) -> Any:
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
