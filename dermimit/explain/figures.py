"""The book's figures; each function takes tidy data and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermimit.explain.style import BLACK, GREY, ORANGE, RED, SKY, TASK_COLOURS, TASK_LABELS, row_colour, row_marker

DISCLAIMER = "Research tool, not a medical device"


def class_counts(counts: Mapping[str, pd.Series], labels: Mapping[str, str] = TASK_LABELS) -> Figure:
    """Draw the number of photos of each class, one panel a task.

    Args:
        counts: task -> counts indexed by class name.
        labels: task -> name shown.
    """
    tallest = max(len(series) for series in counts.values())
    size = (4.2 * len(counts), 1.2 + 0.17 * tallest)
    figure, axes = plt.subplots(1, len(counts), figsize=size, squeeze=False, layout="constrained")
    for axis, (task, series) in zip(axes[0], counts.items(), strict=True):
        ordered = series.sort_values()
        axis.barh(ordered.index.astype(str), ordered.to_numpy(), color=TASK_COLOURS[task])
        axis.set(title=f"{labels[task]} ({len(series)} classes)", xlabel="photos")
        axis.tick_params(axis="y", labelsize=7.5)
        axis.margins(y=0.01)
    return figure


def photo_grid(photos: Sequence[np.ndarray], captions: Sequence[str], *, columns: int = 6, masks=None) -> Figure:
    """Draw photos with a caption each, and the outline of the lesion mask where one is given.

    Args:
        photos: (H, W, 3) uint8 images.
        captions: one text a photo.
        columns: photos in a row.
        masks: (H, W) bool arrays or None, one a photo.
    """
    rows = -(-len(photos) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.75 * columns, 2.15 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for place, (photo, caption) in enumerate(zip(photos, captions, strict=True)):
        show_photo(axes.flat[place], photo, caption)
        if masks is not None and masks[place] is not None:
            outline(axes.flat[place], masks[place])
    return figure


def show_photo(axis: Axes, photo: np.ndarray, title: str = "") -> None:
    """Draw a photo without axes, its pixels kept as they are."""
    axis.imshow(photo, interpolation="nearest")
    axis.set_title(title, fontsize=7.5)
    axis.axis("off")


def outline(axis: Axes, mask: np.ndarray) -> None:
    """Draw the lesion's outline, dark under light so that it shows on any skin."""
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=["black"], linewidths=2.4)
        axis.contour(mask, levels=[0.5], colors=["white"], linewidths=1.0)


