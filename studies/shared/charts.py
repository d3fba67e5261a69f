"""Charts of counts, scores and learning; each function takes tidy data and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, GREY, ORANGE, TASK_COLOURS, TASK_LABELS, pretty, row_colour, row_marker
from studies.shared.units import per_cent_axis


def class_counts(counts: Mapping[str, pd.Series], labels: Mapping[str, str] = TASK_LABELS) -> Figure:
    """Draw the number of photos of each class, one panel a task.

    Args:
        counts: task -> counts indexed by class name.
        labels: task -> name shown.
    """
    tallest = max(len(series) for series in counts.values())
    size = (3.7 * len(counts), 1.2 + 0.17 * tallest)
    figure, axes = plt.subplots(1, len(counts), figsize=size, squeeze=False, layout="constrained")
    for axis, (task, series) in zip(axes[0], counts.items(), strict=True):
        ordered = series.sort_values()
        axis.barh([pretty(name) for name in ordered.index], ordered.to_numpy(), color=TASK_COLOURS[task])
        axis.set(title=f"{labels[task]} ({len(series)} classes)", xlabel="photos")
        axis.tick_params(axis="y", labelsize=10)
        axis.margins(y=0.01)
    return figure


def learning_curves(
    history: pd.DataFrame,
    metric: str,
    *,
    label: str,
    names: Mapping[str, str],
    references: Mapping[str, float] | None = None,
    over: pd.DataFrame | None = None,
) -> Figure:
    """Draw a validation metric against photos seen, one colour a row, a thin line for each seed.

    Args:
        history: from `read_histories`, of the live runs.
        metric: column of `history`.
        label: axis label; the axis is in per cent.
        names: row -> name shown.
        references: name -> height of a dashed line.
        over: history of published runs, drawn pale behind.
    """
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    rows = list(names)
    if over is not None and len(over):
        _curves(axis, over, metric, rows, {}, alpha=0.35, linewidth=3.5)
    _curves(axis, history, metric, rows, names, alpha=1.0, linewidth=1.4)
    for name, height in (references or {}).items():
        axis.axhline(height, color=BLACK, linestyle="--", linewidth=0.9)
        axis.annotate(name, (1, height), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    axis.set(xlabel="training images seen", ylabel=label, ylim=(0, None))
    axis.margins(y=0.08)
    per_cent_axis(axis.yaxis)
    figure.legend(fontsize=8, loc="outside lower center", ncols=3)
    return figure


def _curves(axis: Axes, history: pd.DataFrame, metric: str, rows: Sequence[str], names: Mapping, **line) -> None:
    order = sorted(history["row"].unique(), key=lambda row: rows.index(row) if row in rows else len(rows))
    for row, seed in [(row, seed) for row in order for seed in sorted(history["seed"].unique())]:
        curve = history[(history["row"] == row) & (history["seed"] == seed)]
        shown = names.get(row) if seed == history["seed"].min() else None
        marker = row_marker(row, rows) if names else None
        axis.plot(
            curve["samples_seen"], curve[metric], color=row_colour(row, rows), marker=marker, ms=4, label=shown, **line
        )


def losses(history: pd.DataFrame) -> Figure:
    """Draw training loss by task against photos seen, for one run."""
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for task, colour in TASK_COLOURS.items():
        if f"loss/{task}" in history:
            axis.plot(
                history["samples_seen"],
                history[f"loss/{task}"],
                color=colour,
                marker="o",
                ms=3,
                label=TASK_LABELS[task],
            )
    axis.set(xlabel="training images seen", ylabel="training loss (nats)", ylim=(0, None))
    axis.legend(fontsize=8)
    return figure


def task_curves(history: pd.DataFrame, scores: Mapping[str, str], *, label: str) -> Figure:
    """Draw one score a task against photos seen, for one run; `scores` maps a task to its column."""
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for task, column in scores.items():
        axis.plot(
            history["samples_seen"],
            history[column],
            color=TASK_COLOURS[task],
            marker="o",
            ms=4,
            label=TASK_LABELS[task],
        )
    axis.set(xlabel="training images seen", ylabel=label, ylim=(0, 1))
    axis.legend(fontsize=8)
    return figure


def forest(estimates: pd.DataFrame, *, label: str, references: Mapping[str, float] | None = None) -> Figure:
    """Draw estimates with intervals, a line each, and dashed lines for reference scores.

    Args:
        estimates: columns `label, row, value, low, high`, in the order to show.
        label: axis label, saying what the interval is; the axis is in per cent.
        references: name -> position of a dashed line.
    """
    figure, axis = plt.subplots(figsize=(7, 1.2 + 0.42 * len(estimates)), layout="constrained")
    rows = list(dict.fromkeys(estimates["row"]))
    for place, line in enumerate(estimates.itertuples()):
        colour, marker = row_colour(line.row, rows), row_marker(line.row, rows)
        axis.plot([line.low, line.high], [place, place], color=colour, linewidth=2)
        axis.plot(line.value, place, marker=marker, color=colour, ms=7)
    for name, position in (references or {}).items():
        axis.axvline(position, color=BLACK, linestyle="--", linewidth=0.9)
        axis.annotate(name, (position, 1), xycoords=("data", "axes fraction"), fontsize=8, ha="center", va="bottom")
    axis.set_yticks(range(len(estimates)), estimates["label"])
    axis.invert_yaxis()
    axis.set_xlabel(label)
    per_cent_axis(axis.xaxis)
    return figure


def shares(table: pd.DataFrame, *, label: str) -> Figure:
    """Draw shares with intervals, in per cent: columns `label, value, low, high`, and `baseline` for a paler bar."""
    figure, axis = plt.subplots(figsize=(7, 1.0 + 0.34 * len(table)), layout="constrained")
    colours = [GREY if line.baseline else ORANGE for line in table.itertuples()]
    whiskers = [table["value"] - table["low"], table["high"] - table["value"]]
    axis.barh(table["label"], table["value"], color=colours, xerr=np.maximum(whiskers, 0), capsize=3)
    axis.set(xlim=(0, 1), xlabel=label)
    per_cent_axis(axis.xaxis)
    axis.invert_yaxis()
    return figure
