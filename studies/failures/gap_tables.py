"""How the disease answer depends on the other tasks, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, estimate, p_text
from studies.failures.error_dependence import GAPS

Line = Mapping[str, Any]


def groups(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.group_table`: a line a group, a column a model, of the models that have a label."""
    given = "the disease is right, %, given"
    lines = [
        {given: line["group"], "model": labels[line["row"]], "text": estimate(line).percent()}
        for line in table
        if line["row"] in labels
    ]
    frame = pd.DataFrame(lines)
    wide = frame.pivot(index=given, columns="model", values="text")
    return wide.loc[frame[given].unique(), frame["model"].unique()].reset_index().rename_axis(columns=None)


def gaps(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.gap_table` in points."""
    return pd.DataFrame(
        {
            "gap": line["gap"].replace("_", " "),
            "model": labels[line["row"]],
            "own, points (95 %)": estimate(line).points(),
            "borrowed": estimate(line, "borrowed").points(),
            "beyond": estimate(line, "beyond").points(),
            "p": p_text(line["p"]),
            "than the cases' difficulty": estimate(line, "beyond").verdict(("wider", "narrower", CANNOT_TELL)),
        }
        for line in _by_gap(table)
    )


def gap_differences(table: Sequence[Line], labels: Mapping[str, str]) -> pd.DataFrame:
    """`error_dependence.gap_differences` in points."""
    return pd.DataFrame(
        {
            "gap": line["gap"].replace("_", " "),
            "model": labels[line["row"]],
            "difference, points (95 %)": estimate(line).points(),
            "p": p_text(line["p"]),
            "gap is": estimate(line).verdict(("wider", "narrower", CANNOT_TELL)),
        }
        for line in _by_gap(table)
    )


def _by_gap(table: Sequence[Line]) -> list[Line]:
    return sorted(table, key=lambda line: list(GAPS).index(line["gap"]))
