"""Figures of the components: variants as ticks with their scores, and how far their trainings got."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from dermimit.explain.style import BLACK, BLUE, GREY, ORANGE, RED
from studies.evidence.components import TICKS
from studies.evidence.learning import LARGER, ROWS

LOOKS = {ROWS["D"]: (BLUE, "o"), ROWS["full"]: (RED, "D"), LARGER: (ORANGE, "s")}
PALE = "#d9d9d9"


def variants(scores: pd.DataFrame, ticks: pd.DataFrame) -> Figure:
    """Draw the variants as lines of ticks (left) beside their macro-F1 with its 95 % interval (right).

    Args:
        scores: from `components.scores`.
        ticks: from `components.ticks`.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7, 1.9 + 0.36 * len(scores)), sharey=True, layout="constrained", width_ratios=(1, 1.5)
    )
    has = ticks.loc[scores["row"]].to_numpy()
    for place, line in enumerate(scores.to_dict("records")):
        left.scatter(range(len(TICKS)), [place] * len(TICKS), s=16, color=PALE, zorder=1)
        there = np.flatnonzero(has[place])
        left.scatter(there, [place] * len(there), s=95, color=BLACK, zorder=2)
        last = line["row"] == "full"
        right.plot([100 * line["low"], 100 * line["high"]], [place, place], color=RED if last else BLUE, linewidth=2.4)
        right.plot(100 * line["value"], place, "D" if last else "o", color=RED if last else BLUE, ms=8)
        right.annotate(
            f"{100 * line['value']:.1f}", (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=11,
            annotation_clip=False,
        )  # fmt: skip
    left.set_yticks(range(len(scores)), scores["name"], fontsize=11)
    left.set_xticks(range(len(TICKS)), TICKS, rotation=55, ha="left", rotation_mode="anchor", fontsize=10.5)
    left.tick_params(axis="both", length=0)
    left.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False)
    left.set(ylim=(len(scores) - 0.5, -0.7), xlim=(-0.5, len(TICKS) - 0.5))
    for side in ("left", "bottom"):
        left.spines[side].set_visible(False)
    right.spines["left"].set_visible(False)
    right.tick_params(axis="y", length=0)
    right.set(xlabel="macro-F1 (%), 95 % interval", xlim=(0, None))
    right.grid(axis="x", alpha=0.3)
    return figure


def optimum(curves: pd.DataFrame, references: pd.DataFrame) -> Figure:
    """Draw macro-F1 over the images seen, a panel for each version of the dataset, below what is possible there.

    Args:
        curves: from `learning.curves`.
        references: from `learning.references`, a panel for each of its rows.
    """
    figure, axes = plt.subplots(1, len(references), figsize=(7, 4.6), sharey=True, sharex=True, layout="constrained")
    for axis, (version, bounds) in zip(np.atleast_1d(axes), references.iterrows(), strict=True):
        own = curves[curves["version"] == version]
        for (model, training), part in own.groupby(["model", "training"], sort=False):
            _curve(axis, part.sort_values("images_seen"), *LOOKS[model], open_points=training == "longer")
        for height, name in ((bounds["optimum"], "Bayes-optimal"), (bounds["guess"], "uniform guess")):
            axis.axhline(100 * height, color=BLACK, linestyle="--", linewidth=1)
            axis.annotate(
                f"{name} {100 * height:.1f}", (0.98, 100 * height), xycoords=("axes fraction", "data"), va="bottom",
                ha="right", xytext=(0, 2), textcoords="offset points", fontsize=10,
            )  # fmt: skip
        if "ablation" in set(own["training"]):
            stopped = own.loc[own["training"] == "ablation", "images_seen"].max()
            axis.axvline(stopped, color=GREY, linestyle=":", linewidth=1.3)
            axis.annotate(
                "ablation stopped", (stopped, 62), xytext=(-3, 0), textcoords="offset points", ha="right", fontsize=10
            )
        if missing := [name for name in ROWS.values() if name not in set(own["model"])]:
            axis.annotate(
                "not yet trained here:\n" + "\n".join(missing), (0.05, 0.2), xycoords="axes fraction", fontsize=10,
                color=GREY,
            )  # fmt: skip
        axis.set_title(f"SynDerm {version}", fontsize=11)
        axis.set(xscale="log", xlabel="images seen in training", ylim=(-5, 88))
        axis.xaxis.set_major_locator(FixedLocator([10_000, 30_000, 100_000, 300_000]))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:.0f}k"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    np.atleast_1d(axes)[0].set_ylabel("macro-F1 (%)")
    for model, (colour, marker) in LOOKS.items():
        if model in set(curves["model"]):
            np.atleast_1d(axes)[0].plot([], [], color=colour, marker=marker, ms=7, label=model)
    if "longer" in set(curves["training"]):
        colour, marker = LOOKS[ROWS["full"]]
        looks = {"color": colour, "marker": marker, "markerfacecolor": "white", "linestyle": "--", "ms": 7}
        np.atleast_1d(axes)[0].plot([], [], label="Full model, one longer training", **looks)
    figure.legend(loc="outside lower center", ncols=2, fontsize=10.5)
    return figure


def _curve(axis: Axes, part: pd.DataFrame, colour: str, marker: str, open_points: bool) -> None:
    """One training: its mean as a line, the seeds or the interval as a band; hollow points mark the longer one."""
    seen = part["images_seen"]
    axis.fill_between(seen, 100 * part["low"], 100 * part["high"], color=colour, alpha=0.18, linewidth=0)
    filling = "white" if open_points else colour
    axis.plot(
        seen, 100 * part["value"], color=colour, marker=marker, ms=6.5, linewidth=1.8, markerfacecolor=filling,
        linestyle="--" if open_points else "-",
    )  # fmt: skip
