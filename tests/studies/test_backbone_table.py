"""The table of backbones on real photographs: what is trained and when, what is published, and what pages say of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermimit.data.pad_ufes_20 import LABEL_SPACE
from dermimit.evaluate.estimate import NOT_RUN
from dermimit.lock import LockedError
from dermimit.model.plan import no_numbers
from dermimit.records import read_json, write_json, write_parquet
from dermimit.train.assemble import build_model
from studies.evidence import measure_backbones
from studies.evidence.backbone_runs import config_of, folder_of, in_order, read_rows
from studies.evidence.backbone_tables import (
    backbones_table,
    contrasts_table,
    families,
    judged,
    read_backbones,
    runs_text,
    share,
    times_table,
    waiting_text,
)

ROOT = Path(__file__).parents[2]
ROWS = read_rows()
DISEASES = LABEL_SPACE.diseases
HEAD = "row,group,label,tasks,lsm,fusion,settings,description,priority\n"
FEW = HEAD + (
    "small_D,small,D,disease,false,none,samples=320 epochs=1,plain,1\n"
    "small_D_LSM,small,D + LSM,disease,true,none,samples=320 epochs=1,with selection,2\n"
)


def configured(row: str, fold: int = 0):
    return config_of(ROWS.set_index("row", drop=False).loc[row], 0, fold, Path("photographs"), Path("work"))


def size(row: str) -> int:
    with no_numbers():
        model = build_model(configured(row).without_pretraining(), LABEL_SPACE)
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("backbone", dict.fromkeys(ROWS["row"].str.partition("_")[0]))
def test_every_row_is_a_model_and_the_concatenation_is_as_large_as_cross_interaction(backbone):
    variants = ("D", "D_all", "D_random", "D_LSM", "D_B_A", "concat", "full")
    assert set(ROWS.loc[ROWS["row"].str.startswith(f"{backbone}_"), "row"]) == {f"{backbone}_{v}" for v in variants}
    sizes = {variant: size(f"{backbone}_{variant}") for variant in variants}
    assert sizes["concat"] == pytest.approx(sizes["full"], rel=1e-3)
    assert sizes["D_random"] == sizes["D_LSM"] == sizes["D_all"]
    selected = {variant: configured(f"{backbone}_{variant}") for variant in variants}
    pixels, patch = selected["D"].image_size, 14 if "backbone" in selected["D"].model_kwargs else 16
    assert selected["D_all"].model_kwargs["lsm_k"] == (pixels // patch) ** 2
    assert selected["D_random"].model_kwargs["lsm_k"] == selected["D_LSM"].model_kwargs["lsm_k"]


def test_rows_of_a_backbone_differ_in_nothing_but_what_they_are_about():
    for _, group in ROWS.groupby("group"):
        about = ("tasks", "lsm", "fusion", "out", "model_kwargs")
        settings = [{k: v for k, v in configured(row).to_dict().items() if k not in about} for row in group["row"]]
        assert all(other == settings[0] for other in settings)
        choices = [configured(row).model_kwargs for row in group["row"]]
        free = {"lsm_k", "selection", "concat_hidden"}
        assert all({k: v for k, v in c.items() if k not in free} == choices[0] for c in choices)


def test_tokens_are_kept_where_the_trunk_is_frozen_and_each_fold_is_a_run_of_its_own():
    frozen, tuned = configured("frozen_D", 3), configured("tuned_D")
    assert frozen.freeze == "trunk" and Path(frozen.tokens) == Path("work/tokens") and tuned.tokens == ""
    assert frozen.data_options == {"fold": 3} and frozen.out == folder_of(Path("work"), "frozen_D", 0, 3)


def test_the_most_informative_come_first_and_every_run_comes_once():
    runs = in_order(ROWS, (0, 1, 2))
    assert len(runs) == len(set(runs)) == 3 * len(ROWS)
    first = [row for row, priority in zip(ROWS["row"], ROWS["priority"], strict=True) if priority == "1"]
    assert runs[: len(first)] == [(row, 0) for row in first]
    two = in_order(pd.DataFrame({"row": ["a", "b"], "priority": ["1", "2"]}), (5, 7))
    assert two == [("a", 5), ("a", 7), ("b", 5), ("b", 7)]


def test_a_wrong_priority_or_name_is_explained(tmp_path):
    (tmp_path / "t.csv").write_text(FEW.replace("plain,1", "plain,high"))
    with pytest.raises(SystemExit, match=r"line 2, column priority.*'high'"):
        read_rows(tmp_path / "t.csv")
    with pytest.raises(SystemExit, match="no row frozen_X; it has frozen_D"):
        read_rows(only=["frozen_X"])


def photographs():
    """30 photographs of 15 patients in five folds."""
    patients = [f"PAT_{i // 2}" for i in range(30)]
    return pd.DataFrame(
        {"image": [f"a/PAT_{i}.png" for i in range(30)], "patient_id": patients, "split": "test",
         "disease": [DISEASES[i % 6] for i in range(30)], "fold": [i // 2 % 5 for i in range(30)]}
    )  # fmt: skip


class Trainer:
    """Stands in for `fit`: writes what a finished run leaves, right for the first `right` diseases."""

    def __init__(self, locked=()):
        self.done, self.locked = [], set(locked)

    def __call__(self, config):
        name = config.out.name
        if name in self.locked:
            raise LockedError(name)
        self.done.append(name)
        config.out.mkdir(parents=True)
        frame = photographs()
        frame = frame[frame["fold"] == config.data_options["fold"]].drop(columns="fold")
        right = 6 if config.lsm else 3
        truth = [DISEASES.index(d) for d in frame["disease"]]
        frame["disease_prob"] = [np.eye(6)[t if t < right else 0] for t in truth]
        write_parquet(config.out / "predictions.parquet", frame)
        facts = {"commit": "c" * 40, "dirty": False, "processor": "a processor", "seconds": 60.0}
        write_json(config.out / "config.json", config.to_dict())
        write_json(config.out / "provenance.json", facts | {"train_seconds": 32.0, "parameters": 1000000})
        write_json(config.out / "metrics.json", {})
        return config.out


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls the script on a table of two rows."""
    (tmp_path / "rows.csv").write_text(FEW)
    monkeypatch.setattr(measure_backbones.pad_ufes_20, "load", lambda root: (None, LABEL_SPACE))
    places = {"table": tmp_path / "rows.csv", "out": tmp_path / "record", "work": tmp_path / "work"}
    places |= {"probes": tmp_path / "probes"}

    def run(trainer, **options):
        monkeypatch.setattr(measure_backbones, "fit", trainer)
        measure_backbones.main(tmp_path, **places, **options)
        return trainer.done

    return run


