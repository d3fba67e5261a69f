"""Diseases that body part and findings tell apart only together: the process of the regimes `interaction`, `groups`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dermimit.data.synderm.calibration import ancestors, calibrate, marginals
from dermimit.data.synderm.knowledge import Array, Knowledge, KnowledgeError, read_file
from dermimit.data.synderm.rules import Interaction

PAIRS, FOURS = "interactions.yaml", "interaction_groups.yaml"
FIELDS = {"diseases", "here", "there", "constructed"}
SHARED = ("prior", "body_part", "marginal", "number", "size", "arrangement")  # by the diseases of a group


def interacting(facts: Knowledge, strength: float, raw: Mapping[str, Any] | None = None) -> Knowledge:
    """The process with the groups of `interactions.yaml`, or of `interaction_groups.yaml`, in force.

    The diseases of a group, two or four, share everything but one or two findings: the mean of their priors, body
    parts, attributes and lesion parameters, with the body parts scaled so that the sets `here` and `there` have mass
    1/2 each. For a disease of sign x (+1, -1) at a body part of sign s (here +1, there -1) a finding is present with
    log odds

        b x ((1 - strength) + strength s),    b = log(presence / (1 - presence)).

    At strength 0 the finding speaks by itself; at 1/2 it speaks `here` and says nothing `there`; from there on its
    meaning turns, until at 1 it is an exclusive or with the body part. At every strength and body part the finding is
    present in half of a group's cases, and two findings of a group are independent in it, so that they say nothing
    about the group. The other attributes have the base probabilities that give the mean marginals at strength 1,
    whatever the strength.

    Args:
        facts: the process without interactions.
        strength: 0..1.
        raw: the content of `interactions.yaml` (the default), or of another such file.

    Raises:
        KnowledgeError: an unknown name, a disease in two groups or with the signs of another one, a body part in none
            or both sets, a finding that a rule fixes, or two of which a third attribute depends on both.
    """
    raw = read_file(PAIRS) if raw is None else raw
    _check(raw, facts)
    pairs = [pair for row in raw["groups"] for pair in _findings(row, facts, raw["presence"])]
    own, shared = facts.attribute, {name: getattr(facts, name).copy() for name in SHARED}
    for pair in pairs:
        _share(shared, pair)
    facts = replace(facts, attribute=shared["marginal"], **shared)
    full = calibrate(replace(facts, interactions=tuple(at_strength(pair, 1.0) for pair in pairs)))
    attribute = own.copy()
    for pair in pairs:
        attribute[list(pair.diseases)] = full.attribute[list(pair.diseases)]
    for pair in pairs:
        attribute[list(pair.diseases), pair.finding] = 0.5
    facts = replace(full, attribute=attribute, interactions=tuple(at_strength(pair, strength) for pair in pairs))
    return replace(facts, marginal=marginals(facts))


def groups(fours: bool = False) -> list[dict[str, Any]]:
    """The groups of `interactions.yaml`, or of four: diseases, findings, body parts, what is known and what made up."""
    return list(read_file(FOURS if fours else PAIRS)["groups"])


def at_strength(pair: Interaction, strength: float) -> Interaction:
    """The interaction at a strength, from its table at any other."""
    p, _ = pair.levels  # `here` it is the same at every strength
    turned = 1 / (1 + ((1 - p) / p) ** (1 - 2 * strength))
    first = np.where(pair.here, p, round(float(turned), 6))  # the same on every processor
    return replace(pair, probability=np.stack([first if sign > 0 else 1 - first for sign in pair.signs]))


def _signs(row: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Of each finding of a group, the signs of its diseases."""
    named = row.get("findings") or {row["finding"]: row["diseases"][:1]}
    return {finding: tuple(1 if d in first else -1 for d in row["diseases"]) for finding, first in named.items()}


