"""Effects in words and as a forest plot follow their verdicts; the worked case is one case at every size."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import INCONCLUSIVE, NOT_RUN, Estimate
from studies.shared import answer
from studies.shared.effect_chart import LOOKS, effects
from studies.shared.effects import NO_BREAK, effects_table, finding
from studies.shared.page import Page
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, NOT_TESTED, SUPPORTED
from studies.shared.worked_case import picture, worked_case

matplotlib.use("Agg")
NOTHING = Estimate(np.nan, np.nan, np.nan)


@pytest.mark.parametrize(
    ("effect", "verdict", "told"),
    [
        (Estimate(0.0614, 0.038, 0.09), SUPPORTED, "X raised macro-F1 by 6.1 points (3.8 to 9.0)"),
        (Estimate(-0.012, -0.02, -0.004), CONTRADICTED, "X lowered macro-F1 by 1.2 points (0.4 to 2.0)"),
        (Estimate(0.003, 0.001, 0.004), SUPPORTED,
         "X raised macro-F1 by 0.3 points (0.1 to 0.4), less than is worth having"),
        (Estimate(-0.003, -0.004, -0.001), CONTRADICTED,
         "X lowered macro-F1 by 0.3 points (0.1 to 0.4), less than would matter"),
        (Estimate(0.01, -0.016, 0.04), INCONCLUSIVE, "X: inconclusive, between −1.6 and +4.0 points"),
        (Estimate(0.01, 0.004, 0.024), INCONCLUSIVE,
         "X: inconclusive by the corrected test, between +0.4 and +2.4 points"),
        (Estimate(0.001, -0.01, 0.012), NO_DIFFERENCE, "X made no difference larger than two points (−1.0 to +1.2)"),
        (NOTHING, NOT_RUN, "X: not tested"),
        (Estimate(0.03, 0.01, 0.05), ONE_SEED, "X: not tested"),
    ],
)  # fmt: skip
def test_an_effect_is_told_by_its_verdict(effect, verdict, told):
    assert finding("X", effect, verdict) == told


def test_the_first_interval_of_a_page_says_what_it_is():
    assert finding("X", Estimate(0.02, 0.01, 0.03), SUPPORTED, first=True).endswith("2.0 points (95 % CI 1.0 to 3.0)")


def judged():
    return pd.DataFrame(
        {
            "label": ["a", "b", "c"],
            "difference": [0.05, -0.03, np.nan],
            "low": [0.02, -0.05, np.nan],
            "high": [0.08, -0.01, np.nan],
            "seeds": [5, 3, 0],
            "verdict": [SUPPORTED, CONTRADICTED, NOT_RUN],
        }
    )


def test_a_table_of_effects_has_a_dash_where_nothing_is_known_and_whole_intervals():
    table = effects_table(judged(), "against")
    assert list(table) == ["against", "seeds", "points (95 % CI)", "verdict"]
    assert table["points (95 % CI)"].str.replace(NO_BREAK, " ").tolist() == ["+5.0 (+2.0 to +8.0)",
                                                                            "−3.0 (−5.0 to −1.0)", "–"]  # fmt: skip
    assert table["points (95 % CI)"].str.count(" ").tolist() == [1, 1, 0], "between value and interval alone"
    little = judged().head(1).assign(difference=0.003, low=0.001, high=0.004)
    (text,) = effects_table(little)["points (95 % CI)"]
    assert text.endswith(", less than is worth having")


def test_the_forest_shows_verdicts_by_colour_and_marker_and_the_margin():
    figure = effects(judged(), label="points")
    (axis,) = figure.axes
    points = {float(line.get_xdata()[0]): line for line in axis.lines if len(line.get_xdata()) == 1}
    assert (points[5.0].get_color(), points[5.0].get_marker()) == LOOKS[SUPPORTED]
    assert (points[-3.0].get_color(), points[-3.0].get_marker()) == LOOKS[CONTRADICTED]
    assert [text.get_text() for text in axis.texts] == ["+5.0", "−3.0", "–"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [SUPPORTED, CONTRADICTED]
    assert axis.patches[0].get_x() == -2 and axis.patches[0].get_width() == 4, "the margin"
    assert NOT_TESTED in LOOKS
    plt.close(figure)


def test_the_worked_case_is_the_same_plaque_at_every_size():
    small, large = worked_case(), worked_case(128)
    assert small.labels == large.labels
    assert small.labels.disease == "plaque psoriasis" and {"plaque", "scale"} <= set(small.labels.attributes)
    assert picture(128).shape == (128, 128, 3) and small.mask.mean() > 0.1
    shrunk = large.mask.reshape(64, 2, 64, 2).mean((1, 3)) > 0.5
    assert (shrunk == small.mask).mean() > 0.93, "the lesion lies where it lay"


def test_tables_that_are_not_shown_can_be_downloaded(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(answer, "display", lambda data, **more: shown.append(data))
    page = Page("06_components", {"report": str(tmp_path / "page.json")}, tmp_path, "", 0.0)
    page.files({"more & more": judged()})
    assert pd.read_csv(tmp_path / "csv/06_components-more-more.csv")["seeds"].tolist() == [5, 3, 0]
    assert 'tables/06_components-more-more.csv" download>more &amp; more</a>' in shown[0]["text/html"]
    shown.clear()
    Page("06_components", {"report": ""}, tmp_path, "", 0.0).files({"more": judged()})
    assert not shown
