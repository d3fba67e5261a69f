"""The same case on another skin, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import RETAKE
from dermimit.evaluate.estimate import CANNOT_TELL, NONE, corrected_verdict, estimate
from dermimit.explain.style import pretty
from studies.shared.evidence import holm_texts

Line = Mapping[str, Any]
MORE = ("more", "fewer", CANNOT_TELL)
COST = ("more", "less", CANNOT_TELL)
ON_DARK_SKIN = ("told better", "told less well", CANNOT_TELL)


def flips(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> pd.DataFrame:
    """`counterfactuals.flip_table` of several rows."""
    return pd.DataFrame(
        {
            "model": labels[row],
            "type I becomes": "type I photographed again" if line["version"] == RETAKE else f"type {line['version']}",
            "flipped, %": estimate(line, "flipped").percent(),
            "beyond a retake, points": NONE if line["version"] == RETAKE else estimate(line, "over_retake").points(),
            "than a retake": NONE if line["version"] == RETAKE else estimate(line, "over_retake").verdict(MORE),
            "lost / gained, %": f"{100 * line['lost']:.1f} / {100 * line['gained']:.1f}",
            "net, points": estimate(line, "net").points(),
            "right answers": estimate(line, "net").verdict(MORE),
            "probability of the truth, points": estimate(line, "true").points(),
        }
        for row, table in tables.items()
        for line in table
    )


def costs(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`counterfactuals.row_table`."""
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            "flipped, %": estimate(line, "flipped").percent(),
            "right on I and on VI, %": estimate(line, "kept").percent(),
            "right on I and on a retake, %": estimate(line, "kept_retake").percent(),
            "cost of dark skin, points": estimate(line, "cost").points(),
            "lost, than on a retake": estimate(line, "cost").verdict(MORE),
            "less that of D": estimate(line, "less_cost").points() if "less_cost" in line else NONE,
            "p (Holm)": p,
            "than that of D": cost_change(line) if "less_cost" in line else NONE,
        }
        for line, p in zip(table, holm_texts(table, "less_cost_p_holm"), strict=True)
    )


def cost_change(line: Line) -> str:
    """Whether dark skin costs a row more than D, by the corrected test."""
    return corrected_verdict(line["less_cost"], line["less_cost_p_holm"], COST)


def attributes(table: Sequence[Line]) -> pd.DataFrame:
    """`counterfactuals.attribute_table`, what is lost most first."""
    return pd.DataFrame(
        {
            "attribute": pretty(line["attribute"]),
            "cases": line["cases"],
            "found on I → VI, %": f"{100 * line['found_light']:.0f} → {100 * line['found_dark']:.0f}",
            "probability where it is, points": estimate(line, "change").points(),
            "where it is not": estimate(line, "change_absent").points(),
            "difference": estimate(line, "net").points(),
            "p (Holm)": p,
            "on type VI": attribute_change(line),
        }
        for p, line in sorted(zip(holm_texts(table), table, strict=True), key=lambda both: both[1]["net"])
    )


def attribute_change(line: Line) -> str:
    """Whether an attribute is told less well on type VI than on type I, by the corrected test."""
    return corrected_verdict(line["net"], line["p_holm"], ON_DARK_SKIN)


def contrasts(tables: Mapping[str, Sequence[Line]]) -> pd.DataFrame:
    """`counterfactuals.contrast_table` of several attributes."""
    return pd.DataFrame(
        {
            "cases with": pretty(name),
            "type": line["type"],
            "number": line["cases"],
            "redder than the skin, a* (95 %)": estimate(line, "redness").plain(1),
            "lighter than the skin, L* (95 %)": estimate(line, "lightness").plain(1),
            "colour difference, ΔE₀₀ (95 %)": estimate(line, "difference").plain(1),
        }
        for name, table in tables.items()
        for line in table
        if line["type"] in (FITZPATRICK[0], FITZPATRICK[-1])
    )
