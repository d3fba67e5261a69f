"""The numbers and words of the chapter's prose, from its record, to be glued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.visits.tables import MAPS, NAMES

Numbers = dict[str, float | str]


def of_visits(record: Mapping[str, Any]) -> Numbers:
    """All that the page's prose quotes, in points and per cent."""
    rows = {line["row"]: line for line in record["rows"]}
    best = max((rows[name] for name in NAMES), key=lambda line: line["accuracy"])
    steps = {line["visits"]: line["accuracy"] for line in record["by_visits"] if line["row"] == best["row"]}
    lost = {line["control"]: line for line in record["controls"] if line["row"] == "attention"}
    maps = {line["map"]: line for line in record["change"]}
    closest = max(maps, key=lambda name: maps[name]["auroc"])
    numbers: Numbers = {"best": NAMES[best["row"]]}
    numbers |= {"timed": 100 * rows["attention"]["accuracy"], "timeless": 100 * rows["timeless"]["accuracy"]}
    for name, line, key in (
        ("gain", best, "gain"), ("shuffled", lost["order shuffled"], "loss"),
        ("dated", lost["without days"], "loss"),
        ("pretended", record["leakage"]["difference"], "value"),
    ):  # fmt: skip
        numbers |= {f"{name}{end}": 100 * line[f"{key}{end}"] for end in ("", "_low", "_high")}
    numbers |= {
        "one": 100 * min(steps.items())[1],
        "two": 100 * steps[2],
        "all": 100 * max(steps.items())[1],
        "visits": float(max(steps)),
    }
    for split in ("by patient", "by photograph"):
        numbers[split.replace(" ", "_")] = 100 * record["leakage"][split]["accuracy"]
    return numbers | {
        "changed": maps[closest]["cases"],
        "map": MAPS.get(closest, closest),
        "map_auroc": maps[closest]["auroc"],
        "pixels": maps["pixel difference"]["auroc"],
    }
