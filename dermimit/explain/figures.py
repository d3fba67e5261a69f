"""Figures that show photographs: galleries, selected patches, maps, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermimit.explain.style import RED, SKY, TASK_COLOURS, TASK_LABELS, pretty
from dermimit.prediction import DISCLAIMER, Prediction


def show_photo(axis: Axes, photo: np.ndarray, title: str = "") -> None:
    """Draw a photo without axes, its pixels kept as they are."""
    axis.imshow(photo, interpolation="nearest")
    axis.set_title(title, fontsize=9)
    axis.axis("off")


def outline(axis: Axes, mask: np.ndarray) -> None:
    """Draw the lesion's outline, dark under light so that it shows on any skin."""
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=["black"], linewidths=2.4)
        axis.contour(mask, levels=[0.5], colors=["white"], linewidths=1.0)


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
        line[0].text(-0.08, 0.5, name, rotation=90, va="center", ha="right", fontsize=10, transform=line[0].transAxes)
    figure.colorbar(picture, ax=axes[1:], label="relevance, scaled in each map", shrink=0.6)
    return figure


def answer_figure(prediction: Prediction, truth: Mapping[str, Sequence[str]] | None = None, top: int = 5) -> Figure:
    """Draw a photo with the patches selected for the disease, beside each task's most probable classes.

    Args:
        prediction: from `dermimit.predict.predict_photo`.
        truth: task -> true class names where known; they are hatched and starred.
        top: bars a task.
    """
    answers, truth = prediction.answers, truth or {}
    figure, axes = plt.subplots(2, 2, figsize=(8.2, 5.2), layout="constrained")
    axes = axes.flatten()
    draw_selection(axes[0], prediction.photo, prediction.selected.get("disease", np.array([], int)), prediction.grid)
    for axis, (task, series) in zip(axes[1:], answers.items(), strict=False):
        best, known = series.nlargest(top)[::-1], set(truth.get(task, ()))
        labels = [f"{pretty(name)} ★" if name in known else pretty(name) for name in best.index]
        bars = axis.barh(labels, best, color=TASK_COLOURS[task])
        for bar, name in zip(bars, best.index, strict=True):
            bar.set_hatch("//" if name in known else "")
        axis.set(xlim=(0, 1), xlabel="probability", title=TASK_LABELS[task])
        axis.tick_params(axis="y", labelsize=10)
    for axis in axes[1 + len(answers) :]:
        axis.axis("off")
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure
