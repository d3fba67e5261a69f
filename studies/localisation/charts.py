"""Figures of maps and of how well they point: each comes with its description in words, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermimit.evaluate.resampling import patient_draws
from dermimit.explain.figures import outline
from dermimit.explain.localisation_names import BASELINES, HUMAN_IOU, SHARES
from dermimit.explain.style import BLACK, BLUE, GREEN, GREY, MARKERS, ORANGE, PINK, RED, SKY, pretty
from dermimit.prediction import DISCLAIMER

COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK, GREY)
SCORE_LABELS = {
    "pointing": "pointing game, share of hits",
    "energy": "energy inside the lesion, share",
    "auroc": "AUROC over pixels",
    "average_precision": "average precision over pixels",
    "iou": "IoU, threshold chosen on validation photographs",
    "deletion": "area under the deletion curve (lower is better)",
    "insertion": "area under the insertion curve (higher is better)",
}
HUMAN_LABEL = f"two people, median {HUMAN_IOU:.2f}"


class Drawn(NamedTuple):
    """A figure and what it shows, in words for those who cannot see it."""

    figure: Figure
    alt: str


def map_grid(
    photo: np.ndarray,
    maps: Mapping[str, Mapping[str, np.ndarray]],
    *,
    mask: np.ndarray | None = None,
    selected: Mapping[str, np.ndarray] | None = None,
    grid: tuple[int, int] | None = None,
) -> Drawn:
    """Draw one photograph's maps over it: rows are tasks or classes, columns methods.

    The photo is grey under the maps, whose colours (viridis) are perceptually even; the first column is the photo with
    the lesion's outline and the selected patches framed.

    Args:
        photo: (H, W, 3) uint8.
        maps: row -> method -> (H, W) in [0, 1]; a method that a row has not leaves its place empty.
        mask: (H, W) bool.
        selected: row -> row-major indices of the selected patches.
        grid: patches down and across, where `selected` is given.
    """
    methods = list(dict.fromkeys(method for row in maps.values() for method in row))
    size = (1.7 * (len(methods) + 1) + 1.4, 1.8 * len(maps) + 0.7)
    figure, axes = plt.subplots(len(maps), len(methods) + 1, figsize=size, squeeze=False, layout="constrained")
    grey, picture = photo.mean(-1), None
    for axis, title in zip(axes[0], ["photo", *map(pretty, methods)], strict=True):
        axis.set_title(title, fontsize=9)
    for line, (row, of_row) in zip(axes, maps.items(), strict=True):
        line[0].imshow(photo, interpolation="nearest")
        line[0].axis("off")
        line[0].text(-0.08, 0.5, pretty(row), rotation=90, va="center", ha="right", transform=line[0].transAxes)
        if selected is not None and grid is not None and row in selected:
            _frame(line[0], photo.shape[:2], selected[row], grid)
        for axis, method in zip(line[1:], methods, strict=True):
            axis.axis("off")
            if method in of_row:
                axis.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                picture = axis.imshow(of_row[method], cmap="viridis", vmin=0, vmax=1, alpha=0.6)
        for axis in line if mask is not None else ():
            if axis.images:
                outline(axis, mask)
    if picture is not None:
        figure.colorbar(picture, ax=axes[:, 1:], label="relevance, scaled in each map", shrink=0.7)
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return Drawn(figure, map_alt(maps, mask))


def map_alt(maps: Mapping[str, Mapping[str, np.ndarray]], mask: np.ndarray | None) -> str:
    """The grid of maps in words: for each row, where each method's highest place lies."""
    parts = [f"One photograph with {len(maps)} rows of maps laid over it: {', '.join(map(pretty, maps))}."]
    for row, of_row in maps.items():
        places = [f"{pretty(method)} {_where(values, mask)}" for method, values in of_row.items()]
        parts.append(f"{pretty(row)}, highest place: {'; '.join(places)}.")
    return " ".join([*parts, DISCLAIMER])


def _where(values: np.ndarray, mask: np.ndarray | None) -> str:
    """In which third of the photo a map is highest, and whether on the lesion."""
    if values.max() == values.min():
        return "nowhere, it is constant"
    highest = values == values.max()
    row, column = (place.mean() / n for place, n in zip(np.nonzero(highest), values.shape, strict=True))
    third = (
        f"{('top', 'middle', 'bottom')[min(int(3 * row), 2)]} {('left', 'centre', 'right')[min(int(3 * column), 2)]}"
    )
    if mask is None:
        return third
    share = (highest & mask).sum() / highest.sum()
    return f"{third}, {'on' if share == 1 else 'off' if share == 0 else 'partly on'} the lesion"


def _frame(axis: Axes, size: tuple[int, ...], selected: np.ndarray, grid: tuple[int, int]) -> None:
    """Frame the selected patches, and leave what lies in them to be seen."""
    height, width = size[0] / grid[0], size[1] / grid[1]
    for index in selected:
        row, column = divmod(int(index), grid[1])
        place = (column * width - 0.5, row * height - 0.5)
        axis.add_patch(Rectangle(place, width, height, facecolor="none", edgecolor="black", linewidth=1.6))
        axis.add_patch(Rectangle(place, width, height, facecolor="none", edgecolor=SKY, linewidth=0.8))


