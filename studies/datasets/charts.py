"""Charts of the page on the two datasets; each takes a tidy table and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE

WIDTH = 7  # inches
SMALL, USUAL = 8.5, 9.5  # points
SKIN_COLOURS = ("#E8C4A8", "#B9825B", "#5B3A29", "#D9D9D9")
KIND_COLOURS = {"shortcut": GREY, "network": BLUE, "bound": GREEN}


def ladder(table: pd.DataFrame) -> Figure:
    """Draw who reaches which macro-F1, in percent, from knowing nothing to knowing everything.

    Args:
        table: columns `who, kind` (of `KIND_COLOURS`), `value, low, high` in percent.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.75 + 0.34 * len(table)), layout="constrained")
    for place, row in enumerate(table.itertuples()):
        axis.barh(place, row.value, 0.62, color=KIND_COLOURS[str(row.kind)])
        axis.plot([row.low, row.high], [place, place], color=BLACK, linewidth=1.6)
        axis.text(max(row.high, row.value) + 1.5, place, f"{row.value:.1f}", va="center", fontsize=USUAL)
    finish(axis, list(table["who"]), "disease macro-F1 (%)")
    axis.set_xlim(0, 100)
    return figure


def told_apart(table: pd.DataFrame) -> Figure:
    """Draw how often a classifier tells two sets of images apart, in percent, with 95 % intervals.

    Args:
        table: columns `set, value, low, high` in percent.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 0.8 + 0.36 * len(table)), layout="constrained")
    for place, row in enumerate(table.itertuples()):
        axis.plot([row.low, row.high], [place, place], color=BLUE, linewidth=2)
        axis.plot(row.value, place, "o", color=BLUE, ms=7)
        axis.text(row.high + 1, place, f"{row.value:.0f}", va="center", fontsize=USUAL)
    axis.axvline(50, color=BLACK, linestyle="--", linewidth=1)
    finish(axis, list(table["set"]), "correctly told apart (%)")
    axis.set(xlim=(40, 106), ylim=(len(table) - 0.5, -0.6))
    return figure


def photographs(table: pd.DataFrame) -> Figure:
    """Draw photographs by disease as bars, cut by recorded skin type.

    Args:
        table: one line a disease, one column a group of skin types, "not recorded" last.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 2.75), layout="constrained")
    left = np.zeros(len(table))
    for (name, counts), colour in zip(table.items(), SKIN_COLOURS, strict=True):
        hatch = "///" if name == "not recorded" else ""
        axis.barh(range(len(table)), counts, 0.66, left=left, color=colour, hatch=hatch, edgecolor="white", label=name)
        left = left + counts.to_numpy()
    for place, total in enumerate(left):
        axis.text(total + 4, place, f"{total:.0f}", va="center", fontsize=USUAL)
    finish(axis, list(table.index), "photographs")
    axis.set_xlim(0, 1.12 * left.max())
    axis.legend(title="Fitzpatrick type", fontsize=SMALL, title_fontsize=SMALL, loc="lower right")
    return figure


def traps(missing: Mapping[str, float], leakage: pd.DataFrame) -> Figure:
    """Draw two traps: what a gap in the table gives away, and what folds by image add to a score.

    Args:
        missing: disease -> share of photographs without a recorded skin type, in percent.
        leakage: columns `who, value, low, high`, in points.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.9), layout="constrained", width_ratios=(1, 1.05))
    left.barh(range(len(missing)), list(missing.values()), 0.62, color=ORANGE)
    for place, value in enumerate(missing.values()):
        left.text(value + 2, place, f"{value:.0f}", va="center", fontsize=USUAL)
    finish(left, list(missing), "photographs (%)")
    left.set(xlim=(0, 100))
    left.set_title("Missing skin type", fontsize=USUAL, loc="left")
    for place, row in enumerate(leakage.itertuples()):
        right.plot([row.low, row.high], [place, place], color=BLUE, linewidth=2)
        right.plot(row.value, place, "o", color=BLUE, ms=6)
    right.axvline(0, color=BLACK, linestyle="--", linewidth=1)
    finish(right, list(leakage["who"]), "added to macro-F1 (points)")
    right.set_ylim(len(leakage) - 0.5, -0.5)
    right.set_title("Folds by image, not by patient", fontsize=USUAL, loc="left")
    return figure


def finish(axis: Axes, names: list[str], label: str) -> None:
    """Name the lines, the first on top, and the axis."""
    axis.set_yticks(range(len(names)), names, fontsize=SMALL)
    axis.invert_yaxis()
    axis.tick_params(axis="x", labelsize=SMALL)
    axis.set_xlabel(label, fontsize=USUAL)
