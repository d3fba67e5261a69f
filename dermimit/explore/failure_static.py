"""What stands in the failure browser's place on paper: some of its photographs, and sentences on all of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from dermimit.explain.figures import draw_selection
from dermimit.explain.style import RED, pretty
from dermimit.prediction import DISCLAIMER


def pictures_of(record: Mapping[str, Any], sheet: bytes) -> list[np.ndarray]:
    """The photographs on a sheet, uint8 (S, S, 3), in the order of the cases."""
    whole, size = np.array(Image.open(io.BytesIO(sheet), formats=["WEBP"]).convert("RGB")), record["size"]
    places = [divmod(i, record["columns"]) for i in range(len(record["cases"]))]
    return [whole[y * size : (y + 1) * size, x * size : (x + 1) * size] for y, x in places]


def errors_figure(record: Mapping[str, Any], sheet: bytes, most: int = 12, columns: int = 4) -> Figure:
    """Draw the most confident wrong answers with the patches selected for the disease, captioned with answer and truth.

    Args:
        record: as `failure_data.failures_record` gives it.
        sheet: its photographs.
        most: how many.
        columns: beside each other.
    """
    cases, pictures = record["cases"], pictures_of(record, sheet)
    order = sorted(range(len(cases)), key=lambda i: -cases[i]["confidence"])[:most]
    rows = -(-len(order) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.3 * columns, 2.75 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(order) :]:
        axis.axis("off")
    for axis, i in zip(axes.flat, order, strict=False):
        (said, sure), truth = cases[i]["said"][0], cases[i]["truth"]
        draw_selection(axis, pictures[i], np.array(cases[i]["selected"], int), tuple(record["grid"]))
        axis.set_title(f"{pretty(said)}, {100 * sure:.0f} %\nis {pretty(truth)}", fontsize=9)
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure
