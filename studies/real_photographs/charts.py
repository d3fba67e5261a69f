"""Charts of the measurements on real photographs; each takes a record's table and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREY, ORANGE, pretty

SCHEMES = {"image": ("folds by photograph (leaks)", ORANGE, "s"), "patient": ("folds by patient", BLUE, "o")}


def counts_grid(table: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw a grid of counts, rows by columns, the number written in each cell; darker is more.

    Args:
        table: row name -> column name -> count.
    """
    frame = pd.DataFrame(table).T.fillna(0).astype(int)
    figure, axis = plt.subplots(figsize=(1.6 + 0.85 * frame.shape[1], 1.2 + 0.42 * len(frame)), layout="constrained")
    _grid(axis, frame, "{:d}", cmap="Blues", vmax=float(frame.to_numpy().max()))
    axis.set(xlabel="Fitzpatrick skin type", ylabel="disease")
    return figure


def missing_grid(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw the share of photographs without an answer, diseases by answers, in per cent.

    Args:
        shares: disease -> answer -> share, 0..1.
    """
    frame = 100 * pd.DataFrame(shares).T
    frame.columns = [pretty(name) for name in frame.columns]
    figure, axis = plt.subplots(figsize=(1.6 + 0.56 * frame.shape[1], 2.4 + 0.42 * len(frame)), layout="constrained")
    _grid(axis, frame, "{:.0f}", cmap="Oranges", vmax=100)
    axis.set(xlabel="column of the table (missing, %)", ylabel="disease")
    return figure


def _grid(axis: plt.Axes, frame: pd.DataFrame, form: str, *, cmap: str, vmax: float) -> None:
    values = frame.to_numpy()
    axis.imshow(values, cmap=cmap, vmin=0, vmax=vmax, aspect="auto", interpolation="nearest")
    for (y, x), value in np.ndenumerate(values):
        axis.text(
            x, y, form.format(value), ha="center", va="center", fontsize=9,
            color="white" if value > 0.6 * vmax else BLACK,
        )  # fmt: skip
    axis.set_xticks(range(frame.shape[1]), frame.columns, rotation=45 if frame.shape[1] > 8 else 0, ha="right"
                    if frame.shape[1] > 8 else "center")  # fmt: skip
    axis.set_yticks(range(len(frame)), frame.index)
    axis.tick_params(length=0)


def leakage_points(table: pd.DataFrame, metric: str = "macro-F1") -> Figure:
    """Draw every model's score with both kinds of folds, and the paired difference, with 95 % intervals by patient.

    Args:
        table: columns `model, photographs, metric, score, value, low, high`, as `leakage.compare` makes it.
        metric: which metric to draw.
    """
    rows = table[table["metric"] == metric]
    lines = list(dict.fromkeys(zip(rows["model"], rows["photographs"], strict=True)))
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8.6, 1.6 + 0.5 * len(lines)), sharey=True, layout="constrained", width_ratios=(3, 2)
    )
    for place, (model, photographs) in enumerate(lines):
        these = rows[(rows["model"] == model) & (rows["photographs"] == photographs)].set_index("score")
        for shift, (scheme, (_, colour, marker)) in zip((-0.14, 0.14), SCHEMES.items(), strict=True):
            line = these.loc[scheme]
            left.plot([line["low"], line["high"]], [place + shift] * 2, color=colour, linewidth=1.8)
            left.plot(line["value"], place + shift, marker, color=colour, ms=6)
        line = these.loc["difference"]
        right.plot([line["low"], line["high"]], [place] * 2, color=GREY, linewidth=1.8)
        right.plot(line["value"], place, "D", color=BLACK, ms=5)
    for label, colour, marker in SCHEMES.values():
        left.plot([], [], marker, color=colour, label=label)
    right.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    left.set_yticks(range(len(lines)), [f"{model}\n{photographs}" for model, photographs in lines], fontsize=9)
    left.invert_yaxis()
    left.set_xlabel(f"{metric} (95 % interval)")
    right.set_xlabel(f"{metric}: folds by image minus folds by patient")
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure
