"""What real photographs say of skin type, and the records of the chapter, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import estimate
from dermimit.evaluate.subgroups import NOT_RECORDED

Line = Mapping[str, Any]


def real_errors(table: Sequence[Line], row: str) -> pd.DataFrame:
    """`real.error_table` of one model by recorded type, each group compared with what its diseases lead one to expect.

    Args:
        table: of the record `real`.
        row: the model.
    """
    return pd.DataFrame(
        {
            "skin type": line["group"] if line["group"] == NOT_RECORDED else f"type {line['group']}",
            "photographs": line["photographs"],
            "accuracy, % (95 % CI)": estimate(line, "accuracy").percent(),
            "expected, %": f"{100 * line['expected']:.1f}",
            "difference, points": estimate(line, "beyond").points(),
        }
        for line in table
        if (line["row"], line["by"]) == (row, "type")
    )


def lines_of(tables: Mapping[str, Sequence[Line]], name: str = "row") -> pd.DataFrame:
    """Several tables of a record one below the other, with their names as the first column.

    Args:
        tables: name -> lines.
        name: of that column.
    """
    return pd.DataFrame([{name: key} | dict(line) for key, table in tables.items() for line in table])
