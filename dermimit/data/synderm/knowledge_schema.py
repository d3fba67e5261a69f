"""What `knowledge.yaml` must look like: every check of its content, before it becomes tables."""

from collections.abc import Iterable, Mapping
from typing import Any

VERSION = 2
SHAPE = {"diseases": 49, "body_parts": 15, "attributes": 27}
NUMBERS = ("few", "several", "many")
SIZES = ("small", "medium", "large")
ARRANGEMENTS = ("scattered", "grouped", "linear")
LESIONS = {"number": NUMBERS, "size": SIZES, "arrangement": ARRANGEMENTS}
COURSES = ("resolving", "spreading", "growing", "relapsing", "migrating", "stable")
RESIDUES = ("hyperpigmentation", "hypopigmentation", "scar", "none")
SOURCED = ("prior", "body", "attributes", "lesions", "course")  # fields of a disease that need a source
SKINCON = "skincon2022"  # must be cited wherever counts are used


class KnowledgeError(ValueError):
    """The knowledge file breaks a rule; the message says which entry and what to change."""


def check(raw: Mapping[str, Any]) -> None:
    """Check the content of a knowledge file.

    Raises:
        KnowledgeError: a field, name, count, probability, course, rule or source is missing or wrong; or two diseases
            have the same profile.
    """
    if raw.get("version") != VERSION:
        raise KnowledgeError(f"knowledge: version must be {VERSION}, found {raw.get('version')}")
    wanted = (*SHAPE, "sources", "background", "stray", "clip", "skincon", "dependences", "elements")
    _has("top level", raw, wanted)
    for name, size in SHAPE.items():
        if len(raw[name]) != size or len(set(raw[name])) != size:
            raise KnowledgeError(f"knowledge: {name} must be {size} different names, found {len(set(raw[name]))}")
    for name, row in raw["diseases"].items():
        check_disease(name, row, raw)
    for rule in raw["dependences"]:
        check_rule(rule, raw["attributes"])
    check_distinct(raw["diseases"])


def check_disease(name: str, row: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """Refuse a missing field, an unknown name or an impossible number in one disease's entry."""
    _has(name, row, ("prior", "body", "attributes", *LESIONS, "course", "sources"))
    if not row["prior"] > 0:
        raise KnowledgeError(f"knowledge: {name}: prior must be above 0, found {row['prior']}")
    _distribution(name, "body", row["body"], raw["body_parts"])
    _known(name, "attributes", row["attributes"], raw["attributes"])
    for attribute, p in row["attributes"].items():
        if not 0 < p < 1:
            raise KnowledgeError(f"knowledge: {name}: {attribute}: probability must lie between 0 and 1, found {p}")
    for field, classes in LESIONS.items():
        if set(row[field]) != set(classes):
            raise KnowledgeError(f"knowledge: {name}: {field} must give each of {', '.join(classes)}")
        _distribution(name, field, row[field], classes)
    _check_counts(name, row, raw)
    _check_course(name, row["course"])
    _check_sources(name, row, raw["sources"])


def _check_counts(name: str, row: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    """Counts are of known attributes, of enough images, and none exceeds the number of images."""
    counts = row.get("skincon")
    if counts is None:
        return
    n, least = counts.get("n"), raw["skincon"]["least_images"]
    if not isinstance(n, int) or n < least:
        raise KnowledgeError(f"knowledge: {name}: skincon: n must be {least} or more, found {n}; else remove skincon")
    _known(name, "skincon", counts.keys() - {"n"}, [a for a in raw["attributes"] if a not in raw["skincon"]["without"]])
    for attribute, k in counts.items():
        if not isinstance(k, int) or not 0 <= k <= n:
            raise KnowledgeError(f"knowledge: {name}: skincon: {attribute} must be a count of 0 to n = {n}, found {k}")


def _check_course(name: str, course: Mapping[str, Any]) -> None:
    """A course has a known kind, a positive time constant in days and a known residue."""
    _has(f"{name}: course", course, ("kind", "days", "residue"))
    for field, known in (("kind", COURSES), ("residue", RESIDUES)):
        if course[field] not in known:
            raise KnowledgeError(
                f"knowledge: {name}: course: {field} {course[field]!r} is unknown; use {', '.join(known)}"
            )
    if not course["days"] > 0:
        raise KnowledgeError(f"knowledge: {name}: course: days must be above 0, found {course['days']}")


def _check_sources(name: str, row: Mapping[str, Any], known: Mapping[str, str]) -> None:
    """Each field has a source, each source is in the table, and counts cite SkinCon."""
    _has(f"{name}: sources", row["sources"], SOURCED)
    _known(name, "sources", row["sources"], SOURCED)
    for field, keys in row["sources"].items():
        if not isinstance(keys, list) or not keys:
            raise KnowledgeError(f"knowledge: {name}: sources: {field} must be a list of one or more keys of sources")
        _known(name, f"sources: {field}", keys, known)
    if ("skincon" in row) != (SKINCON in row["sources"]["attributes"]):
        raise KnowledgeError(
            f"knowledge: {name}: sources: attributes must name {SKINCON} where skincon is given, and only there"
        )


def check_rule(rule: Mapping[str, Any], attributes: list[str]) -> None:
    """Refuse a rule of unknown names, without exactly one condition and one effect, or that looks ahead."""
    conditions, effects = {"any", "none"} & rule.keys(), {"odds", "set"} & rule.keys()
    if len(conditions) != 1 or len(effects) != 1 or rule.keys() - conditions - effects != {"attribute"}:
        raise KnowledgeError(f"knowledge: dependences: {rule}: give attribute, one of any/none and one of odds/set")
    parents = rule[conditions.pop()]
    _known("dependences", str(rule), [rule["attribute"], *parents], attributes)
    place = attributes.index(rule["attribute"])
    if not parents or max(attributes.index(p) for p in parents) >= place:
        raise KnowledgeError(f"knowledge: dependences: {rule}: every parent must stand before the attribute")
    if "odds" in rule and not rule["odds"] > 0:
        raise KnowledgeError(f"knowledge: dependences: {rule}: odds must be above 0")
    if "set" in rule and rule["set"] not in (0, 1):
        raise KnowledgeError(f"knowledge: dependences: {rule}: set must be 0 or 1")


def check_distinct(diseases: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse two diseases that no body part, attribute or lesion parameter tells apart."""
    seen: dict[str, str] = {}
    for name, row in diseases.items():
        profile = str([sorted(row.get(f, {}).items()) for f in ("body", "attributes", "skincon", *LESIONS)])
        if profile in seen:
            raise KnowledgeError(f"knowledge: {name} and {seen[profile]} have the same profile; change one")
        seen[profile] = name


def _has(entry: str, row: Mapping[str, Any], fields: Iterable[str]) -> None:
    """Refuse an entry that lacks a field."""
    missing = [f for f in fields if f not in row]
    if missing:
        raise KnowledgeError(f"knowledge: {entry}: missing {', '.join(missing)}; add it")


def _known(entry: str, field: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise KnowledgeError(f"knowledge: {entry}: {field}: unknown {unknown}; use the names listed at the top")


def _distribution(name: str, field: str, row: Mapping[str, float], known: Iterable[str]) -> None:
    """Refuse what is not a distribution over known names with every part above 0."""
    _known(name, field, row, known)
    if min(row.values()) <= 0:
        raise KnowledgeError(f"knowledge: {name}: {field}: every probability must be above 0")
    if abs(sum(row.values()) - 1) > 1e-6:
        raise KnowledgeError(f"knowledge: {name}: {field} must sum to 1, sums to {sum(row.values()):.3f}")
