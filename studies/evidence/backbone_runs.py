"""The trainings of workflow/experiments/real/pad_ufes_20_backbones.csv: in what order, and of what each is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dermimit.evaluate.runs import read_experiments
from dermimit.train import TrainConfig, with_settings
from studies.shared.paths import EXPERIMENTS, ROOT

TABLE = ROOT / EXPERIMENTS / "real/pad_ufes_20_backbones.csv"
FOLDS = 5
RECIPE = dict(
    batch_size=16, optimizer="adamw", weight_decay=0.02, weight_attributes=5.0, disease_loss="class_balanced", ema=0.99,
    cutmix_probability=0.0, precision="bf16",
)  # fmt: skip
"""What all rows have in common, beside the settings of each."""


def read_rows(path: Path = TABLE, only: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of the table, or those that are named.

    Raises:
        SystemExit: a name that is in no row, or a priority that is no whole number, with the line.
    """
    table = read_experiments(path)
    for line, priority in enumerate(table["priority"], start=2):
        if not priority.isdecimal():
            raise SystemExit(f"{path}, line {line}, column priority: give a whole number, got {priority!r}")
    if unknown := sorted(set(only) - set(table["row"])):
        raise SystemExit(f"{path.name} has no row {unknown[0]}; it has {', '.join(table['row'])}")
    return table[table["row"].isin(list(only) or table["row"])].reset_index(drop=True)


def in_order(table: pd.DataFrame, seeds: Iterable[int]) -> list[tuple[str, int]]:
    """(row, seed), the most informative first: a row of priority 1 has its second seed when one of priority 2 has its
    first."""
    runs = [
        (int(line.priority) + rank, int(line.priority), place, line.row, seed)
        for place, line in enumerate(table.itertuples())
        for rank, seed in enumerate(seeds)
    ]
    return [(row, seed) for *_, row, seed in sorted(runs)]


def folder_of(work: Path, row: str, seed: int, fold: int) -> Path:
    """Where a training is kept."""
    return work / f"{row}-fold{fold}-seed{seed}"


def config_of(line: pd.Series, seed: int, fold: int, data_root: Path, work: Path, samples: int = 0) -> TrainConfig:
    """The training of a row on all folds but one.

    Args:
        line: of the table.
        seed: of the training.
        fold: which is tested; validation, which chooses the epoch, is taken from the others.
        data_root: folder of PAD-UFES-20.
        work: folder of the runs; reduced photographs and tokens of frozen trunks are kept beside them.
        samples: photographs seen, in one epoch, for a quick try; 0: as the table says.

    Raises:
        ValueError: a setting of the row is unknown or outside its range.
    """
    config = TrainConfig(
        data_root=data_root, out=folder_of(work, line["row"], seed, fold), dataset="pad_ufes_20",
        data_options={"fold": fold}, tasks=tuple(line["tasks"].split("+")), lsm=bool(line["lsm"]),
        fusion=line["fusion"], seed=seed, cache=str(work / "photographs"), **RECIPE,
    )  # fmt: skip
    config = with_settings(config, line["settings"] + (f" samples={samples} epochs=1" if samples else ""))
    return replace(config, tokens=str(work / "tokens")) if config.views else config
