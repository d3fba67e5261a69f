"""The anatomy of one prediction, drawn: image, patches, body part and attributes, differential."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.synderm import Labels
from dermimit.explain.style import BLACK, GREY, TASK_COLOURS, pretty

COLUMNS = ("The image", "Look closer", "Describe first", "Weigh the findings")
SMALL, USUAL = 8.5, 9.5  # points
PALE = 0.35  # opacity of what came before


@dataclass(frozen=True)
class Anatomy:
    """One case and what the shipped model predicts of it.

    Attributes:
        picture: (S, S, 3) uint8, as people see it.
        seen: (64, 64, 3) uint8, as the model sees it.
        labels: the truth.
        before, after: task -> probability of each class before and after the cross-interaction, highest after first.
        selected: task -> (K,) row-major patches, best first.
        grid: patches down and across.
        mask: (S, S) bool, the lesion in `picture`.
    """

    picture: np.ndarray
    seen: np.ndarray
    labels: Labels
    before: dict[str, pd.Series]
    after: dict[str, pd.Series]
    selected: dict[str, np.ndarray]
    grid: tuple[int, int]
    mask: np.ndarray

    def truth(self, task: str) -> tuple[str, ...]:
        """The true classes of a task."""
        found = getattr(self.labels, task)
        return (found,) if isinstance(found, str) else tuple(found)


def anatomy_figure(one: Anatomy, diseases: int = 4, attributes: int = 4) -> Figure:
    """Draw one prediction in four columns, each named by its idea; stars mark the truth.

    Args:
        one: of `anatomy.anatomy`.
        diseases: bars of the differential.
        attributes: bars of the attributes.
    """
    figure, axes = plt.subplots(1, 4, figsize=(7, 2.6), width_ratios=(2, 2, 1.3, 1.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06)  # type: ignore[union-attr]
    plain(axes[0], one.picture)
    plain(axes[1], lit(one.picture, one.selected["disease"], one.grid))
    notes = ("a synthetic case", f"{len(one.selected['disease'])} patches for the disease")
    for axis, note in zip(axes, notes, strict=False):
        axis.set_xlabel(note, fontsize=SMALL)
    site, signs = one.after["body_part"][:1], one.after["attributes"][:attributes]
    bars(axes[2], [(site, None, "body_part"), (signs, None, "attributes")], one)
    differential = one.after["disease"][:diseases]
    bars(axes[3], [(differential, one.before["disease"][:diseases], "disease")], one)
    for axis, title in zip(axes, COLUMNS, strict=True):
        axis.set_title(title, fontsize=USUAL, weight="bold", loc="left", color=BLACK)
    return figure


def plain(axis: Axes, picture: np.ndarray) -> None:
    """Draw a picture without ticks and frame, so that it may have a line of text below."""
    axis.imshow(picture, interpolation="antialiased")
    axis.set(xticks=[], yticks=[])
    axis.set_anchor("N")
    axis.spines[:].set_visible(False)


def lit(picture: np.ndarray, selected: np.ndarray, grid: tuple[int, int], shade: float = 0.35) -> np.ndarray:
    """The picture (H, W, 3) uint8 with all patches darkened but the selected ones, whose borders are drawn in white.

    Args:
        picture: its sides must be multiples of the grid's.
        selected: row-major patch indices.
        grid: patches down and across.
        shade: brightness that is left to the others, 0 to 1.
    """
    high, wide = picture.shape[0] // grid[0], picture.shape[1] // grid[1]
    shown = (picture * shade).astype(np.uint8)
    edge = max(round(high / 24), 1)
    for row, column in (divmod(int(i), grid[1]) for i in selected):
        y, x = row * high, column * wide
        shown[y : y + high, x : x + wide] = 255
        inside = (slice(y + edge, y + high - edge), slice(x + edge, x + wide - edge))
        shown[inside] = picture[inside]
    return shown


def bars(axis: Axes, groups: list[tuple[pd.Series, pd.Series | None, str]], one: Anatomy) -> None:
    """Draw probabilities as bars under their names, group by group; pale bars are those before the interaction.

    Args:
        axis: where.
        groups: probabilities, the earlier ones or None, and the task, whose colour they have.
        one: knows the truth, which gets a star.
    """
    y, ticks = 0.0, 0
    for values, earlier, task in groups:
        for name, value in values.items():
            star = " ★" if name in one.truth(task) else ""
            axis.text(0, y - 0.12, f"{pretty(str(name))}{star}", fontsize=SMALL, va="bottom")
            if earlier is not None:
                axis.barh(y + 0.12, earlier[name], 0.2, color=TASK_COLOURS[task], alpha=PALE)
                axis.barh(y + 0.34, value, 0.2, color=TASK_COLOURS[task])
            else:
                axis.barh(y + 0.14, value, 0.26, color=TASK_COLOURS[task])
            written = y + (0.34 if earlier is not None else 0.14)
            axis.text(value + 0.03, written, f"{100 * value:.0f} %", fontsize=SMALL, va="center", color=GREY)
            y, ticks = y + 1, ticks + 1
    axis.set(xlim=(0, 1.25), ylim=(y - 0.4, -0.75), xticks=[], yticks=[])
    axis.spines[["bottom", "left"]].set_visible(False)
    if groups[0][1] is not None:
        axis.set_xlabel("pale: before the tasks\nexchange their findings", fontsize=SMALL, loc="left")
    else:
        axis.set_xlabel("★ true", fontsize=SMALL, loc="left")


def save_picture(figure: Figure, out: Path, dpi: int = 200) -> None:
    """Write a figure as PNG on white, without the time, so that the same figure gives the same file."""
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=dpi, metadata={"Software": None})
    plt.close(figure)
