"""Calibrated answers and withheld ones, against values worked out by hand."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import trained
from conftest import DISEASES

from dermimit.cli import main
from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.selective import rule_for
from dermimit.evaluate.statistics import count_interval
from dermimit.evaluate.temperatures import at_temperature, fit_temperatures
from dermimit.predict import predict_photos
from dermimit.predict.rules import reading_of
from dermimit.records import read_json

folder, run = trained.folder, trained.run
SPACE = LabelSpace("toy", DISEASES, (), ("scale", "crust"))


def validation(confidence, right):
    """Photographs whose answer is the first disease, with this confidence; the rest is shared by the other two."""
    probability = [np.array([c, (1 - c) / 2, (1 - c) / 2]) for c in confidence]
    truth = [DISEASES[0 if yes else 1 + i % 2] for i, yes in enumerate(right)]
    missing = ("patient_id", "fitzpatrick", "body_part", "attributes", "attributes_unknown")
    plain = {"split": "val", **dict.fromkeys(missing)}
    return pd.DataFrame({"disease": truth, "disease_prob": probability, **plain}, index=range(len(truth)))


CERTAIN = validation([0.8] * 12, [True] * 9 + [False] * 3)


def test_a_temperature_by_hand():
    # .8, .1, .1 where 3 of 4 are right: the best is .75, .125, .125, so 8^(1/T) = 6
    fact = fit_temperatures(CERTAIN, SPACE)["disease"]
    assert fact["temperature"] == pytest.approx(np.log(8) / np.log(6), abs=1e-4) and fact["photographs"] == 12
    assert fact["nll_before"] == pytest.approx(-(3 * np.log(0.8) + np.log(0.1)) / 4)
    assert fact["nll_after"] == pytest.approx(-(3 * np.log(0.75) + np.log(0.125)) / 4, abs=1e-6)


def test_independent_labels_have_one_temperature_over_their_sigmoids():
    # logit 2 for all labels, of which 3 of 4 known ones hold: sigmoid(2/T) = 3/4, so T = 2 / ln 3; unknown ones aside
    p = 1 / (1 + np.exp(-2))
    lists = [["scale"], ["scale"], ["scale"], []] * 3
    frame = validation([0.8] * 12, [True] * 12)
    frame["attributes"], frame["attributes_unknown"] = lists, [["crust"]] * 12
    frame["attributes_prob"] = [np.array([p, p])] * 12
    fact = fit_temperatures(frame, SPACE)["attributes"]
    assert fact["temperature"] == pytest.approx(2 / np.log(3), abs=1e-4)
    assert fact["nll_before"] == pytest.approx(-(3 * np.log(p) + np.log(1 - p)) / 4)
    assert at_temperature(np.array([[p, 0.5]]), 2.0, True)[0] == pytest.approx([1 / (1 + np.exp(-1)), 0.5])


def test_where_no_temperature_can_be_fitted_the_reason_is_told():
    few = fit_temperatures(CERTAIN.head(9), SPACE)["disease"]
    assert few["temperature"] is None and few["reason"].startswith("9 photographs of the validation split")
    sure = fit_temperatures(validation([0.8] * 12, [True] * 12), SPACE)["disease"]
    assert sure["temperature"] is None and "12 of 12 answers on the validation split are right" in sure["reason"]
    one = CERTAIN.assign(disease="acne", disease_prob=[np.array([1.0])] * 12)
    assert fit_temperatures(one, LabelSpace("one", ("acne",)))["disease"]["reason"] == "there is one class alone"
    assert fit_temperatures(CERTAIN.assign(split="test"), SPACE)["disease"]["photographs"] == 0


def test_a_rule_by_hand():
    confidence = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.4])
    right = np.array([True, True, False, True, True, False])
    # errors among the first 1, 3, 4, 5, 6: 0, 1/3, 1/4, 1/5, 1/3; 0.8 cannot be divided
    half = rule_for(confidence, right, 0.2)
    assert (half.answered, half.wrong, half.photos) == (5, 1, 6) and half.threshold == pytest.approx(0.45)
    assert half.coverage == pytest.approx(5 / 6) and half.risk == pytest.approx(0.2) and half.low < 0.2 < half.high
    strict = rule_for(confidence, right, 0.1)
    assert (strict.answered, strict.wrong) == (1, 0) and strict.threshold == pytest.approx(0.85)
    assert rule_for(confidence, right, 0.5).threshold == 0  # all are answered
    with pytest.raises(ValueError, match=r"error of at most 0\.4; the least is 0\.5"):
        rule_for(confidence[1:3], right[1:3], 0.4)
    with pytest.raises(ValueError, match="risk 1"):
        rule_for(confidence, right, 1.0)


def test_photographs_of_one_patient_count_together_in_the_interval_of_a_rule():
    # four patients of five photographs each, who are right or wrong together: as good as four photographs
    patients = np.repeat(["a", "b", "c", "d"], 5).tolist()
    confidence, wrong_once = np.linspace(0.9, 0.5, 20), np.repeat([True, True, True, False], 5)
    rule = rule_for(confidence, wrong_once, 0.25, patients)
    assert (rule.by, rule.answered, rule.wrong) == ("patient", 20, 5)
    assert (rule.low, rule.high) == pytest.approx(count_interval(1, 4), abs=0.02)
    none_wrong = rule_for(confidence, np.full(20, True), 0.1, patients)
    assert (none_wrong.low, none_wrong.high) == pytest.approx(count_interval(0, 4))
    for unknown in (None, [None] * 20, [float("nan")] * 20):
        alone = rule_for(confidence, wrong_once, 0.25, unknown)
        assert alone.by == "photograph"
        assert (alone.low, alone.high) == pytest.approx(count_interval(5, 20), abs=0.01)


def test_the_rule_of_a_run_knows_its_patients(run, earlier):
    frame = complete(CERTAIN, run.label_space).assign(patient_id=["a"] * 6 + ["b"] * 3 + ["c"] * 3)
    frame = pd.concat([frame.iloc[::-1], frame.assign(split="test", patient_id="d")])  # rows in an order of their own
    rule = reading_of(replace(run, path=earlier, predictions=frame), abstain=0.3).rule
    assert rule.by == "patient" and (rule.answered, rule.wrong) == (12, 3)
    photographs = count_interval(3, 12)
    assert rule.low < photographs[0] and rule.high > photographs[1]


def test_a_threshold_between_neighbouring_numbers_of_half_precision_answers_what_was_counted():
    low = np.float16(0.5)
    confidence = np.array([np.nextafter(low, np.float16(1)), np.nextafter(low, np.float16(1)), low], np.float16)
    rule = rule_for(confidence, np.array([True, True, False]), 0.1)
    assert rule.answered == 2 == (confidence.astype(float) >= rule.threshold).sum()


def test_training_leaves_the_temperatures_of_its_validation_split(run, folder):
    stored = read_json(folder / "run" / "calibration.json")
    assert stored == fit_temperatures(run.predictions, run.label_space)
    assert set(stored) == {"disease", "body_part", "attributes"} and stored["disease"]["photographs"] == 3


def test_a_run_of_too_few_photographs_refuses_and_says_why(folder, capsys):
    words = ["predict", str(folder / "run"), str(folder / "tiny/images/00.png")]
    assert main([*words, "--calibrated"]) == 2
    assert "disease cannot be calibrated: 3 photographs of the validation split" in capsys.readouterr().err


def complete(frame, space):
    """The frame with what every run stores beside: names of images, and probabilities of the other tasks."""
    parts, some = len(space.body_parts), len(space.attributes)
    more = {"body_part_prob": [np.full(parts, 1 / parts)] * len(frame)}
    more |= {"attributes_prob": [np.full(some, 0.4)] * len(frame)}
    return frame.assign(image=[f"{place}.png" for place in range(len(frame))], **more)


@pytest.fixture
def earlier(run, folder, tmp_path):
    """A run of a version that stored no temperatures, with a validation split that has some."""
    shutil.copytree(folder / "run", tmp_path / "earlier")
    (tmp_path / "earlier" / "calibration.json").unlink()
    complete(CERTAIN, run.label_space).to_parquet(tmp_path / "earlier" / "predictions.parquet")
    return tmp_path / "earlier"


def test_an_earlier_run_is_calibrated_without_being_changed(earlier, folder, capsys, tmp_path):
    before = sorted(path.name for path in earlier.iterdir())
    words = ["predict", str(earlier), str(folder / "tiny/images")]
    assert main([*words, "--calibrated", "--out", str(tmp_path / "c.csv")]) == 0
    assert "attributes is not calibrated: 0 photographs" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "p.csv")]) == 0
    assert sorted(path.name for path in earlier.iterdir()) == before
    names = [f"disease: {name}" for name in DISEASES]
    calibrated, plain = (pd.read_csv(tmp_path / name)[names].to_numpy() for name in ("c.csv", "p.csv"))
    tempered = plain ** (np.log(6) / np.log(8))
    np.testing.assert_allclose(calibrated, tempered / tempered.sum(axis=1, keepdims=True), atol=1e-4)
    assert (calibrated.max(axis=1) < plain.max(axis=1)).all()


def test_answers_below_the_threshold_are_withheld(run, earlier, folder, tmp_path, capsys):
    sure = predict_photos(run, [folder / "tiny/images"])["disease_1_probability"].to_numpy()
    middle = float(np.sort(sure)[5:7].mean())
    doubtful = validation([middle + 0.01] * 10 + [middle - 0.01] * 2, [True] * 10 + [False] * 2)
    complete(doubtful, run.label_space).to_parquet(earlier / "predictions.parquet")
    words = ["predict", str(earlier), str(folder / "tiny/images"), "--out", str(tmp_path / "a.csv")]
    assert main([*words, "--abstain", "0.1"]) == 0
    said = capsys.readouterr().out
    assert said.count("withheld: its confidence is") == 6 and said.count("differential\n") == 6
    assert "6 of 12 answers withheld" in said
    assert (
        "answers 10 of 12 photographs (83%), 0 of them wrong (0.0%, 95 % interval by photograph 0.0% to 27.8%)" in said
    )
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table["answered"]) == list(sure > middle)
    complete(validation([0.5] * 12, [False] * 12), run.label_space).to_parquet(earlier / "predictions.parquet")
    assert main([*words, "--abstain", "0.1"]) == 2
    assert "no threshold of confidence has an error of at most 0.1; the least is 1" in capsys.readouterr().err


def test_a_rule_needs_one_answer_a_photograph(run):
    several = replace(run, label_space=replace(run.label_space, several_body_parts=True))
    several.model.tasks, tasks = ("attributes", "body_part"), several.model.tasks
    try:
        with pytest.raises(ValueError, match="attributes has any number of classes"):
            reading_of(several, abstain=0.1)
    finally:
        several.model.tasks = tasks
