"""Scores and intervals of rows, pairs and subgroups, worked out another way."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.answers import Answers, read_answers
from dermimit.evaluate.comparisons import compare
from dermimit.evaluate.conformal import p_values
from dermimit.evaluate.out_of_fold import collect, paired, scored
from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.runs import read_records
from dermimit.evaluate.statistics import count_interval
from dermimit.evaluate.subgroup_scores import subgroup_scores
from dermimit.evaluate.subgroups import groups_of

SPACE = LabelSpace("toy", diseases=("a", "b", "c"))


def write(run, answers, truth="aabc", patients=None, split="test"):
    run.mkdir()
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(len(truth))], "split": split, "disease": list(truth)})
    frame["patient_id"] = patients or ["p"] * len(truth)
    frame["disease_prob"] = list((np.eye(3) * 0.7 + 0.1)[["abc".index(a) for a in answers]].astype(np.float16))
    frame.to_parquet(run / "predictions.parquet")
    (run / "metrics.json").write_text("{}")
    return run


def test_the_interval_of_a_row_covers_the_luck_of_its_seeds(tmp_path):
    for seed, answers in enumerate(("aabc", "abbc")):  # macro-F1 1 and 7/9; one patient: no resample differs
        write(tmp_path / f"D-seed{seed}", answers)
    line = compare(read_records(tmp_path), pd.DataFrame({"row": ["D"], "label": ["D"]}), SPACE, resamples=400).iloc[0]
    # both draws are one seed in a quarter of the resamples each: half of their distance, widened as for 1 degree
    # of freedom
    half = (1 - 7 / 9) / 2 * 2**0.5 * stats.t.ppf(0.975, 1) / stats.norm.ppf(0.975)
    assert line["value"] == pytest.approx(8 / 9)
    assert (line["low"], line["high"]) == (pytest.approx(8 / 9 - half), pytest.approx(8 / 9 + half))


def test_answers_are_those_of_the_test_split_alone(tmp_path):
    run = write(tmp_path / "D-seed0", "abbcca", "aabcbb", split=["test"] * 4 + ["val"] * 2)
    found = read_answers([run], SPACE)
    assert found.truth.tolist() == [0, 0, 1, 2] and found.answers[0].tolist() == [0, 1, 1, 2]
    assert found.images == ("0.png", "1.png", "2.png", "3.png") and len(found.patients) == 4


def test_a_disease_that_is_always_named_has_the_interval_of_its_patients_and_not_of_its_photographs():
    truth = np.array([0] * 6 + [1] * 6)
    answer = np.array([0] * 6 + [1, 0] * 3)
    patients = pd.Series(["P", "Q"] * 3 + [f"R{i}" for i in range(6)])
    one = Answers(truth, [answer], patients, tuple(f"{i:02d}" for i in range(12)), (0,))
    (line,) = scored({"one": one}, ("a", "b"), 300)
    assert line["recall"]["a"] == pytest.approx([1.0, *count_interval(2, 2)])  # 6 photographs of 2 patients


def test_p_of_a_pair_is_of_the_mean_over_seeds():
    rng, truth = np.random.default_rng(0), np.random.default_rng(9).integers(3, size=120)
    patients, images = pd.Series([f"p{i // 2}" for i in range(120)]), tuple(f"{i:03d}" for i in range(120))
    models = {
        name: Answers(truth, [np.where(rng.random(120) < right, truth, rng.integers(3, size=120)) for _ in range(3)],
                      patients, images, (0, 1, 2))
        for name, right in (("one", 0.6), ("two", 0.5))
    }  # fmt: skip
    (line,) = paired(models, [("one", "two")], resamples=400)
    draws = patient_draws(patients, 400)
    gaps = models["one"].macro_f1_draws(draws) - models["two"].macro_f1_draws(draws)
    gains, v = models["one"].macro_f1() - models["two"].macro_f1(), gaps.mean(axis=0).var(ddof=1)
    s = gains.var(ddof=1) / 3
    df = (s + v) ** 2 / (s**2 / 2 + v**2 / 59)
    both = 2 * stats.t.sf(abs(gains.mean()) / (s + v) ** 0.5, df), stats.ttest_1samp(gains, 0).pvalue
    assert line["df"] == pytest.approx(df) and line["p"] == pytest.approx(max(both))


def test_thirds_of_blur_and_area_begin_at_the_smallest():
    n = 90
    frame = pd.DataFrame({"split": "test", "disease": "a", "fitzpatrick": 1, "body_part": "arm"}, index=range(n))
    facts = pd.DataFrame({"blur": np.arange(n) / 10, "area": np.arange(n)[::-1] + 1.0})
    facts[["ink", "ruler", "dressing", "hair"]] = False
    found = groups_of(frame, facts)["photograph"]
    where = {name: np.flatnonzero(member).tolist() for name, member in found.items()}
    assert where["sharpest third"] == list(range(30)) == where["largest third of the lesions"]
    assert where["most blurred third"] == list(range(60, 90)) == where["smallest third of the lesions"]


def test_scores_of_a_subgroup_are_of_its_photographs_and_their_patients(tmp_path):
    rng, n = np.random.default_rng(0), 120
    space = LabelSpace("toy", diseases=("a", "b", "c", "d", "e"))
    truth, p = rng.integers(5, size=n), rng.dirichlet(np.ones(5), n)
    skin = np.where(np.arange(n) < 70, 1, 2)
    patients = np.r_[np.arange(70) // 2, 100 + np.arange(50) // 10]  # of type II five, of ten photographs each
    p[skin == 1] = np.eye(5)[truth[skin == 1]]  # all of type I are answered rightly
    frame = pd.DataFrame({"image": [f"{i:03d}.png" for i in range(n)], "split": "test", "fitzpatrick": skin})
    frame["disease"], frame["patient_id"] = np.array(space.diseases)[truth], [f"P{i}" for i in patients]
    frame["disease_prob"] = list(p)
    (tmp_path / "D-seed0").mkdir()
    frame.to_parquet(tmp_path / "D-seed0/predictions.parquet")
    (tmp_path / "D-seed0/metrics.json").write_text("{}")
    table = subgroup_scores(read_records(tmp_path), pd.DataFrame({"row": ["D"], "label": ["D"]}), space, resamples=200)
    second = skin == 2
    place = np.argsort(np.argsort(-p, axis=1), axis=1)[np.arange(n), truth]  # 0: the truth is first
    draws = patient_draws(frame["patient_id"], 200)
    for metric, right in (("accuracy", place == 0), ("top3", place < 3)):
        chosen = (table["metric"] == metric) & (table["kind"] == "skin") & table["group"].str.contains("II")
        line = table[chosen].iloc[0]
        weight = draws.weights[draws.patient][second]
        means = (weight * right[second, None]).sum(0) / np.maximum(weight.sum(0), 1)
        means = means[weight.sum(0) > 0]
        assert line["photographs"] == 50 and line["value"] == pytest.approx(right[second].mean())
        assert [line["low"], line["high"]] == pytest.approx(np.quantile(means, [0.025, 0.975]))


def test_p_of_novelty_counts_equals_as_at_least_as_strange():
    calibration = np.array([3.0, 2.0, 1.0, 2.0])
    found = p_values(calibration, np.array([2.0, 0.0, 3.0, 4.0]))  # 3, 4, 1 and 0 of four, and itself
    assert found.tolist() == pytest.approx([4 / 5, 1, 2 / 5, 1 / 5])


def test_photographs_of_one_name_in_two_folders_are_not_joined(tmp_path):
    runs = [write(tmp_path / f"fold{k}", "ab", "ab") for k in (0, 1)]
    for run, folder in zip(runs, ("acne", "eczema"), strict=True):
        frame = pd.read_parquet(run / "predictions.parquet")
        frame.assign(image=[f"{folder}/{name}" for name in frame["image"]]).to_parquet(run / "predictions.parquet")
    with pytest.raises(ValueError, match=r"acne/0.png and eczema/0.png have one name without folder and suffix"):
        collect(runs)
