"""What goes with errors, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.error_types import TAG_LABELS
from dermimit.evaluate.estimate import CANNOT_TELL, NONE, estimate

Line = Mapping[str, Any]
LIKELIER = ("likelier", "less likely", CANNOT_TELL)


def cases(table: Sequence[Line], meanings: Mapping[str, str]) -> pd.DataFrame:
    """`by_condition.case_table` of one model."""
    return pd.DataFrame(
        {
            "tag": meanings[line["tag"]],
            "photographs": round(line["photographs"]),
            "among errors, %": estimate(line, "among_wrong").percent(),
            "among right answers, %": estimate(line, "among_right").percent(),
            "risk ratio (95 %)": estimate(line, "ratio").ratio(),
            "errors are": estimate(line, "ratio").verdict(LIKELIER, none=1),
        }
        for line in table
    )


def errors(
    tables: Mapping[str, Sequence[Line]], meanings: Mapping[str, str], labels: Mapping[str, str]
) -> pd.DataFrame:
    """`by_condition.error_table` of several models, one beside the other."""
    first = next(iter(tables))
    columns = {"tag": [meanings[line["tag"]] for line in tables[first]]}
    for row, table in tables.items():
        columns[f"{labels[row]}: share of errors, %"] = [estimate(line, "share").percent() for line in table]
        chances = [line["chance"] for line in table]
        columns[f"{labels[row]}: by chance, %"] = [NONE if pd.isna(c) else f"{100 * c:.1f}" for c in chances]
    return pd.DataFrame(columns)


def compared(table: Sequence[Line]) -> pd.DataFrame:
    """`by_condition.compared`, of the full model with D."""
    return pd.DataFrame(
        {
            "photographs": "all" if line["tag"] == "all" else TAG_LABELS[line["tag"]],
            "number": line["photographs"],
            "full wrong, %": f"{100 * line['first']:.1f}",
            "D wrong, %": f"{100 * line['second']:.1f}",
            "difference, points (95 %)": estimate(line, "difference").points(),
            "full is wrong": estimate(line, "difference").verdict(("more often", "less often", CANNOT_TELL)),
        }
        for line in table
    )
