"""Charts of time: what the model costs beside a ViT, how cost grows, where a book's time goes."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dermimit.evaluate.estimate import minus
from dermimit.explain.style import BLUE, GREY, ORANGE
from studies.speed.tables import AXES

WORKS = {"training": BLUE, "inference": ORANGE}


def overhead_bars(record: dict[str, Any]) -> Figure:
    """Draw each model's time relative to the ViT's, with the range over rounds, and a mark at its operations.

    Args:
        record: of `benchmarks/model_overhead.py`.
    """
    cases = record["cases"]
    shape = {"figsize": (7, 3.2 * len(cases)), "sharex": True, "squeeze": False}
    figure, axes = plt.subplots(len(cases), 1, layout="constrained", **shape)
    for axis, case in zip(axes[:, 0], cases, strict=True):
        models = list(dict.fromkeys(row["model"] for row in case["models"]))
        for k, (work, colour) in enumerate(WORKS.items()):
            rows = [row for row in case["models"] if row["work"] == work]
            places = np.arange(len(models)) + 0.36 * (k - 0.5)
            medians = np.array([row["ratio"]["median"] for row in rows])
            ends = [medians - [r["ratio"]["min"] for r in rows], [r["ratio"]["max"] for r in rows] - medians]
            axis.barh(places, medians, 0.34, color=colour, label=f"time of {work}", hatch="//" if k else "")
            axis.errorbar(medians, places, xerr=ends, fmt="none", color="black", capsize=2, linewidth=1)
            counted = [row["flop_ratio"] for row in rows]
            axis.plot(counted, places, "D", color="white", mec="black", ms=5, label=None if k else "operations")
        axis.axvline(1, color=GREY, linestyle=":", linewidth=1.2)
        axis.set_yticks(range(len(models)), models)
        axis.set(xlabel="relative to the ViT", title=f"{case['size']} pixels, batch {case['batch']}", xlim=(0, None))
        axis.invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def growth_curves(record: dict[str, Any]) -> Figure:
    """Draw time and operations against each thing that grows, both axes logarithmic, with the fitted power laws.

    Args:
        record: of `benchmarks/growth.py`.
    """
    figure, axes = plt.subplots(3, 2, figsize=(7, 7.5), layout="constrained")
    for axis, part in zip(axes.flat, record["axes"], strict=False):
        x = np.array([p["value"] for p in part["points"]], float)
        times, operations = zip(*((p["seconds"]["min"], p["flops"]) for p in part["points"]), strict=True)
        lines = {"time": times, "operations": operations}
        for (name, y), colour, marker in zip(lines.items(), (BLUE, ORANGE), "os", strict=True):
            y = np.array(y) / y[0]
            level = np.exp(np.mean(np.log(y) - part[name]["exponent"] * np.log(x)))
            axis.plot(x, y, marker, color=colour, ms=6, mfc="none" if marker == "s" else colour)
            label = minus(f"{name}: power {part[name]['exponent']:.2f}")
            axis.plot(
                x, level * x ** part[name]["exponent"], color=colour, ls="-" if marker == "o" else "--", label=label
            )
        _logarithmic(axis, x)
        axis.set(xlabel=AXES[part["axis"]], ylabel="relative to the first")
        axis.legend(fontsize=9, loc="upper left")
    for axis in axes.flat[len(record["axes"]) :]:
        axis.axis("off")
    return figure


def _logarithmic(axis: plt.Axes, x: np.ndarray) -> None:
    axis.set(xscale="log", yscale="log")
    crowded = np.append(False, x[1:] / x[:-1] < (x[-1] / x[0]) ** 0.12)
    axis.set_xticks(x, ["" if hidden else f"{value:g}" for value, hidden in zip(x, crowded, strict=True)])
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, 0.8), max(high * 1.6, 2))
    axis.set_yticks([1, 1.2, 1.5, 2] if high < 2 else [1, 2, 5, 10, 20])
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axis.minorticks_off()
    axis.grid(alpha=0.3)
