"""Charts of scores by skin type, counterfactual skin, training mixes and the typology angle; each returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import RETAKE
from dermimit.evaluate.estimate import CANNOT_TELL, minus
from dermimit.explain.style import BLACK, BLUE, GREY, ORANGE, RED, pretty, row_colour, row_marker
from dermimit.prediction import DISCLAIMER
from studies.skin_tone.by_type import SCORES
from studies.skin_tone.mix import GROUPS, MODELS, PLAIN, REMEDIES, SHARES
from studies.skin_tone.pair_tables import attribute_change

Line = Mapping[str, Any]
GROUP_LOOKS = dict(zip(GROUPS, ((ORANGE, "o"), (BLUE, "D")), strict=True))
SHIFT = 0.12


def type_points(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str], scores: Sequence[str]) -> Figure:
    """Draw scores of several rows for each skin type, a panel a score; the number of photographs under each type.

    Args:
        tables: row -> `skin_tone.type_table`.
        labels: row -> name.
        scores: keys of `skin_tone.SCORES`.
    """
    columns = min(3, len(scores))
    size = (3.4 * columns, 2.8 * -(-len(scores) // columns) + 0.4)
    figure, axes = plt.subplots(-(-len(scores) // columns), columns, figsize=size, squeeze=False, layout="constrained")
    for axis, score in zip(axes.flat, scores, strict=False):
        for k, (row, table) in enumerate(tables.items()):
            lines = [line for line in table if line["score"] == score]
            _points(axis, lines, row, (k - 0.5) * 2 * SHIFT)
        counts = {line["type"]: line["photographs"] for line in next(iter(tables.values()))}
        axis.set_xticks(range(len(FITZPATRICK)), [f"{kind}\n{counts[kind]}" for kind in FITZPATRICK], fontsize=9)
        axis.set(ylabel=SCORES[score])
        axis.grid(axis="y", alpha=0.3)
        if score == "overconfidence":
            axis.axhline(0, color=BLACK, linestyle="--", linewidth=0.9)
    for axis in axes.flat[len(scores) :]:
        axis.axis("off")
    for row in tables:
        axes[0, 0].plot([], [], row_marker(row), color=row_colour(row), label=labels[row])
    figure.supxlabel("Fitzpatrick type, and photographs of it", fontsize=10)
    figure.legend(loc="outside upper center", ncols=len(tables), fontsize=9)
    return figure


def _points(axis: Axes, lines: Sequence[Line], row: str, shift: float) -> None:
    for line in lines:
        x = FITZPATRICK.index(line["type"]) + shift
        axis.plot([x, x], [line["low"], line["high"]], color=row_colour(row), linewidth=1.6)
        axis.plot(x, line["value"], row_marker(row), color=row_colour(row), ms=5)


def gap_points(table: Sequence[Line], labels: Mapping[str, str], scores: Sequence[str]) -> Figure:
    """Draw light minus dark of every row, a panel a score.

    Args:
        table: `skin_tone.gap_table`.
        labels: row -> name.
        scores: keys of `skin_tone.SCORES`.
    """
    rows = list(dict.fromkeys(line["row"] for line in table))
    size = (2.2 + 2.6 * len(scores), 1.4 + 0.36 * len(rows))
    figure, axes = plt.subplots(1, len(scores), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, score in zip(axes[0], scores, strict=True):
        for line in (line for line in table if line["score"] == score):
            y, colour = rows.index(line["row"]), row_colour(line["row"], rows)
            axis.plot([100 * line["low"], 100 * line["high"]], [y, y], color=colour, linewidth=1.7)
            axis.plot(100 * line["value"], y, row_marker(line["row"], rows), color=colour, ms=6)
        axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
        axis.set_xlabel(f"{SCORES[score]}:\nI–II minus V–VI, points (95 %)", fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(rows)), [labels[row] for row in rows])
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    return figure


def skin_gallery(photos: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Draw the same cases on six skin types, a case a row.

    Args:
        photos: type -> (n, S, S, 3) uint8.
        names: what each case shows.
    """
    figure, axes = plt.subplots(
        len(names), len(FITZPATRICK), figsize=(9.6, 1.65 * len(names) + 0.5), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for k, kind in enumerate(FITZPATRICK):
        axes[0, k].set_title(f"type {kind}", fontsize=10)
        for i, name in enumerate(names):
            axes[i, k].imshow(photos[kind][i])
            if not k:
                axes[i, k].set_ylabel(name, fontsize=9)
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure


def flip_points(tables: Mapping[str, Mapping[str, Sequence[Line]]], labels: Mapping[str, str]) -> Figure:
    """Draw how many answers each type flips, and the probability of the truth on each type.

    Args:
        tables: row -> "flips" and "truth", of `skin_counterfactuals`.
        labels: row -> name.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.6), layout="constrained")
    for k, row in enumerate(tables):
        lines = {line["version"]: line for line in tables[row]["flips"]}
        shown = [{"type": kind} | _renamed(lines[kind], "flipped") for kind in FITZPATRICK[1:]]
        _points(left, shown, row, (k - 0.5) * 2 * SHIFT)
        left.axhline(100 * lines[RETAKE]["flipped"], color=row_colour(row), linestyle=":", linewidth=1.3)
        truth = [{"type": line["type"]} | _renamed(line, "true") for line in tables[row]["truth"]]
        _points(right, truth, row, (k - 0.5) * 2 * SHIFT)
        right.plot([], [], row_marker(row), color=row_colour(row), label=labels[row])
    left.plot([], [], linestyle=":", color=GREY, label="type I photographed again")
    left.set(ylabel="disease answers that flip, % (95 %)", xlabel="type in place of I", ylim=(0, None))
    right.set(ylabel="probability of the truth, % (95 %)", xlabel="type of the same cases", ylim=(0, None))
    for axis in (left, right):
        axis.set_xticks(range(len(FITZPATRICK)), FITZPATRICK)
        axis.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3, fontsize=9)
    return figure


def _renamed(line: Line, name: str) -> dict[str, float]:
    return {"value": 100 * line[name], "low": 100 * line[f"{name}_low"], "high": 100 * line[f"{name}_high"]}


def attribute_points(table: Sequence[Line]) -> Figure:
    """Draw how type VI changes the probability of each attribute, where it is and where it is not.

    Args:
        table: `skin_counterfactuals.attribute_table`.
    """
    lines = sorted(table, key=lambda line: line["net"])
    figure, axis = plt.subplots(figsize=(7.6, 1.3 + 0.3 * len(lines)), layout="constrained")
    looks = {"change": (BLUE, "o", -SHIFT, "cases that have it"), "change_absent": (RED, "D", SHIFT, "all others")}
    for name, (colour, marker, shift, label) in looks.items():
        for y, line in enumerate(lines):
            axis.plot([100 * line[f"{name}_low"], 100 * line[f"{name}_high"]], [y + shift] * 2, color=colour)
            axis.plot(100 * line[name], y + shift, marker, color=colour, ms=5)
        axis.plot([], [], marker, color=colour, label=label)
    axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    names = [f"{pretty(line['attribute'])} ({line['cases']})" for line in lines]
    axis.set_yticks(
        range(len(lines)),
        [f"{n} *" if attribute_change(line) != CANNOT_TELL else n for n, line in zip(names, lines, strict=True)],
    )
    axis.set_ylim(len(lines) - 0.5, -0.5)
    axis.set_xlabel("probability of the attribute on type VI minus type I, points (95 %)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, fontsize=9)
    return figure


def mix_lines(table: Sequence[Line], labels: Mapping[str, str], score: str = "macro_f1") -> Figure:
    """Draw scores on types I–IV and V–VI against the share of V–VI in training, a panel a model.

    Args:
        table: `skin_mix.mix_table`.
        labels: row -> name.
        score: "accuracy" or "macro_f1".
    """
    figure, axes = plt.subplots(1, len(MODELS), figsize=(9.2, 3.5), sharey=True, layout="constrained")
    for axis, model in zip(axes, MODELS, strict=True):
        for k, (group, (colour, marker)) in enumerate(GROUP_LOOKS.items()):
            known = [
                (i, x)
                for i, share in enumerate(SHARES)
                for x in table
                if (x["row"], x["score"], x["group"]) == (f"{model}_dark{share}", score, group)
            ]
            for i, x in known:
                axis.plot([i + (k - 0.5) * SHIFT] * 2, [x["low"], x["high"]], color=colour, linewidth=1.6)
            places = [i + (k - 0.5) * SHIFT for i, _ in known]
            axis.plot(places, [x["value"] for _, x in known], marker, linestyle="-", color=colour, ms=6, label=group)
        axis.set_xticks(range(len(SHARES)), SHARES)
        axis.set(title=labels[model], xlabel="types V and VI in training, %", ylim=(0, None))
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel(f"{SCORES[score]} (95 %)")
    axes[0].legend(title="tested on types", fontsize=9, title_fontsize=9)
    return figure


def remedy_points(table: Sequence[Line], score: str = "macro_f1") -> Figure:
    """Draw what each remedy scores on types I–IV and V–VI; plain training is a dotted line.

    Args:
        table: `skin_mix.mix_table`.
        score: "accuracy" or "macro_f1".
    """
    rows = {PLAIN: "plain, 5 %"} | {f"{PLAIN}_{name}": label for name, label in REMEDIES.items()}
    figure, axis = plt.subplots(figsize=(7.4, 1.4 + 0.5 * len(rows)), layout="constrained")
    for k, (group, (colour, marker)) in enumerate(GROUP_LOOKS.items()):
        for y, row in enumerate(rows):
            for x in (x for x in table if (x["row"], x["score"], x["group"]) == (row, score, group)):
                axis.plot([x["low"], x["high"]], [y + (2 * k - 1) * SHIFT] * 2, color=colour, linewidth=1.6)
                axis.plot(x["value"], y + (2 * k - 1) * SHIFT, marker, color=colour, ms=6)
                if row == PLAIN:
                    axis.axvline(x["value"], color=colour, linestyle=":", linewidth=1.2)
        axis.plot([], [], marker, color=colour, label=f"tested on {group}")
    axis.set_yticks(range(len(rows)), rows.values())
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, None), xlabel=f"{SCORES[score]} (95 %)")
    axis.grid(axis="x", alpha=0.3)
    axis.legend(fontsize=9)
    return figure


def angle_boxes(records: Mapping[str, Line], limits: Sequence[float]) -> Figure:
    """Draw median and quartiles of the typology angle for each recorded type, a panel a set of photographs.

    Args:
        records: name -> `typology.agreement`.
        limits: degrees between the classes.
    """
    figure, axes = plt.subplots(1, len(records), figsize=(9.2, 3.6), sharey=True, layout="constrained")
    for axis, (name, found) in zip(axes, records.items(), strict=True):
        for line in found["by_type"]:
            x = line["type"] - 1
            axis.plot([x, x], [line["low"], line["high"]], color=BLUE, linewidth=5, alpha=0.45, solid_capstyle="butt")
            axis.plot(x, line["median"], "o", color=BLUE, ms=6)
        for limit in limits:
            axis.axhline(limit, color=GREY, linestyle=":", linewidth=0.9)
        counts = {line["type"]: line["photographs"] for line in found["by_type"]}
        axis.set_xticks(range(6), [f"{kind}\n{counts.get(k, 0)}" for k, kind in enumerate(FITZPATRICK, 1)], fontsize=9)
        correlation = minus(f"{found['spearman']:.2f}")
        axis.set(title=f"{name}, Spearman {correlation}", xlim=(-0.5, 5.5))
    axes[0].set_ylabel("typology angle of the skin, degrees")
    figure.supxlabel("recorded type, and photographs of it", fontsize=10)
    return figure
