"""Figures of the page on selection: one image with four choices of patches, and how well maps point at the lesion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.ndimage import binary_closing, binary_fill_holes, binary_opening

from dermimit.explain.figures import outline
from dermimit.explain.style import BLACK, BLUE, GREEN, GREY
from studies.localisation.four_ways import WAYS
from studies.localisation.pointing import BASELINE, MAP, OUTLINE

DIMMED = 0.45
LOOKS = {MAP: (BLUE, "o", "attention's lesion score"), BASELINE: (GREY, "s", "image centre, ignores the model"),
         OUTLINE: (GREEN, "D", "outline")}  # fmt: skip


def four_ways(
    picture: np.ndarray, mask: np.ndarray, chosen: Mapping[str, np.ndarray], grid: tuple[int, int],
    compared: pd.DataFrame,
) -> Figure:  # fmt: skip
    """Draw one image four times, the chosen patches lit and the rest dimmed, the lesion outlined, with records below.

    Args:
        picture: (S, S, 3) uint8.
        mask: (S, S) bool.
        chosen: way -> row-major places of its patches.
        grid: patches down and across.
        compared: from `four_ways.compared`.
    """
    reach = mask.shape[0] // 64  # hairs and flakes leave gaps and specks
    whole = binary_opening(binary_fill_holes(binary_closing(mask, iterations=reach)), iterations=reach // 2)
    figure, axes = plt.subplots(2, 2, figsize=(7, 8.6), layout="constrained")
    for axis, (way, patches) in zip(axes.flat, chosen.items(), strict=True):
        axis.imshow(lit(picture, patches, grid))
        outline(axis, whole)
        _frames(axis, picture.shape[0], patches, grid)
        axis.axis("off")
        axis.set_title(WAYS[way], fontsize=13, fontweight="bold")
        line = compared.loc[way]
        of = "macro-F1" if pd.isna(line["half"]) else "half training: macro-F1"
        last = "" if pd.isna(line["half"]) else f"\n(attention there: {100 * line['half']:.1f} %)"
        text = (
            f"{100 * line['precision']:.0f} % of the area on the lesion\n"
            f"{of} {100 * line['value']:.1f} % ({100 * line['low']:.1f} to {100 * line['high']:.1f}){last}"
        )
        axis.text(0.5, -0.02, text, transform=axis.transAxes, ha="center", va="top", fontsize=11, linespacing=1.35)
    return figure


def lit(picture: np.ndarray, patches: Sequence[int] | np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The picture with all but some patches dimmed and grey.

    Args:
        picture: (S, S, 3) uint8; S a multiple of the grid.
        patches: row-major places.
        grid: patches down and across.
    """
    bright = np.zeros(grid[0] * grid[1], bool)
    bright[list(patches)] = True
    size = (picture.shape[0] // grid[0], picture.shape[1] // grid[1])
    where = np.kron(bright.reshape(grid), np.ones(size, bool))[..., None]
    return np.where(where, picture, (DIMMED * picture.mean(-1, keepdims=True)).astype(np.uint8))


def pointing(table: pd.DataFrame) -> Figure:
    """Draw AUROC (left) and IoU (right) of every line with 95 % intervals, synthetic images above real ones.

    Args:
        table: from `pointing.pointing`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 1.5 + 0.42 * len(table)), sharey=True, layout="constrained")
    for axis, score, label in zip(axes, ("auroc", "iou"), ("AUROC (0 to 1)", "IoU (0 to 1)"), strict=True):
        for place, line in enumerate(table.to_dict("records")):
            if pd.isna(line[score]):
                continue
            colour, marker, _ = LOOKS[line["kind"]]
            axis.plot([line[f"{score}_low"], line[f"{score}_high"]], [place, place], color=colour, linewidth=2.4)
            axis.plot(line[score], place, marker, color=colour, ms=8)
        axis.set(xlabel=label, xlim=(0.45, 1.02) if score == "auroc" else (0, 1))
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        for edge in np.flatnonzero((table["images"] != table["images"].shift()).to_numpy()[1:]):
            axis.axhline(edge + 0.5, color=GREY, linewidth=0.8)
    short = {"synthetic images": "synthetic", "real photographs": "real"}
    names = [f"{short[line.images]}: {line.label}" for line in table.itertuples()]
    axes[0].set_yticks(range(len(table)), names, fontsize=11)
    axes[0].set(ylim=(len(table) - 0.5, -0.5))
    axes[0].axvline(0.5, color=BLACK, linestyle="--", linewidth=0.9)
    for colour, marker, name in LOOKS.values():
        axes[0].plot([], [], marker, color=colour, ms=8, label=name)
    figure.legend(loc="outside lower center", ncols=3, fontsize=10)
    return figure


def _frames(axis: Axes, size: int, patches: Sequence[int] | np.ndarray, grid: tuple[int, int]) -> None:
    """A white frame about each patch."""
    side = size / grid[0]
    for index in patches:
        row, column = divmod(int(index), grid[1])
        place = (column * side - 0.5, row * side - 0.5)
        axis.add_patch(Rectangle(place, side, side, facecolor="none", edgecolor="white", linewidth=1.2))
