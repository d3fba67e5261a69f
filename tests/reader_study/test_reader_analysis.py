"""Analysis and power of a reader study: against statsmodels, slow references, and what was simulated."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from dermimit.reader_study import analysis as reader_analysis
from dermimit.reader_study import power as reader_power
from dermimit.reader_study.design import FIRST, REVISED, WITH, WITHOUT, randomise
from dermimit.reader_study.export import tidy
from dermimit.reader_study.model import crossed_mean
from dermimit.reader_study.simulation import Assumptions, all_records, differential, readers_of, simulate, trust_for
from dermimit.records import read_json
from studies.reader_study import numbers, tables

ROOT = Path(__file__).parents[2]
POWER = ROOT / "results/published/reader_study/power.json"
SPACE = {"diseases": list("abcdef"), "body_parts": ["arm", "leg"], "attributes": ["scale", "crust", "papule"]}


def table(readers=8, cases=15, sds=(0.5, 0.7, 1.0), mean=0.4, seed=0):
    """Values of a complete table with random readers and cases."""
    rng = np.random.default_rng(seed)
    r, c = np.indices((readers, cases)).reshape(2, -1)
    noise = [sd * rng.standard_normal(n) for sd, n in zip(sds, (readers, cases, readers * cases), strict=True)]
    return pd.DataFrame({"value": mean + noise[0][r] + noise[1][c] + noise[2], "reader": r, "case": c})


def test_on_a_complete_table_it_is_the_mixed_model_of_statsmodels():
    frame = table()
    found = crossed_mean(frame["value"], frame["reader"], frame["case"])
    parts = {"reader": "0 + C(reader)", "case": "0 + C(case)"}
    reml = sm.MixedLM.from_formula("value ~ 1", frame, groups=np.ones(len(frame)), vc_formula=parts).fit()
    variances = dict(zip(reml.model.exog_vc.names, reml.vcomp, strict=True))
    assert found.value == pytest.approx(reml.fe_params.iloc[0], abs=1e-6)
    assert found.reader_sd**2 == pytest.approx(variances["reader"], rel=1e-3)
    assert found.case_sd**2 == pytest.approx(variances["case"], rel=1e-3)
    assert found.rest_sd**2 == pytest.approx(reml.scale, rel=1e-3)


def test_on_a_table_with_holes_the_equations_are_henderson_s():
    frame = table(12, 20, seed=1).sample(frac=0.7, random_state=0)
    found = crossed_mean(frame["value"], frame["reader"], frame["case"])
    d, n = frame["value"].to_numpy(), len(frame)
    by = {k: frame.groupby(k)["value"] for k in ("reader", "case")}
    one = {k: pd.get_dummies(frame[k]).to_numpy(float) for k in by}
    spread = {k: z @ z.T for k, z in one.items()} | {"rest": np.eye(n)}  # covariance of unit variances
    square = {k: z @ np.diag(1 / z.sum(0)) @ z.T for k, z in one.items()} | {"rest": np.eye(n)}
    centre = np.ones((n, n)) / n
    rows = [(form - centre) for form in (square["reader"], square["case"], square["rest"])]
    expected = np.array([[np.trace(q @ spread[k]) for k in ("reader", "case", "rest")] for q in rows])
    variances = np.linalg.solve(expected, [d @ q @ d for q in rows])
    assert [found.reader_sd**2, found.case_sd**2, found.rest_sd**2] == pytest.approx(variances, rel=1e-8)
    assert found.value == pytest.approx(d.mean()) and found.n == n


def test_intervals_hold_the_mean_as_often_as_they_say():
    estimates = [crossed_mean(f["value"], f["reader"], f["case"]) for f in (table(seed=s, mean=0) for s in range(400))]
    covered = np.mean([e.low <= 0 <= e.high for e in estimates])
    assert 0.91 < covered < 0.99
    assert np.mean([e.p < 0.05 for e in estimates]) == pytest.approx(1 - covered)


def test_too_little_is_refused():
    with pytest.raises(ValueError, match="at least two of each"):
        crossed_mean([1.0, 2.0], ["a", "a"], ["x", "y"])
    with pytest.raises(ValueError, match="at least two of each"):
        crossed_mean([1.0, 2.0, 3.0], ["a", "a", "b"], ["x", "y", "x"])


def key_of(n=40, model_right=0.6):
    """Cases with two labels and a model that is right on some."""
    rng = np.random.default_rng(5)
    disease = rng.choice(SPACE["diseases"], n)
    wrong = [SPACE["diseases"][(SPACE["diseases"].index(d) + 1) % 6] for d in disease]
    return pd.DataFrame({
        "case": [f"C{i:03d}" for i in range(n)], "half": list("AB") * (n // 2), "disease": disease,
        "body_part": rng.choice(SPACE["body_parts"], n), "attributes": [["scale"]] * n,
        "skin_group": ["I-II", "V-VI"] * (n // 2), "model_confidence": 0.5,
        "model_disease": np.where(np.arange(n) < model_right * n, disease, wrong),
    })  # fmt: skip


def simulated(assumptions=None, trust=0.5, readers=10, seed=0, **cases):
    key = key_of(**cases)
    plans = randomise(dict(zip(key["case"], key["half"], strict=True)), [f"R{i}" for i in range(readers)], seed)
    found = readers_of(key, plans, assumptions or Assumptions(), trust, seed)
    records = all_records(found, SPACE)
    return tidy(records, key, {code: plan.sequence for code, plan in plans.items()}), found


@pytest.fixture(scope="module")
def study():
    return simulated()


def test_the_gain_is_the_difference_of_shares_and_holds_what_was_simulated(study):
    frame, readers = study
    found = reader_analysis.gain(frame)
    final = frame[frame["step"] == REVISED].groupby("arm")["right"].mean()
    assert found["value"] == pytest.approx(final[WITH] - final[WITHOUT])
    assert (found[WITH], found[WITHOUT]) == (pytest.approx(final[WITH]), pytest.approx(final[WITHOUT]))
    assert found["value"] == pytest.approx(readers.outcome.after.mean() - readers.outcome.without.mean())
    assert found["low"] < readers.outcome.gain < found["high"] and readers.outcome.gain > 0.05
    lines = {line["name"]: line for line in reader_analysis.gains(frame)}
    check = lines["check: first answers, before the model was shown"]
    assert check["low"] < 0 < check["high"] and len(lines) == 5


def test_an_effect_of_the_second_period_is_taken_out():
    readers, cases = np.indices((6, 10)).reshape(2, -1)
    with_first = np.where((readers + cases) % 2, 1, -1)
    noise = np.random.default_rng(0).normal(0, 1e-3, 60)
    adjusted, period = reader_analysis.without_period(0.2 - 0.1 * with_first + noise, with_first)
    assert period == pytest.approx(0.1, abs=1e-3)
    np.testing.assert_allclose(adjusted, 0.2, atol=5e-3)
    assert reader_analysis.without_period(noise, np.ones(60))[1] == 0


def test_missing_answers_do_not_stop_the_analysis(study):
    frame, _ = study
    some = frame.sample(frac=0.8, random_state=1)
    found = reader_analysis.gain(some)
    assert 200 < found["n"] < 320 and found["low"] < found["high"]


def test_reliance_counts_what_the_model_did_to_readers(study):
    frame, readers = study
    lines = {(line["name"], line["arm"]): line for line in reader_analysis.reliance(frame)}
    before, after = readers.outcome.before, readers.outcome.after
    model = (readers.key["model_disease"] == readers.key["disease"]).to_numpy()[None]
    pulled = lines["correct reader, wrong model: then wrong", WITH]
    assert (pulled["hits"], pulled["n"]) == ((before & ~model & ~after).sum(), (before & ~model).sum())
    mended = lines["wrong reader, correct model: then correct", WITH]
    assert (mended["hits"], mended["n"]) == ((~before & model & after).sum(), (~before & model).sum())
    assert pulled["low"] < pulled["value"] < pulled["high"]
    yardstick = lines["correct reader, wrong model: then wrong", WITHOUT]
    assert yardstick["hits"] == 0 and 0 < yardstick["high"] < 0.1  # Wilson's interval, where resampling says nothing


def test_a_share_is_interval_of_readers_and_cases_together():
    rng = np.random.default_rng(0)
    readers, cases = np.indices((10, 30)).reshape(2, -1)
    rows = pd.DataFrame({"reader": readers, "case": cases, "hit": (rng.random(10) < 0.5)[readers]})  # readers decide
    by_readers = reader_analysis.share(rows, "hit")
    independent = reader_analysis.share(rows.assign(hit=rng.random(300) < 0.5), "hit")
    assert by_readers["high"] - by_readers["low"] > 2 * (independent["high"] - independent["low"])
    assert np.isnan(reader_analysis.share(rows.iloc[:0], "hit")["low"])


def test_agreement_is_one_for_copies_and_nothing_for_chance(study):
    frame, _ = study
    first = frame[frame["reader"] == frame["reader"].iloc[0]]
    copies = pd.concat([first.assign(reader=name) for name in "xyz"])
    assert all(line["kappa"] == pytest.approx(1) for line in reader_analysis.agreement(copies, 50))
    rng = np.random.default_rng(0)
    chance = frame.assign(differential=[[SPACE["diseases"][i]] for i in rng.integers(0, 6, len(frame))])
    (line, *_) = reader_analysis.agreement(chance, 200)
    assert abs(line["kappa"]) < 0.1 and (line["cases"], line["readers"]) == (40, 10)


def test_agreement_says_where_it_does_not_exist(study):
    frame, _ = study
    same = frame.assign(differential=[["a"]] * len(frame))
    assert all(np.isnan(line["kappa"]) and np.isnan(line["low"]) for line in reader_analysis.agreement(same, 20))
    for line in reader_analysis.agreement(frame[frame["case"] == frame["case"].iloc[0]], 20):
        assert np.isnan(line["low"]) and line["cases"] <= 1
    rare = frame.assign(differential=[["b"] if case == "C000" else ["a"] for case in frame["case"]])
    assert all(line["low"] <= line["kappa"] for line in reader_analysis.agreement(rare, 100) if line["cases"] > 1)


def test_calibration_of_readers(study):
    frame, _ = study
    for line in reader_analysis.calibration(frame):
        few = frame[(frame["step"] == REVISED) & (frame["arm"] == line["arm"])]
        assert line["value"] == pytest.approx(few.loc[few["confidence"] == line["confidence"], "right"].mean())
    sure = frame.assign(confidence=np.where(frame["right"], 100, 0))
    assert all(abs(line["value"]) < 1e-12 and line["brier"] == 0 for line in reader_analysis.overconfidence(sure))


def test_the_odds_ratio_goes_the_same_way():
    frame, _ = simulated(trust=0.95, readers=8, n=20, model_right=0.9)
    found = reader_analysis.odds_ratio(frame)
    assert 1 < found["low"] < found["value"] < found["high"]


def test_groups_and_seconds(study):
    groups = {line["group"]: line for line in reader_analysis.gains_by(study[0], "skin_group")}
    assert groups.keys() == {"I-II", "V-VI"} and groups["I-II"]["cases"] == 20
    times = reader_analysis.seconds(study[0])
    assert (times["lower quartile"] < times["median"]).all() and len(times) == 4


# ---------------------------------------------------------------- simulated readers


def test_an_endpoint_or_a_group_with_few_pairs_is_left_out(study):
    frame = study[0].copy()
    one = frame["case"].iloc[0]
    frame["body_part_right"] = frame["body_part_right"].where(frame["case"] == one)
    assert {line["endpoint"] for line in reader_analysis.gains(frame)} == {"right", "top3", "attribute_f1"}
    half_read = frame[(frame["skin_group"] != "V-VI") | (frame["period"] == 1)]
    assert [line["group"] for line in reader_analysis.gains_by(half_read, "skin_group")] == ["I-II"]
    assert reader_analysis.looks(frame[frame["step"] == "first"]).empty


def test_simulated_readers_are_as_accurate_and_gain_as_much_as_was_asked_for():
    a, rng = Assumptions(learning=0.0), np.random.default_rng(0)
    trust = trust_for(a, 0.05)
    studies = [simulate(a, trust, rng.random(400) < a.model_accuracy, np.ones((20, 400), bool), rng) for _ in range(60)]
    assert np.mean([s.without for s in studies]) == pytest.approx(a.accuracy, abs=0.01)
    assert np.mean([s.after.mean() - s.before.mean() for s in studies]) == pytest.approx(0.05, abs=0.005)
    assert np.mean([s.gain for s in studies]) == pytest.approx(0.05, abs=0.003)


def test_a_gain_out_of_reach_is_refused():
    assert trust_for(Assumptions(), 0.0) == 0
    with pytest.raises(ValueError, match=r"a gain of 0\.05 is out of reach"):
        trust_for(Assumptions(accuracy=0.9, model_accuracy=0.5), 0.05)
    with pytest.raises(ValueError, match=r"a gain of -0\.05: give 0 or more"):
        reader_power.power(Assumptions(), -0.05, 5, 20, 2, 0)
    assert 0 < trust_for(Assumptions(), 1e-12) < 1e-6


def test_a_differential_is_right_or_wrong_as_settled():
    rng = np.random.default_rng(0)
    for right in (True, False):
        for _ in range(50):
            names = differential("a", "b", right, SPACE["diseases"], rng)
            assert (names[0] == "a") == right and len(set(names)) == len(names) and names[0] != "b"
    assert differential("a", "b", False, ["a", "b"], rng)[0] == "b"
    with pytest.raises(ValueError, match="one disease alone"):
        differential("a", "a", False, ["a"], rng)


# ---------------------------------------------------------------- power


def test_power_rises_with_readers_cases_and_gain():
    a = Assumptions()
    small, cases, more = (
        reader_power.power(a, g, r, c, 60, 0) for g, r, c in ((0.05, 5, 30), (0.05, 5, 120), (0.1, 12, 120))
    )
    assert small["power"] < cases["power"] + 0.1 and more["power"] > 0.9 and cases["half_width"] < small["half_width"]
    assert small == reader_power.power(a, 0.05, 5, 30, 60, 0)
    assert small["low"] < small["power"] < small["high"] and small["found"] == round(small["power"] * 60)


def test_the_fewest_cases_that_suffice():
    table = [{"gain": 0.05, "readers": r, "cases": c, "power": p} for r, c, p in
             ((5, 50, 0.3), (5, 100, 0.79), (10, 50, 0.5), (10, 100, 0.8), (10, 200, 0.9))]  # fmt: skip
    assert reader_power.smallest([], 0.05) == reader_power.smallest(table, 0.02) == []
    assert reader_power.smallest(table, 0.05) == [{"readers": 5, "cases": None}, {"readers": 10, "cases": 100}]


def test_the_published_power_is_complete_and_made_by_the_script():
    from studies.reader_study import measure as script

    found = read_json(POWER)
    wanted = [
        (s, g, r, c) for s in script.SCENARIOS for g in script.GAINS for r in script.READERS for c in script.CASES
    ]
    assert [(x["scenario"], x["gain"], x["readers"], x["cases"]) for x in found["table"]] == wanted
    assert not found["provenance"]["dirty"] and "no human result" in found["simulated"]
    line = found["table"][0]
    again = reader_power.power(script.SCENARIOS[line["scenario"]], line["gain"], line["readers"], line["cases"],
                               line["studies"], found["provenance"]["seed"])  # fmt: skip
    assert again == pytest.approx({name: line[name] for name in again})
    rows = pd.DataFrame(found["table"])
    null, real = rows[rows["gain"] == 0], rows[rows["gain"] > 0]
    assert (null["power"] < 0.08).all() and real["covered"].between(0.9, 0.995).all()
    assert (real["mean"] - real["gain"]).abs().max() < 0.01
    for line in found["smallest"]:
        same = rows[(rows["scenario"] == line["scenario"]) & (rows["gain"] == line["gain"])]
        enough = same[(same["readers"] == line["readers"]) & (same["power"] >= found["wanted"])]
        assert line["cases"] == (None if enough.empty else enough["cases"].min())


def test_the_design_with_the_fewest_readings():
    line = {"scenario": "usual", "gain": 0.05}
    designs = [(5, None), (10, 300), (15, 150), (20, 150), (9, 250)]  # the third and the last have as many readings
    smallest = [line | {"readers": readers, "cases": cases} for readers, cases in designs]
    smallest += [
        line | {"gain": 0.03, "readers": 30, "cases": None},
        line | {"scenario": "x", "readers": 1, "cases": 2},
    ]
    usual = {"model_accuracy": 0.7, "accuracy": 0.6}
    record = {"scenarios": {"usual": usual, "x": {}}, "smallest": smallest, "wanted": 0.8}
    assumed = {"assumed_model": pytest.approx(70), "assumed_readers": 60}
    assert numbers.of_power(record) == {"wanted": 80, "readers_5": 9, "cases_5": 250} | assumed


def test_what_was_put_in_is_set_beside_the_interval_of_the_primary_endpoint():
    line = {"name": "first disease", "with": 0.5, "without": 0.4, "p": 0.01, "n": 9, "period": 0.0, "value": 0.1}
    ends = ((0.06, 0.14), (-0.1, 0.02), (0.02, 0.12))
    told = [tables.gain_table([line | {"low": a, "high": b}, line | {"low": a, "high": b}], 0.05) for a, b in ends]
    assert [table["interval"].tolist() for table in told] == [
        ["lies above the simulated gain", "–"], ["lies below the simulated gain", "–"],
        ["contains the simulated gain", "–"],
    ]  # fmt: skip
    assert told[0]["simulated, points"].tolist() == ["+5.0", "–"]


def test_right_answers_of_readers_and_model_are_counted(study):
    frame = study[0]
    first = numbers.of_readers(frame)
    assert first["first_right"] == pytest.approx(100 * frame[frame["step"] == FIRST]["right"].mean())
    cases = frame.groupby("case")["model_right"].first()
    assert first["model_right"] == pytest.approx(100 * cases.mean())


def test_before_and_after_belong_to_one_reading(study):
    looks = reader_analysis.looks(study[0])
    assert len(looks) == 10 * 40 * 2 and {FIRST, REVISED} == set(study[0]["step"])