def _findings(row: Mapping[str, Any], facts: Knowledge, presence: float) -> list[Interaction]:
    """The findings of a group of the file, at strength 0."""
    diseases = tuple(facts.diseases.index(name) for name in row["diseases"])
    here, references = np.isin(facts.body_parts, row["here"]), read_file("knowledge.yaml")["sources"]
    sources, found = tuple(references[key] for key in row.get("sources", ())), []
    for finding, signs in _signs(row).items():
        table = np.repeat([[presence if sign > 0 else 1 - presence] for sign in signs], len(here), axis=1)
        about = (row.get("known", ""), sources, row["constructed"], signs)
        found.append(Interaction(diseases, facts.attributes.index(finding), here, table, *about))
    return found


def _share(tables: Mapping[str, Array], pair: Interaction) -> None:
    """Give the diseases of a group the mean of their rows, and the two sets of body parts mass 1/2 each, in place."""
    together = list(pair.diseases)
    for table in tables.values():
        table[together] = table[together].mean(axis=0)
    body = tables["body_part"]
    for part in (pair.here, ~pair.here):
        body[np.ix_(np.array(together), part)] *= 0.5 / body[together[0], part].sum()


def _check(raw: Mapping[str, Any], facts: Knowledge) -> None:
    """Refuse a file that does not define exclusive groups."""
    if raw.get("version") != 1 or not 0.5 < raw.get("presence", 0) < 1:
        raise KnowledgeError(f"interactions: version must be 1 and presence lie in 0.5..1, found {dict(raw)!r:.60}")
    used: set[str] = set()
    for row in raw["groups"]:
        name = "interactions: " + " and ".join(row.get("diseases", ()))
        kind = {"findings"} if "findings" in row else {"finding"}
        fields = FIELDS | kind
        if fields - row.keys() or row.keys() - fields - {"known", "sources"} or ("known" in row) != ("sources" in row):
            raise KnowledgeError(f"{name}: give {', '.join(sorted(fields))}, and known with sources or neither")
        count = 4 if "findings" in row else 2
        if len(row["diseases"]) != count or len(set(row["diseases"]) & set(facts.diseases) - used) != count:
            number = {2: "two", 4: "four"}[count]
            raise KnowledgeError(f"{name}: must be {number} known diseases that are in no other group")
        if sorted([*row["here"], *row["there"]]) != sorted(facts.body_parts) or not row["here"] or not row["there"]:
            raise KnowledgeError(f"{name}: every body part must be in one of here and there")
        _check_findings(row, facts, name)
        unknown = sorted(set(row.get("sources", ())) - set(read_file("knowledge.yaml")["sources"]))
        if unknown:
            raise KnowledgeError(f"{name}: sources: unknown {unknown}; use keys of knowledge.yaml")
        used |= set(row["diseases"])


def _check_findings(row: Mapping[str, Any], facts: Knowledge, name: str) -> None:
    """Refuse findings that a rule fixes, that do not tell the diseases apart, or that a third attribute joins."""
    fixed = {facts.attributes[rule.attribute] for rule in facts.dependences if rule.fixed is not None}
    signs = _signs(row)
    for finding in signs:
        if finding not in set(facts.attributes) - fixed:
            raise KnowledgeError(f"{name}: finding {finding!r} must be an attribute that no rule fixes")
    of_disease = set(zip(*signs.values(), strict=True))
    if (
        len(of_disease) != len(row["diseases"])
        or 2 ** len(signs) != len(row["diseases"])
        or -1 in next(zip(*signs.values(), strict=True))
    ):
        raise KnowledgeError(
            f"{name}: findings: must be two, each of the first disease and one more, and not of the same one"
        )
    both = {facts.attributes.index(finding) for finding in signs}
    joined = [j for j in set(range(len(facts.attributes))) - both if both <= ancestors(j, facts.dependences)]
    if len(both) == 2 and joined:
        raise KnowledgeError(f"{name}: findings: {facts.attributes[joined[0]]} depends on both; choose another")
