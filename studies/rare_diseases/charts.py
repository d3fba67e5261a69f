"""Charts of rare diseases: scores by training count, remedies by part, few examples, unseen diseases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, pretty, row_colour, row_marker
from studies.rare_diseases.by_frequency import PARTS

PART_LOOKS = {"head": (BLUE, "o"), "middle": (GREEN, "s"), "tail": (RED, "D"), "all": (BLACK, "P")}
SCORE_LABELS = {
    "max_probability": "1 − greatest probability", "max_logit": "− greatest logit", "energy": "energy",
    "mahalanobis": "Mahalanobis distance",
}  # fmt: skip


def f1_by_count(counts: np.ndarray, tables: Mapping[str, pd.DataFrame], labels: Mapping[str, str]) -> Figure:
    """Draw the F1 of every disease over its training photographs, a mark for each row, and a running median.

    Args:
        counts: training photographs of each disease.
        tables: row -> `rare.by_disease`.
        labels: row -> name.
    """
    figure, axis = plt.subplots(figsize=(8.4, 4.2), layout="constrained")
    order = np.argsort(counts)
    for row, table in tables.items():
        colour, marker, f1 = row_colour(row), row_marker(row), table["f1"].to_numpy()
        axis.plot(counts, f1, marker, color=colour, ms=4.5, alpha=0.6, label=labels[row])
        smooth = pd.Series(f1[order]).rolling(11, center=True, min_periods=6).median()
        axis.plot(counts[order], smooth, color=colour, linewidth=1.8)
    axis.set_xscale("log")
    axis.set_xticks([100, 200, 500, 1000, 1500], ["100", "200", "500", "1,000", "1,500"])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.set(xlabel="training photographs of the disease (log)", ylabel="F1, 0 to 1", ylim=(-0.02, None))
    axis.grid(alpha=0.3)
    axis.legend(title="line: median of 11 neighbours", loc="lower left", bbox_to_anchor=(0, 1), ncols=len(tables))
    return figure


def parts_forest(table: pd.DataFrame) -> Figure:
    """Draw the mean F1 of head, middle and tail of every row with 95 % intervals.

    Args:
        table: from `rare.table_of_parts`.
    """
    rows = list(dict.fromkeys(table["row"]))
    figure, axis = plt.subplots(figsize=(8.6, 1.5 + 0.5 * len(rows)), layout="constrained")
    for k, part in enumerate([*PARTS, "all"]):
        colour, marker = PART_LOOKS[part]
        some = table[table["part"] == part].set_index("row").loc[rows]
        y = np.arange(len(rows)) + 0.18 * (k - 1.5)
        error = [some["value"] - some["low"], some["high"] - some["value"]]
        axis.errorbar(some["value"], y, xerr=error, fmt=marker, color=colour, ms=5, capsize=2, label=part)
    names = table.drop_duplicates("row").set_index("row").loc[rows]
    axis.set_yticks(
        range(len(rows)),
        [f"{n} ({s} seed{'s' * (s > 1)})" for n, s in zip(names["label"], names["seeds"], strict=True)],
    )
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel="mean F1 of the diseases, 0 to 1 (95 % interval)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.0))
    return figure


def shots_curves(few: Mapping[str, Sequence[Mapping[str, Any]]], part: np.ndarray, labels: Mapping[str, str]) -> Figure:
    """Draw recall by number of examples for prototypes, by part, beside the trained classifier.

    Args:
        few: row -> lines of `shots, recall` (of each disease); `shots` None is the classifier.
        part: of each disease.
        labels: row -> name.
    """
    figure, axes = plt.subplots(
        1, len(few), figsize=(4.4 * len(few), 3.7), sharey=True, layout="constrained", squeeze=False
    )
    for axis, (row, lines) in zip(axes[0], few.items(), strict=True):
        shots = [line["shots"] for line in lines if line["shots"]]
        for name in PARTS:
            colour, marker = PART_LOOKS[name]
            means = {line["shots"]: np.mean(np.array(line["recall"])[part == name]) for line in lines}
            axis.plot(shots, [means[s] for s in shots], marker=marker, color=colour, label=f"{name}, prototypes")
            axis.axhline(means[None], color=colour, linestyle="--", linewidth=1.2)
        axis.plot([], [], color=GREY, linestyle="--", label="trained classifier")
        axis.set_xscale("log")
        axis.set_xticks(shots, [str(s) for s in shots])
        axis.xaxis.set_minor_locator(plt.NullLocator())
        axis.set(xlabel="examples of each disease (log)", title=labels[row], ylim=(0, None))
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("recall, 0 to 1")
    axes[0, -1].legend(fontsize=8.5)
    return figure


def unseen_points(lines: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Figure:
    """Draw how well each score tells unseen diseases from known ones, for every run: AUROC and false alarms.

    Args:
        lines: of the record: `row, seed, scores`.
        labels: row -> name.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.4), sharey=True, layout="constrained")
    names, looks = list(SCORE_LABELS), {"full_unseen": (RED, "o"), "D_unseen": (GREY, "s")}
    told = set()
    for k, line in enumerate(lines):
        colour, marker = looks[line["row"]]
        y = np.arange(len(names)) + 0.7 * (k - (len(lines) - 1) / 2) / max(len(lines), 1)
        label = labels[line["row"]] if line["row"] not in told else None
        told.add(line["row"])
        for axis, score in ((left, "auroc"), (right, "fpr95")):
            value, low, high = (
                np.array([line["scores"][n][f"{score}{e}"] for n in names]) for e in ("", "_low", "_high")
            )
            axis.errorbar(
                value, y, xerr=[value - low, high - value], fmt=marker, color=colour, ms=5, capsize=2, label=label
            )
    left.axvline(0.5, color=BLACK, linestyle="--", linewidth=0.9)
    right.axvline(0.95, color=BLACK, linestyle="--", linewidth=0.9)
    left.set_yticks(range(len(names)), [SCORE_LABELS[n] for n in names])
    left.set(ylim=(len(names) - 0.5, -0.5), xlabel="AUROC (95 %); dashed: chance")
    right.set_xlabel("known photographs refused where 95 % of the new are\n(95 %); dashed: chance")
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def coverage_points(table: pd.DataFrame, promised: float) -> Figure:
    """Draw coverage and mean size of the prediction sets of each group, with 95 % intervals of the coverage.

    Args:
        table: `way, group, coverage, low, high, size`.
        promised: 1 - α.
    """
    groups, ways = list(dict.fromkeys(table["group"])), list(dict.fromkeys(table["way"]))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.2, 1.4 + 0.42 * len(groups)), sharey=True, layout="constrained", width_ratios=(3, 2)
    )
    for k, (way, colour, marker) in enumerate(zip(ways, (BLUE, ORANGE, GREEN, RED), "osD^", strict=False)):
        some = table[table["way"] == way].set_index("group").reindex(groups)
        y = np.arange(len(groups)) + 0.2 * (k - (len(ways) - 1) / 2)
        error = [some["coverage"] - some["low"], some["high"] - some["coverage"]]
        left.errorbar(some["coverage"], y, xerr=error, fmt=marker, color=colour, ms=5, capsize=2, label=way)
        right.plot(some["size"], y, marker, color=colour, ms=5)
    left.axvline(promised, color=BLACK, linestyle="--", linewidth=0.9)
    left.set_yticks(range(len(groups)), [pretty(g) for g in groups])
    left.set(ylim=(len(groups) - 0.5, -0.5), xlabel=f"sets that hold the truth (95 %); dashed: promised {promised:.0%}")
    right.set(xlabel="mean number of diseases in a set", xlim=(0, None))
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
    return figure
