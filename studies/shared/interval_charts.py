"""Charts of an experiment's evidence: differences, choices one at a time, calibration and risk."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dermimit.evaluate.estimate import ALPHA
from dermimit.explain.style import BLACK, BLUE, GREY, ORANGE, row_colour, row_marker
from studies.shared.units import per_cent_axis

SHOWN, NOT_SHOWN = ("D", BLACK), ("o", "white")  # marker and filling of a difference: by its p
ONE_SEED = ("x", "white")  # not tested
DASHES = ("-", "--", "-.", ":")


def paired_forest(
    table: pd.DataFrame, *, label: str = "disease macro-F1, %", alpha: float = ALPHA, claimed: float | None = None
) -> Figure:
    """Draw every row's score (left) and its paired difference from the reference row (right), with 95 % intervals.

    A filled diamond is a difference that Holm's correction leaves below `alpha`, a hollow circle one that it does not.
    A row with a single seed is not tested, and has a cross.

    Args:
        table: from `comparisons.compare`.
        label: the score; the axes are in per cent and in points.
        alpha: level of the corrected p-values.
        claimed: a difference to mark with a dotted line.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.2, 1.7 + 0.36 * len(table)), sharey=True, layout="constrained", width_ratios=(3, 3)
    )
    rows = list(table["row"])
    for place, line in enumerate(table.to_dict("records")):
        colour, marker = row_colour(line["row"], rows), row_marker(line["row"], rows)
        _interval(left, line["value"], line["low"], line["high"], place, colour, marker)
        if line["difference_low"] == line["difference_high"] == 0:
            right.annotate("reference", (0, place), va="center", ha="center", fontsize=9, backgroundcolor="white")
            continue
        shape, filling = SHOWN if line["p_holm"] < alpha else ONE_SEED if pd.isna(line["p_holm"]) else NOT_SHOWN
        ends = (line["difference_low"], line["difference_high"])
        _interval(right, line["difference"], *ends, place, BLACK, shape, filling)
    right.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    if claimed is not None:
        right.axvline(claimed, color=BLUE, linestyle=":", linewidth=1.4, label=f"claimed: {100 * claimed:+.1f}")
    keys = {SHOWN: f"corrected p < {alpha:g}", NOT_SHOWN: f"corrected p ≥ {alpha:g}"}
    if (table["p_holm"].isna() & (table["difference_low"] < table["difference_high"])).any():
        keys[ONE_SEED] = "one seed: not tested (interval over photographs)"
    for (shape, filling), text in keys.items():
        right.plot([], [], shape, color=BLACK, markerfacecolor=filling, label=text)
    left.set_yticks(range(len(table)), table["label"])
    left.set(ylim=(len(table) - 0.5, -0.5), xlabel=f"{label} (95 % interval)")
    right.set_xlabel("difference from the reference, points (95 % interval)")
    per_cent_axis(left.xaxis, right.xaxis)
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
        axis.xaxis.set_major_locator(MaxNLocator(6))
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def tornado(table: pd.DataFrame, *, label: str = "difference in disease macro-F1, points, one seed") -> Figure:
    """Draw what each alternative of each factor changes against the default, the most influential factor on top.

    The grey band is what two means of the same row differ by, 95 times in 100: nothing can be read inside it.

    Args:
        table: a line for each alternative: `factor, alternative, difference, half` (of the band).
        label: of the axis, with its unit.
    Raises:
        ValueError: no line.
    """
    lines, groups = _by_influence(table)
    figure, axis = plt.subplots(figsize=(8.4, 1.6 + 0.33 * len(lines) + 0.2 * len(groups)), layout="constrained")
    half = lines["half"].max()
    axis.axvspan(-half, half, color=GREY, alpha=0.18, linewidth=0, label="range of another seed (95 %)")
    for sign, colour, hatch, text in ((1, BLUE, None, "above the default"), (-1, ORANGE, "///", "below")):
        some = lines[np.where(lines["difference"] >= 0, 1, -1) == sign]
        bars = {"height": 0.72, "color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        axis.barh(some["place"], some["difference"], **bars, label=text if len(some) else None)
    axis.axvline(0, color=BLACK, linewidth=0.9)
    axis.set_yticks(lines["place"], lines["alternative"], fontsize=9)
    axis.set(ylim=(lines["place"].max() + 0.7, -1.0), xlabel=label)
    per_cent_axis(axis.xaxis)
    for factor, top in groups.items():
        axis.annotate(
            factor, (0, top - 0.5), xycoords=("axes fraction", "data"), xytext=(-6, 0), textcoords="offset points",
            ha="right", va="bottom", fontsize=9.5, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def like_with_like(table: pd.DataFrame, *, label: str = "disease macro-F1, %") -> Figure:
    """Draw single networks beside their reference rows, a panel for each reference, with its band over seeds.

    Args:
        table: from `exploration.explore`, reference rows included.
        label: of the score.
    """
    names, own = table.set_index("row"), table[table["reference"].notna()]
    references = list(dict.fromkeys(own["reference"]))
    sizes = [int((own["reference"] == name).sum()) for name in references]
    figure, axes = plt.subplots(
        len(sizes), 1, figsize=(8.4, 1.2 + 0.36 * sum(sizes) + 0.5 * len(sizes)), sharex=True, layout="constrained",
        height_ratios=[size + 0.6 for size in sizes], squeeze=False,
    )  # fmt: skip
    for axis, name in zip(axes[:, 0], references, strict=True):
        some, mean = own[own["reference"] == name], names.loc[name, "value"]
        half = some["half"].max()
        axis.axvspan(mean - half, mean + half, color=GREY, alpha=0.18, linewidth=0)
        axis.axvline(mean, color=GREY, linestyle=":", linewidth=1.3)
        for place, line in enumerate(some.itertuples()):
            stuck = pd.isna(line.difference)
            axis.plot(line.value, place, "x" if stuck else "o", color=BLACK, ms=7)
        axis.set_yticks(range(len(some)), some["label"], fontsize=9)
        axis.set(ylim=(len(some) - 0.4, -0.6))
        seeds = names.loc[name, "seeds"]
        axis.set_title(f"against {names.loc[name, 'label']} ({seeds} seeds)", fontsize=9.5, loc="left")
        axis.grid(axis="x", alpha=0.3)
    per_cent_axis(axes[-1, 0].xaxis)
    axes[-1, 0].set_xlabel(f"{label}; ×: did not train; band: range of another seed (95 %)")
    return figure


def _by_influence(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Lines with their `place` on the axis, largest absolute effect first in a factor and among factors; and the
    place of each factor's first line."""
    if table.empty:
        raise ValueError("no alternative to draw: the table needs a line for each")
    size = table["difference"].abs()
    factor_size = size.groupby(table["factor"]).transform("max")
    order = table.assign(size=size, factor_size=factor_size)
    order = order.sort_values(["factor_size", "factor", "size"], ascending=[False, True, False], kind="stable")
    new = (order["factor"] != order["factor"].shift()).cumsum()
    order = order.assign(place=np.arange(len(order)) + 0.95 * (new - 1).to_numpy())
    return order, order.groupby("factor", sort=False)["place"].first().to_dict()


def _interval(
    axis: Axes, value: float, low: float, high: float, y: float, colour: str, marker: str, filling: str | None = None
) -> None:
    """A point with its interval."""
    axis.plot([low, high], [y, y], color=colour, linewidth=1.7)
    axis.plot(value, y, marker=marker, color=colour, markerfacecolor=filling or colour, ms=6.5)
