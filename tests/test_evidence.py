"""Verdicts follow from predictions by one rule; tables of experiments are read beside the ablation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermimit.data import LabelSpace
from dermimit.evaluate import evidence, gradient_conflict, verdicts
from dermimit.evaluate.tables import read_experiments
from dermimit.records import answers_of, write_json

ROOT = Path(__file__).parents[1]
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
    judged = verdicts.judge(evidence.read_evidence(project, "ablation")).set_index("claim")
    assert judged.loc["… attributes alone", "verdict"] == verdicts.SUPPORTED
    assert judged.loc["… body part alone", "verdict"] == verdicts.NOT_SHOWN
    assert judged.loc["Cross-interaction beats concatenation", "verdict"] == verdicts.CONTRADICTED
    untrained = judged.loc["Lesion selection helps, three tasks"]  # D_B_A_CIM is missing
    assert untrained["verdict"] == evidence.NOT_RUN and evidence.p_text(untrained["p"]) == "–"
    known = judged.drop(index=untrained.name)
    assert (known["p_holm"] >= known["p"]).all()


def test_a_table_is_compared_with_the_seeds_that_both_have(project):
    found = evidence.read_evidence(project, "choices")
    table = found.against("full").set_index("row")
    assert list(table.index) == ["full", "k4"]
    assert table.loc["k4", "seeds"] == table.loc["full", "seeds"] == 3
    assert table.loc["k4", "difference_high"] < 0 and table.loc["k4", "group"] == "K"
    assert not found.complete
    text = evidence.differences_table(table.reset_index())
    assert list(text["model"]) == ["4 of 64"] and text["p (Holm)"].iloc[0] == "< 0.001"


def test_a_table_without_runs_is_empty_and_without_an_ablation_refused(project, tmp_path):
    found = evidence.read_evidence(project, "labels")
    assert set(found.own).isdisjoint(found.records["row"])
    with pytest.raises(FileNotFoundError, match="make published"):
        evidence.read_evidence(tmp_path / "elsewhere", "ablation")


def test_every_claim_names_rows_of_the_ablation():
    rows = set(read_experiments(ROOT / "workflow/experiments/ablation.csv")["row"])
    assert all({claim.row, claim.reference} <= rows for claim in verdicts.CLAIMS)


def test_gradients_are_read_by_pair_of_tasks(tmp_path):
    run = tmp_path / "cim-seed0"
    write_run(run, 0.5, 0)
    history = pd.DataFrame({"samples_seen": [10, 20], "gradient/cosine/disease/attributes": [0.1, -0.2]})
    history.to_parquet(run / "history.parquet")
    from dermimit.evaluate.tables import read_records

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
    assert "difference +0.125 (-0.193 to +0.443, 2 seeds): **not shown**" in text
    rows = pd.DataFrame({"row": ["concat", "cim"], "label": ["joined", "interaction"]})
    shown = gradient_conflict.cosines_table(gradient_conflict.mean_cosines(by_seed, rows)).set_index("model")
    assert shown.loc["interaction", "a and b"] == "+0.550 ± 0.212" and shown.index[0] == "joined"
    assert "one seed does not" in gradient_conflict.conflict_text(by_seed[by_seed["seed"] == 0])
    assert gradient_conflict.conflict_text(by_seed[by_seed["row"] == "cim"]) == "**Not run yet.**"


def test_a_difference_that_all_seeds_share_is_shown():
    lines = [
        (row, "a/b", seed, value + seed / 100) for row, value in (("cim", 0.3), ("concat", -0.2)) for seed in range(3)
    ]
    lines[0] = ("cim", "a/b", 0, 0.31)
    text = gradient_conflict.conflict_text(pd.DataFrame(lines, columns=["row", "pair", "seed", "cosine"]))
    assert text.startswith("Some pairs conflict") and "3 seeds): **less conflict**" in text


def test_a_choice_is_named_with_its_factor(project):
    changed = evidence.read_evidence(project, "choices").against("full")
    assert evidence.differences_table(changed, factors=True)["model"].tolist() == ["K: 4 of 64"]
    assert evidence.differences_table(changed)["model"].tolist() == ["4 of 64"]
