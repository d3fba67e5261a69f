"""A trained run scored on any folder of photographs with the same classes, such as another dataset's."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data import LabelSpace, ManifestError, PhotoDataset, PhotoSet, load
from dermimit.data.columns import SPLITS
from dermimit.data.problems import suggest
from dermimit.data.quarantine import leave_out
from dermimit.data.splits import select
from dermimit.data.transforms import eval_transform, least_side
from dermimit.evaluate.classes import match_classes
from dermimit.evaluate.metrics import score
from dermimit.evaluate.predictions import predict
from dermimit.evaluate.seen import splits_of_run
from dermimit.lock import locked
from dermimit.records import provenance, write_json, write_parquet
from dermimit.train.processes import accelerator_of
from dermimit.train.run import Run, load_run

CHOICES = ("all", *SPLITS)
TOP = 3
LEARNT = {"train": "that the run was trained on", "val": "on which the run's epoch was chosen"}
RUN_FILES = ("config.json", "model.safetensors", "history.parquet")
Metrics = dict[str, dict[str, float]]


def evaluate(
    run: Path | str,
    dataset: str,
    root: Path | str,
    out: Path,
    split: str = "all",
    quarantine: str = "",
    options: Mapping[str, Any] | None = None,
    cache: Path | str | None = None,
    leave_out_unknown: bool = False,
) -> Metrics:
    """Score a run and leave a record.

    Classes are matched by name, see `dermimit.evaluate.classes.match_classes`. Macro averages are over the classes that
    occur in these photographs; those that do not are named on stderr and in provenance.json, as
    `classes_without_photographs`.

    Args:
        run: folder of a finished run.
        dataset: name of a dataset that has labels for one of the run's tasks or more, in classes that the run knows.
        root: the dataset's folder.
        out: folder to write; an earlier evaluation there is replaced, a run is not.
        split: all, train, val or test, with the split seed of the run.
        quarantine: file that names photographs to leave out (see `dermimit.data.check`).
        options: of the dataset's loader; those of the run, if None and it was trained on the same dataset.
        cache: folder that keeps the photographs reduced, for faster reading; the scores are the same without it.
        leave_out_unknown: leave out photographs of diseases that the run does not know, and labels of body parts and
            attributes that it does not know, and count them.

    Returns:
        `split` -> "<task>/<metric>" -> value, as in metrics.json, which is written last; beside it predictions.parquet,
        label_space.json, the classes in the order of its probabilities, and provenance.json.

    Raises:
        ManifestError: the split is unknown or empty, or there are classes that the run does not know.
        ValueError: `out` holds a training run.
        CacheError: the cache cannot be written.
    """
    started, out = time.time(), Path(out)
    if split not in CHOICES:
        raise ManifestError(f"unknown split {split!r}; {suggest(split, CHOICES)}")
    if found := [name for name in RUN_FILES if (out / name).exists()]:
        raise ValueError(f"{out} holds a training run ({found[0]}): choose another `out`")
    loaded = load_run(run)
    if options is None:
        options = loaded.config.data_options if dataset == loaded.config.dataset else {}
    seed = None if split == "all" else loaded.config.split_seed
    photos = load(dataset, root, loaded.preprocessing, seed=seed, **options)
    frame = leave_out(photos.frame, quarantine) if quarantine else photos.frame
    rows = frame if split == "all" else select(frame, split)
    matched = match_classes(loaded.label_space, photos.label_space, rows, loaded.model.tasks, leave_out_unknown)
    rows, space = rows.loc[matched.frame.index], matched.space
    scored = replace(photos, frame=frame, cache=Path(cache) if cache else None)
    predictions = _predict(loaded, scored, space, matched.frame)
    tasks = [task for task in loaded.model.tasks if task in predictions and predictions[task].notna().any()]
    if not tasks:
        raise ManifestError(f"{root}: none of these photographs has a label for {', '.join(loaded.model.tasks)}")
    unscored = [f"{task}_prob" for task in loaded.model.tasks if task not in tasks]
    metrics = {split: score(predictions.drop(columns=unscored), space)}
    facts = {"run": Path(run).resolve().name, "run_code": loaded.provenance.get("code_fingerprint")}
    facts |= {"dataset": dataset, "split": split, "photographs": len(rows), "tasks": tasks}
    then = splits_of_run(loaded, dataset, frame, Path(root))
    kinds = None if then is None else set(then.reindex(rows["image"]))
    facts |= {
        "left_out": len(photos.frame) - len(frame),
        "saw_in_training": None if kinds is None else "train" in kinds,
    }
    facts |= {"classes_without_photographs": matched.absent, "renamed": matched.renamed}
    facts |= {"unknown_classes_left_out": matched.unknown}
    seen = [f"these photographs include those {what}" for kind, what in LEARNT.items() if kind in (kinds or ())]
    for note in [*seen, *matched.notes()]:
        print(note, file=sys.stderr)
    write_record(out, predictions, space, provenance(rows, started, facts), metrics)
    return metrics


def _predict(run: Run, photos: PhotoSet, space: LabelSpace, rows: pd.DataFrame) -> pd.DataFrame:
    accelerator = accelerator_of(run.config.precision)
    run.check_batch(min(run.config.batch_size, len(rows)))
    reading = {"least": least_side(photos.image_size), "cache": photos.cache}
    dataset = PhotoDataset(rows, space, photos.root, eval_transform(run.preprocessing), **reading)
    return predict(run.model.to(accelerator.device), dataset, run.config.batch_size, accelerator)


def write_record(out: Path, predictions: pd.DataFrame, space: LabelSpace, facts: dict, metrics: Metrics) -> None:
    """Each file whole or not at all; metrics.json goes first and comes last, since it says that all are there."""
    with locked(out):
        (out / "metrics.json").unlink(missing_ok=True)
        write_parquet(out / "predictions.parquet", predictions)
        write_json(out / "label_space.json", space.to_dict())
        write_json(out / "provenance.json", facts)
        write_json(out / "metrics.json", metrics)


def metrics_table(metrics: Metrics, space: LabelSpace) -> str:
    """The metrics as text, a task a block; of three classes or fewer without the top-3 accuracy, which always is 1."""
    lines = []
    for split, values in metrics.items():
        for task, classes in space.num_classes.items():
            of_task = {name.split("/")[1]: v for name, v in values.items() if name.startswith(f"{task}/")}
            if classes <= TOP:
                of_task.pop("top3_accuracy", None)
            lines += [f"{task.replace('_', ' ')} ({split})"] if of_task else []
            lines += [
                f"  {name.replace('_', ' '):<20}{'–' if v != v else f'{v:.3f}':>8}" for name, v in of_task.items()
            ]
    return "\n".join(lines)
