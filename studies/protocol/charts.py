"""One picture of all contrasts: effect and interval, with what would be worth having."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED, SKY
from studies.protocol.contrasts import (
    CANNOT_TELL,
    HARMS,
    HELPS,
    LEAST_SEEDS,
    LITTLE_HARM,
    LITTLE_HELP,
    NO_EFFECT,
    WORTH,
)
from studies.protocol.tables import FAMILIES, compared

LOOKS = {HELPS: (GREEN, "D"), LITTLE_HELP: (SKY, "D"), NO_EFFECT: (BLUE, "s"), CANNOT_TELL: (GREY, "o"),
         LITTLE_HARM: (ORANGE, "v"), HARMS: (RED, "v")}  # fmt: skip


def claims(contrasts: pd.DataFrame, models: pd.DataFrame, worth: float = WORTH) -> Figure:
    """Every contrast that has an interval, by family; the band is what would not be worth having.

    Args:
        contrasts: from verdicts.json.
        models: from `read_models`.
        worth: the smallest effect worth having.
    """
    judged = contrasts[contrasts["low"].notna()]
    figure, axis = plt.subplots(figsize=(7.2, 1.7 + 0.5 * max(len(judged), 1)), layout="constrained")
    if judged.empty:
        return nothing(figure, axis, f"no contrast has {LEAST_SEEDS} seeds yet")
    axis.axvspan(-worth, worth, color=GREY, alpha=0.13, linewidth=0)
    axis.axvline(0, color=BLACK, linewidth=0.8)
    names = []
    for y, line in enumerate(judged.to_dict("records")):
        colour, marker = LOOKS[line["verdict"]]
        axis.plot([line["low"], line["high"]], [y, y], color=colour, linewidth=2.2)
        axis.plot(line["effect"], y, marker, color=colour, ms=7)
        names.append(f"{compared(line, models)}\n{line['regime']}")
    for verdict, (colour, marker) in LOOKS.items():
        if verdict in set(judged["verdict"]):
            axis.plot([], [], marker, color=colour, label=verdict)
    axis.set_yticks(range(len(judged)), names, fontsize=9)
    axis.set(ylim=(len(judged) - 0.5, -0.5), xlabel="effect on macro-F1, with 95 % interval")
    places = judged["family"].map(list(FAMILIES).index).to_numpy()
    for edge in np.flatnonzero(np.diff(places)):
        axis.axhline(edge + 0.5, color=GREY, linewidth=0.6)
    figure.legend(fontsize=9, loc="outside lower center", ncols=3)
    return figure


def nothing(figure: Figure, axis: Axes, why: str) -> Figure:
    """A figure that says why it is empty."""
    axis.text(0.5, 0.5, why, ha="center", transform=axis.transAxes)
    axis.set_axis_off()
    return figure


def learning(curves: pd.DataFrame, runs: pd.DataFrame, models: pd.DataFrame, regime: str, rows: list[str]) -> Figure:
    """Validation macro-F1 over the photographs seen, the mean over seeds, for some rows of a regime."""
    table = curves.merge(runs[["name", "row", "regime", "samples"]], on="name")
    table = table[(table["regime"] == regime) & table["row"].isin(rows)]
    figure, axis = plt.subplots(figsize=(7.2, 3.6 if len(table) else 1.7), layout="constrained")
    if table.empty:
        return nothing(figure, axis, "none of these has run yet")
    looks = zip(rows, (BLACK, ORANGE, BLUE, GREEN, RED, SKY), "os^Dv*", strict=False)
    for row, colour, marker in looks:
        for samples, own in table[table["row"] == row].groupby("samples"):
            mean = own.groupby("samples_seen")["val/disease/macro_f1"].mean()
            label = f"{models.loc[row, 'label']}, {samples:,} photographs"
            axis.plot(mean.index, mean, marker=marker, color=colour, ms=5, label=label)
    axis.set(xlabel="photographs seen", ylabel="validation macro-F1", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=9)
    return figure
