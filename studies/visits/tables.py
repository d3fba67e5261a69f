"""The published measurements of several visits as tables and as words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import (
    Estimate,
)

NAMES = {
    "late": "late fusion", "attention": "attention over days", "timeless": "attention, visits as a set",
    "change": "first, mean and change",
}  # fmt: skip


def compared_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """A line for each single visit and each fusion of five: accuracy, macro-F1, gain over the best single one; text."""
    lines = []
    for line in record["rows"]:
        text = {
            "answer from": NAMES.get(line["row"], line["row"]) + (" (best on validation)" if line["reference"] else "")
        }
        for name, key in (("accuracy (95 %)", "accuracy"), ("macro-F1 (95 %)", "macro_f1")):
            text[name] = f"{line[key]:.3f} ({line[f'{key}_low']:.3f} to {line[f'{key}_high']:.3f})"
        ends = (line["gain"], line["gain_low"], line["gain_high"])
        lines.append(text | {"gain in accuracy (95 %)": "–" if line["reference"] else Estimate(*ends).signed()})
    return pd.DataFrame(lines)


def best_text(record: Mapping[str, Any]) -> str:
    """What the best fusion adds to the best single visit, and whether days and order matter; in words."""
    fusions = [line for line in record["rows"] if line["row"] in NAMES]
    best = max(fusions, key=lambda line: line["accuracy"])
    gain = Estimate(best["gain"], best["gain_low"], best["gain_high"]).signed()
    shown = (
        "several visits are worth more than one" if best["gain_low"] > 0 else "a gain over one visit is **not shown**"
    )
    usual = {line["control"]: line for line in record["controls"] if line["row"] == "attention"}
    shuffled, dated = (
        Estimate(usual[c]["loss"], usual[c]["loss_low"], usual[c]["loss_high"]).signed()
        for c in ("order shuffled", "without days")
    )
    return (
        f"The best fusion, *{NAMES[best['row']]}*, differs from the best single visit by {gain} in accuracy: {shown}. "
        f"Attention over days loses {shuffled} when the order of the visits is shuffled, and {dated} when it "
        "is told that all were on one day."
    )


def leakage_text(record: Mapping[str, Any]) -> str:
    """What a split by photograph pretends; in words."""
    found = record["leakage"]
    pretended = Estimate(*(found["difference"][key] for key in ("value", "value_low", "value_high"))).signed()
    return (
        f"With first visits of the test's own patients in training, their second visits are named rightly in "
        f"{found['by photograph']['accuracy']:.1%}; without them in {found['by patient']['accuracy']:.1%}. The "
        f"difference in accuracy, {pretended}, is what a split by photograph pretends. Loaders of this package refuse "
        "a manifest whose patients are in two splits."
    )


def change_text(record: Mapping[str, Any]) -> str:
    """Whether the model saw change where the lesion changed; in words."""
    maps = {line["map"]: line for line in record["change"]}
    own = next(line for name, line in maps.items() if name.startswith("answer"))
    pixel = maps["pixel difference"]
    beyond = Estimate(own["over_pixels"], own["over_pixels_low"], own["over_pixels_high"]).signed()
    verdict = "better than" if own["over_pixels_low"] > 0 else "**not shown to be better than**"
    return (
        f"The answer's reason points at the change with an AUROC of {own['auroc']:.2f}, {verdict} the difference of "
        f"the two photographs' pixels ({pixel['auroc']:.2f}; difference {beyond}), which knows nothing of diseases."
    )


def takeaways(record: Mapping[str, Any]) -> dict[str, float | str]:
    """The numbers and words of the page's first lines, to be glued."""
    rows = {line["row"]: line for line in record["rows"]}
    best = max((rows[name] for name in NAMES), key=lambda line: line["accuracy"])
    steps = {line["visits"]: line["accuracy"] for line in record["by_visits"] if line["row"] == best["row"]}
    courses: dict[str, dict[int, float]] = {}
    for line in record["by_course"]:
        courses.setdefault(line["course"], {})[line["visits"]] = line["accuracy"]
    cases = {line["course"]: line["cases"] for line in record["by_course"]}
    gains = {name: max(of.items())[1] - min(of.items())[1] for name, of in courses.items()}
    most = max(gains, key=lambda name: gains[name])
    lost = {line["control"]: line for line in record["controls"] if line["row"] == "attention"}
    maps = {line["map"]: line for line in record["change"]}
    closest = max(maps, key=lambda name: maps[name]["auroc"])
    found: dict[str, float | str] = {"best": NAMES[best["row"]], "most": most, "most_gain": 100 * gains[most]}
    found |= {"most_cases": cases[most], "courses": len(courses)}
    for name, line, key in (
        ("gain", best, "gain"), ("shuffled", lost["order shuffled"], "loss"),
        ("dated", lost["without days"], "loss"), ("missing", lost["two of five missing"], "loss"),
        ("pretended", record["leakage"]["difference"], "value"),
    ):  # fmt: skip
        found |= {f"{name}{end}": 100 * line[f"{key}{end}"] for end in ("", "_low", "_high")}
    found |= {"one": 100 * min(steps.items())[1], "all": 100 * max(steps.items())[1], "visits": float(max(steps))}
    return found | {"map": closest, "map_auroc": maps[closest]["auroc"], "pixels": maps["pixel difference"]["auroc"]}
