"""What the history of a run decides and tells: one row an epoch."""

import math
from collections.abc import Mapping
from pathlib import Path

from dermimit.data import PhotoSet
from dermimit.data.columns import SPLITS
from dermimit.records import read_json
from dermimit.train.config import TrainConfig

ORDER = ("disease/macro_f1", "attributes/map", "body_part/map", "body_part/macro_f1")


def selection_metric(row: Mapping[str, float]) -> str | None:
    """The validation metric that chooses the epoch: disease macro-F1, or that of the first task that the validation
    photographs have labels for; None where they have none."""
    known = (f"val/{name}" for name in ORDER if not math.isnan(row.get(f"val/{name}", math.nan)))
    return next(known, None)


def best_epoch(history: list[dict[str, float]]) -> int:
    """The epoch with the best validation score, the earliest of equals; the last where there is no score."""
    name = selection_metric(history[-1])
    return max(range(len(history)), key=lambda i: (history[i][name], -i)) if name else len(history) - 1


def epoch_line(row: dict[str, float], config: TrainConfig) -> str:
    """One line for the log."""
    name = selection_metric(row)
    scored = f"{name} {row[name]:.3f}  " if name else ""
    speed = config.steps_per_epoch * config.batch_size / row["seconds"]
    return (f"epoch {row['epoch'] + 1}/{config.epochs}  loss {row['loss']:.3f}  {scored}"
            f"{speed:.0f} photographs/s")  # fmt: skip


def first_line(config: TrainConfig, photos: PhotoSet, device: object) -> str:
    """What a run trains on, and where."""
    counts, space = photos.frame["split"].value_counts(), photos.label_space
    splits = ", ".join(f"{split} {counts.get(split, 0):,}" for split in SPLITS)
    names = {"disease": "diseases", "body_part": "body parts", "attributes": "attributes"}
    classes = ", ".join(f"{n} {names[task]}" for task, n in space.num_classes.items() if task in config.tasks)
    return f"photographs: {splits}; {classes}; {config.image_size} pixels; {config.model} on {device}"


def last_lines(run: Path) -> str:
    """The scores of a finished run on its test split, else on that which chose its epoch, and what to do next."""
    metrics = read_json(run / "metrics.json")
    split = "test" if "test" in metrics else "val"
    scores = {name: value for name, value in metrics[split].items() if value is not None}
    shown = [name for name in ("disease/accuracy", *ORDER) if name in scores]
    line = ", ".join(f"{name.replace('_', ' ').replace('/', ' ')} {scores[name]:.3f}" for name in shown)
    path = f'"{run}"' if " " in str(run) else run
    return f"{split}: {line or 'no labels'}\nnext: dermimit report {path}, or dermimit predict {path} PHOTOS"
