"""The published measurements of several visits, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, NONE, estimate

NAMES = {
    "late": "late fusion", "attention": "attention over days", "timeless": "attention, visits as a set",
    "change": "first, mean and change",
}  # fmt: skip

PIXELS = "pixel difference"
MAPS = {"answer's reason (integrated gradients)": "integrated gradients"}
"""Maps of change in the record -> their names for people, where these differ."""


def compared_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """A line for each single visit and each fusion of five: accuracy, macro-F1, gain over the best single one; text."""
    lines = []
    for line in record["rows"]:
        reference = " (best on validation)" if line["reference"] else ""
        text = {"prediction from": NAMES.get(line["row"], line["row"]) + reference}
        text |= {"accuracy (95 %)": estimate(line, "accuracy").plain()}
        text |= {"macro-F1 (95 %)": estimate(line, "macro_f1").plain()}
        gain = estimate(line, "gain")
        text["gain in accuracy (95 %)"] = NONE if line["reference"] else gain.signed()
        lines.append(text | {"compared with the best single visit": NONE if line["reference"] else gain.verdict()})
    return pd.DataFrame(lines)


def controls_table(record: Mapping[str, Any], row: str = "attention") -> pd.DataFrame:
    """What one fusion loses when something is taken from the visits; text."""
    return pd.DataFrame(
        {
            "visits": line["control"],
            "accuracy (95 %)": estimate(line, "accuracy").plain(),
            "loss in accuracy (95 %)": estimate(line, "loss").signed(),
            "compared with as they were": estimate(line, "loss").verdict(("lower", "higher", INCONCLUSIVE)),
        }
        for line in record["controls"]
        if line["row"] == row and line["control"] != "as they were"
    )


def maps_of_change(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The measured maps. Early records also hold one fixed random map, which says nothing of chance in general."""
    return [line for line in record["change"] if line["map"] != "chance"]


def change_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """How well each map points at where the lesion changed, beside the difference of pixels; text."""
    lines = []
    for line in maps_of_change(record):
        text = {"map": MAPS.get(line["map"], line["map"]), "AUROC (95 %)": estimate(line, "auroc").plain(2)}
        text["pointing game (95 %)"] = estimate(line, "pointing").plain()
        alone = line["map"] == PIXELS
        text["AUROC minus pixel difference (95 %)"] = NONE if alone else estimate(line, "over_pixels").signed()
        verdict = NONE if alone else estimate(line, "over_pixels").verdict(("better", "worse", INCONCLUSIVE))
        lines.append(text | {"compared with the pixel difference": verdict})
    return pd.DataFrame(lines)
