"""The numbers and words of the chapter's prose, from its records, to be glued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dermimit.evaluate.error_types import TAG_LABELS

ENDS = ("", "_low", "_high")
Numbers = dict[str, float | str]


def of_failures(taxonomy: Mapping[str, Any], ink: Mapping[str, Any]) -> Numbers:
    """What errors go with, whether those of several tasks depend on each other, and what ink does on real photographs.

    Args:
        taxonomy, ink: records of these names.
    """
    cases = sorted(taxonomy["cases"]["full"], key=lambda line: line["ratio"])
    numbers: Numbers = {"tags": len(cases)}
    for name, line in (("most", cases[-1]), ("least", cases[0])):
        numbers[f"{name}_tag"] = TAG_LABELS[line["tag"]].removeprefix("· ")
        numbers |= {f"{name}{end}": line[f"ratio{end}"] for end in ENDS}
    for line in taxonomy["gaps"]:
        if line["row"] == "full":
            numbers |= {f"{line['gap']}_gap": 100 * line["value"], f"{line['gap']}_borrowed": 100 * line["borrowed"]}
            numbers |= {f"{line['gap']}_beyond{end}": 100 * line[f"beyond{end}"] for end in ENDS}
    every = next(line for line in ink["counts"] if line["disease"] == "all")
    flips = ink["models"][0]["flips"]
    numbers |= {"ink_photographs": every["inked"], "ink_of": every["photographs"]}
    return numbers | {f"painted{end}": 100 * flips[f"difference{end}"] for end in ENDS}


def of_gallery(cases: Sequence[Mapping[str, Any]]) -> Numbers:
    """Of the most confident errors: how many have the right body part, and how many the ideal observer would make too.

    Args:
        cases: of the record `gallery`.
    """
    return {
        "confident": len(cases),
        "confident_body_part": sum(case["body_part"] == case["said_body_part"] for case in cases),
        "confident_ideal": sum(case["ideal"]["said"] >= case["ideal"]["true"] for case in cases),
    }
