"""The specification curve: every alternative that was tried, sorted by what it changes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED
from studies.evidence.exploration import INSIDE
from studies.evidence.robustness import KINDS

LOOK = dict(zip(KINDS, ((BLUE, "o"), (RED, "D"), (GREEN, "s"), (PINK, "^"), (ORANGE, "v")), strict=True))


def specification_curve(table: pd.DataFrame, middle: float) -> Figure:
    """Draw each alternative's difference from its reference, sorted, and below which kind it is of.

    Args:
        table: `Alternatives.trained`.
        middle: median difference of the changes of the model's design, in points.
    """
    figure, (axis, strip) = plt.subplots(
        2, 1, figsize=(7, 5.6), sharex=True, layout="constrained", height_ratios=(3.6, 1.2)
    )
    places, half = np.arange(len(table)), table["half"].to_numpy()
    axis.fill_between(places, -half, half, color=GREY, alpha=0.18, linewidth=0, label="range of another seed (95 %)")
    axis.axhline(0, color=BLACK, linewidth=0.9)
    axis.axhline(middle, color=BLUE, linewidth=1.2, linestyle=":", label="median change of the design")
    for kind, (colour, marker) in LOOK.items():
        own = (table["kind"] == kind).to_numpy()
        axis.plot(places[own], table["difference"][own], marker, color=colour, ms=6.5)
        strip.plot(places[own], np.full(own.sum(), KINDS.index(kind)), marker, color=colour, ms=6)
    _name_outliers(axis, table)
    axis.set_ylabel("macro-F1 minus that of\nthe reference (points)")
    axis.yaxis.set_major_locator(MultipleLocator(5))
    axis.legend(fontsize=10, loc="lower right")
    axis.grid(axis="y", alpha=0.3)
    strip.set_yticks(range(len(KINDS)), KINDS, fontsize=11)
    strip.set(
        ylim=(len(KINDS) - 0.5, -0.5),
        xticks=[],
        xlabel=f"{len(table)} alternatives, from the lowest score to the highest",
    )
    return figure


def _name_outliers(axis: Axes, table: pd.DataFrame) -> None:
    """Write the names of what lies outside the band: low ones beside the point, high ones in a list above all."""
    high = table[(table["reading"] != INSIDE) & (table["difference"] > 0)]
    top = table["difference"].max()
    for place, line in enumerate(table.itertuples()):
        if line.reading == INSIDE:
            continue
        if line.difference < 0:
            axis.annotate(line.name, (place, line.difference), xytext=(9, 0), textcoords="offset points", va="center",
                          fontsize=10)  # fmt: skip
            continue
        beside = (len(table) - 7 - len(high), top + 0.8 + 1.1 * high.index.get_loc(line.Index))
        axis.annotate(line.name, (place, line.difference), xytext=beside, ha="right", va="center", fontsize=10,
                      arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8, "relpos": (1, 0.5)})  # fmt: skip
    axis.set_ylim(top=top + 0.8 + 1.1 * max(1, len(high)))
