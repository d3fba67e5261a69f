"""What stands in the ablation explorer's place on paper: a forest plot of both views, and tables."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.evaluate.subgroup_scores import METRICS
from dermimit.evaluate.subgroups import ALL
from dermimit.explain.style import GREY, row_colour, row_marker
from dermimit.explore.ablation_data import variant


def forest_figure(scores: pd.DataFrame, experiments: pd.DataFrame, metric: str = "macro_f1") -> Figure:
    """Draw each row's score on all photographs, and beside it its difference from the first row.

    Args:
        scores: from `subgroup_scores`.
        experiments: labels and order of the rows.
        metric: one of `METRICS`.
    """
    kept = scores[(scores["metric"] == metric) & (scores["group"] == ALL)]
    rows = [row for row in experiments["row"] if (kept["row"] == row).any()]
    labels = names(experiments)
    figure, axes = plt.subplots(1, 2, figsize=(9, 1.2 + 0.36 * len(rows)), sharey=True, layout="constrained")
    _whiskers(axes[0], kept[kept["other"] == ""], rows, list(experiments["row"]))
    _whiskers(axes[1], kept[kept["other"] == rows[0]], rows, list(experiments["row"]))
    axes[0].set(yticks=range(len(rows)), yticklabels=[labels[row] for row in rows], xlabel=METRICS[metric])
    axes[1].axvline(0, color=GREY, linestyle="--", linewidth=1)
    axes[1].set_xlabel(f"difference from {labels[rows[0]]}")
    axes[0].invert_yaxis()
    return figure


def names(experiments: pd.DataFrame) -> dict[str, str]:
    """Row -> name for people."""
    return {row["row"]: variant(row)["label"] for row in experiments.to_dict("records")}


def _whiskers(axis: Axes, lines: pd.DataFrame, rows: Sequence[str], everything: Sequence[str]) -> None:
    for line in lines.itertuples():
        ends = [[line.value - line.low], [line.high - line.value]]
        colour, marker = row_colour(line.row, everything), row_marker(line.row, everything)
        axis.errorbar(line.value, rows.index(line.row), xerr=ends, color=colour, fmt=marker, capsize=3)
    axis.grid(axis="x", alpha=0.3)


def scores_table(scores: pd.DataFrame, experiments: pd.DataFrame) -> pd.DataFrame:
    """Every row's scores on all photographs with intervals, as text: `row` and one column a metric."""
    kept = scores[(scores["group"] == ALL) & (scores["other"] == "")]
    labels, lines = names(experiments), []
    for row in (name for name in experiments["row"] if (kept["row"] == name).any()):
        own = kept[kept["row"] == row].set_index("metric")
        cells = {
            METRICS[m]: "{:.3f} ({:.3f} to {:.3f})".format(*own.loc[m, ["value", "low", "high"]]) for m in own.index
        }
        lines.append({"row": labels[row], **cells})
    return pd.DataFrame(lines).fillna("–")
