"""Figures of scores on real photographs: sensitivity by diagnosis, what misses are called, macro-F1 of all models."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY
from studies.shared.real_backbones import RARE

NAMES = {
    "MEL": "Melanoma", "SCC": "Squamous cell\ncarcinoma", "BCC": "Basal cell\ncarcinoma", "ACK": "Actinic\nkeratosis",
    "SEK": "Seborrhoeic\nkeratosis", "NEV": "Naevus",
}  # fmt: skip
SERIES = ((RED, "o"), (BLUE, "s"), (GREY, "D"), (GREEN, "^"))
CALLED = {
    "found": ("found", BLUE), "cancer": ("predicted as another cancer or actinic keratosis", SKY),
    "benign": ("predicted as naevus or seborrhoeic keratosis", ORANGE),
}  # fmt: skip


def sensitivity_by_diagnosis(found: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how much of each diagnosis each model finds, with 95 % intervals and counts of the first model.

    Args:
        found: name -> `RealModels.sensitivity`; four at most.
    """
    figure, axis = plt.subplots(figsize=(7, 5.2), layout="constrained")
    first = next(iter(found.values()))
    for place, name in enumerate(NAMES):
        if name in RARE:
            axis.axhspan(place - 0.5, place + 0.5, color=ORANGE, alpha=0.16, linewidth=0)
        line = first.loc[name]
        text = f"{line['hits']:.0f} of {line['photographs']:.0f}"
        axis.text(1.02, place, text, transform=axis.get_yaxis_transform(), va="center", fontsize=10,
                  fontweight="bold" if name in RARE else "normal")  # fmt: skip
    for k, ((label, table), (colour, marker)) in enumerate(zip(found.items(), SERIES, strict=False)):
        for place, name in enumerate(NAMES):
            line, y = table.loc[name], place + 0.24 * (k - (len(found) - 1) / 2)
            axis.plot([100 * line["low"], 100 * line["high"]], [y, y], color=colour, linewidth=2)
            axis.plot(100 * line["value"], y, marker, color=colour, ms=6.5, label=label if place == 0 else None)
    axis.set_yticks(range(len(NAMES)), list(NAMES.values()), fontsize=10)
    for label, name in zip(axis.get_yticklabels(), NAMES, strict=True):
        label.set_fontweight("bold" if name in RARE else "normal")
    axis.set(xlim=(0, 100), ylim=(len(NAMES) - 0.5, -0.5))
    axis.set_xlabel("sensitivity: share found (%, 95 % interval)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper left", fontsize=10)
    return figure


def called_instead(called: pd.DataFrame) -> Figure:
    """Draw what the photographs of melanoma and squamous cell carcinoma are called.

    Args:
        called: from `RealModels.called`.
    """
    figure, axis = plt.subplots(figsize=(7, 2.7), layout="constrained")
    for place, name in enumerate(RARE):
        row, start = called.loc[name], 0.0
        benign = row["NEV"] + row["SEK"]
        parts = {"found": row[name], "cancer": row.sum() - row[name] - benign, "benign": benign}
        for part, photographs in parts.items():
            label, colour = CALLED[part]
            axis.barh(place, photographs, left=start, height=0.62, color=colour, edgecolor="white",
                      label=label if place == 0 else None)  # fmt: skip
            _inside(axis, start + photographs / 2, place, photographs, "white" if part == "found" else BLACK)
            start += photographs
    axis.set_yticks(range(len(RARE)), [NAMES[name] for name in RARE], fontsize=10)
    axis.set(ylim=(len(RARE) - 0.45, -0.55), xlabel="photographs (mean over seeds)")
    figure.legend(loc="outside upper left", fontsize=9.5)
    return figure


def _inside(axis: Axes, x: float, y: float, photographs: float, colour: str) -> None:
    if photographs >= 2:
        axis.text(x, y, f"{photographs:.0f}", ha="center", va="center", color=colour, fontsize=10)


def scores_forest(lines: pd.DataFrame) -> Figure:
    """Draw macro-F1 of all models on the same photographs, in groups, with 95 % intervals.

    Args:
        lines: from `scores.score_lines`.
    """
    groups = list(dict.fromkeys(lines["group"]))
    colours = dict(zip(groups, cycle((GREY, BLACK, GREEN, ORANGE, BLUE, RED, SKY, PINK)), strict=False))
    figure, axis = plt.subplots(figsize=(7, 1.0 + 0.27 * (len(lines) + 0.9 * len(groups))), layout="constrained")
    place, ticks = 0.0, []
    for group in groups:
        axis.text(0, place, group, fontsize=10, fontweight="bold", color=colours[group], va="center")
        for line in lines[lines["group"] == group].itertuples():
            place += 1
            ticks.append((place, line.name))
            axis.plot([line.low, line.high], [place, place], color=colours[group], linewidth=2)
            axis.plot(line.value, place, "o", color=colours[group], ms=6.5,
                      markerfacecolor=colours[group] if line.whole else "white")  # fmt: skip
            axis.text(1.02, place, f"{line.value:.1f}", transform=axis.get_yaxis_transform(), va="center", fontsize=9.5)
        place += 1.0
    axis.set_yticks([y for y, _ in ticks], [name for _, name in ticks], fontsize=9.5)
    axis.set(xlim=(0, max(60.0, lines["high"].max() + 1)), ylim=(place - 0.4, -0.7))
    axis.set_xlabel("macro-F1 (%, 95 % interval); hollow: fewer than three seeds")
    axis.grid(axis="x", alpha=0.3)
    return figure
