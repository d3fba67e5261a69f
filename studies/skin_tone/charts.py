"""Charts of one lesion on six skins, attributes, training mixes, remedies and the typology angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import RETAKE
from dermimit.evaluate.estimate import minus
from dermimit.explain.style import BLACK, BLUE, GREY, ORANGE, RED, SKY, pretty, row_colour, row_marker
from studies.skin_tone.mix import GROUPS, PLAIN, REMEDIES, SHARES

if TYPE_CHECKING:
    from studies.skin_tone.six_skins import OnSkin

Line = Mapping[str, Any]
GROUP_LOOKS = dict(zip(GROUPS, ((ORANGE, "o"), (BLUE, "D")), strict=True))
GROUP_NAMES = dict(zip(GROUPS, ("light skin (I–IV)", "dark skin (V–VI)"), strict=True))
SHIFT = 0.12


def six_skins(cases: Sequence[OnSkin], tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> Figure:
    """Draw a lesion on six skins with its most probable diseases, and below how many predictions each type changes.

    Args:
        cases: of `six_skins.on_six_skins`.
        tables: row -> `counterfactuals.flip_table`.
        labels: row -> name.
    """
    figure = plt.figure(figsize=(7, 9.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3, 1.15))
    axes = above.subplots(4, 3, height_ratios=(2.4, 1, 2.4, 1))
    for k, case in enumerate(cases):
        row, column = 2 * (k // 3), k % 3
        axes[row, column].imshow(case.picture, interpolation="none")
        axes[row, column].set_title(f"type {case.kind}", fontsize=11)
        axes[row, column].axis("off")
        _bars(axes[row + 1, column], case)
    changed_points(below.subplots(), tables, labels)
    return figure


def _bars(axis: Axes, case: OnSkin) -> None:
    """The most probable diseases as bars that carry their names; the true one is blue."""
    for y, (name, value) in enumerate(case.top.items()):
        axis.barh(y, 1, color="#F2F2F2", height=0.86)
        axis.barh(y, value, color=SKY if name == case.true else "#CFCFCF", height=0.86)
        axis.text(0.02, y, f"{pretty(str(name))} {100 * value:.0f} %", va="center", fontsize=9)
    axis.set(xlim=(0, 1), ylim=(len(case.top) - 0.5, -0.5))
    axis.axis("off")


def changed_points(axis: Axes, tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> None:
    """Draw how many predictions each type changes; a repeat photograph on type I is a dotted line of the same colour.

    Args:
        axis: to draw on.
        tables: row -> `counterfactuals.flip_table`.
        labels: row -> name.
    """
    for k, row in enumerate(tables):
        lines = {line["version"]: line for line in tables[row]}
        for x, kind in enumerate(FITZPATRICK[1:]):
            place, line = x + (2 * k - 1) * SHIFT, lines[kind]
            ends = [100 * line[f"flipped{end}"] for end in ("_low", "_high")]
            axis.plot([place, place], ends, color=row_colour(row), linewidth=1.7)
            axis.plot(place, 100 * line["flipped"], row_marker(row), color=row_colour(row), ms=7)
        axis.plot([], [], row_marker(row), color=row_colour(row), label=labels[row])
        axis.axhline(100 * lines[RETAKE]["flipped"], color=row_colour(row), linestyle=":", linewidth=1.6)
    axis.plot([], [], linestyle=":", color=GREY, label="repeat photograph")
    axis.set_xticks(range(len(FITZPATRICK) - 1), [f"I → {kind}" for kind in FITZPATRICK[1:]])
    axis.set(ylim=(0, None), ylabel="changed\npredictions, %")
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize=9, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))


def attribute_points(table: Sequence[Line], shown: int = 8) -> Figure:
    """Draw how type VI changes the probability of the attributes that change most, where they are and are not.

    Args:
        table: `counterfactuals.attribute_table`.
        shown: how many attributes.
    """
    most = sorted(table, key=lambda line: -abs(line["net"]))[:shown]
    lines = sorted(most, key=lambda line: line["net"])
    figure, axis = plt.subplots(figsize=(7, 1.3 + 0.42 * len(lines)), layout="constrained")
    looks = {"change": (BLUE, "o", -SHIFT, "cases with it"), "change_absent": (RED, "D", SHIFT, "cases without it")}
    for name, (colour, marker, shift, label) in looks.items():
        for y, line in enumerate(lines):
            axis.plot([100 * line[f"{name}_low"], 100 * line[f"{name}_high"]], [y + shift] * 2, color=colour)
            axis.plot(100 * line[name], y + shift, marker, color=colour, ms=6)
        axis.plot([], [], marker, color=colour, label=label)
    axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(lines)), [pretty(line["attribute"]) for line in lines])
    axis.set(ylim=(len(lines) - 0.5, -0.5), xlabel="predicted probability, type VI minus type I, points (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def mix_lines(table: Sequence[Line], model: str = "full") -> Figure:
    """Draw accuracy on light and dark skin against the share of dark skin in training.

    Args:
        table: `mix.mix_table`.
        model: of `mix.MODELS`.
    """
    figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
    for k, (group, (colour, marker)) in enumerate(GROUP_LOOKS.items()):
        of = {x["row"]: x for x in table if (x["score"], x["group"]) == ("accuracy", group)}
        known = [(i, of[f"{model}_dark{share}"]) for i, share in enumerate(SHARES) if f"{model}_dark{share}" in of]
        places = [i + (k - 0.5) * SHIFT for i, _ in known]
        for place, (_, x) in zip(places, known, strict=True):
            axis.plot([place, place], [100 * x["low"], 100 * x["high"]], color=colour, linewidth=1.7)
        values = [100 * x["value"] for _, x in known]
        axis.plot(places, values, marker, linestyle="-", color=colour, ms=7, label=GROUP_NAMES[group])
    axis.set_xticks(range(len(SHARES)), SHARES)
    axis.set(xlabel="dark skin in training, % of images", ylabel="accuracy, % (95 % CI)", ylim=(0, None))
    axis.grid(axis="y", alpha=0.3)
    figure.legend(title="tested on", loc="outside upper center", ncols=2)
    return figure


def remedy_points(table: Sequence[Line]) -> Figure:
    """Draw the accuracy of each remedy on light and dark skin; plain training is a dotted line.

    Args:
        table: `mix.mix_table`.
    """
    rows = {PLAIN: "none"} | {f"{PLAIN}_{name}": label for name, label in REMEDIES.items()}
    figure, axis = plt.subplots(figsize=(7, 1.3 + 0.55 * len(rows)), layout="constrained")
    for k, (group, (colour, marker)) in enumerate(GROUP_LOOKS.items()):
        for y, row in enumerate(rows):
            for x in (x for x in table if (x["row"], x["score"], x["group"]) == (row, "accuracy", group)):
                place = y + (2 * k - 1) * SHIFT
                axis.plot([100 * x["low"], 100 * x["high"]], [place, place], color=colour, linewidth=1.7)
                axis.plot(100 * x["value"], place, marker, color=colour, ms=7)
                if row == PLAIN:
                    axis.axvline(100 * x["value"], color=colour, linestyle=":", linewidth=1.4)
        axis.plot([], [], marker, color=colour, label=GROUP_NAMES[group])
    axis.set_yticks(range(len(rows)), rows.values())
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, None), xlabel="accuracy, % (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(title="tested on", loc="outside upper center", ncols=2)
    return figure


def angle_boxes(records: Mapping[str, Line]) -> Figure:
    """Draw median and quartiles of the typology angle for each recorded type, a panel a set of photographs.

    Args:
        records: name -> `angle.agreement`.
    """
    figure, axes = plt.subplots(1, len(records), figsize=(7, 3.4), sharey=True, layout="constrained")
    for axis, (name, found) in zip(axes, records.items(), strict=True):
        for line in found["by_type"]:
            x = line["type"] - 1
            axis.plot([x, x], [line["low"], line["high"]], color=BLUE, linewidth=6, alpha=0.45, solid_capstyle="butt")
            axis.plot(x, line["median"], "o", color=BLUE, ms=7)
        counts = {line["type"]: line["photographs"] for line in found["by_type"]}
        axis.set_xticks(range(6), [f"{kind}\n{counts.get(k, 0)}" for k, kind in enumerate(FITZPATRICK, 1)], fontsize=10)
        axis.set_title(f"{name}\nrank correlation " + minus(f"{found['spearman']:.2f}"), fontsize=11)
        axis.set_xlim(-0.5, 5.5)
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_ylabel("typology angle, degrees")
    figure.supxlabel("recorded skin type, and number of images", fontsize=10)
    return figure
