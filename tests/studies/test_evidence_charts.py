"""Charts of evidence show what their tables say, and never by colour alone."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from studies.evidence import charts as curves
from studies.shared import interval_charts as charts

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def forest_table():
    table = pd.DataFrame({"row": ["D", "full", "x"], "label": ["D", "all", "x"], "value": [0.3, 0.4, 0.31]})
    table = table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02, difference=table["value"] - 0.3)
    return table.assign(
        difference_low=[0.0, 0.07, -0.02], difference_high=[0.0, 0.13, 0.04], p_holm=[np.nan, 0.01, 0.4]
    )


def test_forest_marks_what_is_shown_by_shape_and_filling():
    figure = charts.paired_forest(forest_table(), claimed=0.013)
    left, right = figure.axes
    points = {round(float(line.get_xdata()[0]), 3): line for line in right.lines if len(line.get_xdata()) == 1}
    assert points[0.1].get_marker() == "D" and points[0.01].get_marker() == "o"
    assert points[0.01].get_markerfacecolor() == "white"
    assert [label.get_text() for label in left.get_yticklabels()] == ["D", "all", "x"]
    assert "95 %" in left.get_xlabel() and "95 %" in right.get_xlabel()
    assert "corrected p < 0.05" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_tornado_has_the_largest_factor_and_alternative_on_top():
    table = pd.DataFrame(
        [("depth", "1", -0.01), ("K", "8", 0.02), ("K", "48", -0.05), ("depth", "3", 0.03)],
        columns=["factor", "alternative", "difference"],
    )
    figure = charts.tornado(table.assign(half=0.02))
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["48", "8", "3", "1"]
    assert [text.get_text() for text in axis.texts] == ["K", "depth"]
    hatched = [bar for bar in axis.patches if bar.get_hatch()]
    assert sorted(round(bar.get_width(), 3) for bar in hatched) == [-0.05, -0.01]
    with pytest.raises(ValueError, match="no alternative"):
        charts.tornado(table.iloc[:0])


def test_data_curve_has_the_shares_as_ticks_and_the_seeds_as_a_band():
    table = pd.DataFrame({"row": ["D", "D", "full", "full"], "share": [0.1, 1.0] * 2, "value": [0.1, 0.3, 0.2, 0.4]})
    figure = curves.data_curve(table.assign(label=table["row"], half=0.02))
    figure.canvas.draw()
    axis = figure.axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["10", "100"]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["D", "full"]
    assert len({line.get_marker() for line in axis.lines}) == 2
    low, high = axis.collections[0].get_paths()[0].vertices[:, 1].min(), 0.32
    assert low == pytest.approx(0.08) and axis.collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(high)
    assert "range of another seed" in axis.get_legend().get_title().get_text()


def test_like_is_put_beside_like_and_what_did_not_train_is_crossed():
    table = pd.DataFrame(
        {"row": ["D", "full", "a", "b", "c"], "label": list("DFabc"), "value": [0.1, 0.3, 0.2, 0.01, 0.3]}
    )
    table = table.assign(
        seeds=[5, 5, 1, 1, 1], reference=[None, None, "D", "D", "full"], half=[np.nan] * 2 + [0.03] * 3
    )
    table = table.assign(difference=[np.nan, np.nan, 0.1, np.nan, 0.0])
    figure = charts.like_with_like(table)
    first, second = figure.axes
    assert "against D (5 seeds)" in first.get_title(loc="left") and "against F" in second.get_title(loc="left")
    assert [line.get_marker() for line in first.lines if len(line.get_xdata()) == 1] == ["o", "x"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["c"]
    assert "did not train" in second.get_xlabel()


def test_the_forest_crosses_what_is_not_tested():
    table = forest_table()
    table.loc[0, ["difference_low", "difference_high"]] = 0.0
    table.loc[1, "p_holm"] = np.nan
    figure = charts.paired_forest(table)
    points = {round(float(line.get_xdata()[0]), 3): line for line in figure.axes[1].lines if len(line.get_xdata()) == 1}
    assert points[0.1].get_marker() == "x"
    assert any("not tested" in text.get_text() for text in figure.legends[0].get_texts())
