"""How soon other recipes reach the score of the usual one: a figure and a sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from dermimit.explain.style import BLUE, GREY
from studies.shared.units import per_cent_axis
from studies.speed.tables import spread


def curves(record: dict[str, Any]) -> Figure:
    """Draw each recipe's validation score against processor time beside that of the usual recipe, a panel each.

    Args:
        record: of `benchmarks/time_to_score.py`; its first recipe is the usual one.
    """
    usual, *others = (line["recipe"] for line in record["recipes"])
    columns = 2
    rows = -(-len(others) // columns)
    shape = {"figsize": (7, 2.4 * rows), "sharex": True, "sharey": True, "squeeze": False}
    figure, axes = plt.subplots(rows, columns, layout="constrained", **shape)
    for axis, recipe in zip(axes.flat, others, strict=False):
        for name, colour, style in ((usual, GREY, "--"), (recipe, BLUE, "-")):
            runs = [run["curve"] for run in record["runs"] if run["recipe"] == name]
            for run in runs:
                axis.plot(*_points(run), color=colour, ls=style, lw=0.8, alpha=0.5)
            label = "the usual recipe" if name == usual else "this recipe"
            axis.plot(*np.mean([_points(run) for run in runs], axis=0), color=colour, ls=style, lw=2.2, label=label)
        axis.set_title(textwrap.fill(recipe, 28), fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(others) :]:
        axis.axis("off")
    figure.supxlabel("processor time in seconds", fontsize=10)
    per_cent_axis(axes[0, 0].yaxis)
    figure.supylabel("validation macro-F1, %", fontsize=10)
    axes[0, 0].legend(fontsize=9, loc="lower right")
    return figure


def _points(curve: Iterable[dict[str, float]]) -> tuple[list[float], list[float]]:
    points = [(point["seconds"], point["score"]) for point in curve]
    return [seconds for seconds, _ in points], [score for _, score in points]


def said(record: dict[str, Any]) -> str:
    """Which other recipe is the fastest, and whether any is fast enough to be taken over."""
    _, *others = record["recipes"]
    reached = [line for line in others if line["times_faster"]]
    if not reached:
        return "No other recipe reached the last score of the usual one."
    best = max(reached, key=lambda line: line["times_faster"]["median"])
    enough = best["times_faster"]["median"] >= record["worth"]
    seeds = f"reached by {best['reached']} of {best['seeds']} seeds"
    slower = " and so is slower than the usual one" if best["times_faster"]["median"] < 1 else ""
    return (
        f"The fastest other recipe, *{best['recipe']}*, gets there {spread(best['times_faster'])} times as fast "
        f"(median and range over seeds; {seeds}){slower}. We ask for at least {record['worth']} times before a recipe "
        f"replaces the usual one; {'this one is enough' if enough else 'none reaches that'}."
    )
