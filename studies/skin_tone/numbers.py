"""The numbers and words of the chapter's prose, from its records, to be glued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dermimit.evaluate.estimate import CANNOT_TELL
from dermimit.explain.style import pretty
from studies.shared.listing import listed
from studies.skin_tone.by_type import SCORES
from studies.skin_tone.by_type_tables import gap_change
from studies.skin_tone.mix import GROUPS, PLAIN
from studies.skin_tone.mix_tables import remedy_change
from studies.skin_tone.pair_tables import ON_DARK_SKIN, attribute_change

ENDS = ("", "_low", "_high")
Line = Mapping[str, Any]
Numbers = dict[str, float | str]


def of_skin_tone(by_type: Line, pairs: Line, mix: Line, angles: Line, labels: Mapping[str, str]) -> Numbers:
    """All that the page's prose quotes, in points; of the full model where nothing else is said.

    Args:
        by_type, pairs, mix, angles: the records `by_type`, `counterfactuals`, `mix` and `typology`.
        labels: row -> name.
    """
    darkest = next(line for line in pairs["full"]["flips"] if line["version"] == "VI")
    gap = next(line for line in by_type["gaps"] if (line["row"], line["score"]) == ("full", "accuracy"))
    shares = {x["group"]: x for x in mix["shares"] if (x["row"], x["score"]) == ("full_dark50", "accuracy")}
    numbers: Numbers = {}
    for name, line in {"even_gap": gap, "on_dark": shares["V–VI"], "on_light": shares["I–IV"]}.items():
        numbers |= {name: 100 * line["value"]} | {f"{name}_{end}": 100 * line[end] for end in ("low", "high")}
    for name, key in {"flips": "over_retake", "net": "net"}.items():
        numbers |= {f"{name}{end}": 100 * darkest[f"{key}{end}"] for end in ENDS}
    numbers |= _gaps(by_type["gaps"], labels) | _attributes(pairs["attributes"]) | _remedies(mix["remedies"])
    return numbers | _angles(angles)


def _gaps(table: Sequence[Line], labels: Mapping[str, str]) -> Numbers:
    """How far the gaps of rows may differ from that of D, and which differ by the corrected test."""
    tested = [x for x in table if x["score"] in ("accuracy", "macro_f1") and "difference" in x]
    changed = [x for x in tested if gap_change(x) != CANNOT_TELL]
    ends = [100 * x[end] for x in tested for end in ("difference_low", "difference_high")]
    names = listed(f"{labels[x['row']]}, {SCORES[x['score']]}: {gap_change(x)}" for x in changed)
    return {"gaps_tested": len(tested), "gaps_changed": names, "gap_least": min(ends), "gap_most": max(ends)}


def _attributes(table: Sequence[Line]) -> Numbers:
    """Names of the attributes that are told less well and better on type VI, largest change first."""
    better, less, _ = ON_DARK_SKIN
    lines = sorted(table, key=lambda x: x["net"])
    names = {"told_less": (less, lines), "told_better": (better, reversed(lines))}
    return {
        key: listed((pretty(x["attribute"]) for x in ordered if attribute_change(x) == told), separator=", ")
        for key, (told, ordered) in names.items()
    }


def _remedies(lines: Sequence[Line]) -> Numbers:
    """How many remedies raise accuracy on dark skin, and how many narrow the gap."""
    plain = [x for x in lines if x["reference"] == PLAIN and x["row"].startswith(PLAIN) and x["score"] == "accuracy"]
    told = [(x["group"], remedy_change(x)) for x in plain]
    return {"helping": told.count((GROUPS[1], "higher")), "narrowing": told.count(("gap", "lower"))}


def _angles(record: Line) -> Numbers:
    """How far the typology angle is a property of the patient, and how many would have dark skin by it."""
    real = record["pad_ufes_20"]
    numbers: Numbers = {"alike_photographs": real["alike_photographs"], "alike_patients": real["alike_patients"]}
    dark = sum(record["all"][4:])
    return numbers | {"within": real["within"], "dark_by_angle": dark, "angles": record["measured"]}
