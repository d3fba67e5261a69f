"""Verdicts of the book: what is tested, corrected, and turned round."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from dermimit.data import LabelSpace
from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.runs import read_records
from dermimit.records import read_json
from studies.evidence.exploration import INSIDE, NO_TRAINING, SCORE, explore
from studies.evidence.verdicts import REAL_CLAIMS, judge, judge_real
from studies.evidence.verdicts import Claim as Step
from studies.protocol.contrasts import judged, verdict
from studies.protocol.numbers import longer_text
from studies.protocol.records import TRUTH
from studies.shared.claims import Claim, turned, verdicts
from studies.shared.evidence import Evidence
from studies.shared.paths import PUBLISHED, ROOT

PUBLISHED_VERDICTS = ROOT / PUBLISHED / "protocol/verdicts.json"


def test_a_single_training_is_not_tested_whatever_its_p():
    one = Claim("one training", Estimate(0.1, 0.06, 0.14), 1, p=1e-6)
    assert np.isnan(one.tested) and verdicts([one]) == [ONE_SEED]
    several = Claim("three", Estimate(0.1, 0.06, 0.14), 3, p=0.03)
    assert verdicts([one, several]) == [ONE_SEED, "supported"]  # and does not count in the correction


def test_a_claim_turned_round_has_its_interval_turned_round():
    assert turned(Estimate(0.03, -0.01, 0.07)) == Estimate(-0.03, -0.07, 0.01)
    assert turned(Estimate(0.03, 0.01, 0.07)).below() and not turned(Estimate(0.03, 0.01, 0.07)).above()


def test_a_row_trained_where_its_best_seed_did():
    scores = {"D": [0.08, 0.10, 0.12], "half": [0.02, 0.09], "stuck": [0.02, 0.079]}
    lines = [{"row": row, "seed": k, SCORE: x} for row, values in scores.items() for k, x in enumerate(values)]
    facts = pd.DataFrame({"row": list(scores), "label": list(scores), "group": "g", "description": "d"})
    seeds = pd.DataFrame([*lines, {"row": "D", "seed": 3, SCORE: 0.30}])  # far apart: a wide band
    space = LabelSpace("toy", diseases=("a", "b"))
    found = explore(Evidence(facts, pd.DataFrame(lines), space, ("half", "stuck"), seeds[seeds["row"] == "D"]), "D",
                    guess=0.04).set_index("row")  # fmt: skip
    assert found.loc["half", "reading"] == INSIDE  # its mean is below twice the guess, its best seed above
    assert found.loc["half", "difference"] == pytest.approx(0.055 - 0.10)
    assert found.loc["stuck", "reading"] == NO_TRAINING and np.isnan(found.loc["stuck", "difference"])


@pytest.fixture
def trained(tmp_path):
    """Published answers of two models in two regimes with three seeds each, and a scorer of them."""
    rng, lines, frames, f1 = np.random.default_rng(0), [], {}, {}
    right = {("one", "plain"): 0.8, ("two", "plain"): 0.5, ("one", "noisy"): 0.6, ("two", "noisy"): 0.4}
    truth = rng.integers(3, size=200).astype(np.uint8)
    for (row, regime), share in right.items():
        frames.setdefault(regime, pd.DataFrame({TRUTH: truth}))
        for seed in range(3):
            name = f"{row}-{regime}-64-seed{seed}"
            answer = np.where(rng.random(200) < share, truth, rng.integers(3, size=200)).astype(np.uint8)
            frames[regime][name] = answer
            lines.append({"name": name, "row": row, "regime": regime, "samples": 64, "seed": seed})
            f1[row, regime, seed] = f1_score(truth, answer, average="macro")
    for regime, frame in frames.items():
        frame.to_parquet(tmp_path / f"answers_{regime}.parquet")
    return pd.DataFrame(lines), tmp_path, f1


def contrast(name, family="first", **more):
    usual = {"row": "one", "reference": "two", "regime": "plain", "minus_regime": "", "samples": "64"}
    return {"id": name, "family": family, "claim": name} | usual | more


def test_p_is_corrected_for_the_contrasts_that_have_not_run_too(trained):
    runs, folder, _ = trained
    planned = [contrast("A"), contrast("B", row="three"), contrast("C", row="four"), contrast("D", "second")]
    table = judged(pd.DataFrame(planned), runs, folder, 50).set_index("id")
    assert 0 < table.loc["A", "p"] < 1 / 3
    assert table.loc["A", "p_holm"] == pytest.approx(3 * table.loc["A", "p"])  # of three in its family
    assert table.loc["D", "p_holm"] == pytest.approx(table.loc["D", "p"])
    assert table.loc[["B", "C"], ["p", "p_holm", "effect"]].isna().all(axis=None)


def test_a_contrast_of_two_regimes_is_the_difference_of_their_differences(trained):
    runs, folder, f1 = trained
    line = judged(pd.DataFrame([contrast("A", minus_regime="noisy")]), runs, folder, 50).iloc[0]
    gains = {regime: np.mean([f1["one", regime, s] - f1["two", regime, s] for s in range(3)])
             for regime in ("plain", "noisy")}  # fmt: skip
    assert line["effect"] == pytest.approx(gains["plain"] - gains["noisy"])
    assert line["level"] == pytest.approx(np.mean([f1["two", "plain", s] for s in range(3)]))
    elsewhere = judged(pd.DataFrame([contrast("B", reference="two@noisy")]), runs, folder, 50).iloc[0]
    gain = np.mean([f1["one", "plain", s] - f1["two", "noisy", s] for s in range(3)])
    assert elsewhere["effect"] == pytest.approx(gain)


def test_runs_of_another_budget_are_no_part_of_a_contrast(trained):
    runs, folder, _ = trained
    told = judged(pd.DataFrame([contrast("A"), contrast("B", samples="128")]), runs, folder, 20).set_index("id")
    assert told.loc["A", "seeds"] == 3 and told.loc["B", "seeds"] == 0


@pytest.mark.parametrize(
    ("effect", "low", "high", "p", "word"),
    [
        (0.05, 0.03, 0.07, 0.01, "helps"),
        (0.01, 0.005, 0.015, 0.01, "helps, by less than is worth having"),
        (-0.05, -0.07, -0.03, 0.01, "harms"),
        (-0.01, -0.015, -0.005, 0.01, "harms, by less than would matter"),
        (0.0, -0.015, 0.015, 0.9, "no effect worth having"),
        (0.0, -0.03, 0.015, 0.9, "cannot tell"),
        (0.0, -0.015, 0.03, 0.9, "cannot tell"),
    ],
)
def test_the_words_of_the_protocol_are_those_of_both_ends(effect, low, high, p, word):
    assert verdict(effect, low, high, p, seeds=3) == word
    assert verdict(-effect, -high, -low, p, seeds=3) == {
        "helps": "harms", "harms": "helps", "helps, by less than is worth having": "harms, by less than would matter",
        "harms, by less than would matter": "helps, by less than is worth having",
    }.get(word, word)  # fmt: skip


def test_real_claims_are_corrected_for_every_pair_of_the_record():
    rows = [*dict.fromkeys(name for pair in REAL_CLAIMS for name in pair), "other"]
    experiments = pd.DataFrame({"row": rows, "label": rows, "group": "g"})
    pairs = [*REAL_CLAIMS, ("other", rows[0]), ("other", rows[1])]
    record = {"pairs": [{"row": row, "reference": reference, "seeds": 3, "difference": 0.1, "difference_low": 0.05,
                         "difference_high": 0.15, "p": 0.02 if i == 0 else 0.9}
                        for i, (row, reference) in enumerate(pairs)]}  # fmt: skip
    first = judge_real(record, experiments).iloc[0]
    assert first["p_holm"] == pytest.approx(0.02 * len(pairs)) and first["verdict"] == "inconclusive"


def test_a_claim_is_judged_against_its_own_reference_wherever_that_stands_in_the_table(tmp_path):
    truth = list("aabc" * 5)
    said = {"full": ("aabc" * 5, "aabc" * 5), "control": ("abbc" * 5, "bbbc" * 5)}  # macro-F1 1, 1; 7/9, 1/2
    for row, runs in said.items():
        for seed, answers in enumerate(runs):
            run = tmp_path / f"{row}-seed{seed}"
            run.mkdir()
            frame = pd.DataFrame({"image": [f"{i}.png" for i in range(20)], "split": "test", "disease": truth})
            frame["patient_id"] = [f"p{i // 2}" for i in range(20)]
            frame["disease_prob"] = list((np.eye(3) * 0.7 + 0.1)[["abc".index(a) for a in answers]])
            frame.to_parquet(run / "predictions.parquet")
            (run / "metrics.json").write_text("{}")
    rows = pd.DataFrame({"row": ["full", "control"], "label": ["full", "control"]})  # the reference comes last
    records = read_records(tmp_path)
    found = judge(Evidence(rows, records, LabelSpace("toy", ("a", "b", "c")), ("full", "control"), records),
                  (Step("it helps", "full", "control", ""),)).iloc[0]  # fmt: skip
    assert found["difference"] == pytest.approx((2 / 9 + 1 / 2) / 2) and found["seeds"] == 2
    assert found["low"] < found["difference"] < found["high"]


@pytest.mark.parametrize(
    ("seeds", "p", "low", "told"),
    [
        (2, 0.01, 0.03, ""),
        (3, 0.2, -0.01, "In the second edition this gain is inconclusive after three of five seeds."),
        (5, 0.01, 0.03, "In the second edition this gain is supported."),
    ],
)
def test_the_answer_of_a_page_says_what_a_longer_training_found(seeds, p, low, told):
    contrasts = pd.DataFrame(read_json(PUBLISHED_VERDICTS)["contrasts"])
    known = {"seeds": seeds, "effect": 0.05, "low": low, "high": 0.09, "p": p, "p_holm": p}
    for name, value in known.items():
        contrasts.loc[contrasts["id"] == "T1", name] = value
    assert longer_text(contrasts, "T1") == told
