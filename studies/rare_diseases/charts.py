"""Charts of rare diseases: scores by training count, remedies, few examples, unseen diseases, prediction sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, row_colour, row_marker
from studies.rare_diseases.by_frequency import PARTS
from studies.rare_diseases.unseen_tables import CHANCE, USEFUL, mean_auroc

PART_LOOKS = {"head": (BLUE, "o"), "middle": (GREEN, "s"), "tail": (RED, "D")}
PART_NAMES = {"all": "all diseases", "head": "common third", "middle": "middle third", "tail": "rare third"}
SCORE_LABELS = {
    "max_probability": "highest probability", "max_logit": "highest logit", "energy": "energy",
    "mahalanobis": "feature distance",
}  # fmt: skip


def f1_by_count(counts: np.ndarray, tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Figure:
    """Draw the F1 of every disease over its training images, a mark for each row, and a running median.

    Args:
        counts: training images of each disease.
        tables: row -> `by_frequency.by_disease`.
        labels: row -> name.
    """
    figure, axis = plt.subplots(figsize=(7, 3.9), layout="constrained")
    order = np.argsort(counts)
    for row, table in tables.items():
        colour, marker, f1 = row_colour(row), row_marker(row), 100 * table["f1"].to_numpy()
        axis.plot(counts, f1, marker, color=colour, ms=5, alpha=0.6, label=labels[row])
        smooth = pd.Series(f1[order]).rolling(11, center=True, min_periods=6).median()
        line = smooth.groupby(counts[order]).mean()  # equally frequent diseases share a place
        axis.plot(line.index, line, color=colour, linewidth=2)
    axis.set_xscale("log")
    axis.set_xticks([100, 200, 500, 1000, 1500], ["100", "200", "500", "1,000", "1,500"])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.set(xlabel="training images of the disease (log scale)", ylabel="F1, %", ylim=(-2, None))
    axis.grid(alpha=0.3)
    axis.legend(title="line: median of 11 neighbours", loc="lower left", bbox_to_anchor=(0, 1), ncols=len(tables))
    return figure


def gains_forest(table: pd.DataFrame) -> Figure:
    """Draw what each remedy adds to the mean F1 of head, middle and tail, with 95 % intervals, best tail first.

    Args:
        table: from `by_frequency.gains_of_parts`.
    """
    tail = table[table["part"] == "tail"].sort_values("value", ascending=False)
    rows, names = list(tail["row"]), [label.removeprefix("full, ") for label in tail["label"]]
    figure, axis = plt.subplots(figsize=(7, 1.4 + 0.55 * len(rows)), layout="constrained")
    for k, part in enumerate(PARTS):
        colour, marker = PART_LOOKS[part]
        some = 100 * table[table["part"] == part].set_index("row").loc[rows, ["value", "low", "high"]]
        y = np.arange(len(rows)) + 0.22 * (k - 1)
        error = [some["value"] - some["low"], some["high"] - some["value"]]
        axis.errorbar(some["value"], y, xerr=error, fmt=marker, color=colour, ms=6, capsize=2, label=PART_NAMES[part])
    axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(rows)), names)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel="change of mean F1, points (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(ncols=len(PARTS), loc="outside upper center")
    return figure


def shots_curves(lines: Sequence[Mapping[str, Any]], part: np.ndarray) -> Figure:
    """Draw recall by number of examples for prototypes, by part, and the trained classifier as dashed lines.

    Args:
        lines: `shots, recall` (of each disease); `shots` None is the classifier.
        part: of each disease.
    """
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    shots = [line["shots"] for line in lines if line["shots"]]
    for name in PARTS:
        colour, marker = PART_LOOKS[name]
        means = {line["shots"]: 100 * np.mean(np.array(line["recall"])[part == name]) for line in lines}
        axis.plot(shots, [means[s] for s in shots], marker=marker, color=colour, ms=6, label=PART_NAMES[name])
        axis.axhline(means[None], color=colour, linestyle="--", linewidth=1.4)
    axis.plot([], [], color=GREY, linestyle="--", label="trained classifier")
    axis.set_xscale("log")
    axis.set_xticks(shots, [str(s) for s in shots])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.set(xlabel="examples of each disease (log scale)", ylabel="recall, %", ylim=(0, None))
    axis.grid(alpha=0.3)
    figure.legend(ncols=4, loc="outside upper center", fontsize=10)
    return figure


def unseen_points(record: Mapping[str, Any], rows: Mapping[str, str]) -> Figure:
    """Draw the AUROC with which each score tells unseen diseases from known ones, means over seeds.

    Args:
        record: with "unseen", see `unseen_tables.mean_auroc`.
        rows: row -> name.
    """
    figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
    for k, (row, label) in enumerate(rows.items()):
        own = row.removesuffix("_unseen")
        found = mean_auroc(record, row)
        for y, kind in enumerate(SCORE_LABELS):
            place, one = y + 0.2 * (k - (len(rows) - 1) / 2), found[kind]
            axis.plot([100 * one.low, 100 * one.high], [place, place], color=row_colour(own), linewidth=1.8)
            axis.plot(
                100 * one.value, place, row_marker(own), color=row_colour(own), ms=7, label=label if not y else None
            )
    for x, look, text, side in ((CHANCE, "--", "chance", "right"), (USEFUL, ":", "acceptable", "left")):
        axis.axvline(100 * x, color=BLACK, linestyle=look, linewidth=1)
        shift = {"xytext": (-3 if side == "right" else 3, 0), "textcoords": "offset points"}
        axis.annotate(text, (100 * x, -0.5), ha=side, va="bottom", fontsize=10, **shift)
    axis.set_yticks(range(len(SCORE_LABELS)), SCORE_LABELS.values())
    axis.set(ylim=(len(SCORE_LABELS) - 0.5, -0.8), xlim=(35, 85), xlabel="AUROC, unseen against known, % (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(ncols=len(rows), loc="outside upper center")
    return figure


def coverage_points(table: pd.DataFrame, nominal: float) -> Figure:
    """Draw coverage and mean size of the prediction sets of each group, with 95 % intervals of the coverage.

    Args:
        table: `way, group, coverage, low, high, size`.
        nominal: 1 - α.
    """
    groups, ways = list(dict.fromkeys(table["group"])), list(dict.fromkeys(table["way"]))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7, 1.3 + 0.5 * len(groups)), sharey=True, layout="constrained", width_ratios=(3, 2)
    )
    for k, (way, colour, marker) in enumerate(zip(ways, (BLUE, ORANGE), "os", strict=True)):
        some = table[table["way"] == way].set_index("group").reindex(groups)
        y = np.arange(len(groups)) + 0.22 * (k - (len(ways) - 1) / 2)
        error = [100 * (some["coverage"] - some["low"]), 100 * (some["high"] - some["coverage"])]
        left.errorbar(100 * some["coverage"], y, xerr=error, fmt=marker, color=colour, ms=6, capsize=2, label=way)
        right.plot(some["size"], y, marker, color=colour, ms=6)
    left.axvline(100 * nominal, color=BLACK, linestyle="--", linewidth=0.9)
    left.set_yticks(range(len(groups)), [PART_NAMES[g] for g in groups])
    left.set(ylim=(len(groups) - 0.5, -0.5), xlabel="sets with the true disease, % (95 % CI)")
    right.set(xlabel="diseases in a set", xlim=(0, None))
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
