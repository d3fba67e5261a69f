"""Figures of maps and of their localisation, and their descriptions in words."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
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


def table(groups=("all",), score="iou"):
    return pd.DataFrame(
        [
            {"method": m, "group": g, "score": score, "value": 0.5, "low": 0.4, "high": 0.6}
            for m in ("rollout", "centre_prior")
            for g in groups
        ]
    )


def test_scores_with_the_human_line():
    drawn = figures.scores_by_method(table(), "iou")
    drawn.figure.canvas.draw()
    (axis,) = drawn.figure.axes
    assert any(list(line.get_xdata()) == [0.76, 0.76] for line in axis.lines)
    assert "rollout 0.50 (0.40 to 0.60)" in drawn.alt and "two people, median 0.76" in drawn.alt
    other = figures.scores_by_method(table(("small", "large"), "auroc"), "auroc")
    other.figure.canvas.draw()
    assert "two people" not in other.alt and "rollout, small 0.50" in other.alt
    with pytest.raises(ValueError, match="no 'energy' in the summary: it has iou"):
        figures.scores_by_method(table(), "energy")


@pytest.mark.parametrize("measure", ["spearman", "ssim"])
def test_sanity_curves(measure):
    frame = pd.DataFrame(
        [
            {"method": m, "stage": s, "order": o, "photo": p, "spearman": 1 - 0.4 * o, "ssim": 1 - 0.2 * o}
            for m in ("rollout", "random")
            for o, s in enumerate(("trained", "classifiers", "stem"))
            for p in range(3)
        ]
    )
    drawn = figures.sanity_curves(frame, measure)
    drawn.figure.canvas.draw()
    assert [t.get_text() for t in drawn.figure.axes[0].get_xticklabels()] == ["trained", "classifiers", "stem"]
    assert f"rollout {0.2 if measure == 'spearman' else 0.6:.2f}" in drawn.alt


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
def test_curves(kind):
    rows = pd.DataFrame(
        {
            "method": ["rollout"] * 3,
            "patient_id": ["a", "a", "b"],
            kind: [0.5, 0.4, 0.3],
            f"{kind}_curve": [list(np.linspace(1, 0, 21))] * 3,
        }
    )
    drawn = figures.curves_by_method(rows, kind)
    drawn.figure.canvas.draw()
    assert drawn.alt == f"Mean {kind} curves. Area under each: rollout 0.40."
