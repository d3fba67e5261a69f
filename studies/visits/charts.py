"""Charts of several visits: accuracy by their number and spacing, controls, and where change was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED
from studies.shared.units import per_cent_axis
from studies.visits.tables import MAPS, NAMES

Lines = Sequence[Mapping[str, Any]]
LOOKS = {"late": (GREY, "o"), "attention": (RED, "D"), "timeless": (BLUE, "s"), "change": (ORANGE, "^")}


def _line(axis: Any, x: Sequence[float], lines: Lines, row: str, shift: float = 0.0) -> None:
    colour, marker = LOOKS[row]
    y, low, high = (np.array([line[key] for line in lines]) for key in ("accuracy", "accuracy_low", "accuracy_high"))
    look = {"fmt": f"{marker}-", "color": colour, "ms": 5, "capsize": 2, "label": NAMES[row]}
    axis.errorbar(np.array(x) * (1 + shift), y, yerr=[y - low, high - y], **look)


def by_number_and_spacing(by_visits: Lines, by_spacing: Lines) -> Figure:
    """Draw accuracy over the number of visits (left), and with all visits over the days between them (right).

    Args:
        by_visits: `row, visits, accuracy` with its interval.
        by_spacing: `row, days, accuracy` with its interval.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.9), sharey=True, layout="constrained")
    for k, row in enumerate(LOOKS):
        some = [line for line in by_visits if line["row"] == row]
        _line(left, [line["visits"] + 0.06 * (k - 1.5) for line in some], some, row)
        some = [line for line in by_spacing if line["row"] == row]
        _line(right, [line["days"] for line in some], some, row, 0.03 * (k - 1.5))
    left.set(xlabel="number of visits", ylabel="accuracy, % (95 % interval)")
    per_cent_axis(left.yaxis)
    left.set_xticks(sorted({line["visits"] for line in by_visits}))
    right.set_xscale("log")
    days = sorted({line["days"] for line in by_spacing})
    right.set_xticks(days, [f"{d:g}" for d in days])
    right.xaxis.set_minor_locator(plt.NullLocator())
    right.set_xlabel("mean days between visits (logarithmic scale)")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    return figure


def control_points(controls: Lines) -> Figure:
    """Draw the accuracy of every fusion as the visits were, and under each control.

    Args:
        controls: `row, control, accuracy` with its interval.
    """
    names = list(dict.fromkeys(line["control"] for line in controls))
    figure, axis = plt.subplots(figsize=(8.2, 1.6 + 0.55 * len(names)), layout="constrained")
    for k, (row, (colour, marker)) in enumerate(LOOKS.items()):
        some = {line["control"]: line for line in controls if line["row"] == row}
        y = np.arange(len(names)) + 0.16 * (k - 1.5)
        value, low, high = (np.array([some[n][f"accuracy{e}"] for n in names]) for e in ("", "_low", "_high"))
        axis.errorbar(
            value, y, xerr=[value - low, high - value], fmt=marker, color=colour, ms=5, capsize=2, label=NAMES[row]
        )
    axis.set_yticks(range(len(names)), names)
    axis.set(ylim=(len(names) - 0.5, -0.5), xlabel="accuracy of five visits, % (95 % interval)")
    per_cent_axis(axis.xaxis)
    axis.grid(axis="x", alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure


def course_points(by_course: Lines) -> Figure:
    """Draw accuracy with one visit and with five, by what the disease does with time.

    Args:
        by_course: `course, visits, cases, accuracy` with its interval.
    """
    courses = list(dict.fromkeys(line["course"] for line in by_course))
    figure, axis = plt.subplots(figsize=(8.2, 1.4 + 0.45 * len(courses)), layout="constrained")
    numbers = sorted({line["visits"] for line in by_course})
    for shift, colour, marker, visits in ((-0.12, BLUE, "o", numbers[0]), (0.12, GREEN, "D", numbers[-1])):
        some = {line["course"]: line for line in by_course if line["visits"] == visits}
        value, low, high = (np.array([some[c][f"accuracy{e}"] for c in courses]) for e in ("", "_low", "_high"))
        y = np.arange(len(courses)) + shift
        label = f"{visits} visit{'s' * (visits > 1)}"
        axis.errorbar(
            value, y, xerr=[value - low, high - value], fmt=marker, color=colour, ms=5, capsize=2, label=label
        )
    counts = {line["course"]: line["cases"] for line in by_course}
    axis.set_yticks(range(len(courses)), [f"{c} ({counts[c]})" for c in courses])
    axis.set(ylim=(len(courses) - 0.5, -0.5), xlabel="accuracy, attention over days, % (95 % interval)")
    per_cent_axis(axis.xaxis)
    axis.grid(axis="x", alpha=0.3)
    axis.legend(loc="lower right")
    return figure


def change_points(change: Lines) -> Figure:
    """Draw how well each map of change points at where the lesion changed: AUROC and pointing game.

    Args:
        change: `map, auroc, pointing` with intervals.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 1.3 + 0.4 * len(change)), sharey=True, layout="constrained")
    names = {
        "auroc": "pixel AUROC (95 %; dashed: chance)",
        "pointing": "pointing game (95 %)",
    }
    for axis, (score, label) in zip(axes, names.items(), strict=True):
        value, low, high = (np.array([line[f"{score}{e}"] for line in change]) for e in ("", "_low", "_high"))
        error = [value - low, high - value]
        axis.errorbar(value, range(len(change)), xerr=error, fmt="D", color=BLUE, ms=5, capsize=2)
        axis.set_xlabel(label)
        axis.grid(axis="x", alpha=0.3)
    axes[0].axvline(0.5, color=BLACK, linestyle="--", linewidth=0.9)
    axes[0].set_yticks(range(len(change)), [MAPS.get(line["map"], line["map"]) for line in change])
    axes[0].set_ylim(len(change) - 0.5, -0.5)
    return figure
