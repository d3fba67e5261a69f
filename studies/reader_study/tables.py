"""Tables of the chapter on the reader study, from what the analysis and the simulation returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NONE, Estimate, estimate, minus
from dermimit.reader_study.design import WITH

Line = Mapping[str, Any]
AROUND = ("lies above the simulated gain", "lies below the simulated gain", "contains the simulated gain")
WORDS = {
    "accuracy": "readers' accuracy without the model, %",
    "model_accuracy": "accuracy of the model, %",
    "reader_sd": "SD of readers' skill, logits",
    "case_sd": "SD of the ease of cases, logits",
    "pair_sd": "SD of the fit between reader and case, logits",
    "shared": "correlation of ease with a correct prediction",
    "caution": "how often a correct reader follows a wrong model, relative to trust",
    "trust_sd": "SD of trust over readers, logits",
    "learning": "gain in the second session, logits",
}


def assumptions(record: Line) -> pd.DataFrame:
    """What each scenario of the power analysis assumes."""
    scenarios = record["scenarios"]
    rows: list[dict[str, Any]] = []
    for key, text in WORDS.items():
        shown = f"{{:.{'0%' if text.endswith('%') else '2f'}}}".format
        rows.append({"assumption": text, **{name: shown(a[key]).rstrip("%") for name, a in scenarios.items()}})
    for gain in sorted({line["gain"] for line in record["table"]} - {0.0}):
        text = f"probability that a wrong reader follows the model, for a gain of {100 * gain:.0f} points"
        rows.append({"assumption": text, **{name: f"{a['trust'][str(gain)]:.2f}" for name, a in scenarios.items()}})
    return pd.DataFrame(rows)


def needed(record: Line) -> pd.DataFrame:
    """The fewest simulated cases that reach the wanted power, by scenario, gain and number of readers."""
    most = max(line["cases"] for line in record["table"])
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    for line in record["smallest"]:
        row = rows.setdefault((line["scenario"], line["gain"]), {})
        row[f"{line['readers']} readers"] = f"> {most}" if line["cases"] is None else str(line["cases"])
    return pd.DataFrame([{"scenario": s, "gain, points": f"{100 * g:.0f}", **row} for (s, g), row in rows.items()])


def checks(record: Line) -> pd.DataFrame:
    """Of all simulated studies: false alarms without a gain, bias, coverage of the intervals; least and greatest."""
    rows = pd.DataFrame(record["table"])
    none, some = rows[rows["gain"] == 0], rows[rows["gain"] > 0]
    bias = 100 * (some["mean"] - some["gain"])
    return pd.DataFrame([
        {"check": "studies without a gain that report one, %", **_ends(100 * none["power"])},
        {"check": "intervals that contain the true gain, %", **_ends(100 * some["covered"])},
        {"check": "mean estimate − true gain, points", **_ends(bias)},
    ])  # fmt: skip


def _ends(values: pd.Series) -> dict[str, str]:
    found = {"smallest": values.min(), "median": values.median(), "largest": values.max()}
    return {name: minus(f"{round(value, 1) + 0.0:.1f}") for name, value in found.items()}


def gain_table(lines: Sequence[Line], expected: float) -> pd.DataFrame:
    """Every endpoint: both arms, the difference, and what the second period adds.

    Args:
        lines: from `analysis.gains`, the primary endpoint first.
        expected: the gain that was put into the primary one.
    """
    rows = [
        {"endpoint": line["name"], "with": line["with"], "without": line["without"]}
        | {"simulated, points": minus(f"{100 * expected:+.1f}") if primary else NONE}
        | {"difference, points (95 %)": estimate(line).points(), "p": line["p"], "pairs": line["n"]}
        | {"interval": estimate(line).verdict(AROUND, none=expected) if primary else NONE}
        | {"second session, points": minus(f"{100 * line['period']:+.1f}")}
        for line, primary in zip(lines, [True] + [False] * (len(lines) - 1), strict=True)
    ]
    return pd.DataFrame(rows)


def group_table(lines: Sequence[Line], name: str) -> pd.DataFrame:
    """The primary gain by groups of cases."""
    return pd.DataFrame([
        {name: line["group"], "cases": line["cases"], "with": line["with"], "without": line["without"],
         "difference, points (95 %)": estimate(line).points()}
        for line in lines
    ])  # fmt: skip


def reliance_table(lines: Sequence[Line]) -> pd.DataFrame:
    """How often readers change their answer with the model, and after a second look alone."""
    rows: dict[str, dict[str, str]] = {}
    for line in lines:
        shown = f"{line['hits']} of {line['n']}: {_rounded(line)}" if line["n"] else "–"
        rows.setdefault(line["name"], {})["with the model" if line["arm"] == WITH else "second look alone"] = shown
    return pd.DataFrame([{"reader and model first, reader then": name, **row} for name, row in rows.items()])


def agreement_table(lines: Sequence[Line]) -> pd.DataFrame:
    """Fleiss' kappa before and after, by arm."""
    return pd.DataFrame([
        {"arm": line["arm"], "answer": line["step"],
         "kappa (95 %)": Estimate(line["kappa"], line["low"], line["high"]).plain(2),
         "cases": line["cases"], "readers": line["readers"]}
        for line in lines
    ])  # fmt: skip


def confidence_table(lines: Sequence[Line]) -> pd.DataFrame:
    """By how much confidence exceeds accuracy, and the Brier score."""
    return pd.DataFrame([
        {"arm": line["arm"], "answer": line["step"], "confidence − accuracy, points (95 %)": estimate(line).points(),
         "Brier score": line["brier"]}
        for line in lines
    ])  # fmt: skip


def _rounded(line: Line) -> str:
    """A share as whole per cent, where the readings are few."""
    return "{} % ({} to {})".format(*(f"{100 * line[key]:.0f}" for key in ("value", "low", "high")))
