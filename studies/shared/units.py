"""Shares as a reader sees them: in per cent and in points, where records and CSV files have numbers from 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axis import Axis

from dermimit.evaluate.estimate import NONE
from dermimit.explain.style import TASK_LABELS
from dermimit.report.scores import NAMES

SHARE = re.compile(r"(?<![\w.])([+−-]?)([01]\.\d+)")  # in a text such as "0.512 (0.489 to 0.530)" or "+0.004 ± 0.010"
INTERVAL = " (95 %)"
NO_SHARES = ("auroc", "map", "ece")
"""Metrics that stay numbers from 0 to 1, as in the field."""


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


def metrics_table(metrics: Mapping[str, Mapping[str, float | None]]) -> pd.DataFrame:
    """Metrics of a run as text, shares in per cent, a column for each split and a line for each task and metric.

    Args:
        metrics: split -> "<task>/<metric>" -> value; None where it does not exist.
    """
    names = NAMES | {"map": "mAP", "ece": "ECE"}
    lines: dict[str, dict[str, str]] = {}
    for split, values in metrics.items():
        for key, value in values.items():
            task, name = key.split("/")
            share = name not in NO_SHARES
            line = lines.setdefault(f"{TASK_LABELS[task]}: {names[name]}{', %' * share}", {})
            line[split] = NONE if value is None or value != value else f"{100 * value:.1f}" if share else f"{value:.3f}"
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("metric")


def per_cent_axis(*axes: Axis) -> None:
    """Number axes of shares from 0 to 1 in per cent, without the sign, which their label has."""
    for axis in axes:
        axis.set_major_formatter(lambda share, _: f"{100 * share:.4g}".replace("-", "−"))


def _cell(value: Any) -> Any:
    """A share, or a text with shares, times a hundred; anything else as it is."""
    if isinstance(value, str):
        return SHARE.sub(lambda found: f"{found[1]}{100 * float(found[2]):.1f}", value)
    return f"{100 * value:.1f}".replace("-", "−") if isinstance(value, float) and value == value else value