def test_it_goes_on_where_it_stopped_and_publishes_what_is_whole(call, tmp_path):
    held = Trainer(locked=["small_D-fold2-seed0"])
    assert call(held, seeds=(0,), only=("small_D",)) == [f"small_D-fold{fold}-seed0" for fold in (0, 1, 3, 4)]
    assert not (tmp_path / "record").exists()
    assert call(Trainer(), seeds=(0, 1))[0] == "small_D-fold2-seed0"  # what another process trained then is done now
    record = read_json(tmp_path / "record/table.json")
    lines = {line["row"]: line for line in record["scores"]}
    assert lines["small_D_LSM"]["macro_f1"] == 1 and lines["small_D_LSM"]["seeds"] == [0, 1]
    # three diseases are right, the others are all called the first: its F1 is 2 · 5 / (5 + 20)
    assert lines["small_D"]["macro_f1"] == pytest.approx((0.4 + 1 + 1) / 6)
    assert lines["small_D"]["recall"]["MEL"][0] == 1 and lines["small_D"]["recall"]["SCC"][0] == 0
    (pair,) = record["pairs"]
    assert pair["row"] == "small_D_LSM" and pair["difference"] == pytest.approx(0.6)
    assert call(Trainer(), seeds=(0, 1)) == []


def test_what_is_published_stays_where_its_runs_are_gone(call, tmp_path):
    call(Trainer(), seeds=(0,), only=("small_D",))
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    call(Trainer(), seeds=(1,))
    record, answers = read_json(tmp_path / "record/table.json"), pd.read_parquet(tmp_path / "record/answers.parquet")
    assert set(zip(answers["row"], answers["seed"], strict=True)) == {
        ("small_D", 0),
        ("small_D", 1),
        ("small_D_LSM", 1),
    }
    assert len(record["runs"]) == 15 and len(answers) == 90
    assert {(run["row"], run["seed"]) for run in record["runs"]} == set(
        zip(answers["row"], answers["seed"], strict=True)
    )


def test_what_the_record_has_is_left_out_where_it_is_asked_for(call, tmp_path):
    call(Trainer(), seeds=(0,), only=("small_D",))
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    assert {name.split("-")[0] for name in call(Trainer(), seeds=(0,), unpublished=True)} == {"small_D_LSM"}


def test_after_its_minutes_no_training_begins(call, capsys):
    assert call(Trainer(), minutes=1e-9) == []
    assert "the same call goes on with small_D, seed 0, fold 0" in capsys.readouterr().out


def test_less_than_five_folds_are_not_published(call, tmp_path):
    assert len(call(Trainer(), folds=1, seeds=(0,), samples=16)) == 2
    assert not (tmp_path / "record").exists()


def score(row, value, seeds=(0, 1, 2)):
    line = {"row": row, "seeds": list(seeds), "recall": {"ACK": [0.8, 0.7, 0.9], "MEL": [0.4, 0.2, 0.6]}}
    for name in ("macro_f1", "balanced_accuracy"):
        line |= {name: value, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02}
    return line


def pair(row, reference, value, p, seeds=3):
    ends = {"difference": value, "difference_low": value - 0.01, "difference_high": value + 0.01}
    return {"row": row, "reference": reference, "seeds": seeds, "p": p} | ends


