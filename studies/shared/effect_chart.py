"""A forest plot of effects in percentage points: verdicts by colour and marker, the margin as a band."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermimit.evaluate.estimate import INCONCLUSIVE, NONE, minus
from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, RED
from studies.shared.verdict_words import CONTRADICTED, MARGIN, NO_DIFFERENCE, NOT_TESTED, SUPPORTED, word

LOOKS = {SUPPORTED: (GREEN, "D"), CONTRADICTED: (RED, "v"), INCONCLUSIVE: (ORANGE, "o"), NO_DIFFERENCE: (BLUE, "s"),
         NOT_TESTED: (GREY, "x")}  # fmt: skip


def effects(table: pd.DataFrame, *, label: str, margin: float = MARGIN, gaps: tuple[int, ...] = ()) -> Figure:
    """Draw a line for each effect, with its size in points beside it.

    Args:
        table: columns `label, difference, low, high, verdict`, of scores between 0 and 1, in the order to show; NaN
            where nothing has been measured.
        label: of the axis.
        margin: half of the grey band of differences too small to matter.
        gaps: places before which a thin line parts groups.
    """
    height = 1.5 + 0.46 * len(table)
    figure, axis = plt.subplots(figsize=(7, height), layout="constrained")
    axis.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.13, linewidth=0)
    axis.axvline(0, color=BLACK, linewidth=0.9)
    seen = []
    for place, line in enumerate(table.to_dict("records")):
        told = word(line["verdict"])
        colour, marker = LOOKS[told]
        text = NONE
        if not pd.isna(line["difference"]):
            seen.append(told)
            axis.plot([100 * line["low"], 100 * line["high"]], [place, place], color=colour, linewidth=2.4)
            axis.plot(100 * line["difference"], place, marker, color=colour, ms=8)
            text = minus(f"{100 * line['difference']:+.1f}")
        axis.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=11, annotation_clip=False
        )
    for gap in gaps:
        axis.axhline(gap - 0.5, color=GREY, linewidth=0.6)
    for told, (colour, marker) in LOOKS.items():
        if told in seen:
            axis.plot([], [], marker, color=colour, ms=8, linestyle="-", linewidth=2.4, label=told)
    axis.set_yticks(np.arange(len(table)), table["label"], fontsize=11)
    axis.set(ylim=(len(table) - 0.5, -0.6), xlabel=label)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    if seen:
        figure.legend(loc="outside lower center", ncols=4, fontsize=10)
    return figure
