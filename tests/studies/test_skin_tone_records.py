"""Counterfactual skin, training mixes and real photographs by skin type: small cases, and what is published of them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.data.skin import FITZPATRICK
from dermimit.data.synderm import LABEL_SPACE, RETAKE, SynDerm
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import ALPHA
from dermimit.evaluate.runs import read_experiments
from dermimit.evaluate.statistics import count_interval
from dermimit.records import read_json
from studies.shared.evidence import read_evidence
from studies.shared.folders import find_root
from studies.skin_tone import by_type_tables, mix_tables, numbers, pair_tables, real_tables
from studies.skin_tone import counterfactuals as paired
from studies.skin_tone import mix as skin_mix
from studies.skin_tone import real as skin_tone_real

ROOT = find_root()
FOLDER = ROOT / "results/published/skin_tone"


def record(name):
    return read_json(FOLDER / f"{name}.json")


def test_versions_differ_in_skin_and_a_retake_in_light():
    cases = SynDerm(2, seed=4, image_size=32)
    drawn = paired.draw_types(cases)
    assert set(drawn) == {*FITZPATRICK, RETAKE, "lesion"} and drawn["I"].shape == (2, 32, 32, 3)
    means = [drawn[kind].mean() for kind in FITZPATRICK]
    assert all(a > b for a, b in pairwise(means))
    np.testing.assert_array_equal(drawn["VI"][1], cases.counterfactual(1, confounders=False, fitzpatrick=6).image)
    far = np.abs(drawn[RETAKE].astype(int) - drawn["I"]).mean()
    assert 0 < far < np.abs(drawn["VI"].astype(int) - drawn["I"]).mean()


def sure(classes, n=3):
    return np.eye(n)[classes] * 0.8 + 0.2 / n


def test_flips_and_the_truth_s_probability_are_counted():
    truth = np.array([0, 0, 1, 1])
    same, other = {"disease": sure([0, 0, 1, 2])}, {"disease": sure([1, 0, 1, 1])}
    answers = dict.fromkeys((*FITZPATRICK, RETAKE), same) | {"VI": other}
    lines = {line["version"]: line for line in paired.flip_table([answers, answers], truth, resamples=50)}
    dark = lines["VI"]
    assert [dark[k] for k in ("flipped", "over_retake", "lost", "gained", "net")] == [0.5, 0.5, 0.25, 0.25, 0]
    assert dark["true"] == pytest.approx(0) and lines["V"]["flipped"] == 0
    on = {line["type"]: line for line in paired.truth_table([answers], truth, resamples=50)}
    assert on["I"]["accuracy"] == 0.75 and on["VI"]["true"] == pytest.approx((0.2 / 3 + 3 * (0.8 + 0.2 / 3)) / 4)
    with pytest.raises(ValueError, match="no answers for 'V'"):
        paired.flip_table([{k: v for k, v in answers.items() if k != "V"}], truth)
    with pytest.raises(ValueError, match="4 answers for 3 cases"):
        paired.flip_table([answers], truth[:3])


def test_the_cost_of_dark_skin_follows_the_answers_that_are_right_on_light_skin():
    truth = np.array([0, 0, 1, 1, 2])
    light, dark, again = sure([0, 0, 1, 2, 2]), sure([0, 1, 0, 1, 2]), sure([0, 0, 0, 2, 2])
    spoilt = {"I": {"disease": light}, "VI": {"disease": dark}, RETAKE: {"disease": again}}
    firm = {version: {"disease": light} for version in paired.COMPARED}
    lines = {x["row"]: x for x in paired.row_table({"D": [spoilt] * 3, "full": [firm] * 3}, truth, resamples=100)}
    one = lines["D"]
    assert (one["flipped"], one["net"]) == (0.6, pytest.approx(-0.2)) and one["kept"] == pytest.approx(2 / 4)
    assert one["kept_retake"] == pytest.approx(3 / 4) and one["cost"] == pytest.approx(0.25) and "less_cost" not in one
    assert lines["full"]["cost"] == 0 and lines["full"]["less_cost"] == pytest.approx(-0.25)
    assert lines["full"]["less_cost_low"] <= -0.25 <= lines["full"]["less_cost_high"]


def test_an_attribute_is_lost_where_it_can_no_longer_be_told():
    rng = np.random.default_rng(0)
    present = rng.random((200, len(LABEL_SPACE.attributes))) < 0.5
    light = np.where(present, 0.9, 0.1) + rng.normal(0, 0.02, present.shape)
    dark = light.copy()
    dark[:, 0] = np.where(present[:, 0], 0.4, 0.4)  # says the same of all
    dark[:, 1] += 0.3  # says more of all, and tells them apart as before
    answers = {kind: {"attributes": light} for kind in (*FITZPATRICK, RETAKE)} | {"VI": {"attributes": dark}}
    lines = {line["attribute"]: line for line in paired.attribute_table([answers, answers], present, resamples=200)}
    lost, shifted = (lines[LABEL_SPACE.attributes[k]] for k in (0, 1))
    assert lost["change"] == pytest.approx(-0.5, abs=0.02) and lost["net"] == pytest.approx(-0.8, abs=0.02)
    assert lost["found_light"] == 1 and lost["found_dark"] == 0 and lost["p_holm"] <= 27 * 2 / 201
    assert shifted["net"] == pytest.approx(0, abs=1e-9) and shifted["change_absent"] == pytest.approx(0.3)


def runs(rates, seeds=(0, 1, 2, 3), n=800):
    """Right answers with a probability for light and dark skin: row -> `skin_mix.Mixed`."""
    rng, found = np.random.default_rng(0), {}
    kinds, truth = np.arange(n) % 6 + 1, np.arange(n) % 7
    for row, (light, dark) in rates.items():
        frames = {}
        for seed in seeds:
            right = rng.random(n) < np.where(kinds >= 5, dark, light)
            frame = pd.DataFrame({"image": [f"{i}" for i in range(n)], "patient_id": [f"{i}" for i in range(n)]})
            frame = frame.assign(fitzpatrick=kinds, truth=truth, answer=np.where(right, truth, (truth + 1) % 7))
            frames[seed] = frame.assign(accuracy=right.astype(float))
        found[row] = skin_mix.Mixed(row, frames)
    return found


def test_mixes_are_scored_on_light_and_dark_skin_and_compared():
    rows = runs({"full_dark0": (0.6, 0.3), "full_dark50": (0.6, 0.6)})
    table = {(x["row"], x["group"]): x for x in skin_mix.mix_table(rows, 200) if x["score"] == "accuracy"}
    frames = rows["full_dark0"].seeds.values()
    dark = np.mean([f.loc[f["fitzpatrick"] >= 5, "accuracy"].mean() for f in frames])
    assert table["full_dark0", "V–VI"]["value"] == pytest.approx(dark)
    assert table["full_dark0", "all"]["value"] == pytest.approx(np.mean([f["accuracy"].mean() for f in frames]))
    assert table["full_dark0", "gap"]["low"] > 0.1 and table["full_dark0", "V–VI"]["photographs"] == 266
    lines = skin_mix.compared(rows, [("full_dark50", "full_dark0"), ("full_dark25", "full_dark0")], 200)
    assert {x["row"] for x in lines} == {"full_dark50"}  # the other has no run
    gap = next(x for x in lines if (x["score"], x["group"]) == ("accuracy", "gap"))
    expected = table["full_dark50", "gap"]["value"] - table["full_dark0", "gap"]["value"]
    assert gap["value"] == pytest.approx(expected) and gap["high"] < -0.1 and gap["seeds"] == [0, 1, 2, 3]


def test_rows_that_share_no_seed_are_not_compared():
    rows = {**runs({"a": (0.5, 0.5)}, seeds=(0,)), **runs({"b": (0.5, 0.5)}, seeds=(1,))}
    assert skin_mix.compared(rows, [("a", "b")], 50) == []


def photographs_of_people(n=60):
    kinds = [1, 2, np.nan] * (n // 3)
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(n)], "patient_id": [f"p{i // 2}" for i in range(n)]})
    return frame.assign(fitzpatrick=kinds, disease=["a", "b"] * (n // 2), angle=np.linspace(60, -20, n))


def test_a_group_is_held_against_what_its_diseases_lead_one_to_expect():
    frame = photographs_of_people()
    truth = np.arange(60) % 2
    answer = np.where(truth == 0, 0, np.where(np.arange(60) < 30, 1, 0))  # a is always right, b half of the time
    answers = Answers(truth, [answer], frame["patient_id"], tuple(str(i) for i in range(60)), (0,))
    lines = {(x["by"], x["group"]): x for x in skin_tone_real.error_table({"m": answers}, frame, resamples=60)}
    for line in lines.values():
        assert line["beyond"] == pytest.approx(line["accuracy"] - line["expected"])
    assert lines["type", "I"]["photographs"] == lines["type", "not recorded"]["photographs"] == 20
    dark = lines["angle", "darkest third"]
    assert dark["expected"] == pytest.approx(0.75) and dark["accuracy"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="0, which is not among"):
        skin_tone_real.error_table({"m": answers}, frame.iloc[1:])


def test_stored_photographs_are_measured_round_their_outline(tmp_path):
    photo, mask = np.full((90, 120, 3), (224, 190, 170), np.uint8), np.zeros((90, 120), np.uint8)
    mask[30:60, 40:80] = 255
    photo[30:60, 40:80] = (60, 10, 10)
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(mask).save(tmp_path / "m.png")
    plain = skin_tone_real.measured_angle(tmp_path / "a.png", tmp_path / "m.png")
    assert plain == pytest.approx(skin_tone_real.measured_angle(tmp_path / "a.png", tmp_path / "m.png", reach=2.0))
    assert 41 < plain < 70


def test_so_many_photographs_are_needed_and_no_fewer():
    n = skin_tone_real.dark_needed(0.6)
    assert [np.diff(count_interval(round(0.6 * k), k))[0] <= 0.2 for k in (n - 2, n)] == [False, True]


def labels():
    return read_experiments(ROOT / "workflow/experiments/ablation.csv").set_index("row")["label"].to_dict()


def first_lines():
    records = (record(name) for name in ("by_type", "counterfactuals", "mix", "typology"))
    return numbers.of_skin_tone(*records, labels())


def test_the_page_s_takeaways_are_what_the_records_say():
    by_type, pairs, angles = record("by_type"), record("counterfactuals"), record("typology")
    spared = [
        x
        for x in by_type["gaps"]
        if x["score"] in ("accuracy", "macro_f1", "attributes", "body_part", "overconfidence")
    ]
    assert all(x["low"] < 0 < x["high"] for x in spared)
    assert all(x["p_holm"] > ALPHA for x in by_type["gaps"] if "p_holm" in x)
    first = first_lines()
    assert first["gaps_changed"] == "none" and first["gap_least"] < 0 < first["gap_most"]
    for row in ("D", "full"):
        dark = next(x for x in pairs[row]["flips"] if x["version"] == "VI")
        assert dark["over_retake_low"] > 0
    assert dark["net_high"] < 0  # of the full model
    net = {x["attribute"]: x["net"] for x in pairs["attributes"] if x["p_holm"] < ALPHA}
    assert net["erythema"] < 0 and net["hyperpigmentation"] < 0 and net["hypopigmentation"] > 0
    assert "erythema" in first["told_less"] and "hypopigmentation" in first["told_better"]
    table = pair_tables.attributes(pairs["attributes"])
    assert (table["on type VI"] == "told less well").sum() == sum(value < 0 for value in net.values())
    flips = pair_tables.flips({"full": pairs["full"]["flips"]}, labels()).set_index("type I becomes").loc["type VI"]
    assert flips["than a retake"] == "more" and flips["right answers"] == "fewer"
    red = {x["type"]: x["redness"] for x in pairs["contrasts"]["erythema"]}
    assert red["VI"] < red["I"] / 3
    real = angles["pad_ufes_20"]
    assert real["spearman_low"] < 0 < real["spearman_high"] and angles["synderm"]["spearman_low"] > 0.7
    follows = real_tables.agreement({"real": real, "drawn": angles["synderm"]})["follows the type"]
    assert follows.tolist() == ["cannot tell", "yes"]
    kept = {x["disease"]: x["share"] for x in record("real")["recorded"]}
    assert all(kept[name] == 1 for name in ("BCC", "MEL", "SCC")) and max(kept[n] for n in ("ACK", "NEV", "SEK")) < 0.5


def test_what_is_said_of_training_mixes_is_what_the_records_say():
    mix = record("mix")
    gaps = {x["row"]: x for x in mix["shares"] if (x["score"], x["group"]) == ("accuracy", "gap")}
    table = {(x["row"], x["group"]): x for x in mix["table"] if x["score"] == "accuracy"}
    for model in skin_mix.MODELS:
        assert gaps[f"{model}_dark50"]["high"] < 0
        assert table[f"{model}_dark50", "gap"]["low"] < 0 < table[f"{model}_dark50", "gap"]["high"]
    light = [x for x in mix["shares"] if (x["row"], x["score"], x["group"]) == ("full_dark50", "accuracy", "I–IV")]
    assert light[0]["low"] < 0 < light[0]["high"]
    remedies = [
        x for x in mix["remedies"] if x["row"].startswith(f"{skin_mix.PLAIN}_") and x["reference"] == skin_mix.PLAIN
    ]
    assert {x["row"] for x in remedies} == {f"{skin_mix.PLAIN}_{name}" for name in skin_mix.REMEDIES}
    first = first_lines()
    shown = [x for x in remedies if x["p_holm"] < ALPHA and x["score"] == "accuracy"]
    assert first["helping"] == sum(x["value"] > 0 for x in shown if x["group"] == "V–VI")
    assert first["narrowing"] == sum(x["value"] < 0 for x in shown if x["group"] == "gap")
    assert first["on_light"] == pytest.approx(100 * light[0]["value"])
    text = mix_tables.remedies(mix["table"], mix["remedies"], "accuracy")
    assert (text["V–VI, than plain"] == "higher").sum() == first["helping"] and text["V–VI, than plain"][0] == "–"
    shares = mix_tables.share_changes(mix["shares"], labels(), "accuracy").set_index(["model", "types V and VI, %"])
    assert (shares.loc[(labels()["full"], "50"), ["V–VI", "I–IV"]] == ["higher", "cannot tell"]).all()


def test_the_record_of_the_mixes_follows_from_the_published_runs():
    tested = pd.read_parquet(ROOT / "results/published/synderm/full-seed0/predictions.parquet")
    skin = tested.drop_duplicates("image").set_index("image")["fitzpatrick"]
    evidence = read_evidence(ROOT, "skin_tone")
    rows = skin_mix.read_runs(evidence, skin)
    found = {(x["row"], x["group"], x["score"]): x for x in record("mix")["table"]}
    assert record("mix")["not_run"] == [row for row in evidence.own if row not in rows]
    for line in skin_mix.mix_table(rows, resamples=5):
        there = found[line["row"], line["group"], line["score"]]
        assert (there["value"], there["seeds"]) == (pytest.approx(line["value"]), line["seeds"])
    with pytest.raises(ValueError, match="no skin type of"):
        skin_mix.read_runs(evidence, skin.iloc[:0])


def test_a_row_without_a_run_is_said_to_have_none():
    empty = mix_tables.mixes([], labels())
    assert len(empty) == 10 and set(empty["V–VI"]) == {"not run yet"}
    remedies = mix_tables.remedies([], [])
    assert set(remedies["light − dark"]) == {"not run yet"}
    assert remedies["V–VI, than plain"].tolist() == ["–", *["not run yet"] * 3]


def gap(row, value, low, high, p=None, score="accuracy"):
    line = {"row": row, "score": score, "value": value, "low": low, "high": high, "light": 0.5, "dark": 0.5}
    line |= {"light_photographs": 10, "dark_photographs": 10}
    if p is None:
        return line
    return line | {"difference": value, "difference_low": low, "difference_high": high, "p_holm": p}


def test_gaps_are_told_by_their_intervals_and_beside_d_by_the_corrected_test():
    names = {"D": "D", "wide": "W", "narrow": "N", "same": "S"}
    table = [gap("D", 0.1, 0.05, 0.15), gap("wide", 0.1, 0.05, 0.15, 0.01), gap("narrow", -0.1, -0.2, -0.05, 0.02)]
    table += [gap("same", 0.1, -0.05, 0.2, 0.3)]
    assert by_type_tables.gaps(table, names)["than that of D"].tolist() == ["–", "wider", "narrower", "cannot tell"]
    told = by_type_tables.shown_gaps(table, names)
    assert told.startswith("Of the 4 gaps of all rows and scores, the interval of 3 leaves zero out, where")
    assert "chance alone gives about 1: D, disease accuracy (+10.0 (+5.0 to +15.0) points); W," in told
    none = by_type_tables.shown_gaps(table[-1:], names)
    assert ", the interval of 0 leaves zero out" in none and none.endswith(": none.")


def test_the_cost_of_dark_skin_is_told_by_interval_and_beside_d_by_the_corrected_test():
    def line(row, cost, p):
        ends = {f"{name}{end}": cost + shift for name in ("cost", "less_cost", "flipped", "kept", "kept_retake")
                for end, shift in (("", 0), ("_low", -0.05), ("_high", 0.05))}  # fmt: skip
        return {"row": row, "less_cost_p_holm": p} | ends

    table = pair_tables.costs(
        [line("a", 0.1, 0.01), line("b", -0.1, 0.01), line("c", 0.0, 0.5)], dict.fromkeys("abc", "x")
    )
    assert table["lost, than on a retake"].tolist() == ["more", "fewer", "cannot tell"]
    assert table["than that of D"].tolist() == ["more", "less", "cannot tell"]


def test_a_group_of_real_photographs_is_better_or_worse_than_expected_by_its_interval():
    def line(low, high):
        ends = {f"{name}{end}": value for name in ("beyond", "accuracy")
                for end, value in (("", (low + high) / 2), ("_low", low), ("_high", high))}  # fmt: skip
        return ends | {"row": "m", "by": "type", "group": "I", "photographs": 5, "patients": 4, "expected": 0.5}

    lines = [line(0.1, 0.2), line(-0.2, -0.1), line(-0.1, 0.1)]
    table = real_tables.real_errors(lines, {"m": "M"}, "type")
    assert table["than expected"].tolist() == ["better", "worse", "cannot tell"]
