"""Pictures of the steps of the network; each takes arrays and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermimit.explain.style import BLACK, GREY, ORANGE
from studies.shared.anatomy_charts import SMALL, USUAL, lit, plain


def tokens_figure(picture: np.ndarray, seen: np.ndarray, alike: np.ndarray, patch: int) -> Figure:
    """Draw the image for people, the image that the model sees with its patches, and how alike the tokens are.

    Args:
        picture, seen: (S, S, 3) uint8 of two sizes.
        alike: (rows, columns) cosine between each token and that of `patch`.
        patch: row-major index of the patch that is compared.
    """
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.65), layout="constrained")
    plain(axes[0], picture)
    plain(axes[1], np.repeat(np.repeat(seen, 8, axis=0), 8, axis=1))  # every pixel a square, in any format
    side = 8 * seen.shape[0] / len(alike)
    for k in range(1, len(alike)):
        axes[1].axhline(k * side - 0.5, color="white", linewidth=0.7)
        axes[1].axvline(k * side - 0.5, color="white", linewidth=0.7)
    plain(axes[2], np.zeros((*alike.shape, 3)))
    shown = axes[2].imshow(alike, cmap="cividis", vmin=min(0, alike.min()), vmax=1)
    row, column = divmod(patch, alike.shape[1])
    axes[2].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="red", linewidth=2))
    bar = figure.colorbar(shown, ax=axes[2], orientation="horizontal", shrink=0.8, pad=0.03)
    bar.set_label("cosine to the framed patch", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    titles = (f"for you: {len(picture)} pixels", f"for the model: {len(seen)} pixels", "tokens after the trunk")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=USUAL)
    return figure


def attention_figure(picture: np.ndarray, maps: Mapping[str, np.ndarray], selected: np.ndarray) -> Figure:
    """Draw maps of attention over patches, each scaled to its own largest value, and the selected patches.

    Args:
        picture: (S, S, 3) uint8.
        maps: title -> (rows, columns).
        selected: row-major indices of the patches.
    """
    figure, axes = plt.subplots(1, len(maps) + 1, figsize=(7, 2.1), layout="constrained")
    for axis, (title, values) in zip(axes, maps.items(), strict=False):
        over(axis, picture, values / values.max())
        axis.set_title(title, fontsize=USUAL)
    grid = next(iter(maps.values())).shape
    plain(axes[-1], lit(picture, selected, grid))
    axes[-1].set_title(f"the best {len(selected)}", fontsize=USUAL)
    return figure


def over(axis: Axes, picture: np.ndarray, values: np.ndarray) -> None:
    """Draw values in 0 to 1 over the grey picture, one colour a patch."""
    plain(axis, np.repeat(picture.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2))
    extent = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)
    axis.imshow(values, cmap="magma", vmin=0, vmax=1, alpha=0.7, extent=extent, interpolation="nearest")


def exchange_figure(picture: np.ndarray, patches: np.ndarray, weights: np.ndarray, grid: tuple[int, int]) -> Figure:
    """Draw which tokens of the attributes the disease reads: their patches by rank, and the weight of each token.

    Args:
        picture: (S, S, 3) uint8.
        patches: (K,) row-major indices that the attributes have selected, best first.
        weights: (1 + K,) of the class token and those patches, which sum to 1.
        grid: patches down and across.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.9), width_ratios=(2.4, 4), layout="constrained")
    plain(axes[0], lit(picture, patches, grid))
    high, wide = picture.shape[0] / grid[0], picture.shape[1] / grid[1]
    for rank, index in enumerate(patches):
        row, column = divmod(int(index), grid[1])
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        place = ((column + 0.5) * wide, (row + 0.5) * high)
        axes[0].text(*place, str(rank + 1), ha="center", va="center", fontsize=SMALL, color=BLACK, bbox=box)
    axes[0].set_title("patches of the attributes", fontsize=USUAL)
    axis = axes[1]
    axis.bar(range(len(weights)), 100 * weights, color=[GREY] + [ORANGE] * len(patches))
    axis.axhline(100 / len(weights), color=BLACK, linestyle="--", linewidth=1)
    axis.text(4.5, 100 / len(weights), "even share", fontsize=SMALL, ha="center", va="bottom")
    axis.set_xticks(range(len(weights)), ["class\ntoken", *map(str, range(1, len(weights)))], fontsize=SMALL)
    axis.tick_params(axis="y", labelsize=SMALL)
    axis.set_xlabel("token that is read", fontsize=USUAL)
    axis.set_ylabel("weight (%)", fontsize=USUAL)
    return figure
