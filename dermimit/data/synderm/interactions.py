"""Diseases that body part and finding tell apart only together: the process of the regime `interaction`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dermimit.data.synderm.calibration import calibrate, marginals
from dermimit.data.synderm.knowledge import Array, Knowledge, KnowledgeError, read_file
from dermimit.data.synderm.rules import Interaction

FIELDS = {"diseases", "finding", "here", "there", "constructed"}
SHARED = ("prior", "body_part", "marginal", "number", "size", "arrangement")  # by the two diseases of a group


def interacting(facts: Knowledge, strength: float, raw: Mapping[str, Any] | None = None) -> Knowledge:
    """The process with the groups of `interactions.yaml` in force.

    The two diseases of a group share everything but one finding: the mean of their priors, body parts, attributes and
    lesion parameters, with the body parts scaled so that the sets `here` and `there` have mass 1/2 each. For the
    disease of sign x (first +1, second -1) at a body part of sign s (here +1, there -1) the finding is present with
    log odds

        b x ((1 - strength) + strength s),    b = log(presence / (1 - presence)).

    At strength 0 the finding speaks by itself; at 1/2 it speaks `here` and says nothing `there`; from there on its
    meaning turns, until at 1 it is an exclusive or with the body part. At every strength and body part the finding is
    present in half of a group's cases, so that it says nothing about the group. The other attributes have the base
    probabilities that give the mean marginals at strength 1, whatever the strength.

    Args:
        facts: the process without interactions.
        strength: 0..1.
        raw: the content of `interactions.yaml`, or another in its place.

    Raises:
        KnowledgeError: an unknown name, a disease in two groups, a body part in none or both sets, or a finding that a
            rule fixes.
    """
    raw = read_file("interactions.yaml") if raw is None else raw
    _check(raw, facts)
    pairs = [_pair(row, facts, raw["presence"]) for row in raw["groups"]]
    own, shared = facts.attribute, {name: getattr(facts, name).copy() for name in SHARED}
    for pair in pairs:
        _share(shared, pair)
    facts = replace(facts, attribute=shared["marginal"], **shared)
    full = calibrate(replace(facts, interactions=tuple(at_strength(pair, 1.0) for pair in pairs)))
    attribute = own.copy()
    for pair in pairs:
        two = list(pair.diseases)
        attribute[two] = full.attribute[two]
        attribute[two, pair.finding] = 0.5
    facts = replace(full, attribute=attribute, interactions=tuple(at_strength(pair, strength) for pair in pairs))
    return replace(facts, marginal=marginals(facts))


def groups() -> list[dict[str, Any]]:
    """The groups of `interactions.yaml`: diseases, finding, body parts, what is known, and what is made up."""
    return list(read_file("interactions.yaml")["groups"])


def at_strength(pair: Interaction, strength: float) -> Interaction:
    """The interaction at a strength, from its table at any other."""
    p, _ = pair.levels  # `here` it is the same at every strength
    turned = 1 / (1 + ((1 - p) / p) ** (1 - 2 * strength))
    first = np.where(pair.here, p, round(float(turned), 6))  # the same on every processor
    return replace(pair, probability=np.stack([first, 1 - first]))


def _pair(row: Mapping[str, Any], facts: Knowledge, presence: float) -> Interaction:
    """A group of the file, at strength 0."""
    first, second = (facts.diseases.index(name) for name in row["diseases"])
    here, references = np.isin(facts.body_parts, row["here"]), read_file("knowledge.yaml")["sources"]
    table = np.repeat([[presence], [1 - presence]], len(here), axis=1)
    sources = tuple(references[key] for key in row.get("sources", ()))
    finding = facts.attributes.index(row["finding"])
    return Interaction((first, second), finding, here, table, row.get("known", ""), sources, row["constructed"])


def _share(tables: Mapping[str, Array], pair: Interaction) -> None:
    """Give both diseases the mean of their rows, and the two sets of body parts mass 1/2 each, in place."""
    two = list(pair.diseases)
    for table in tables.values():
        table[two] = table[two].mean(axis=0)
    body = tables["body_part"]
    for part in (pair.here, ~pair.here):
        body[np.ix_(np.array(two), part)] *= 0.5 / body[two[0], part].sum()


def _check(raw: Mapping[str, Any], facts: Knowledge) -> None:
    """Refuse a file that does not define exclusive groups."""
    if raw.get("version") != 1 or not 0.5 < raw.get("presence", 0) < 1:
        raise KnowledgeError(f"interactions: version must be 1 and presence lie in 0.5..1, found {dict(raw)!r:.60}")
    used: set[str] = set()
    for row in raw["groups"]:
        name = " and ".join(row.get("diseases", ()))
        if FIELDS - row.keys() or row.keys() - FIELDS - {"known", "sources"} or ("known" in row) != ("sources" in row):
            raise KnowledgeError(
                f"interactions: {name}: give {', '.join(sorted(FIELDS))}, and known with sources or neither"
            )
        if len(set(row["diseases"])) != 2 or not set(row["diseases"]) <= set(facts.diseases) - used:
            raise KnowledgeError(f"interactions: {name}: must be two known diseases that are in no other group")
        if sorted([*row["here"], *row["there"]]) != sorted(facts.body_parts) or not row["here"] or not row["there"]:
            raise KnowledgeError(f"interactions: {name}: every body part must be in one of here and there")
        fixed = {facts.attributes[rule.attribute] for rule in facts.dependences if rule.fixed is not None}
        if row["finding"] not in set(facts.attributes) - fixed:
            raise KnowledgeError(
                f"interactions: {name}: finding {row['finding']!r} must be an attribute that no rule fixes"
            )
        unknown = sorted(set(row.get("sources", ())) - set(read_file("knowledge.yaml")["sources"]))
        if unknown:
            raise KnowledgeError(f"interactions: {name}: sources: unknown {unknown}; use keys of knowledge.yaml")
        used |= set(row["diseases"])
