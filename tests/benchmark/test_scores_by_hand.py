"""Scores of answers to a benchmark, worked out another way."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermimit.benchmark import benchmark, read_answers_file
from dermimit.benchmark.scoring import LEAST, by_skin_type, probability_scores
from dermimit.benchmark.tasks import TOO_FEW, several_of, task_scores
from dermimit.evaluate.resampling import Draws, patient_draws


def test_a_skin_type_has_a_score_from_the_least_number_of_photographs_on():
    to = benchmark("pad_ufes_20_948")
    skin = [1.0] * LEAST + [2.0] * (LEAST - 1)
    few = replace(to, frame=to.frame.head(len(skin)).assign(fitzpatrick=skin))
    p = np.eye(len(to.diseases))[[to.diseases.index(d) for d in few.frame["disease"]]]
    found = by_skin_type(few, p, 50)
    assert found["type 1"]["photographs"] == LEAST and found["type 1"]["accuracy"] == 1
    assert found["type 2"] == {"photographs": LEAST - 1}


@pytest.mark.parametrize(("classes", "told"), [(10, False), (11, True)])
def test_five_answers_are_scored_of_more_than_ten_classes_alone(classes, told):
    rng = np.random.default_rng(0)
    p, truth = rng.dirichlet(np.ones(classes), 60), rng.integers(classes, size=60)
    found = probability_scores(truth, p, patient_draws(range(60), 20))
    assert ("top5_accuracy" in found) == told
    among = [(row > row[t]).sum() for row, t in zip(p, truth, strict=True)]
    assert found["top3_accuracy"] == pytest.approx(np.mean([better < 3 for better in among]))


def test_an_unknown_attribute_that_is_said_is_no_error_in_the_resamples_either():
    truth = np.array([[1.0], [0.0], [np.nan], [np.nan], [1.0]])
    p = np.array([[0.9], [0.1], [0.8], [0.7], [0.6]])
    once = Draws(np.arange(5), np.ones((5, 1)))  # every photograph once
    value, drawn = several_of(truth, p, once)["macro_f1"]
    assert value == 1 and drawn.tolist() == [1]  # 2 hits, 2 true, 2 said of the 3 that are known


def test_chance_is_over_known_labels_and_few_present_ones_have_no_line():
    to = benchmark("pad_ufes_20_948")
    first, second, *others = to.attributes
    shows = [[name for name, n in ((first, 12), (second, TOO_FEW - 1)) if i < n] for i in range(40)]
    unknown = [[*others, *([first] if i >= 30 else [])] for i in range(40)]
    few = replace(to, frame=to.frame.head(40).assign(attributes=shows, attributes_unknown=unknown))
    rng = np.random.default_rng(0)
    found = task_scores(few, "attributes", rng.random((40, len(to.attributes))),
                        patient_draws(few.frame["patient_id"], 20))  # fmt: skip

    def at_random(present, known):  # average precision of many random orders
        hits = rng.permuted(np.tile(np.arange(known) < present, (4000, 1)), axis=1)
        return (hits * hits.cumsum(1) / np.arange(1, known + 1)).sum(1).mean() / present

    assert found["chance_map"] == pytest.approx((at_random(12, 30) + at_random(TOO_FEW - 1, 40)) / 2, abs=0.01)
    assert found["each"][first]["present"] == 12 and "auroc" in found["each"][first]
    assert found["each"][second] == {"known": 40, "present": TOO_FEW - 1}


def test_rounded_probabilities_are_made_to_add_up_to_one(tmp_path):
    to = benchmark("pad_ufes_20_948")
    rounded = np.full((len(to.frame), len(to.diseases)), round(1 / len(to.diseases), 4))  # 6 times 0.1667
    assert abs(rounded[0].sum() - 1) > 1e-4
    table = pd.DataFrame(rounded, columns=list(to.diseases)).assign(image=to.frame["image"])
    table.to_csv(tmp_path / "answers.csv", index=False)
    given = read_answers_file(tmp_path / "answers.csv", to).disease
    np.testing.assert_allclose(given, 1 / len(to.diseases), rtol=1e-12)
