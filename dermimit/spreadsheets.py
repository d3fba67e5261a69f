"""Tables that a spreadsheet may open: what it would calculate is marked as text, and read without the mark."""

import re
from typing import Any

import pandas as pd

FORMULA = re.compile(r"[=+\-@\t\r]")
"""What a cell begins with that a spreadsheet calculates."""
NUMBER = re.compile(r"-[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?")
"""What begins like a formula, and is the same number to a spreadsheet and to us."""
MARK = "'"
"""What makes a spreadsheet take a cell as text."""


def as_cell(value: Any) -> Any:
    """A value for a table that a spreadsheet may open: a text that it would calculate is marked as text."""
    if isinstance(value, str) and (_calculated(value) or value.startswith(MARK)):
        return MARK + value
    return value


def of_cell(value: Any) -> Any:
    """The inverse of `as_cell`."""
    if isinstance(value, str) and value.startswith(MARK) and (FORMULA.match(value[1:]) or value[1:].startswith(MARK)):
        return value[1:]
    return value


def _calculated(value: str) -> bool:
    return FORMULA.match(value) is not None and NUMBER.fullmatch(value) is None


def for_spreadsheets(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts, and names of columns, no spreadsheet calculates; numbers stay."""
    texts = [name for name, kind in table.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    changed = table.assign(**{name: table[name].map(as_cell, na_action="ignore") for name in texts})
    return changed.rename(columns=as_cell)