def learning_curves(
    history: pd.DataFrame,
    metric: str,
    *,
    label: str,
    names: Mapping[str, str],
    references: Mapping[str, float] | None = None,
    over: pd.DataFrame | None = None,
) -> Figure:
    """Draw a validation metric against photos seen, one colour a row, a thin line for each seed.

    Args:
        history: from `read_histories`, of the live runs.
        metric: column of `history`.
        label: axis label with unit or range.
        names: row -> name shown.
        references: name -> height of a dashed line.
        over: history of published runs, drawn pale behind.
    """
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    rows = list(names)
    if over is not None and len(over):
        _curves(axis, over, metric, rows, {}, alpha=0.35, linewidth=3.5)
    _curves(axis, history, metric, rows, names, alpha=1.0, linewidth=1.4)
    for name, height in (references or {}).items():
        axis.axhline(height, color=BLACK, linestyle="--", linewidth=0.9)
        axis.annotate(name, (1, height), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    axis.set(xlabel="photos seen in training", ylabel=label, ylim=(0, None))
    axis.legend(fontsize=8, loc="upper left")
    return figure


def _curves(axis: Axes, history: pd.DataFrame, metric: str, rows: Sequence[str], names: Mapping, **line) -> None:
    for (row, seed), curve in history.groupby(["row", "seed"], sort=False):
        shown = names.get(row) if seed == history["seed"].min() else None
        marker = row_marker(row, rows) if names else None
        axis.plot(
            curve["samples_seen"], curve[metric], color=row_colour(row, rows), marker=marker, ms=4, label=shown, **line
        )


def losses(history: pd.DataFrame) -> Figure:
    """Draw training loss by task against photos seen, for one run."""
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for task, colour in TASK_COLOURS.items():
        if f"loss/{task}" in history:
            axis.plot(
                history["samples_seen"],
                history[f"loss/{task}"],
                color=colour,
                marker="o",
                ms=3,
                label=TASK_LABELS[task],
            )
    axis.set(xlabel="photos seen in training", ylabel="training loss (nats)", ylim=(0, None))
    axis.legend(fontsize=8)
    return figure


def task_curves(history: pd.DataFrame, scores: Mapping[str, str], *, label: str) -> Figure:
    """Draw one score a task against photos seen, for one run; `scores` maps a task to its column."""
    figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for task, column in scores.items():
        axis.plot(
            history["samples_seen"],
            history[column],
            color=TASK_COLOURS[task],
            marker="o",
            ms=4,
            label=TASK_LABELS[task],
        )
    axis.set(xlabel="photos seen in training", ylabel=label, ylim=(0, 1))
    axis.legend(fontsize=8)
    return figure


def forest(estimates: pd.DataFrame, *, label: str, references: Mapping[str, float] | None = None) -> Figure:
    """Draw estimates with intervals, a line each, and dashed lines for reference scores.

    Args:
        estimates: columns `label, row, value, low, high`, in the order to show.
        label: axis label, saying what the interval is.
        references: name -> position of a dashed line.
    """
    figure, axis = plt.subplots(figsize=(7, 1.2 + 0.42 * len(estimates)), layout="constrained")
    rows = list(dict.fromkeys(estimates["row"]))
    for place, line in enumerate(estimates.itertuples()):
        colour, marker = row_colour(line.row, rows), row_marker(line.row, rows)
        axis.plot([line.low, line.high], [place, place], color=colour, linewidth=2)
        axis.plot(line.value, place, marker=marker, color=colour, ms=7)
    for name, position in (references or {}).items():
        axis.axvline(position, color=BLACK, linestyle="--", linewidth=0.9)
        axis.annotate(name, (position, 1), xycoords=("data", "axes fraction"), fontsize=8, ha="center", va="bottom")
    axis.set_yticks(range(len(estimates)), estimates["label"])
    axis.invert_yaxis()
    axis.set_xlabel(label)
    return figure


def confusion(truth: Sequence[str], guess: Sequence[str], classes: Sequence[str]) -> Figure:
    """Draw how often each true class is called each other one, as a share of the true class's photos."""
    place = {name: i for i, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, ([place[name] for name in truth], [place[name] for name in guess]), 1)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 3.2 + 0.13 * len(classes)
    figure, axis = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    picture = axis.imshow(share, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks(range(len(classes)), classes, rotation=90, fontsize=6 if len(classes) > 12 else 9)
    axis.set_yticks(range(len(classes)), classes, fontsize=6 if len(classes) > 12 else 9)
    axis.set(xlabel="said", ylabel="true")
    figure.colorbar(picture, ax=axis, label="share of the true class", shrink=0.7)
    return figure


def draw_selection(axis: Axes, photo: np.ndarray, selected: np.ndarray, grid: tuple[int, int], mask=None) -> None:
    """Draw a photo with the selected patches framed and the lesion outlined.

    Args:
        photo: (H, W, 3) uint8.
        selected: row-major patch indices.
        grid: patches down and across.
        mask: (H, W) bool or None.
    """
    show_photo(axis, photo)
    height, width = photo.shape[0] / grid[0], photo.shape[1] / grid[1]
    for index in selected:
        row, column = divmod(int(index), grid[1])
        corner = (column * width - 0.5, row * height - 0.5)
        axis.add_patch(Rectangle(corner, width, height, facecolor=SKY, edgecolor="black", alpha=0.45, linewidth=0.8))
    if mask is not None:
        outline(axis, mask)


def selection_panel(photos, selected: Mapping[str, np.ndarray], grid: tuple[int, int], masks=None) -> Figure:
    """Draw the selected patches of several photos, a row a task.

    Args:
        photos: (H, W, 3) uint8 images.
        selected: task -> (n, K) patch indices.
        grid: patches down and across.
        masks: (H, W) bool arrays or None, one a photo.
    """
    size = (1.75 * len(photos) + 0.4, 1.9 * len(selected))
    figure, axes = plt.subplots(len(selected), len(photos), figsize=size, squeeze=False, layout="constrained")
    for line, (task, indices) in zip(axes, selected.items(), strict=True):
        for place, axis in enumerate(line):
            draw_selection(axis, photos[place], indices[place], grid, None if masks is None else masks[place])
        line[0].text(-0.08, 0.5, TASK_LABELS[task], rotation=90, va="center", ha="right", transform=line[0].transAxes)
    return figure


def map_panel(photos, maps: Mapping[str, np.ndarray], masks=None, captions: Sequence[str] | None = None) -> Figure:
    """Draw photos in the first row and one row a kind of map below, on a common scale from 0 to 1.

    Args:
        photos: (H, W, 3) uint8 images.
        maps: name -> (n, H, W) values in [0, 1].
        masks: (H, W) bool arrays or None, one a photo.
        captions: one text a photo.
    """
    size = (1.6 * len(photos) + 1.6, 1.7 * (len(maps) + 1))
    figure, axes = plt.subplots(len(maps) + 1, len(photos), figsize=size, squeeze=False, layout="constrained")
    for place, photo in enumerate(photos):
        show_photo(axes[0, place], photo, captions[place] if captions else "")
        for line, values in zip(axes[1:], maps.values(), strict=True):
            picture = line[place].imshow(values[place], cmap="magma", vmin=0, vmax=1, interpolation="nearest")
            line[place].axis("off")
        for axis in axes[:, place] if masks is not None and masks[place] is not None else []:
            outline(axis, masks[place])
    for line, name in zip(axes, ["photo", *maps], strict=True):
        line[0].text(-0.08, 0.5, name, rotation=90, va="center", ha="right", fontsize=8, transform=line[0].transAxes)
    figure.colorbar(picture, ax=axes[1:], label="relevance, scaled in each map", shrink=0.6)
    return figure


def prediction_panel(photo: np.ndarray, answers: Mapping[str, pd.Series], truth: Mapping[str, Sequence[str]]) -> Figure:
    """Draw a photo beside each task's most probable classes; true ones are hatched and starred.

    Args:
        photo: (H, W, 3) uint8.
        answers: task -> probabilities indexed by class name; the five largest are shown.
        truth: task -> true class names; may lack a task.
    """
    figure, axes = plt.subplots(1, 1 + len(answers), figsize=(3.3 * (1 + len(answers)), 2.5), layout="constrained")
    show_photo(axes[0], photo)
    for axis, (task, series) in zip(axes[1:], answers.items(), strict=True):
        top = series.nlargest(5)[::-1]
        known = set(truth.get(task, ()))
        bars = axis.barh([f"{name} ★" if name in known else name for name in top.index], top, color=TASK_COLOURS[task])
        for bar, name in zip(bars, top.index, strict=True):
            bar.set_hatch("//" if name in known else "")
        axis.set(xlim=(0, 1), xlabel="probability", title=TASK_LABELS[task])
        axis.tick_params(axis="y", labelsize=8)
    figure.text(0.01, 0.01, DISCLAIMER, fontsize=8, color=RED, weight="bold")
    return figure


def shares(table: pd.DataFrame, *, label: str) -> Figure:
    """Draw shares with intervals, a bar each: columns `label, value, low, high`, and `baseline` for a paler bar."""
    figure, axis = plt.subplots(figsize=(7, 1.0 + 0.34 * len(table)), layout="constrained")
    colours = [GREY if line.baseline else ORANGE for line in table.itertuples()]
    whiskers = [table["value"] - table["low"], table["high"] - table["value"]]
    axis.barh(table["label"], table["value"], color=colours, xerr=np.maximum(whiskers, 0), capsize=3)
    axis.set(xlim=(0, 1), xlabel=label)
    axis.invert_yaxis()
    return figure
