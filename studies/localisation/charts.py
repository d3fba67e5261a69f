"""One photograph with its maps laid over it, and what is to be seen in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermimit.explain.figures import outline
from dermimit.explain.style import RED, SKY, pretty
from dermimit.prediction import DISCLAIMER


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
