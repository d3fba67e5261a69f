"""Shares as a reader sees them: in per cent and in points, where records and CSV files have numbers from 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axis import Axis

SHARE = re.compile(r"(?<![\w.])([+−-]?)([01]\.\d+)")  # in a text such as "0.512 (0.489 to 0.530)" or "+0.004 ± 0.010"
INTERVAL = " (95 %)"


def in_per_cent(frame: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The table with some columns of shares, numbers or texts, in per cent with one decimal, their names with the unit.

    Args:
        frame: the table.
        columns: of shares from 0 to 1, and of differences between shares, which are in points: they have signs.

    Raises:
        KeyError: a column that the table does not have.
    """
    shown = frame.copy()
    for name in columns:
        cells = [_cell(value) for value in frame[name]]
        signed = any(isinstance(cell, str) and cell[:1] in ("+", "−") for cell in cells)
        head, interval, _ = name.partition(INTERVAL)
        shown[name] = pd.Series(cells, index=frame.index, dtype=object)
        shown = shown.rename(columns={name: f"{head}, {'points' if signed else '%'}{interval}"})
    return shown


def per_cent_axis(*axes: Axis) -> None:
    """Number axes of shares from 0 to 1 in per cent, without the sign, which their label has."""
    for axis in axes:
        axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}".replace("-", "−"))


def _cell(value: Any) -> Any:
    """A share, or a text with shares, times a hundred; anything else as it is."""
    if isinstance(value, str):
        return SHARE.sub(lambda found: f"{found[1]}{100 * float(found[2]):.1f}", value)
    return f"{100 * value:.1f}".replace("-", "−") if isinstance(value, float) and value == value else value
