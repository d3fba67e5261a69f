"""Figures of the second edition: all contrasts with their verdicts, and learning curves."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, ORANGE, RED, SKY
from studies.protocol.contrasts import LEAST_SEEDS
from studies.protocol.names import model_name
from studies.protocol.states import FAMILIES, PLANNED_SEEDS, states
from studies.shared import effect_chart
from studies.shared.units import per_cent_axis


def claims(contrasts: pd.DataFrame) -> Figure:
    """Every contrast that has an interval, by family, with the book's verdicts.

    Args:
        contrasts: from verdicts.json.
    """
    told = states(contrasts, FAMILIES)
    judged = told[told["low"].notna()].reset_index(drop=True)
    if judged.empty:
        figure, axis = plt.subplots(figsize=(7, 1.2), layout="constrained")
        return nothing(figure, axis, f"No contrast has the {LEAST_SEEDS} seeds that an interval needs.")
    edges = judged.index[judged["family"] != judged["family"].shift()][1:]
    early = judged["seeds"] < PLANNED_SEEDS
    judged["label"] = [fill(label + " – preliminary" * few, 44)
                       for label, few in zip(judged["label"], early, strict=True)]  # fmt: skip
    return effect_chart.effects(judged, label="effect on macro-F1, points (95 % interval)", gaps=tuple(edges))


def nothing(figure: Figure, axis: Axes, why: str) -> Figure:
    """A figure that says why it is empty."""
    axis.text(0.5, 0.5, why, ha="center", transform=axis.transAxes)
    axis.set_axis_off()
    return figure


def learning(curves: pd.DataFrame, runs: pd.DataFrame, models: pd.DataFrame, regime: str, rows: list[str]) -> Figure:
    """Validation macro-F1 over the training images seen, the mean over seeds, for some rows of a regime."""
    table = curves.merge(runs[["name", "row", "regime", "samples"]], on="name")
    table = table[(table["regime"] == regime) & table["row"].isin(rows)]
    figure, axis = plt.subplots(figsize=(7.2, 3.6 if len(table) else 1.7), layout="constrained")
    if table.empty:
        return nothing(figure, axis, "None of these models has been trained yet.")
    looks = zip(rows, (BLACK, ORANGE, BLUE, GREEN, RED, SKY), "os^Dv*", strict=False)
    for row, colour, marker in looks:
        for samples, own in table[table["row"] == row].groupby("samples"):
            mean = own.groupby("samples_seen")["val/disease/macro_f1"].mean()
            label = f"{model_name(models.loc[row])}, {samples:,} images"
            axis.plot(mean.index, mean, marker=marker, color=colour, ms=5, label=label)
    axis.set(xlabel="training images seen", ylabel="validation macro-F1, %", ylim=(0, None))
    per_cent_axis(axis.yaxis)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    return figure