def scores_by_method(summary: pd.DataFrame, score: str) -> Drawn:
    """Draw one score of every method as a point with its 95 % interval, a marker for each group; baselines are grey.

    Args:
        summary: from `localisation_summary.summarise`.
        score: which of its scores; with "iou", a line marks how well two people agree.
    """
    table = summary[summary["score"] == score]
    if table.empty:
        raise ValueError(f"no {score!r} in the summary: it has {', '.join(summary['score'].unique())}")
    methods, groups = list(dict.fromkeys(table["method"])), list(dict.fromkeys(table["group"]))
    figure, axis = plt.subplots(figsize=(7, 1.6 + 0.4 * len(methods) + 0.12 * len(groups)), layout="constrained")
    shifts = np.linspace(-0.25, 0.25, len(groups)) if len(groups) > 1 else [0.0]
    for line in table.itertuples():
        place, which = methods.index(line.method) + shifts[groups.index(line.group)], groups.index(line.group)
        colour = GREY if line.method in BASELINES and len(groups) == 1 else COLOURS[which % len(COLOURS)]
        axis.plot([line.low, line.high], [place, place], color=colour, linewidth=1.8)
        axis.plot(line.value, place, MARKERS[which % len(MARKERS)], color=colour, ms=6)
    for which, name in enumerate(groups if len(groups) > 1 else []):
        axis.plot([], [], MARKERS[which % len(MARKERS)], color=COLOURS[which % len(COLOURS)], label=pretty(name))
    if score == "iou":
        axis.axvline(HUMAN_IOU, color=BLACK, linestyle="--", linewidth=0.9, label=HUMAN_LABEL)
    axis.set_yticks(range(len(methods)), [pretty(method) for method in methods])
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel=f"{SCORE_LABELS.get(score, pretty(score))}\n(95 % interval by patient)")
    axis.grid(axis="x", alpha=0.3)
    if len(groups) > 1 or score == "iou":
        figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    return Drawn(figure, _scores_alt(table, score, len(groups) > 1))


def _scores_alt(table: pd.DataFrame, score: str, grouped: bool) -> str:
    lines = [
        f"{pretty(line.method)}{f', {pretty(line.group)}' if grouped else ''} {line.value:.2f} "
        f"({line.low:.2f} to {line.high:.2f})"
        for line in table.itertuples()
    ]
    human = f" A dashed line: {HUMAN_LABEL}." if score == "iou" else ""
    return f"{SCORE_LABELS.get(score, pretty(score))}, with 95 percent intervals: {'; '.join(lines)}.{human}"


def sanity_curves(sanity: pd.DataFrame, measure: str = "spearman") -> Drawn:
    """Draw how alike the maps stay while the network forgets from the classifiers down: the mean, and its quartiles.

    Args:
        sanity: from `sanity.cascade`.
        measure: "spearman" or "ssim".
    """
    stages = sanity.sort_values("order")["stage"].unique()
    label = {"spearman": "rank correlation with the trained map", "ssim": "SSIM with the trained map"}[measure]
    figure, axis = plt.subplots(figsize=(1.8 + 0.85 * len(stages), 4), layout="constrained")
    ends = []
    for i, (method, these) in enumerate(sanity.groupby("method", sort=False)):
        by_stage = these.groupby("order")[measure]
        mean, low, high = by_stage.mean(), by_stage.quantile(0.25), by_stage.quantile(0.75)
        colour = COLOURS[i % len(COLOURS)]
        axis.plot(mean.index, mean, color=colour, marker=MARKERS[i % len(MARKERS)], ms=5, label=pretty(method))
        axis.fill_between(mean.index, low, high, color=colour, alpha=0.12, linewidth=0)
        ends.append(f"{pretty(method)} {mean.iloc[-1]:.2f}")
    axis.axhline(0, color=BLACK, linewidth=0.8)
    axis.set_xticks(range(len(stages)), stages, rotation=30, ha="right")
    axis.set(xlabel="weights forgotten down to", ylabel=label.replace(" with", "\nwith"), ylim=(None, 1.05))
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    alt = f"Lines of {label} over {len(stages)} stages of forgetting. Mean once all is forgotten: {'; '.join(ends)}."
    return Drawn(figure, alt)


def curves_by_method(rows: pd.DataFrame, kind: str, resamples: int = 1000) -> Drawn:
    """Draw mean deletion or insertion curves, with 95 % intervals by patient.

    Args:
        rows: `Localisation.rows`, measured with curves.
        kind: "deletion" or "insertion".
        resamples: number of bootstrap samples.
    """
    done = {"deletion": "blurred", "insertion": "shown"}[kind]
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    areas = []
    for i, (method, these) in enumerate(rows.groupby("method", sort=False)):
        values, colour = np.stack(these[f"{kind}_curve"].to_list()), COLOURS[i % len(COLOURS)]
        low, high = np.quantile(patient_draws(these["patient_id"], resamples).means(values), [0.025, 0.975], axis=1)
        axis.plot(SHARES, values.mean(0), color=colour, marker=MARKERS[i % len(MARKERS)], ms=4, label=pretty(method))
        axis.fill_between(SHARES, low, high, color=colour, alpha=0.12, linewidth=0)
        areas.append(f"{pretty(method)} {these[kind].mean():.2f}")
    axis.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"share of pixels {done}, most important first")
    axis.set_ylabel("probability of the class (mean, 95 % interval)")
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return Drawn(figure, f"Mean {kind} curves. Area under each: {'; '.join(areas)}.")
