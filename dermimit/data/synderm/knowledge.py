"""What SynDerm-49 knows of skin diseases: the tables of `knowledge.yaml`, checked and typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
import yaml

SHAPE = {"diseases": 49, "body_parts": 15, "attributes": 27}
Array = np.ndarray


class KnowledgeError(ValueError):
    """The knowledge file breaks a rule; the message says which entry and what to change."""


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
class Knowledge:
    """The generating process of the labels.

    `prior` (49,), `body_part` (49, 15), `attribute` (49, 27): P(disease), P(body part | disease) and the probability
    of each attribute before the dependences. `sources` maps a disease to the statement of where its row comes from.
    """

    diseases: tuple[str, ...]
    body_parts: tuple[str, ...]
    attributes: tuple[str, ...]
    prior: Array
    body_part: Array
    attribute: Array
    dependences: tuple[Dependence, ...]
    elements: Mapping[str, Elements]
    sources: Mapping[str, str]

    @cached_property
    def ruled(self) -> frozenset[int]:
        """Attributes that a rule speaks of."""
        return frozenset(rule.attribute for rule in self.dependences)

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
        log_odds = np.zeros(len(present))
        fixed = np.full(len(present), np.nan)
        for rule in self.dependences:
            if rule.attribute != j:
                continue
            fires = present[:, list(rule.parents)].any(axis=1) != rule.negate
            if rule.fixed is None:
                log_odds += np.where(fires, np.log(rule.odds), 0.0)
            else:
                fixed = np.where(fires & np.isnan(fixed), rule.fixed, fixed)
        p = 1.0 / (1.0 + (1.0 - base) / base * np.exp(-log_odds)[:, None])
        return np.where(np.isnan(fixed)[:, None], p, fixed[:, None])

    def draw(self, disease: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw body part and attributes for diseases.

        Args:
            disease: (n,) int, 0..48.
            rng: source of randomness; one case takes 28 uniform numbers.

        Returns:
            body part (n,) int and attributes (n, 27) bool.
        """
        uniform = rng.random((len(disease), 1 + len(self.attributes)))
        cumulative = np.cumsum(self.body_part, axis=1)[disease]
        body = np.minimum((uniform[:, :1] >= cumulative).sum(axis=1), len(self.body_parts) - 1)
        present = np.zeros((len(disease), len(self.attributes)), dtype=bool)
        for j in range(len(self.attributes)):
            p = self.attribute_probability(j, present, disease)[:, 0]
            present[:, j] = uniform[:, 1 + j] < p
        return body, present


def parse(raw: Mapping[str, Any]) -> Knowledge:
    """Check the content of a knowledge file and turn it into tables.

    Raises:
        KnowledgeError: a count, name, probability, rule or source is wrong; or two diseases have the same profile.
    """
    diseases, bodies, attributes = tuple(raw["diseases"]), tuple(raw["body_parts"]), tuple(raw["attributes"])
    for name, found in (("diseases", diseases), ("body_parts", bodies), ("attributes", attributes)):
        if len(found) != SHAPE[name] or len(set(found)) != SHAPE[name]:
            raise KnowledgeError(f"knowledge: {name} must be {SHAPE[name]} different names, found {len(set(found))}")
    rows = raw["diseases"]
    for name, row in rows.items():
        _check_disease(name, row, bodies, attributes, raw["sources"])
    prior = np.array([float(rows[d]["prior"]) for d in diseases])
    body = np.array([_body_row(rows[d]["body"], bodies, raw["stray"]) for d in diseases])
    table = np.array([[_probability(rows[d]["attributes"].get(a), raw) for a in attributes] for d in diseases])
    _check_distinct(diseases, np.hstack([body, table]))
    return Knowledge(
        diseases,
        bodies,
        attributes,
        prior / prior.sum(),
        body,
        table,
        tuple(_dependence(rule, attributes) for rule in raw["dependences"]),
        {k: Elements(tuple(v["count"]), tuple(v["radius"])) for k, v in raw["elements"].items()},
        {d: raw["sources"][rows[d]["source"]] for d in diseases},
    )


def _check_disease(name: str, row: Mapping, bodies: tuple, attributes: tuple, sources: Mapping) -> None:
    """Refuse an unknown name or an impossible number in one disease's entry."""
    for key, known in (("body", bodies), ("attributes", attributes)):
        unknown = sorted(set(row[key]) - set(known))
        if unknown:
            raise KnowledgeError(f"knowledge: {name}: {key}: unknown {unknown}; use the names listed at the top")
    if not row["prior"] > 0:
        raise KnowledgeError(f"knowledge: {name}: prior must be above 0, found {row['prior']}")
    if abs(sum(row["body"].values()) - 1) > 1e-6:
        raise KnowledgeError(f"knowledge: {name}: body must sum to 1, sums to {sum(row['body'].values()):.3f}")
    for attribute, p in row["attributes"].items():
        if not 0 < p < 1:
            raise KnowledgeError(f"knowledge: {name}: {attribute}: probability must lie between 0 and 1, found {p}")
    if row["source"] not in sources:
        raise KnowledgeError(f"knowledge: {name}: source {row['source']!r} is not among {sorted(sources)}")


def _body_row(row: Mapping[str, float], bodies: tuple[str, ...], stray: float) -> list[float]:
    """P(body part | disease): the listed parts share 1 - stray, the others share stray."""
    rest = len(bodies) - len(row)
    return [row[b] * (1 - stray) if b in row else stray / rest for b in bodies]


def _probability(listed: float | None, raw: Mapping[str, Any]) -> float:
    """Probability of an attribute before the dependences: typical * listed, or the background when it is not listed."""
    return raw["background"] if listed is None else raw["typical"] * listed


def _dependence(rule: Mapping[str, Any], attributes: tuple[str, ...]) -> Dependence:
    """Turn one rule into indices; its parents must be drawn before its attribute."""
    j = attributes.index(rule["attribute"])
    parents = tuple(attributes.index(p) for p in rule.get("any", rule.get("none", ())))
    if not parents or max(parents) >= j:
        raise KnowledgeError(f"knowledge: dependences: {rule}: every parent must stand before the attribute")
    return Dependence(j, parents, "none" in rule, float(rule.get("odds", 1.0)), rule.get("set"))


def _check_distinct(diseases: tuple[str, ...], profile: Array) -> None:
    """Refuse two diseases that no body part or attribute tells apart."""
    seen: dict[bytes, str] = {}
    for name, row in zip(diseases, profile.round(6), strict=True):
        if row.tobytes() in seen:
            raise KnowledgeError(f"knowledge: {name} and {seen[row.tobytes()]} have the same profile; change one")
        seen[row.tobytes()] = name


@cache
def knowledge() -> Knowledge:
    """The knowledge that ships with the package."""
    text = resources.files(__package__).joinpath("knowledge.yaml").read_text(encoding="utf-8")
    return parse(yaml.safe_load(text))
