"""What stands in the explorer's place without JavaScript, on paper and for a screen reader: a figure and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermimit.data.skin import fitzpatrick_label
from dermimit.explain.figures import draw_selection
from dermimit.explain.style import RED, TASK_COLOURS, pretty
from dermimit.explore.cases import picture
from dermimit.explore.onnx_model import OnnxModel
from dermimit.prediction import DISCLAIMER

Cases = Sequence[Mapping[str, Any]]


def own_photo(case: Mapping[str, Any]) -> np.ndarray:
    """The case's photograph with the skin type that it was first drawn with."""
    return picture(case["photos"][str(case["truth"]["fitzpatrick"])])


def answers_figure(model: OnnxModel, cases: Cases, columns: int = 2, top: int = 3) -> Figure:
    """Draw each case with its selected patches, and beside it its most probable diseases; the true one is starred.

    Args:
        model: answers with the usual controls.
        cases: as `curated` gives them.
        columns: cases beside each other.
        top: bars a case.
    """
    rows = -(-len(cases) // columns)
    size = (4.4 * columns, 1.65 * rows + 0.4)
    ratios = {"width_ratios": [1, 1.25] * columns}
    figure, axes = plt.subplots(
        rows, 2 * columns, figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios
    )
    for axis in axes.flat[2 * len(cases) :]:
        axis.axis("off")
    for number, case in enumerate(cases):
        photo_axis, bar_axis = axes.flat[2 * number : 2 * number + 2]
        prediction = model(own_photo(case))
        draw_selection(photo_axis, prediction.photo, prediction.selected["disease"], prediction.grid)
        photo_axis.set_title(f"case {number + 1}", fontsize=10)
        _bars(bar_axis, prediction.answers["disease"].head(top)[::-1], case["truth"]["disease"])
    for axis in axes[-1, 1::2]:
        axis.set_xlabel("probability")
    figure.supxlabel(DISCLAIMER, fontsize=9, color=RED, weight="bold", x=0.01, ha="left")
    return figure


def _bars(axis: Axes, best: pd.Series, truth: str) -> None:
    bars = axis.barh(range(len(best)), best, color=TASK_COLOURS["disease"], height=0.35)
    for place, (name, p) in enumerate(best.items()):
        mark = " ★" if name == truth else ""
        bars[place].set_hatch("//" if mark else "")
        axis.text(0, place + 0.24, f"{pretty(name)}{mark}, {100 * p:.0f} %", fontsize=9)
    axis.set(xlim=(0, 1), ylim=(-0.4, len(best) - 0.2), yticks=[], xticks=[0, 0.5, 1])
    axis.spines["left"].set_visible(False)


def listed(series: pd.Series, top: int) -> str:
    """The most probable classes as text, such as `acne vulgaris 41 %, rosacea 12 %`, never broken before a %."""
    return ", ".join(f"{pretty(name)} {100 * p:.0f}\u00a0%" for name, p in series.head(top).items())


def answers_table(model: OnnxModel, cases: Cases, top: int = 3) -> pd.DataFrame:
    """Truth and prediction of cases: `case, true, predicted diseases, body part, attributes, rank of the true one`."""
    lines = []
    for number, case in enumerate(cases, start=1):
        truth, prediction = case["truth"], model(own_photo(case))
        skin = f"skin type {fitzpatrick_label(truth['fitzpatrick'])}"
        drawn = f"{pretty(truth['disease'])}; {pretty(truth['body_part'])}, {skin}"
        answers = prediction.answers
        lines.append(
            {
                "case": number,
                "true": drawn,
                "predicted diseases": listed(answers["disease"], top),
                "body part": listed(answers["body_part"], 1),
                "attributes from one half": listed(answers["attributes"][answers["attributes"] >= 0.5], 9) or "none",
                "rank of the true one": 1 + list(answers["disease"].index).index(truth["disease"]),
            }
        )
    return pd.DataFrame(lines)
