"""Scores by skin type against plain loops: group means, gaps, what chance makes of the spread."""

import re
from importlib import resources

import numpy as np
import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.data.skin import DARK_GROUP, DARK_TYPES, FITZPATRICK, SKIN_GROUPS, fitzpatrick_label, skin_group
from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.metrics import expected_calibration_error
from dermimit.evaluate.resampling import patient_draws
from studies.skin_tone import by_type as skin_tone

SPACE = LabelSpace("two", ("a", "b"), ("arm", "leg"), ("scale", "crust"))


def seed_of(n=600, rate=(0.8, 0.8, 0.8, 0.8, 0.5, 0.5), seed=0):
    """Photographs whose answer is right with a probability that the skin type decides; two a patient."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(np.random.default_rng(1).integers(1, 7, n // 2), 2)
    truth, right = rng.integers(0, 5, n), rng.random(n) < np.array(rate)[kinds - 1]
    found = pd.DataFrame({"image": [f"{i}" for i in range(n)], "patient_id": [f"p{i // 2}" for i in range(n)]})
    found = found.assign(fitzpatrick=kinds, truth=truth, answer=np.where(right, truth, (truth + 1) % 5))
    found = found.assign(confidence=rng.uniform(0.3, 1, n), accuracy=right.astype(float))
    return found.assign(overconfidence=found["confidence"] - found["accuracy"])


def test_photographs_are_scored_as_they_are():
    predictions = pd.DataFrame({
        "split": ["test", "test", "val"], "image": ["0", "1", "2"], "patient_id": ["p", "q", "r"],
        "fitzpatrick": [1, 6, 2], "disease": ["a", "b", "a"], "disease_prob": [[0.7, 0.3], [0.6, 0.4], [1.0, 0.0]],
        "attributes_prob": [[0.9, 0.2]] * 3, "attributes": [["scale"], ["scale", "crust"], []],
        "body_part_prob": [[0.1, 0.9]] * 3, "body_part": ["leg", "arm", "arm"],
    })  # fmt: skip
    found = skin_tone.photo_scores(predictions, SPACE)
    assert len(found) == 2 and found["accuracy"].tolist() == [1, 0] and found["body_part"].tolist() == [1, 0]
    assert found["overconfidence"].tolist() == pytest.approx([-0.3, 0.6])
    assert found["attributes"].tolist() == pytest.approx([1, 2 / 3])


def test_every_score_of_a_type_is_that_of_its_photographs_alone():
    seeds = [seed_of(seed=s) for s in (0, 1)]
    for line in skin_tone.type_table(seeds, resamples=40):
        parts = [s[s["fitzpatrick"] == FITZPATRICK.index(line["type"]) + 1] for s in seeds]
        slow = {
            "accuracy": lambda p: p["accuracy"].mean(),
            "macro_f1": lambda p: macro_f1(p["truth"].to_numpy(), p["answer"].to_numpy()),
            "overconfidence": lambda p: (p["confidence"] - p["accuracy"]).mean(),
            "ece": lambda p: expected_calibration_error(p["accuracy"].to_numpy(), p["confidence"].to_numpy()),
        }[line["score"]]
        assert line["value"] == pytest.approx(np.mean([slow(p) for p in parts]))
        assert line["photographs"] == len(parts[0])
        if line["score"] == "ece":
            assert 0.02 < line["chance"] < 0.2 and "low" not in line
        else:
            assert line["low"] < line["value"] < line["high"]


def test_the_gap_and_its_interval_are_those_of_a_slow_bootstrap():
    one = seed_of()
    lines = skin_tone.gap_table({"D": [one]}, resamples=300)
    line = next(x for x in lines if x["score"] == "accuracy")

    def slow(rows):
        part = one.iloc[rows]
        light, dark = part["fitzpatrick"] <= 2, part["fitzpatrick"] >= 5
        return part.loc[light, "accuracy"].mean() - part.loc[dark, "accuracy"].mean()

    assert line["value"] == pytest.approx(slow(np.arange(600))) and "difference" not in line
    draws = patient_draws(one["patient_id"], 300)
    drawn = [slow(np.repeat(np.arange(600), w[draws.patient].astype(int))) for w in draws.weights.T]
    assert (line["low"], line["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    assert line["low"] > 0.1 and line["light_photographs"] == (one["fitzpatrick"] <= 2).sum()


def test_a_row_without_a_gap_differs_from_one_with_a_gap():
    rows = {"D": [seed_of(seed=s) for s in range(3)], "even": [seed_of(rate=(0.7,) * 6, seed=s + 9) for s in range(3)]}
    lines = {(x["row"], x["score"]): x for x in skin_tone.gap_table(rows, resamples=300)}
    even = lines["even", "accuracy"]
    assert even["difference"] == pytest.approx(even["value"] - lines["D", "accuracy"]["value"])
    assert even["difference_high"] < -0.05 and even["p_holm"] < 0.05


def test_best_minus_worst_stands_beside_chance():
    (line,) = (x for x in skin_tone.spread_table([seed_of()], repeats=200) if x["score"] == "accuracy")
    assert line["worst"] in ("V", "VI") and line["p"] < 0.02
    assert line["spread"] == pytest.approx(line["best_value"] - line["worst_value"])
    (flat,) = (x for x in skin_tone.spread_table([seed_of(rate=(0.6,) * 6)], repeats=200) if x["score"] == "accuracy")
    assert flat["p"] > 0.02 and flat["chance"] == pytest.approx(0.13, abs=0.05)


def test_wrong_input_is_explained():
    one = seed_of(60)
    draws = patient_draws(one["patient_id"], 10)
    with pytest.raises(ValueError, match="group 1 of 2 has no photograph"):
        skin_tone.measured([one], np.zeros(60, int), 2, draws)
    with pytest.raises(ValueError, match="other photographs"):
        skin_tone.measured([one, one.assign(image="x")], np.zeros(60, int), 1, draws)


def test_a_type_has_one_name_and_dark_means_one_thing():
    """Everywhere a type is a number 1 to 6 and a name: no list of names may start one place off."""
    assert [fitzpatrick_label(k) for k in range(1, 7)] == ["I", "II", "III", "IV", "V", "VI"]
    assert fitzpatrick_label(np.int64(5)) == "V" and fitzpatrick_label(6.0) == "VI"
    for wrong in (0, 7, 2.5, float("nan")):
        with pytest.raises(ValueError, match="types are 1 to 6"):
            fitzpatrick_label(wrong)
    kinds = pd.Series(range(1, 7))
    assert [SKIN_GROUPS[k] for k in skin_group(kinds)] == ["I–II", "I–II", "III–IV", "III–IV", "V–VI", "V–VI"]
    assert tuple(kinds[skin_group(kinds) == DARK_GROUP]) == DARK_TYPES
    script = (resources.files("dermimit.explore") / "common.js").read_text()
    names = re.search(r"ROMAN = \[(.*?)\]", script)[1].replace('"', "").split(", ")
    assert names == ["", *FITZPATRICK]  # in JavaScript an array, read at the type's number
