"""Charts of what goes with errors; each takes a record's table and returns a matplotlib figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dermimit.evaluate.error_types import TAG_LABELS
from dermimit.explain.figures import draw_selection
from dermimit.explain.style import BLACK, BLUE, GREY, RED, pretty, row_colour, row_marker
from dermimit.prediction import DISCLAIMER

KINDS = {"control": ("control", BLUE, "o"), "planted": ("planted", RED, "D")}
Line = Mapping[str, Any]


def tag_points(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> Figure:
    """Draw how common each tag is among errors and right answers of the first row, and the risk ratio of every row.

    Args:
        tables: row -> `failures.case_table`.
        labels: row -> name.
    """
    first = next(iter(tables.values()))
    place = {line["tag"]: k for k, line in enumerate(first)}
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9.4, 1.9 + 0.36 * len(place)), sharey=True, layout="constrained", width_ratios=(1, 1)
    )
    for line in first:
        y = place[line["tag"]]
        _interval(left, line, "among_wrong", y - 0.14, RED, "D")
        _interval(left, line, "among_right", y + 0.14, BLUE, "o")
    for shift, (row, table) in zip((-0.14, 0.14), tables.items(), strict=True):
        for line in table:
            _interval(right, line, "ratio", place[line["tag"]] + shift, row_colour(row), row_marker(row))
        right.plot([], [], row_marker(row), color=row_colour(row), label=f"risk ratio, {labels[row]}")
    for text, colour, marker in (("share among errors", RED, "D"), ("share among right answers", BLUE, "o")):
        left.plot([], [], marker, color=colour, label=f"{text}, {labels[next(iter(tables))]}")
    right.axvline(1, color=BLACK, linestyle="--", linewidth=0.9)
    right.set_xscale("log")
    right.set_xticks([0.8, 1, 1.25, 1.5], ["0.8", "1", "1.25", "1.5"])
    right.xaxis.set_minor_locator(plt.NullLocator())
    left.set_yticks(range(len(place)), [TAG_LABELS[tag] for tag in place])
    left.set(xlim=(0, None), ylim=(len(place) - 0.5, -0.5), xlabel="share that has the tag (95 %)")
    right.set_xlabel("risk of an error with ÷ without (95 %)")
    for axis in (left, right):
        axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


def gap_points(table: Sequence[Line], labels: Mapping[str, str], gaps: Mapping[str, str]) -> Figure:
    """Draw each model's gaps, and hollow what of them is the difficulty of the cases.

    Args:
        table: `error_dependence.gap_table`.
        labels: row -> name.
        gaps: gap -> what it is.
    """
    rows = list(dict.fromkeys(line["row"] for line in table))
    figure, axes = plt.subplots(1, len(gaps), figsize=(9.2, 1.9 + 0.5 * len(rows)), sharey=True, layout="constrained")
    for axis, (gap, text) in zip(axes, gaps.items(), strict=True):
        for line in (line for line in table if line["gap"] == gap):
            y, colour = rows.index(line["row"]), row_colour(line["row"], rows)
            own = {"own": line["value"], "own_low": line["low"], "own_high": line["high"]}
            _interval(axis, own, "own", y - 0.14, colour, row_marker(line["row"], rows))
            _interval(axis, line, "borrowed", y + 0.14, GREY, "o", filling="white")
        axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
        axis.grid(axis="x", alpha=0.3)
        axis.set_xlabel(f"share of right diseases (95 %):\n{text}", fontsize=10)
        axis.xaxis.set_major_locator(MaxNLocator(5))
    axes[0].set_yticks(range(len(rows)), [labels[row] for row in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    axes[0].plot([], [], "s", color=BLACK, label="the model's own disease answers")
    axes[0].plot(
        [], [], "o", color=GREY, markerfacecolor="white", label="borrowed: answers of the next seed, same sorting"
    )
    figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


def flip_points(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str], yardsticks: Sequence[str]) -> Figure:
    """Draw the share of answers that each change flips; yardsticks are dotted lines of the first row.

    Args:
        tables: row -> `counterfactuals.flips`.
        labels: row -> name.
        yardsticks: changes that mean nothing.
    """
    names = [line["change"] for line in next(iter(tables.values()))]
    figure, axis = plt.subplots(figsize=(7.4, 1.7 + 0.42 * len(names)), layout="constrained")
    for shift, (row, table) in zip((-0.14, 0.14), tables.items(), strict=True):
        colour, marker = row_colour(row), row_marker(row)
        for line in table:
            _interval(axis, line, "flipped", names.index(line["change"]) + shift, colour, marker)
        axis.plot([], [], marker, color=colour, label=labels[row])
    for line in next(iter(tables.values())):
        if line["change"] in yardsticks:
            axis.axvline(line["flipped"], color=GREY, linestyle=":", linewidth=1.2)
    axis.set_yticks(range(len(names)), [f"{n} (yardstick)" if n in yardsticks else n for n in names])
    axis.set(xlim=(0, None), ylim=(len(names) - 0.5, -0.5), xlabel="share of disease answers that flip (95 %)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=9)
    return figure


def reveal_points(records: Mapping[str, Line]) -> Figure:
    """Draw each method's energy on the thing, relative to its area, in planted and control networks; a panel a plant.

    Args:
        records: thing -> record with `methods`, from `planted.revealed`; methods in the order of the last.
    """
    methods = [line["method"] for line in list(records.values())[-1]["methods"]]
    size = (1.8 + 3.7 * len(records), 1.9 + 0.36 * len(methods))
    figure, axes = plt.subplots(1, len(records), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, (thing, record) in zip(axes[0], records.items(), strict=True):
        for line in record["methods"]:
            for shift, kind in ((0.14, "control"), (-0.14, "planted")):
                _, colour, marker = KINDS[kind]
                hollow = "white" if kind == "planted" and line["reveals"] != "yes" else None
                _interval(axis, line, kind, methods.index(line["method"]) + shift, colour, marker, filling=hollow)
        axis.axvline(1, color=BLACK, linestyle="--", linewidth=0.9)
        axis.set(xlim=(0, None), title=thing, xlabel=f"energy on the {thing} ÷ its area (95 %)")
        axis.grid(axis="x", alpha=0.3)
    for text, colour, marker in KINDS.values():
        axes[0, 0].plot([], [], marker, color=colour, label=text)
    axes[0, 0].plot([], [], "D", color=RED, markerfacecolor="white", label="planted, not revealed by the rule")
    axes[0, 0].set_yticks(range(len(methods)), [pretty(method) for method in methods])
    axes[0, 0].set_ylim(len(methods) - 0.5, -0.5)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure


def confident_gallery(
    cases: Sequence[Line], photos: Sequence[np.ndarray], masks: Sequence[np.ndarray], grid: tuple[int, int]
) -> Figure:
    """Draw photographs with the lesion's outline and the patches selected for the disease, beside predicted and true.

    Args:
        cases: from `most_confident.confident_errors`.
        photos, masks: (S, S, 3) uint8 and (S, S) bool, one a case.
        grid: patches down and across.
    """
    rows = -(-len(cases) // 2)
    figure, axes = plt.subplots(
        rows, 4, figsize=(10.6, 2.15 * rows + 0.3), squeeze=False, layout="constrained", width_ratios=(2, 3.2, 2, 3.2)
    )
    for axis in axes.flat:
        axis.axis("off")
    for k, (case, photo, mask) in enumerate(zip(cases, photos, masks, strict=True)):
        picture, text = axes[k // 2, 2 * (k % 2) : 2 * (k % 2) + 2]
        draw_selection(picture, photo, np.array(case["selected"], int), grid, mask)
        text.text(0, 1, _story(case), va="top", fontsize=8, transform=text.transAxes, linespacing=1.35)
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure


def _story(case: Line) -> str:
    """What was predicted of a case and what is true, in lines of about 40 letters."""
    predicted = "\n".join(f"  {pretty(name)} {100 * p:.0f} %" for name, p in case["differential"])
    hit, missed, made = compared_names(case["attributes"], case["said_attributes"])
    lines = [f"predicted\n{predicted}", f"true: {pretty(case['disease'])}, rank {case['rank']}"]
    ideal = case["ideal"]
    lines.append(f"ideal observer: true {100 * ideal['true']:.0f} %, predicted {100 * ideal['said']:.0f} %")
    same = case["said_body_part"] == case["body_part"]
    lines.append(f"{pretty(case['body_part'])}" + (" ✓" if same else f", predicted {pretty(case['said_body_part'])} ✗"))
    for mark, names in (("✓", hit), ("missed", missed), ("made up", made)):
        if names:
            lines.append(_wrapped(f"{mark} " + ", ".join(map(pretty, names))))
    return "\n".join(lines)


def compared_names(true: Sequence[str], predicted: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Names that are both true and predicted, true only, and predicted only, in their order."""
    both = [name for name in true if name in predicted]
    return both, [name for name in true if name not in predicted], [name for name in predicted if name not in true]


def _wrapped(text: str, width: int = 40) -> str:
    return "\n".join(textwrap.wrap(text, width, subsequent_indent="  "))


def _interval(
    axis: Axes, line: Line, name: str, y: float, colour: str, marker: str, filling: str | None = None
) -> None:
    """A point with its interval."""
    axis.plot([line[f"{name}_low"], line[f"{name}_high"]], [y, y], color=colour, linewidth=1.7)
    axis.plot(line[name], y, marker=marker, color=colour, markerfacecolor=filling or colour, ms=6)
