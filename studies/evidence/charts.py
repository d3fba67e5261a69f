"""Curves of the experiments: what more data, worse labels and longer training do."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dermimit.explain.style import BLUE, GREY, MARKERS, ORANGE, pretty, row_colour, row_marker
from studies.shared.interval_charts import DASHES


def data_curve(table: pd.DataFrame, *, label: str = "macro-F1 (%)") -> Figure:
    """Draw a score against the share of the training images that were used, with the spread between seeds as a band.

    Args:
        table: columns `row, label, share` (0 to 1), `value` (per cent) and `half`, half of the band that another
            seed of the same row would fall into 95 times in 100.
        label: the score, with its range.
    """
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    rows = list(dict.fromkeys(table["row"]))
    for k, row in enumerate(rows):
        line = table[table["row"] == row].sort_values("share")
        low, high = line["value"] - line["half"], line["value"] + line["half"]
        axis.fill_between(100 * line["share"], low, high, color=row_colour(row, rows), alpha=0.15, linewidth=0)
        axis.plot(
            100 * line["share"], line["value"], color=row_colour(row, rows), marker=row_marker(row, rows),
            linestyle=DASHES[k % len(DASHES)], ms=6, label=line["label"].iloc[0],
        )  # fmt: skip
    shares = sorted(table["share"].unique())
    axis.set_xscale("log")
    axis.set_xticks([100 * share for share in shares])
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.minorticks_off()
    axis.set(xlabel="share of the training images used (%, logarithmic scale)", ylim=(0, None))
    axis.set_ylabel(label)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9.5, loc="lower right", title="bands: range of another seed (95 %)", title_fontsize=10)
    return figure


def label_curve(table: pd.DataFrame, bands: dict[str, tuple[float, float]], *, label: str = "macro-F1 (%)") -> Figure:
    """Draw a score against the share of training images whose attributes are wrong or missing.

    Args:
        table: columns `kind` (a line for each), `share` (0 to 1), `value` (per cent); each line with its point at
            share 0.
        bands: name of a reference row -> mean over its seeds, and half of the band that a single seed of the same row
            would fall into 95 times in 100; two at most.
        label: the score.
    """
    figure, axis = plt.subplots(figsize=(7, 4.6), layout="constrained")
    for k, (name, (value, half)) in enumerate(bands.items()):
        axis.axhspan(value - half, value + half, color=GREY, alpha=0.18, linewidth=0)
        axis.axhline(
            value, color=GREY, linestyle=(":", "-.")[k], linewidth=1.3, label=f"{name}; band: another seed (95 %)"
        )
    for k, kind in enumerate(dict.fromkeys(table["kind"])):
        line = table[table["kind"] == kind].sort_values("share")
        axis.plot(
            100 * line["share"] + (k - 0.5), line["value"], color=(ORANGE, BLUE)[k],
            marker=MARKERS[k], linestyle=DASHES[k], ms=6, label=f"{kind} labels, one seed",
        )  # fmt: skip
    axis.set(ylim=(0, None), xlabel="training images with wrong or missing attribute labels (%)", ylabel=label)
    axis.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9.5)
    return figure


def cosine_curves(table: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Draw how the tasks' gradients on the trunk agree through training, a panel for each pair of tasks.

    Args:
        table: from `gradient_conflict.gradient_curves`.
        labels: row -> its name; also the order of the lines.
    """
    pairs = list(dict.fromkeys(table["pair"]))
    figure, axes = plt.subplots(
        1, len(pairs), figsize=(3.4 * len(pairs), 3.9), sharey=True, layout="constrained", squeeze=False
    )
    rows = list(labels)
    for axis, pair in zip(axes[0], pairs, strict=True):
        for k, row in enumerate(rows):
            line = table[(table["pair"] == pair) & (table["row"] == row)].groupby("samples_seen")["cosine"]
            mean, low, high = line.mean(), line.min(), line.max()
            colour = row_colour(row, rows)
            axis.fill_between(mean.index / 1000, low, high, color=colour, alpha=0.15, linewidth=0)
            axis.plot(mean.index / 1000, mean, color=colour, marker=row_marker(row, rows), ms=5,
                      linestyle=DASHES[k % len(DASHES)], label=labels[row])  # fmt: skip
        axis.axhline(0, color=GREY, linewidth=0.9)
        axis.set_title(" and ".join(pretty(task) for task in pair.split("/")), fontsize=10)
        axis.set_xlabel("training images seen (thousands)")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("cosine of gradients (−1 to 1)")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    return figure
