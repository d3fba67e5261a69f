"""Charts of what goes wrong; each takes a record's table and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.synderm import NOISE, RETAKE
from dermimit.evaluate.error_types import TAG_LABELS
from dermimit.explain.localisation_names import BASELINES
from dermimit.explain.style import BLACK, BLUE, GREY, RED, pretty, row_colour, row_marker
from studies.failures.by_condition import YES
from studies.failures.error_dependence import GAPS

METHOD_NAMES = {
    "gradient_shap": "gradient SHAP", "layer_grad_cam": "Grad-CAM", "smooth_grad": "SmoothGrad",
    "gradient_times_activation": "gradient × activation", "lsm_selection": "LSM selection", "lsm_score": "LSM score",
}  # fmt: skip
KINDS = {
    "control": ("trained without the shortcut", BLUE, "o"),
    "planted": ("trained with the shortcut, exposed", RED, "D"),
}
CHANGES = {NOISE: "other sensor noise", RETAKE: "repeat photograph", "skin type I to VI": "skin type I → VI"}
GAP_NAMES = {"body_part": "body part\ncorrect or wrong", "attributes": "attributes\nbest or worst third"}
COLUMNS = 3
KEY = "predicted disease, confidence\ntrue disease\nBayes-optimal probabilities\npredicted body part: ✓ or ✗"
Line = Mapping[str, Any]


def confident_gallery(cases: Sequence[Line], photos: Sequence[np.ndarray]) -> Figure:
    """Draw images with what was predicted and what is true below each.

    Args:
        cases: from `most_confident.confident_errors`, with `ideal`.
        photos: (S, S, 3) uint8, one a case.
    """
    rows = -(-len(cases) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(7, 3.1 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for number, (case, photo) in enumerate(zip(cases, photos, strict=True), 1):
        axis = axes.flat[number - 1]
        axis.imshow(photo, interpolation="none")
        axis.text(0, -0.04, _story(number, case), va="top", fontsize=9, transform=axis.transAxes, linespacing=1.4)
    for axis in axes.flat[len(cases) : len(cases) + 1]:
        axis.text(0, -0.04, KEY, va="top", fontsize=9, color=GREY, transform=axis.transAxes, linespacing=1.4)
    return figure


def _story(number: int, case: Line) -> str:
    """What was predicted of a case and what is true, in four short lines."""
    (predicted, sure), ideal = case["differential"][0], case["ideal"]
    lines = [f"{number}. {pretty(predicted)} {100 * sure:.0f} % ✗", f"true: {pretty(case['disease'])}"]
    lines.append(f"Bayes: true {100 * ideal['true']:.0f} %, predicted {100 * ideal['said']:.0f} %")
    same = case["said_body_part"] == case["body_part"]
    return "\n".join([*lines, f"{pretty(case['body_part'])} {'✓' if same else '✗'}"])


def ratio_points(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> Figure:
    """Draw how many times as often each model errs with a circumstance as without, the largest of the first on top.

    Args:
        tables: row -> `by_condition.case_table`.
        labels: row -> name.
    """
    first = next(iter(tables.values()))
    order = [line["tag"] for line in sorted(first, key=lambda line: -line["ratio"])]
    figure, axis = plt.subplots(figsize=(7, 1.4 + 0.36 * len(order)), layout="constrained")
    for shift, (row, table) in zip((-0.14, 0.14), tables.items(), strict=True):
        for line in table:
            _interval(axis, line, "ratio", order.index(line["tag"]) + shift, row_colour(row), row_marker(row))
        axis.plot([], [], row_marker(row), color=row_colour(row), label=labels[row])
    axis.axvline(1, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_xscale("log")
    axis.set_xticks([0.8, 1, 1.25, 1.5], ["0.8", "1", "1.25", "1.5"])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.set_yticks(range(len(order)), [TAG_LABELS[tag].removeprefix("· ") for tag in order])
    axis.set(ylim=(len(order) - 0.5, -0.5), xlabel="error rate with the condition ÷ without it (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def gap_points(table: Sequence[Line], labels: Mapping[str, str]) -> Figure:
    """Draw how much accuracy falls with an error of another task, and hollow what of it is the difficulty of the cases.

    Args:
        table: `error_dependence.gap_table`.
        labels: row -> name; these rows are drawn.
    """
    places = [(row, gap) for gap in GAPS for row in labels]
    figure, axis = plt.subplots(figsize=(7, 1.5 + 0.55 * len(places)), layout="constrained")
    for line in (line for line in table if line["row"] in labels):
        y, colour = places.index((line["row"], line["gap"])), row_colour(line["row"])
        own = {"own": line["value"], "own_low": line["low"], "own_high": line["high"]}
        _interval(axis, _points(own), "own", y - 0.14, colour, row_marker(line["row"]))
        _interval(axis, _points(line), "borrowed", y + 0.14, GREY, "o", filling="white")
    axis.axvline(0, color=BLACK, linestyle="--", linewidth=0.9)
    axis.set_yticks(range(len(places)), [f"{GAP_NAMES[gap]}\n({labels[row]})" for row, gap in places], fontsize=9)
    axis.set(ylim=(len(places) - 0.5, -0.5), xlabel="difference in disease accuracy, points (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    for row, name in labels.items():
        axis.plot([], [], row_marker(row), color=row_colour(row), label=name)
    axis.plot([], [], "o", color=GREY, markerfacecolor="white", label="another seed, same cases")
    figure.legend(loc="outside upper center", ncols=3, fontsize=10)
    return figure


def changed_points(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> Figure:
    """Draw the share of predictions that each change of the image changes; dotted, a repeat photograph.

    Args:
        tables: row -> `counterfactuals.flips`.
        labels: row -> name.
    """
    first = next(iter(tables.values()))
    order = [line["change"] for line in sorted(first, key=lambda line: -line["flipped"])]
    figure, axis = plt.subplots(figsize=(7, 1.4 + 0.4 * len(order)), layout="constrained")
    for shift, (row, table) in zip((-0.14, 0.14), tables.items(), strict=True):
        for line in table:
            place = order.index(line["change"]) + shift
            _interval(axis, _points(line), "flipped", place, row_colour(row), row_marker(row))
        axis.plot([], [], row_marker(row), color=row_colour(row), label=labels[row])
    repeat = next(line for line in first if line["change"] == RETAKE)
    axis.axvline(100 * repeat["flipped"], color=GREY, linestyle=":", linewidth=1.6)
    axis.set_yticks(range(len(order)), [CHANGES.get(name, name) for name in order])
    axis.set(xlim=(0, None), ylim=(len(order) - 0.5, -0.5), xlabel="changed predictions, % (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def reveal_points(record: Line, thing: str) -> Figure:
    """Draw each method's energy on a planted thing, relative to its area, with and without the shortcut.

    Args:
        record: with `methods`, from `planted.revealed`; drawn by their energy, baselines that ignore the model last.
        thing: that was planted.
    """
    lines = sorted(record["methods"], key=lambda line: (line["method"] in BASELINES, -line["planted"]))
    figure, axis = plt.subplots(figsize=(7, 1.5 + 0.34 * len(lines)), layout="constrained")
    for y, line in enumerate(lines):
        for shift, kind in ((0.14, "control"), (-0.14, "planted")):
            _, colour, marker = KINDS[kind]
            hollow = "white" if kind == "planted" and line["reveals"] != YES else None
            _interval(axis, line, kind, y + shift, colour, marker, filling=hollow)
    axis.axvline(1, color=BLACK, linestyle="--", linewidth=0.9)
    axis.axhline(sum(line["method"] not in BASELINES for line in lines) - 0.5, color=GREY, linewidth=0.9)
    names = [METHOD_NAMES.get(line["method"], pretty(line["method"])) for line in lines]
    axis.set_yticks(range(len(lines)), names, fontsize=10)
    axis.set(xlim=(0, None), ylim=(len(lines) - 0.5, -0.5), xlabel=f"energy on the {thing} ÷ its area (95 % CI)")
    axis.grid(axis="x", alpha=0.3)
    for text, colour, marker in KINDS.values():
        axis.plot([], [], marker, color=colour, label=text)
    axis.plot([], [], "D", color=RED, markerfacecolor="white", label="trained with the shortcut, not exposed")
    figure.legend(loc="outside upper center", ncols=3, fontsize=9)
    return figure


def _points(line: Line) -> dict[str, Any]:
    """A line's shares in per cent."""
    return {name: 100 * x if isinstance(x, float) else x for name, x in line.items()}


def _interval(
    axis: Axes, line: Line, name: str, y: float, colour: str, marker: str, filling: str | None = None
) -> None:
    """A point with its interval."""
    axis.plot([line[f"{name}_low"], line[f"{name}_high"]], [y, y], color=colour, linewidth=1.7)
    axis.plot(line[name], y, marker=marker, color=colour, markerfacecolor=filling or colour, ms=6)
