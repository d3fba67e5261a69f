"""The published records say what the book and the README quote, and can be computed again from the predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from dermimit.data import LabelSpace
from dermimit.data.synderm import LABEL_SPACE, TEST_CASES
from dermimit.data.synderm.golden import pixels_fingerprint
from dermimit.evaluate.metrics import score
from dermimit.evaluate.out_of_fold import COLUMNS
from dermimit.evaluate.runs import read_experiments, read_histories, read_records
from dermimit.records import read_json

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published"
EXPERIMENTS = read_experiments(ROOT / "workflow" / "experiments" / "ablation.csv")
RUNS = sorted(path.parent for path in (PUBLISHED / "synderm").glob("*/predictions.parquet"))


def test_every_row_of_the_ablation_is_published_with_the_same_five_seeds():
    records = read_records(PUBLISHED / "synderm")
    rows = EXPERIMENTS.set_index("row")
    assert set(records["row"]) == set(rows.index)
    assert all(sorted(runs["seed"]) == [0, 1, 2, 3, 4] for _, runs in records.groupby("row"))
    for record in records.to_dict("records"):
        row = rows.loc[record["row"]]
        assert (row["tasks"], row["lsm"], row["fusion"]) == (
            "+".join(record["config/tasks"]),
            record["config/lsm"],
            record["config/fusion"],
        )


def test_all_runs_had_the_same_recipe_and_the_same_test_photographs():
    records = read_records(PUBLISHED / "synderm")
    for name in ("samples", "batch_size", "lr", "optimizer", "model", "image_size", "epochs"):
        assert records[f"config/{name}"].nunique() == 1, name
    for name in ("data_fingerprint", "code_fingerprint", "commit"):
        assert records[f"provenance/{name}"].nunique() == 1, name
    assert not records["provenance/dirty"].any()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_metrics_follow_from_the_predictions(run):
    label_space = LabelSpace.from_dict(read_json(run / "label_space.json"))
    predictions = pd.read_parquet(run / "predictions.parquet")
    computed = score(predictions[predictions["split"] == "test"], label_space)
    assert computed == pytest.approx(read_json(run / "metrics.json")["test"], abs=1e-12)


def test_the_controls_had_the_ablations_code_budget_seeds_and_photographs():
    ablation, controls = (read_records(PUBLISHED / name) for name in ("synderm", "synderm-evidence/controls"))
    both = pd.concat([ablation, controls])
    assert controls.groupby("row")["seed"].agg(sorted).map(tuple).unique().tolist() == [(0, 1, 2, 3, 4)]
    assert set(controls["row"]) == set(read_experiments(ROOT / "workflow/experiments/controls.csv")["row"])
    for name in ("provenance/code_fingerprint", "provenance/data_fingerprint", "provenance/commit", "config/samples"):
        assert both[name].nunique() == 1, name
    assert not both["provenance/dirty"].any()


def test_no_row_of_the_ablation_had_stopped_learning():
    histories = read_histories(read_records(PUBLISHED / "synderm"))
    scores = histories.groupby(["row", "epoch"])["val/disease/macro_f1"].mean().unstack()
    assert (scores[4] > scores[2]).all()


def test_answers_on_real_photographs_are_whole_and_without_pixels():
    record = read_json(PUBLISHED / "real_evidence/pad_ufes_20.json")
    answers = pd.read_parquet(PUBLISHED / "real_evidence/pad_ufes_20.parquet")
    assert list(answers) == COLUMNS and not list((PUBLISHED / "pad_ufes_20").rglob("predictions.parquet"))
    assert answers["image"].str.fullmatch(r"PAT_\d+_\d+_\d+").all()  # official ids
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20.csv")["row"]
    for (row, seed), part in answers.groupby(["row", "seed"]):
        assert len(part) == part["image"].nunique() == 948 and sorted(part["fold"].unique()) == [0, 1, 2, 3, 4], (
            row,
            seed,
        )
        assert part.groupby("patient_id")["fold"].nunique().eq(1).all()  # no patient in two folds
    assert set(answers["row"]) == set(rows)
    keys = set(answers[["row", "seed", "fold"]].itertuples(index=False, name=None))
    runs = {(run["row"], run["seed"], run["fold"]): run for run in record["runs"]}
    assert set(runs) == keys
    assert not any(run["dirty"] for run in runs.values()) and all(run["seconds"] > 1 for run in runs.values())


def test_the_table_of_backbones_is_that_of_its_answers():
    record = read_json(PUBLISHED / "real_backbones/table.json")
    answers = pd.read_parquet(PUBLISHED / "real_backbones/answers.parquet")
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20_backbones.csv")["row"]
    assert {run["row"] for run in record["runs"]} == set(answers["row"]) <= set(rows)
    assert not any(run["dirty"] for run in record["runs"])
    for told in (line for line in record["scores"] if line["seeds"]):
        part = answers[answers["row"] == told["row"]]
        assert sorted(part["seed"].unique()) == told["seeds"]
        found = []
        for _, one in part.groupby("seed"):
            assert len(one) == one["image"].nunique() == 948
            assert one.groupby("patient_id")["fold"].nunique().eq(1).all()  # no patient in two folds
            guess = np.stack(one["probability"].to_list()).argmax(1)
            found.append(f1_score(one["disease"], np.array(record["diseases"])[guess], average="macro"))
        assert told["macro_f1"] == pytest.approx(np.mean(found), abs=1e-9)


@pytest.mark.parametrize("name", ["shortcuts", "visibility", "realism"])
def test_the_measurements_of_the_drawn_dataset_are_complete_and_of_what_is_drawn_now(name):
    found = read_json(PUBLISHED / "synderm_checks" / f"{name}.json")
    assert found["provenance"]["drawing_fingerprint"] == pixels_fingerprint()
    assert not found["provenance"]["dirty"]
    assert not found.get("missing")


def test_circumstances_tell_no_disease_and_every_attribute_can_be_seen():
    rows = pd.DataFrame(read_json(PUBLISHED / "synderm_checks/shortcuts.json")["table"]).set_index("model")
    assert rows.loc["nuisance", "macro_f1_low"] <= rows.loc["nuisance_permuted", "macro_f1_high"]
    for shortcut in ("histogram", "thumbnail"):
        assert rows.loc[shortcut, "macro_f1_high"] < rows.loc["vit_disease", "macro_f1_low"] / 2
    seen = pd.DataFrame(read_json(PUBLISHED / "synderm_checks/visibility.json")["table"])
    overall = seen[seen["skin"] == "all"]
    assert len(overall) == 27
    assert (overall["low"] > 0.5).all()
    assert (overall["auroc"] < 0.99).all()


def test_the_readme_quotes_how_long_the_book_takes():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = read_json(PUBLISHED / "speed/book_stages.json")
    longest = next(row for row in found["stages"] if row["stage"] == "train")["longest_seconds"]
    assert found["profile"] == "quick" and not found["provenance"]["dirty"]
    assert f"`make book` {found['total_seconds'] / 60:.0f} minutes" in text
    assert f"the longest of {longest / 60:.1f} minutes" in text
    slower = read_json(PUBLISHED / "speed/book_stages_slower.json")
    assert not slower["provenance"]["dirty"] and "bf16" not in slower["provenance"].get("processor", "")
    assert f"the book took {slower['total_seconds'] / 60:.0f} minutes when it still trained nine" in text


def test_the_readme_quotes_how_fast_predictions_are():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = read_json(PUBLISHED / "speed/predict_speed.json")
    (size,) = found["sizes"]
    ratios = sorted(row["ratio"]["median"] for row in size["ways"] if row["way"] == "dermimit")
    assert found["images"] == 500 and not found["provenance"]["dirty"]
    assert f"`predict` is {ratios[0]:.1f} to {ratios[-1]:.1f} times as fast as a plain timm loop" in text


def test_the_readme_may_say_that_the_centre_points_best():
    rows = pd.read_parquet(ROOT / "results/published/localisation/synderm_methods.parquet")
    for name in ("pointing", "auroc"):
        means = rows.groupby("method")[name].mean().sort_values()
        assert means.index[-1] == "centre_prior"


@pytest.mark.parametrize("name", ["ceilings", "readers", "crops", "cases"])
def test_the_measurements_of_the_regimes_are_of_what_is_drawn_now(name):
    found = read_json(PUBLISHED / "synderm_checks" / f"{name}.json")
    for regime, drawing in found["provenance"]["drawing_fingerprint"].items():
        assert drawing == pixels_fingerprint(regime), regime
    assert not found["provenance"]["dirty"]


def test_the_fresh_test_sets_hold_every_disease_a_hundred_times():
    sets = {row["regime"]: row for row in read_json(PUBLISHED / "synderm_checks/cases.json")["table"]}
    assert set(sets) == {"plain", "interaction=1", "small", "noisy"}
    for row in sets.values():
        assert sum(row["counts"].values()) == row["cases"] == TEST_CASES
        assert set(row["counts"]) == set(LABEL_SPACE.diseases) and min(row["counts"].values()) == row["least"] >= 100
    assert sets["plain"]["sha256"] == sets["noisy"]["sha256"]  # noise is in the labels alone


@pytest.mark.parametrize("path", sorted((PUBLISHED / "synderm_checks").glob("*_*.json")), ids=lambda path: path.stem)
def test_what_is_measured_in_a_regime_is_of_what_is_drawn_now(path):
    found = read_json(path)
    assert found["provenance"]["drawing_fingerprint"] == pixels_fingerprint(found["settings"]["regime"])
    assert path.stem.endswith(found["settings"]["regime"]) and not found["provenance"]["dirty"]
