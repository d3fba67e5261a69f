"""Charts and figures."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.explain import attributions, figures, style
from dermimit.prediction import DISCLAIMER, Prediction
from studies.shared import charts

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_patch_maps_are_row_major():
    values = torch.zeros(1, 64)
    values[0, 10] = 1.0  # row 1, column 2 of an 8 × 8 grid
    spread = attributions.patches_to_map(values, (8, 8), (64, 64))[0]
    assert spread[8:16, 16:24].min() == 1 and spread.sum() == 64


def test_figures_are_drawn(images):
    style.use_style()
    photos = [(image.permute(1, 2, 0) * 127 + 128).byte().numpy() for image in images]
    masks = np.zeros((2, 64, 64), dtype=bool)
    masks[:, 20:40, 20:40] = True
    history = pd.DataFrame(
        {"samples_seen": [1, 2], "val": [0.1, 0.2], "loss/disease": [3.0, 2.0], "row": "D", "seed": 0}
    )
    estimates = pd.DataFrame({"label": ["D"], "row": ["D"], "value": [0.5], "low": [0.4], "high": [0.6]})
    probabilities = {"disease": pd.Series([0.1, 0.9], ["a", "b"]), "attributes": pd.Series([0.2], ["scale"])}
    answer = Prediction(photos[0], probabilities, {"disease": np.array([0, 9])}, (8, 8))
    drawn = [
        charts.class_counts({"disease": pd.Series([3, 1], ["a", "b"])}),
        charts.learning_curves(history, "val", label="score", names={"D": "D"}, references={"line": 0.3}, over=history),
        charts.task_curves(history, {"disease": "val"}, label="score"),
        charts.losses(history),
        charts.forest(estimates, label="score", references={"line": 0.3}),
        figures.selection_panel(photos, {"disease": np.array([[0, 1], [2, 3]])}, (8, 8), masks),
        figures.map_panel(photos, {"map": np.zeros((2, 64, 64))}, masks, ["a", "b"]),
        figures.answer_figure(answer, {"disease": ["b"]}),
        charts.shares(estimates.assign(baseline=True), label="share"),
    ]
    for figure in drawn:
        figure.canvas.draw()
    assert drawn[7].get_supxlabel() == DISCLAIMER


def test_colours_are_fixed_and_differ():
    assert len(set(style.ROW_COLOURS.values())) == len(style.ROW_COLOURS)
    rows = [*style.ROW_COLOURS, "new", "newer"]
    assert style.row_colour("new", rows) != style.row_colour("newer", rows)
    assert style.row_colour("D") == style.row_colour("D", rows)
