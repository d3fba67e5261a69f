"""Verdicts follow from predictions by one rule; tables of experiments are read beside the ablation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from judged import first_edition
from scipy import stats

from dermimit.data import LabelSpace
from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import INCONCLUSIVE
from dermimit.evaluate.resampling import bootstrap_floor, bootstrap_p
from dermimit.evaluate.runs import read_experiments
from dermimit.records import answers_of, write_json
from studies.evidence import gradient_conflict, verdicts
from studies.shared import evidence
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, NOT_TESTED, SUPPORTED, by_rule, word

ROOT = Path(__file__).parents[2]
SPACE = LabelSpace("toy", diseases=("a", "b", "c"))
RIGHT = {"D": 0.5, "D_LSM": 0.5, "D_B": 0.5, "D_A": 0.75, "D_B_A": 0.75, "full": 0.7, "D_B_A_LSM": 0.95}


def write_run(run, right, seed, answers=False):
    run.mkdir(parents=True)
    rng, truth = np.random.default_rng(seed), np.random.default_rng(5).integers(3, size=400)
    said = np.where(rng.random(400) < right, truth, rng.integers(3, size=400))
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(400)], "split": "test", "patient_id": range(400)})
    frame = frame.assign(disease=[SPACE.diseases[i] for i in truth], disease_prob=list(np.eye(3)[said]))
    (answers_of(frame, list(SPACE.diseases)) if answers else frame).to_parquet(run / "predictions.parquet")
    write_json(run / "metrics.json", {"test": {"disease/macro_f1": right}})
    write_json(run / "label_space.json", SPACE.to_dict())


@pytest.fixture
def project(tmp_path):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/experiments").symlink_to(ROOT / "workflow/experiments")
    for k, (row, right) in enumerate(RIGHT.items()):
        for seed in range(4):
            write_run(tmp_path / f"results/published/synderm/{row}-seed{seed}", right, 10 * k + seed)
    for seed in range(3):
        write_run(tmp_path / f"results/published/synderm-evidence/reference/full-seed{seed}", 0.7, seed, answers=True)
        write_run(tmp_path / f"results/published/synderm-evidence/choices/k4-seed{seed}", 0.3, 90 + seed, answers=True)
    return tmp_path


def test_verdicts_follow_the_rule(project):
    judged = verdicts.judge(evidence.with_controls(project)).set_index("claim")
    assert judged.loc["Learning attributes helps the disease", "verdict"] == SUPPORTED
    assert judged.loc["Learning the body part helps the disease", "verdict"] == INCONCLUSIVE
    assert judged.loc["Cross-interaction beats concatenation", "verdict"] == CONTRADICTED
    untrained = judged.loc["Local tokens help, three tasks"]  # D_B_A_CIM and full_random are missing
    assert untrained["verdict"] == evidence.NOT_RUN and evidence.p_text(untrained["p"]) == "–"
    known = judged[judged["seeds"] > 0]
    assert (known["p_holm"] >= known["p"]).all() and (known["p_holm"] > known["p"]).any()
    assert verdicts.sums(evidence.with_controls(project))["seeds"].tolist() == [4, 4]


def test_a_verdict_waits_for_the_corrected_p(project, monkeypatch):
    found = evidence.with_controls(project)
    assert (verdicts.judge(found)["verdict"] == SUPPORTED).any()
    monkeypatch.setattr(verdicts, "holm", lambda p: np.where(np.isnan(p), np.nan, 0.051))
    assert set(verdicts.judge(found)["verdict"]) <= {INCONCLUSIVE, NO_DIFFERENCE, evidence.NOT_RUN}


def test_the_rule_of_verdicts():
    p = pd.Series([0.049, 0.049, 0.05, 0.05, np.nan, np.nan])
    differences, seeds = pd.Series([0.1, -0.1, 0.1, 0.01, 0.1, np.nan]), pd.Series([5, 5, 5, 5, 1, 0])
    low, high = differences - 0.009, differences + 0.009
    said = by_rule(differences, p, seeds, low, high)
    assert list(said) == [SUPPORTED, CONTRADICTED, INCONCLUSIVE, NO_DIFFERENCE, ONE_SEED, evidence.NOT_RUN]
    assert [word(verdict) for verdict in said] == [*said[:4], NOT_TESTED, NOT_TESTED]


def test_no_claim_is_a_sum_of_others():
    rows = sorted({row for claim in verdicts.CLAIMS for row in (claim.row, claim.reference)})
    contrasts = np.zeros((len(verdicts.CLAIMS), len(rows)))
    for line, claim in zip(contrasts, verdicts.CLAIMS, strict=True):
        line[rows.index(claim.row)], line[rows.index(claim.reference)] = 1, -1
    assert np.linalg.matrix_rank(contrasts) == len(contrasts)
    for total in verdicts.SUMS[:1]:  # while these are
        line = np.zeros(len(rows))
        line[rows.index(total.row)], line[rows.index(total.reference)] = 1, -1
        assert np.linalg.matrix_rank(np.vstack([contrasts, line])) == len(contrasts)


def test_claims_that_share_runs_name_one_another():
    numbers = {claim.text: k for k, claim in enumerate(verdicts.CLAIMS, 1)}
    shares = first_edition().set_index("claim")["shares"]
    assert numbers["Learning attributes helps the disease"] == 2
    assert shares["Learning the body part helps the disease"] == "2, 3, 4"  # D or D + B
    assert shares["Local tokens help, three tasks"] == str(
        numbers["Choosing patches by attention beats chance, three tasks"]
    )


def test_a_table_is_compared_with_the_seeds_that_both_have(project):
    found = evidence.read_evidence(project, "choices")
    table = found.against("full").set_index("row")
    assert list(table.index) == ["full", "k4"]
    assert table.loc["k4", "seeds"] == table.loc["full", "seeds"] == 3
    assert table.loc["k4", "difference_high"] < 0 and table.loc["k4", "group"] == "K"
    assert not found.complete
    text = evidence.differences_table(table.reset_index())
    assert list(text["model"]) == ["4 of 64"] and text["p (t, Holm)"].iloc[0].startswith(("0.", "< 0.001"))


def test_a_table_without_runs_is_empty_and_without_an_ablation_refused(project, tmp_path):
    found = evidence.read_evidence(project, "labels")
    assert set(found.own).isdisjoint(found.records["row"])
    with pytest.raises(FileNotFoundError, match="make published"):
        evidence.read_evidence(tmp_path / "elsewhere", "ablation")


def test_every_claim_names_rows_of_the_ablation():
    names = ("ablation", "controls")
    rows = {row for name in names for row in read_experiments(ROOT / f"workflow/experiments/{name}.csv")["row"]}
    assert all({claim.row, claim.reference} <= rows for claim in verdicts.CLAIMS)


def test_a_p_at_the_floor_of_its_method_says_so():
    floor = bootstrap_floor(2000)
    assert bootstrap_p(np.full(2000, 0.1)) == floor and evidence.p_text(floor, floor) == "< 0.001"
    assert evidence.p_text(0.0071) == "0.007" and evidence.p_text(0.0002) == "< 0.001"


def test_gradients_are_read_by_pair_of_tasks(tmp_path):
    run = tmp_path / "cim-seed0"
    write_run(run, 0.5, 0)
    history = pd.DataFrame({"samples_seen": [10, 20], "gradient/cosine/disease/attributes": [0.1, -0.2]})
    history.to_parquet(run / "history.parquet")
    from dermimit.evaluate.runs import read_records

    curves = gradient_conflict.gradient_curves(read_records(tmp_path))
    assert curves["pair"].unique().tolist() == ["disease/attributes"] and curves["cosine"].tolist() == [0.1, -0.2]


def test_a_row_with_one_seed_has_no_standard_deviation():
    line = {"label": "k = 4", "note": "one seed", "seeds": 1, "value": 0.3, "sd": float("nan"), "p_holm": 0.2}
    line |= {"difference": 0.01, "difference_low": -0.01, "difference_high": 0.03, "effect": float("nan")}
    assert evidence.differences_table(pd.DataFrame([line])).loc[0, "macro-F1"] == "0.300"


def test_cosines_are_means_over_seeds_and_the_verdict_is_paired_by_seed():
    values = {("concat", "a/b"): (0.1, 0.3), ("cim", "a/b"): (0.4, 0.7), ("concat", "a/c"): (0.2, 0.2)}
    values |= {("cim", "a/c"): (0.1, 0.1)}
    lines = [(*key, seed, value) for key, two in values.items() for seed, value in enumerate(two)]
    by_seed = pd.DataFrame(lines, columns=["row", "pair", "seed", "cosine"])
    text = gradient_conflict.conflict_text(by_seed)  # differences 0.1 and 0.15, so 0.125 +- 12.706 * 0.025
    assert "every mean is above 0" in text and "+0.325 with cross-interaction, +0.200 with" in text
    assert "difference +0.125 (−0.193 to +0.443), 2 seeds: **inconclusive**" in text
    rows = pd.DataFrame({"row": ["concat", "cim"], "label": ["joined", "interaction"]})
    shown = gradient_conflict.cosines_table(gradient_conflict.mean_cosines(by_seed, rows)).set_index("model")
    assert shown.loc["interaction", "a and b"] == "+0.550 ± 0.212" and shown.index[0] == "joined"
    gain = gradient_conflict.agreement_gain(gradient_conflict.agreement_by_seed(by_seed))
    differences = stats.ttest_1samp([0.1, 0.15], 0).confidence_interval()
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.125, differences.low, differences.high))
    alone = gradient_conflict.conflict_text(by_seed[by_seed["seed"] == 0])
    assert "+0.100; one seed does not cover the variation between seeds: **inconclusive**" in alone
    alone = gradient_conflict.conflict_text(by_seed[by_seed["row"] == "cim"])
    assert alone == "**These models have not been trained yet.**"


def test_a_difference_that_all_seeds_share_is_shown():
    lines = [
        (row, "a/b", seed, value + seed / 100) for row, value in (("cim", 0.3), ("concat", -0.2)) for seed in range(3)
    ]
    lines[0] = ("cim", "a/b", 0, 0.31)
    columns = ["row", "pair", "seed", "cosine"]
    text = gradient_conflict.conflict_text(pd.DataFrame(lines, columns=columns))
    turned = gradient_conflict.conflict_text(pd.DataFrame(lines, columns=columns), "concat", "cim")
    assert "**more conflict**" in turned
    assert text.startswith("Some pairs conflict") and "3 seeds: **less conflict**" in text


def test_a_choice_is_named_with_its_factor(project):
    changed = evidence.read_evidence(project, "choices").against("full")
    assert evidence.differences_table(changed, factors=True)["model"].tolist() == ["K: 4 of 64"]
    assert evidence.differences_table(changed)["model"].tolist() == ["4 of 64"]
