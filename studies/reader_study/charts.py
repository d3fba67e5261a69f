"""Charts of the reader study: power, gain, over-reliance, calibration of readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, MARKERS, ORANGE, RED
from studies.shared.units import per_cent_axis

Line = Mapping[str, Any]
ARMS = {"with": ("with the model", RED, "D"), "without": ("second look alone", BLUE, "o")}
COLOURS = (ORANGE, BLUE, GREEN, RED, BLACK)


def power_curves(table: Sequence[Line], scenario: str, wanted: float) -> Figure:
    """Draw power against cases, a line a number of readers and a panel a gain; dashed, the wanted power.

    Args:
        table: lines of `reader_power.power` with their `scenario`.
        wanted: in [0, 1].
    """
    lines = [line for line in table if line["scenario"] == scenario and line["gain"] > 0]
    gains, readers = (sorted({line[name] for line in lines}) for name in ("gain", "readers"))
    figure, axes = plt.subplots(1, len(gains), figsize=(4.4 * len(gains), 3.9), sharey=True, squeeze=False,
                                layout="constrained")  # fmt: skip
    for axis, gain in zip(axes[0], gains, strict=True):
        for count, colour, marker in zip(readers, COLOURS, MARKERS, strict=False):
            curve = [line for line in lines if line["gain"] == gain and line["readers"] == count]
            cases, power = [line["cases"] for line in curve], [line["power"] for line in curve]
            ends = [[line["low"] for line in curve], [line["high"] for line in curve]]
            axis.plot(cases, power, color=colour, marker=marker, ms=5, label=f"{count} readers")
            axis.vlines(cases, *ends, color=colour, linewidth=1.3)
        axis.axhline(wanted, color=GREY, linestyle="--", linewidth=0.9)
        ticks = sorted({line["cases"] for line in lines})
        axis.set(xscale="log", ylim=(0, 1.02), xlabel="number of cases", title=f"gain of {100 * gain:.0f} points")
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.xaxis.set_minor_locator(plt.NullLocator())
        axis.grid(alpha=0.3)
    per_cent_axis(axes[0, 0].yaxis)
    axes[0, 0].set_ylabel("power: % of the studies that find the gain")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(readers), fontsize=9)
    return figure


def gain_points(lines: Sequence[Line], expected: float) -> Figure:
    """Draw the gain of each endpoint in points with its interval; dotted, what was put into the first one.

    Args:
        lines: from `reader_analysis.gains`.
        expected: gain that was simulated, as a share.
    """
    figure, axis = plt.subplots(figsize=(7.6, 1.3 + 0.45 * len(lines)), layout="constrained")
    for y, line in enumerate(lines):
        colour = RED if line["endpoint"] == "right" and y == 0 else BLUE
        axis.plot([100 * line["low"], 100 * line["high"]], [y, y], color=colour, linewidth=2)
        axis.plot(100 * line["value"], y, marker="D" if y == 0 else "o", color=colour, ms=6)
    axis.plot([100 * expected] * 2, [-0.4, 0.4], color=BLACK, linestyle=":", linewidth=1.8, label="simulated gain")
    axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(lines)), [line["name"] for line in lines])
    axis.set(ylim=(len(lines) - 0.5, -0.5), xlabel="with the model − without it, points (95 % interval)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=9)
    return figure


def reliance_points(lines: Sequence[Line]) -> Figure:
    """Draw how often answers change, by what reader and model had right, with the model shown and without."""
    names = list(dict.fromkeys(line["name"] for line in lines))
    figure, axis = plt.subplots(figsize=(7.6, 1.5 + 0.5 * len(names)), layout="constrained")
    for line in lines:
        _, colour, marker = ARMS[line["arm"]]
        _share(axis, line, names.index(line["name"]) + (-0.13 if line["arm"] == "with" else 0.13), colour, marker)
    _arm_legend(axis)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlim=(0, None), ylim=(len(names) - 0.5, -0.5), xlabel="share of answers that changed, % (95 % interval)")
    axis.grid(axis="x", alpha=0.3)
    return figure


def _share(axis: Axes, line: Line, y: float, colour: str, marker: str) -> None:
    axis.plot([100 * line["low"], 100 * line["high"]], [y, y], color=colour, linewidth=1.7)
    axis.plot(100 * line["value"], y, marker=marker, color=colour, ms=6)


def _arm_legend(axis: Axes) -> None:
    for text, colour, marker in ARMS.values():
        axis.plot([], [], marker=marker, color=colour, label=text)
    axis.legend(fontsize=9)


def reader_calibration(lines: Sequence[Line]) -> Figure:
    """Draw the share of right answers against how sure readers were; on the diagonal they are calibrated."""
    figure, axis = plt.subplots(figsize=(5.4, 4.3), layout="constrained")
    axis.plot([0, 100], [0, 100], color=GREY, linestyle="--", linewidth=0.9)
    for arm, shift in (("with", 0.9), ("without", -0.9)):
        _, colour, marker = ARMS[arm]
        found = [line for line in lines if line["arm"] == arm]
        sure = [line["confidence"] + shift for line in found]
        axis.plot(sure, [100 * line["value"] for line in found], color=colour, marker=marker, ms=5, linewidth=1)
        axis.vlines(
            sure, *([100 * line[end] for line in found] for end in ("low", "high")), color=colour, linewidth=1.2
        )
    _arm_legend(axis)
    axis.set(xlim=(-3, 103), ylim=(-3, 103), xlabel="stated confidence in the first disease (%)",
             ylabel="first disease correct (%, 95 % interval)")  # fmt: skip
    axis.grid(alpha=0.3)
    return figure