@pytest.fixture
def record():
    facts = {
        "commit": "a" * 40,
        "dirty": False,
        "processor": "P",
        "seconds": 120,
        "train_seconds": 81,
        "parameters": 2e6,
    }
    return {
        "scores": [score("frozen_D", 0.5), score("frozen_D_LSM", 0.55, (0,))],
        "pairs": [
            pair("frozen_D_LSM", "frozen_D", 0.05, None, seeds=1),
            pair("frozen_D_random", "frozen_D", 0.02, 0.03),
            pair("frozen_D_all", "frozen_D", -0.04, 0.001),
            pair("tuned_D", "frozen_D", 0.02, 0.03),
        ],
        "recipe": {"batch_size": 16},
        "probes": [score("class", 0.52)],
        "beside": pair("frozen_D_LSM", "class", 0.03, None, seeds=1),
        "runs": [facts | {"row": "frozen_D", "seed": 0, "fold": fold} for fold in range(5)],
    }


def test_every_row_is_in_the_table_and_what_has_not_run_says_so(record):
    table = backbones_table(record, ROWS)
    assert len(table) == len(ROWS) + 1 and table["model"].iloc[-1] == "class"
    lines = table.set_index(["backbone", "model"])
    line = lines.loc[("ViT-S/14, trunk frozen", "D")]
    assert line["macro-F1"] == "0.500 (0.480 to 0.520)" and line["seeds"] == "3 of 3"
    assert line["recall MEL"] == "0.40 (0.20 to 0.60)" and line["ACK"] == "0.80"
    assert (table["macro-F1"] == NOT_RUN).sum() == len(ROWS) - 2
    assert (backbones_table(read_backbones(Path("nowhere")), ROWS)["macro-F1"] == NOT_RUN).all()


def test_the_interval_of_a_share_ends_at_nought_and_one():
    assert share(0.47, -0.09, 1.03).plain(2) == "0.47 (0.00 to 1.00)"


def test_p_is_corrected_within_a_family_and_cannot_tell_is_not_no(record):
    found = judged(record, ROWS).set_index(["row", "reference"])
    assert len(found) == sum(len(pairs) for pairs in families(ROWS).values())
    assert (
        found.loc[("frozen_D_random", "frozen_D"), "verdict"] == "supported"
    )  # 0.03 of the two tested there: 1 × 0.03
    assert found.loc[("frozen_D_all", "frozen_D"), ["verdict", "p_holm"]].tolist() == ["contradicted", 0.002]
    assert found.loc[("tuned_D", "frozen_D"), "p_holm"] == 0.03  # the only one of its family
    assert found.loc[("frozen_D_LSM", "frozen_D"), "verdict"] == "one seed: not tested"
    assert found.loc[("frozen_full", "frozen_concat"), "verdict"] == NOT_RUN
    weak = record | {"pairs": [pair("frozen_D_LSM", "frozen_D", 0.01, 0.4)]}
    assert judged(weak, ROWS).set_index("row").loc["frozen_D_LSM", "verdict"].tolist()[0] == "inconclusive"
    told = contrasts_table(judged(record, ROWS), ROWS)
    assert "D + all patches against D" in set(told["rows"]) and len(told) == 4
    assert waiting_text(judged(record, ROWS)).startswith(
        f"*{len(found) - 4} of {len(found)} planned comparisons have not"
    )
    assert "D, ViT-S/14, fine-tuned at 112 pixels against D, ViT-S/14, trunk frozen" in set(told["rows"])


def test_times_are_those_of_the_runs(record):
    (line,) = times_table(record, ROWS).to_dict("records")
    assert line["minutes (median)"] == 2 and line["photographs a second"] == 5184 / 81 and line["trainings"] == 5
    told = runs_text(record)
    assert "5 trainings by commit: `aaaaaaaaaa` (5); 0 of them with uncommitted changes; on P" in told
    assert "All rows: `batch_size=16`" in told


def test_published_probes_of_the_same_photographs_are_set_beside_the_best_row(call, tmp_path):
    folder = tmp_path / "probes/vit"
    folder.mkdir(parents=True)
    write_json(folder / "metrics.json", {"classes": list(DISEASES)})
    frame = photographs().rename(columns={"patient_id": "group"})
    truth = frame["disease"].map(DISEASES.index).to_numpy()
    for i, name in enumerate(DISEASES):
        frame[f"p_{name}"] = np.where(truth < 3, truth == i, i == 0).astype(float)
    write_parquet(folder / "answers.parquet", frame.assign(row="logistic class", split=0))
    call(Trainer(), seeds=(0,))
    record = read_json(tmp_path / "record/table.json")
    assert record["probes"][0]["row"] == "vit: logistic class"
    assert (record["beside"]["row"], record["beside"]["reference"]) == ("small_D_LSM", "vit: logistic class")
    assert record["beside"]["difference"] == pytest.approx(0.6)  # 1 against (0.4 + 1 + 1) / 6
