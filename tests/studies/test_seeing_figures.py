"""Figures of maps and their descriptions in words."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dermimit.prediction import DISCLAIMER
from studies.localisation import charts as figures

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_one_photograph_s_maps():
    photo, mask = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32), bool)
    mask[:8, :8] = True
    point, flat = np.zeros((32, 32)), np.zeros((32, 32))
    point[2, 3] = 1
    maps = {"disease": {"rollout": point, "random": 1 - point}, "lower_leg": {"rollout": flat}}
    drawn = figures.map_grid(photo, maps, mask=mask, selected={"disease": np.array([0, 5])}, grid=(4, 4))
    drawn.figure.canvas.draw()
    assert drawn.figure.get_supxlabel() == DISCLAIMER
    assert "disease, highest place: rollout top left, on the lesion; random middle centre, partly on" in drawn.alt
    assert "lower leg, highest place: rollout nowhere, it is constant" in drawn.alt
    assert drawn.alt.endswith(DISCLAIMER)
    assert [axis.get_title() for axis in drawn.figure.axes[:3]] == ["photo", "rollout", "random"]
    assert len(drawn.figure.axes[0].patches) == 4  # two framed patches, each with a dark edge
    figures.map_grid(photo, maps).figure.canvas.draw()
