"""What the chapter on real photographs measures: missing answers, and leakage between folds."""

import numpy as np
import pandas as pd
import pytest
from test_pad_ufes_20 import big_miniature

from dermimit.data import pad_ufes_20
from dermimit.records import read_json
from studies.real_photographs import leakage, missingness
from studies.shared.folders import find_root


def answers(n=240, seed=0, telling=True):
    """A table of missing flags: cancers answer everything, the others nothing, if `telling`."""
    rng = np.random.default_rng(seed)
    disease = rng.choice(list(pad_ufes_20.DISEASE_NAMES), n)
    gap = ~np.isin(disease, missingness.CANCERS) if telling else rng.random(n) < 0.5
    flags = dict.fromkeys(missingness.ANSWERS, gap)
    return pd.DataFrame({"patient_id": [f"P{i // 2}" for i in range(n)], "diagnostic": disease, **flags})


def told(table):
    return {row["measure"]: row for row in missingness.told_by_missing(table, resamples=50)}


def test_gaps_that_follow_the_diagnosis_are_found_out():
    found = told(answers())
    assert found["AUROC, cancer or not"]["value"] == 1.0
    assert found["accuracy"]["value"] > 1.5 * found["accuracy"]["guess"]
    for row in found.values():
        assert row["low"] <= row["value"] <= row["high"]


def test_gaps_by_chance_tell_nothing():
    found = told(answers(n=600, telling=False))
    assert found["AUROC, cancer or not"]["low"] < 0.5 < found["AUROC, cancer or not"]["high"]
    assert found["balanced accuracy"]["value"] < 0.25


def test_shares_are_counted_by_hand(tmp_path):
    big_miniature(tmp_path)
    table = pd.read_csv(tmp_path / "metadata.csv", dtype=str, keep_default_na=False)
    shares = missingness.missing_shares(missingness.read_answers(tmp_path))
    acks = table[table["diagnostic"] == "ACK"]
    assert shares.loc["ACK", "fitspatrick"] == pytest.approx((acks["fitspatrick"] == "").mean())
    assert shares.loc["ACK", "gender"] == 0 and shares.loc["ACK", "smoke"] == 1


def test_folds_cover_every_photograph_once_and_only_one_scheme_divides_patients(tmp_path):
    big_miniature(tmp_path)
    patients = pad_ufes_20.load(tmp_path)[0].set_index("image")["patient_id"]
    for scheme, divided in (("patient", False), ("image", True)):
        splits = leakage.folds_of(tmp_path, scheme)
        tests = pd.concat([s[s == "test"] for s in splits])
        assert sorted(tests.index) == sorted(patients.index)
        shared = [set(patients[s.index[s == "test"]]) & set(patients[s.index[s != "test"]]) for s in splits]
        assert any(shared) is divided


def test_memory_gains_from_leakage_and_a_fixed_answer_does_not():
    rng = np.random.default_rng(0)
    names = list(pad_ufes_20.DISEASE_NAMES)
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(300)], "patient_id": [f"P{i // 3}" for i in range(300)]})
    frame["disease"] = rng.choice(names, 100).repeat(3)
    truth = frame.set_index("image")["disease"]
    guess = pd.Series(rng.choice(names, 300), truth.index)
    rows = pd.DataFrame(leakage.compare({"patient": [guess], "image": [truth, guess]}, frame, resamples=100))
    one = rows[(rows["photographs"] == "all") & (rows["metric"] == "accuracy")].set_index("score")["value"]
    hits = (guess == truth).mean()
    assert one["patient"] == pytest.approx(hits) and one["image"] == pytest.approx((1 + hits) / 2)
    assert one["difference"] == pytest.approx((1 - hits) / 2)
    gain = rows[(rows["score"] == "difference") & (rows["metric"] == "macro-F1")]
    assert (gain["low"] > 0).all() and set(rows["n"]) == {300}
    same = leakage.compare({"patient": [guess], "image": [guess]}, frame, resamples=20)
    assert {row["value"] for row in same if row["score"] == "difference"} == {0.0}


def test_the_nearest_thumbnail_remembers(tmp_path):
    big_miniature(tmp_path)
    images = leakage.small_photographs(tmp_path, side=16)
    truth = pad_ufes_20.load(tmp_path)[0].set_index("image")["disease"]
    assert set(images.index) == set(truth.index) and images.iloc[0].shape == (16, 16, 3)
    found = leakage.by_classic("nearest thumbnail", tmp_path, "patient", images, truth)
    assert sorted(found.index) == sorted(truth.index) and set(found) <= set(pad_ufes_20.DISEASE_NAMES)


def test_published_records_agree_with_each_other():
    folder = find_root() / "results/published/real_checks"
    counts, missing, leaks = (read_json(folder / f"{n}.json") for n in ("counts", "missingness", "leakage"))
    total = sum(sum(row.values()) for row in counts["disease_by_skin_type"].values())
    assert counts["photographs"] == missing["photographs"] == leaks["photographs"] == total
    patients = counts["patients_by_photographs"]
    assert sum(patients.values()) == counts["patients"]
    assert sum(int(k) * n for k, n in patients.items()) == total
    table = pd.DataFrame(leaks["table"]).set_index(["model", "photographs", "metric", "score"])["value"]
    wide = table.unstack("score")
    np.testing.assert_allclose(wide["difference"], wide["image"] - wide["patient"], atol=1e-12)
    confusion = pd.DataFrame(leaks["confusion"]).T
    rows = {d: sum(r.values()) for d, r in counts["disease_by_skin_type"].items()}
    assert confusion.sum(axis=1).to_dict() == pytest.approx(rows)
    hits = sum(confusion.loc[d, d] for d in confusion.index) / total
    assert hits == pytest.approx(table[leakage.NETWORK, "all", "accuracy", "patient"])
