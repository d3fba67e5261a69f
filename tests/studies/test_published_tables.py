"""`make tables`: what the book says of the published evidence is made again from the records alone."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.evidence import tables as evidence_pages
from studies.evidence.verdicts import CLAIMS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # every interval of the first edition anew


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "studies/evidence/measure_tables.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    out = tmp_path_factory.mktemp("tables")
    script.main(out)
    return out


def test_the_ablation_follows_from_the_records_scores(made):
    table = pd.read_csv(made / "ablation.csv").set_index("row")
    runs = (ROOT / "results/published/synderm").glob("*/metrics.json")
    scores = pd.Series({run.parent.name: read_json(run)["test"]["disease/macro_f1"] for run in runs})
    means = scores.groupby(scores.index.str.rpartition("-seed").get_level_values(0)).mean()
    assert set(table.index) == set(means.index)
    assert table["value"].to_dict() == pytest.approx(means.to_dict(), abs=1e-9)
    assert table["difference"].to_dict() == pytest.approx((means - means["D"]).to_dict(), abs=1e-9)
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_the_verdicts_are_those_of_the_ablation_and_its_controls(made):
    verdicts = pd.read_csv(made / "verdicts.csv").set_index("claim")
    scores = pd.concat(pd.read_csv(made / f"{name}.csv").set_index("row")["value"] for name in ("ablation", "controls"))
    for claim in CLAIMS:
        line = verdicts.loc[claim.text]
        assert line["difference"] == pytest.approx(scores[[claim.row]].iloc[0] - scores[[claim.reference]].iloc[0])
    assert (verdicts["seeds"] == 5).all()
    shown = verdicts["verdict"] == "supported"
    assert (verdicts.loc[shown, "p_holm"] < 0.05).all()
    assert (verdicts.loc[~shown, "p_holm"] >= 0.05).all()


def test_tables_of_one_seed_test_nothing_and_their_references_have_several(made):
    for name in evidence_pages.EXPLORED:
        table = pd.read_csv(made / f"{name}.csv")
        assert not {"p", "p_holm", "p_photographs"} & set(table)
        own = table["reference"].notna()
        assert (table.loc[own, "seeds"] == 1).all() and (table.loc[~own, "seeds"] >= 3).all()
        assert (table.loc[own, "half"] > 0.01).all()


def test_the_table_of_real_photographs_follows_from_the_published_answers(made):
    answers = pd.read_parquet(ROOT / "results/published/real_evidence/pad_ufes_20.parquet")
    names = read_json(ROOT / "results/published/real_evidence/pad_ufes_20.json")["diseases"]
    labels = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20.csv").set_index("row")
    table = pd.read_csv(made / "real.csv").set_index(["stem", "model"])
    for row, of_row in answers.groupby("row"):
        predicted = of_row["probability"].map(lambda p: names[p.argmax()])
        f1 = [f1_score(part["disease"], predicted[part.index], average="macro") for _, part in of_row.groupby("seed")]
        line = table.loc[(labels.loc[row, "group"], labels.loc[row, "label"])]
        assert line["macro-F1"].startswith(f"{np.mean(f1):.3f} (") and line["seeds"] == len(f1)


def test_figures_and_the_other_tables_are_there(made):
    names = {path.name for path in made.iterdir()}
    assert {
        "ablation.svg",
        "controls.svg",
        "real.csv",
        "real_pairs.csv",
        "real_verdicts.csv",
        "paper_scale.csv",
    } <= names
    assert "<svg" in (made / "ablation.svg").read_text()
    for table in ("choices", "gradients", "baselines", "labels", "data_share", "rare_diseases", "skin_tone"):
        published = (ROOT / "results/published/synderm-evidence" / table).is_dir()
        assert {f"{table}.csv", f"{table}.svg"} <= names if published else f"{table}.svg" not in names


def test_each_table_beside_the_ablation_has_every_published_row(made):
    for folder in (ROOT / "results/published/synderm-evidence").iterdir():
        if folder.name not in ("reference", "selection"):
            rows = set(pd.read_csv(made / f"{folder.name}.csv")["row"])
            assert {run.name.rpartition("-seed")[0] for run in folder.iterdir()} <= rows
