"""Train the rows of workflow/experiments/gpu/paper_scale.csv: the paper's backbone, ViT-B/16, at 224 pixels on one GPU.

The sizes are chosen for 25 minutes of one H200 and have not been timed on one. A row is not begun when the time is up;
one that was interrupted goes on after its last epoch when the same command is given again, and finished rows stay.

Run: python -m studies.evidence.measure_paper_scale [--pad FOLDER] [--pretrained] [--minutes 25]
"""

import os
import time
from pathlib import Path

import pandas as pd
import torch
import tyro

from dermimit.data.synderm import write
from dermimit.evaluate.runs import read_experiments
from dermimit.records import publish
from dermimit.train import TrainConfig, fit, with_settings
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT

TABLE = ROOT / EXPERIMENTS / "gpu/paper_scale.csv"
SYNDERM = {"train": 20_000, "val": 1_000, "test": 4_000}
RECIPE = dict(
    model="dermimitformer_base_patch16_224", image_size=224, samples=192_000, epochs=5, batch_size=96, optimizer="sgd",
    lr=0.003, momentum=0.95, weight_decay=1e-5, cutmix_probability=0.5, precision="bf16", compile="default",
)  # fmt: skip


def configuration(
    row: pd.Series, root: Path, work: Path, seed: int, pretrained: bool, workers: int, more: str
) -> TrainConfig:
    """The run of one row; `more` changes settings of all rows, as for a quick try, and comes last."""
    config = TrainConfig(
        data_root=root, out=work / f"{row['row']}-seed{seed}", dataset=row["group"],
        tasks=tuple(row["tasks"].split("+")), lsm=bool(row["lsm"]), fusion=row["fusion"], seed=seed,
        pretrained=pretrained, workers=workers, **RECIPE,
    )  # fmt: skip
    return with_settings(config, f"{row['settings']} {more}".strip())


def main(
    pad: Path | None = None,
    pretrained: bool = False,
    minutes: float = 25,
    seed: int = 0,
    more: str = "",
    only: tuple[str, ...] = (),
    unpublished: bool = False,
    sizes: tuple[int, int, int] = tuple(SYNDERM.values()),
    work: Path = ROOT / "results/runs/paper_scale",
    data: Path = ROOT / "results/data/synderm-paper-scale",
    out: Path = ROOT / PUBLISHED / "paper_scale",
) -> None:
    """Train every row that there are photographs and time for, and publish its record.

    Args:
        pad: folder of PAD-UFES-20; its rows are left out without it.
        pretrained: start from timm's ImageNet-21k weights, which are fetched from its hub.
        minutes: no row is begun after this time.
        seed: of the trainings.
        more: settings for all rows; `model=dermimitformer_tiny_patch8_64 image_size=64 compile=no` is a quick try.
        only: names of rows; without it all.
        unpublished: leave out the rows that have a record, wherever they were trained.
        sizes: photographs of SynDerm to draw for training, validation and test.
        work: folder of the runs.
        data: folder of the drawn photographs.
        out: folder of the published records.
    """
    started, cores = time.time(), os.cpu_count() or 1
    if not torch.cuda.is_available() and not more:
        raise SystemExit("no GPU here: ViT-B/16 would take days; for a quick try give other sizes with --more")
    rows = read_experiments(TABLE)
    if unknown := sorted(set(only) - set(rows["row"])):
        raise SystemExit(f"{TABLE.name} has no row {unknown[0]}; it has {', '.join(rows['row'])}")
    rows = rows[rows["row"].isin(only or rows["row"])]
    if unpublished:
        rows = rows[[not (out / f"{row}-seed{seed}" / "metrics.json").is_file() for row in rows["row"]]]
    drawn = rows[rows["group"] == "synderm"]
    if len(drawn):
        first = configuration(drawn.iloc[0], data, work, seed, pretrained, 0, more)
        write(data, dict(zip(SYNDERM, sizes, strict=True)), image_size=first.image_size, workers=cores)
    for _, row in rows.iterrows():
        root = data if row["group"] == "synderm" else pad
        if root is None:
            print(f"{row['row']}: left out; give --pad FOLDER")
            continue
        if (passed := (time.time() - started) / 60) > minutes:
            print(f"{row['row']}: not begun after {passed:.0f} minutes; give the same command again")
            continue
        workers = max(1, cores - 1) if torch.cuda.is_available() else 0
        run = fit(configuration(row, root, work, seed, pretrained, workers, more))
        publish(run, out / run.name, "answers" if row["group"] == "synderm" else "none")


if __name__ == "__main__":
    tyro.cli(main)
