"""What SynDerm-49 knows of skin diseases: the tables of `knowledge.yaml`, checked and typed."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from dermimit.data.package_yaml import package_yaml
from dermimit.data.synderm.calibration import calibrate
from dermimit.data.synderm.knowledge_schema import ARRANGEMENTS, LESIONS, NUMBERS, SIZES, KnowledgeError, check
from dermimit.data.synderm.process import Knowledge
from dermimit.data.synderm.rules import Array, Course, Dependence, Elements

__all__ = ["ARRANGEMENTS", "NUMBERS", "SIZES", "Array", "Course", "Elements", "Knowledge", "KnowledgeError",
           "definitions", "knowledge", "parse", "read_file"]  # fmt: skip


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
        lesions["number"],
        lesions["size"],
        lesions["arrangement"],
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
    return parse(read_file("knowledge.yaml"))


@cache
def definitions() -> dict[str, str]:
    """What each attribute is and how it is drawn, a sentence each, in drawing order."""
    found = read_file("definitions.yaml")
    return {name: found[name] for name in knowledge().attributes}


@cache
def read_file(name: str) -> Any:
    """The content of a YAML file of this package; not to be changed."""
    return package_yaml(__package__, name)
