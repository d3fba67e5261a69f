"""Charts of the survival chapter; each function takes a published record and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dermimit.explain.style import BLUE, GREY, ORANGE, RED
from studies.shared.units import per_cent_axis
from studies.survival.tables import NAMES

WAYS = {"in parts": (BLUE, "o"), "at once": (ORANGE, "s")}


def kill_moments(kills: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw when each process was killed, as a share of the time that the work usually takes, and what came of it."""
    frame = pd.DataFrame(kills)
    names = list(dict.fromkeys(frame["activity"]))
    figure, axis = plt.subplots(figsize=(7.4, 1.1 + 0.45 * len(names)), layout="constrained")
    for survived, colour, marker, label in ((True, BLUE, "|", "survived"), (False, RED, "X", "lost")):
        rows = frame[frame["survived"] == survived]
        if len(rows):
            place = [names.index(name) for name in rows["activity"]]
            axis.plot(rows["share_of_time"], place, marker, color=colour, ms=13, mew=2, label=f"{label}: {len(rows)}")
    axis.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
    axis.set(xlim=(-0.02, 1.02), ylim=(len(names) - 0.5, -0.5))
    per_cent_axis(axis.xaxis)
    axis.set_xlabel("moment of the kill, % of the usual time")
    figure.legend(fontsize=9, loc="outside upper right", ncols=2)
    return figure


def memory_course(memory: Mapping[str, Any]) -> Figure:
    """Draw memory over the cases trained on (left), and memory taken by scoring over the predictions (right)."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
    course = pd.DataFrame(memory["training"])
    left.plot(course["cases"], course["mb"], color=BLUE, marker="o", ms=3)
    left.set(xlabel="cases generated and trained on", ylabel="memory of the process (MB)")
    left.set_ylim(0, 1.25 * course["mb"].max())
    scoring = pd.DataFrame(memory["scoring"])
    for way, rows in scoring.groupby("how", sort=False):
        colour, marker = WAYS[way]
        taken = (rows["peak_mb"] - rows["before_mb"]).clip(lower=1)
        right.plot(rows["predictions"], taken, color=colour, marker=marker, ms=5, label=way)
    right.set(xscale="log", xlabel="predictions scored", ylabel="memory taken (MB)")
    right.legend(fontsize=9, loc="upper left")
    for axis in (left, right):
        axis.set_ylim(bottom=0)
        axis.grid(axis="y", alpha=0.3, color=GREY)
        axis.tick_params(axis="x", labelsize=9)
    return figure
