"""One look for every figure: colour-blind-safe colours that always mean the same task or experiment row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import seaborn as sns

from dermimit.shown import shown

# Okabe and Ito (2008), colours that stay apart under the common kinds of colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#666666"

PALETTE = [
    tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (YELLOW, ORANGE, RED, PINK, SKY, BLUE, GREEN, "#FFFFFF")
]

TASK_COLOURS = {"disease": BLUE, "body_part": GREEN, "attributes": ORANGE}
TASK_LABELS = {"disease": "disease", "body_part": "body part", "attributes": "attributes"}
BROWN, PURPLE = "#8C6D31", "#6B4C9A"
ROW_COLOURS = {
    "D": GREY, "D_LSM": ORANGE, "D_B": PINK, "D_A": BROWN, "D_B_A": SKY, "D_B_A_concat": PURPLE, "D_B_A_CIM": BLACK,
    "D_B_A_LSM": GREEN, "full": RED,
}  # fmt: skip
SPARE = (BLUE, "#B15928", "#1B9E77", "#7F7F00")
MARKERS = "osD^vPX*<>dph8"
CYCLE = [BLUE, ORANGE, GREEN, RED, PINK, SKY, YELLOW, BLACK]
STYLE: Any = {
    "figure.dpi": 110, "figure.facecolor": "white", "savefig.facecolor": "white", "svg.hashsalt": "dermimit",
    "font.size": 11, "axes.titlesize": 11, "axes.labelsize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False, "image.cmap": "viridis",
}  # fmt: skip


def pretty(name: str) -> str:
    """Write a class name for people: `lower_leg` becomes `lower leg`."""
    return shown(name).replace("_", " ")


def row_colour(row: str, rows: Sequence[str] = ()) -> str:
    """Return the fixed colour of an experiment row; a row that was added later takes the next spare one.

    Args:
        row: the row's file-safe name, such as `D_LSM`.
        rows: all rows of the table in order, which decides the spare colour of an added one.
    """
    if row in ROW_COLOURS:
        return ROW_COLOURS[row]
    added = [name for name in rows if name not in ROW_COLOURS]
    return SPARE[(added.index(row) if row in added else 0) % len(SPARE)]


def row_marker(row: str, rows: Sequence[str] = ()) -> str:
    """Return a marker for an experiment row, so that colour is never the only difference."""
    names = [*ROW_COLOURS, *(name for name in rows if name not in ROW_COLOURS)]
    return MARKERS[(names.index(row) if row in names else 0) % len(MARKERS)]


def use_style() -> None:
    """Set fonts, sizes and a white background, and draw inline figures as SVG where there is a notebook."""
    sns.set_theme(context="notebook", style="ticks", palette=CYCLE)
    mpl.rcParams.update(STYLE)
    ipython = sys.modules.get("IPython")  # in a notebook it has been imported
    if ipython is not None and ipython.get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", facecolor="white")
