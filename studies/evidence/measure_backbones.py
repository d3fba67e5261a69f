"""Cross-validate the rows of workflow/experiments/real/pad_ufes_20_backbones.csv on PAD-UFES-20, by patient.

Trains the most informative rows first and stops in time; the same call goes on from there, after a kill too, from the
last epoch. Two calls at once share the work. Writes results/published/real_backbones/answers.parquet, the out-of-fold
answers by image (PAD-UFES-20 is CC BY 4.0; no pixels) of every row and seed that is whole, and table.json: all rows,
those that have not run too, where each training comes from, scores, and differences with intervals by patient.

Run: python -m studies.evidence.measure_backbones FOLDER --minutes 100 [--threads 2] [--only frozen_D ...]
The weights: `dermimit weights list` says where each comes from, `make weights` installs them.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import tyro

from dermimit.data import pad_ufes_20
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import answers_of_folds, collect, paired, scored
from dermimit.evaluate.runs import plain_records
from dermimit.lock import LockedError, locked
from dermimit.probe.record import out_of_fold
from dermimit.records import read_json, write_json, write_parquet
from dermimit.train import fit
from dermimit.train.run_folder import is_finished
from studies.evidence.backbone_runs import FOLDS, RECIPE, TABLE, config_of, folder_of, in_order, read_rows
from studies.evidence.backbone_tables import families
from studies.shared.paths import PUBLISHED, ROOT
from studies.shared.real_backbones import ANSWERS, RECORD, SEEDS

FACTS = ("commit", "dirty", "code_fingerprint", "data_fingerprint", "platform", "processor", "started", "seconds",
         "train_seconds", "parameters", "weights")  # fmt: skip
SOURCE = (
    "PAD-UFES-20 (Pacheco et al. 2020, Mendeley Data zr7vgbcyr2, CC BY 4.0), 948-image subset: ids, patients, diagnoses"
)


def main(
    root: Annotated[Path, tyro.conf.Positional],
    only: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0, 1, 2),
    minutes: float = 0.0,
    threads: int = 1,
    table: Path = TABLE,
    out: Path = ROOT / PUBLISHED / "real_backbones",
    work: Path = ROOT / "results/runs/real/pad_ufes_20_backbones",
    probes: Path = ROOT / PUBLISHED / "probes",
    folds: int = FOLDS,
    samples: int = 0,
    unpublished: bool = False,
) -> None:
    """Train what has not run, the most informative first, and publish every row and seed whose folds are all there.

    Args:
        root: folder of PAD-UFES-20.
        only: names of rows; without it all.
        seeds: of the trainings.
        minutes: after which no further training begins; 0: never stop.
        threads: of the processor.
        table: of the rows.
        out: folder of the record.
        work: folder of the runs, of reduced photographs and of tokens.
        probes: folder of published probes; those of the same photographs are scored beside the rows.
        folds: how many of the five, for a quick try; with fewer nothing is published.
        samples: photographs seen in each training, for a quick try in `work`/tries, of which nothing is published;
            0: as the table says.
        unpublished: leave out the rows and seeds that the record has, wherever they were trained.
    """
    started, chosen = time.monotonic(), read_rows(table, only)
    torch.set_num_threads(threads)
    work.mkdir(parents=True, exist_ok=True)
    lines = {line["row"]: line for _, line in chosen.iterrows()}
    if samples:
        work = work / "tries"
    else:
        publish(out, work, read_rows(table), pad_ufes_20.load(root)[1].diseases, probes)
    known = published(out) if unpublished else set()
    for row, seed in [run for run in in_order(chosen, seeds) if run not in known]:
        trained = 0
        for fold in range(folds):
            config = config_of(lines[row], seed, fold, root, work, samples)
            if is_finished(config):
                continue
            if minutes and time.monotonic() - started > 60 * minutes:
                print(f"{minutes:g} minutes are over: the same call goes on with {row}, seed {seed}, fold {fold}")
                return
            try:
                fit(config)
                trained += 1
            except LockedError:
                print(f"{config.out.name}: another process trains it", flush=True)
        if trained and folds == FOLDS and not samples:
            publish(out, work, read_rows(table), pad_ufes_20.load(root)[1].diseases, probes)


def published(out: Path) -> set[tuple[str, int]]:
    """Rows and seeds of the record."""
    path = out / RECORD
    return {(run["row"], run["seed"]) for run in read_json(path)["runs"]} if path.is_file() else set()


def publish(out: Path, work: Path, table: pd.DataFrame, diseases: tuple[str, ...], probes: Path) -> None:
    """Write the record, once no other process writes it.

    Args:
        out: folder of the record; rows and seeds that are not whole in `work` stay as they were published.
        work: folder of the runs.
        table: all rows.
        diseases: names in the order of the probabilities.
        probes: folder of published probes.
    """
    while True:
        try:
            with locked(work):
                return write_record(out, work, table, diseases, probes)
        except LockedError:
            time.sleep(1)


def write_record(out: Path, work: Path, table: pd.DataFrame, diseases: tuple[str, ...], probes: Path) -> None:
    """As `publish`, with the folder of the runs locked."""
    place, path = {row: i for i, row in enumerate(table["row"])}, out / RECORD
    whole = [run for run in in_order(table, seeds_in(work)) if is_whole(work, *run)]
    runs, frames = [], []
    for row, seed in whole:
        folders = [folder_of(work, row, seed, fold) for fold in range(FOLDS)]
        runs += [origin(folder, row, fold, seed) for fold, folder in enumerate(folders)]
        frames.append(collect(folders, row, seed))
    if path.is_file():
        old = [run for run in read_json(path)["runs"] if run["row"] in place]
        kept = {(run["row"], run["seed"]) for run in old} - set(whole)
        there = pd.read_parquet(out / ANSWERS)
        frames.append(there[[run in kept for run in zip(there["row"], there["seed"], strict=True)]])
        runs += [run for run in old if (run["row"], run["seed"]) in kept]
    if not runs:
        return
    answers = pd.concat(frames).sort_values(
        ["row", "seed", "image"], key=lambda c: c.map(place) if c.name == "row" else c, ignore_index=True
    )
    runs.sort(key=lambda run: (place[run["row"]], run["seed"], run["fold"]))
    models = answers_of_folds(answers, diseases)
    record = {"source": SOURCE, "diseases": diseases, "recipe": RECIPE, "rows": plain_records(table), "runs": runs}
    record |= {"scores": scored(models, diseases), "pairs": paired(models, of_common_seeds(table, models))}
    record |= beside_probes(models, sorted(set(answers["image"])), diseases, probes)
    out.mkdir(parents=True, exist_ok=True)
    write_parquet(out / ANSWERS, answers)
    write_json(path, record)
    for line in record["scores"]:
        print(line["row"], line["seeds"], *(f"{k} {line[k]:.3f}" for k in ("macro_f1", "balanced_accuracy")))


def beside_probes(
    models: Mapping[str, Answers], images: Sequence[str], diseases: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    """Scores of the published probes of these photographs, and the best row minus the best probe.

    Rows and probes with all seeds come before those with fewer, whose score a lucky training may have made.
    """
    found = [out_of_fold(path.parent, f"{path.parent.name}: ") for path in sorted(folder.glob("*/answers.parquet"))]
    found = [frame for frame in found if set(frame["image"]) == set(images)]
    if not found:
        return {"probes": []}
    probes = answers_of_folds(pd.concat(found), diseases)
    best, reference = (
        max(them, key=lambda row: (len(them[row].seeds) >= SEEDS, them[row].macro_f1().mean()))
        for them in (models, probes)
    )
    (beside,) = paired({**models, **probes}, [(best, reference)])
    return {"probes": scored(probes, diseases), "beside": beside}


def of_common_seeds(table: pd.DataFrame, models: Mapping[str, Answers]) -> list[tuple[str, str]]:
    """The pairs of rows to compare that have a seed in common."""
    pairs = [pair for pairs in families(table).values() for pair in pairs if set(pair) <= set(models)]
    return [(row, base) for row, base in pairs if set(models[row].seeds) & set(models[base].seeds)]


def seeds_in(work: Path) -> list[int]:
    """The seeds of all runs in a folder."""
    return sorted({int(path.parent.name.rpartition("-seed")[2]) for path in work.glob("*-seed*/metrics.json")})


def is_whole(work: Path, row: str, seed: int) -> bool:
    """Whether a row is finished on all folds."""
    return all((folder_of(work, row, seed, fold) / "metrics.json").is_file() for fold in range(FOLDS))


def origin(run: Path, row: str, fold: int, seed: int) -> dict[str, Any]:
    """Where the answers of one run come from: commit, modified or not, code, data, weights, machine, time."""
    facts = read_json(run / "provenance.json")
    return {"row": row, "fold": fold, "seed": seed} | {name: facts[name] for name in FACTS if name in facts}


if __name__ == "__main__":
    tyro.cli(main)
