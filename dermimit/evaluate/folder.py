"""A trained run scored on any folder of photographs with the same classes, such as another dataset's."""

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from accelerate import Accelerator

from dermimit.data import LabelSpace, ManifestError, PhotoDataset, PhotoSet, load
from dermimit.data.changes import TABLE
from dermimit.data.columns import SPLITS
from dermimit.data.label_space import TASKS
from dermimit.data.problems import suggest
from dermimit.data.quarantine import leave_out
from dermimit.data.splits import select
from dermimit.data.transforms import eval_transform, least_side
from dermimit.evaluate.metrics import score
from dermimit.evaluate.predictions import predict
from dermimit.lock import locked
from dermimit.records import data_fingerprint, provenance, write_json, write_parquet
from dermimit.train.run import Run, load_run

CHOICES = ("all", *SPLITS)
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
) -> Metrics:
    """Score a run and leave a record.

    Args:
        run: folder of a finished run.
        dataset: name of a dataset that has, for each task of the run that it has labels for, the run's classes.
        root: the dataset's folder.
        out: folder to write; an earlier evaluation there is replaced, a run is not.
        split: all, train, val or test, with the split seed of the run.
        quarantine: file that names photographs to leave out (see `dermimit.data.check`).
        options: of the dataset's loader; those of the run, if None and it was trained on the same dataset.
        cache: folder that keeps the photographs reduced, for faster reading; the scores are the same without it.

    Returns:
        `split` -> "<task>/<metric>" -> value, as in metrics.json, which is written last; beside it predictions.parquet
        and provenance.json.

    Raises:
        ManifestError: the split is unknown or empty, or the classes differ; names the first difference.
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
    photos = load(dataset, root, loaded.config.image_size, seed=loaded.config.split_seed, **options)
    space = shared_space(loaded.label_space, photos.label_space, loaded.model.tasks)
    frame = leave_out(photos.frame, quarantine) if quarantine else photos.frame
    rows = frame if split == "all" else select(frame, split)
    scored = replace(photos, frame=frame, cache=Path(cache) if cache else None)
    predictions = _predict(loaded, scored, space, rows)
    tasks = [task for task in loaded.model.tasks if task in predictions and predictions[task].notna().any()]
    if not tasks:
        raise ManifestError(f"{root}: none of these photographs has a label for {', '.join(loaded.model.tasks)}")
    unscored = [f"{task}_prob" for task in loaded.model.tasks if task not in tasks]
    metrics = {split: score(predictions.drop(columns=unscored), space)}
    facts = {"run": Path(run).resolve().name, "run_code": loaded.provenance.get("code_fingerprint")}
    facts |= {"dataset": dataset, "split": split, "photographs": len(rows), "tasks": tasks}
    seen = saw_in_training(loaded, frame, rows, Path(root))
    facts |= {"left_out": len(photos.frame) - len(frame), "saw_in_training": seen}
    if facts["saw_in_training"]:
        print("these photographs include those that the run was trained on", file=sys.stderr)
    write_record(out, predictions, provenance(rows, started, facts), metrics)
    return metrics


def shared_space(run: LabelSpace, data: LabelSpace, tasks: tuple[str, ...]) -> LabelSpace:
    """The run's classes, in its order, of the tasks that the run and the dataset share; the dataset's of the others.

    Raises:
        ManifestError: a shared task has other classes, or one label a photo here and several there; or none is shared.
    """
    fields = {"disease": "diseases", "body_part": "body_parts", "attributes": "attributes"}
    shared = [task for task in tasks if data.classes(task)]
    if not shared:
        raise ManifestError(f"{data.name} has no labels for what the run was trained on: {', '.join(tasks)}")
    for task in shared:
        ours, theirs = run.classes(task), data.classes(task)
        for names, others, whose in ((theirs, ours, data.name), (ours, theirs, "the run")):
            if extra := [name for name in names if name not in others]:
                remedy = f"the run knows {len(ours)}, {data.name} has {len(theirs)}; {suggest(extra[0], others)}"
                raise ManifestError(f"{task}: only {whose} has the class {extra[0]!r}: {remedy}")
        if run.multi_label(task) != data.multi_label(task):
            kinds = {True: "any number of classes", False: "one class"}
            kind = f"{kinds[run.multi_label(task)]} a photograph, {data.name} {kinds[data.multi_label(task)]}"
            raise ManifestError(f"{task}: the run was trained with {kind}; train a run of the same kind")
    return replace(data, **{fields[task]: run.classes(task) for task in shared})


def _predict(run: Run, photos: PhotoSet, space: LabelSpace, rows: pd.DataFrame) -> pd.DataFrame:
    accelerator = Accelerator(mixed_precision=run.config.precision)
    size = photos.image_size
    reading = {"least": least_side(size), "cache": photos.cache}
    dataset = PhotoDataset(rows, space, photos.root, eval_transform(size), **reading)
    return predict(run.model.to(accelerator.device), dataset, run.config.batch_size, accelerator)


def saw_in_training(run: Run, frame: pd.DataFrame, rows: pd.DataFrame, root: Path) -> bool | None:
    """Whether `rows`, of the manifest `frame`, hold photographs that the run was trained on; None for other data."""
    if run.provenance.get("data_fingerprint") == data_fingerprint(frame):
        return bool((rows["split"] == "train").any())
    kept = run.path / TABLE
    if not kept.is_file() or root.resolve() != run.config.data_root.resolve():
        return None
    then = pd.read_parquet(kept)  # the same folder, changed since
    return bool(rows["image"].isin(then.loc[then["split"] == "train", "image"]).any())


def write_record(out: Path, predictions: pd.DataFrame, facts: dict, metrics: Metrics) -> None:
    """Each file whole or not at all; metrics.json goes first and comes last, since it says that all are there."""
    with locked(out):
        (out / "metrics.json").unlink(missing_ok=True)
        write_parquet(out / "predictions.parquet", predictions)
        write_json(out / "provenance.json", facts)
        write_json(out / "metrics.json", metrics)


def metrics_table(metrics: Metrics) -> str:
    """The metrics as text, a task a block."""
    lines = []
    for split, values in metrics.items():
        for task in TASKS:
            of_task = {name.split("/")[1]: v for name, v in values.items() if name.startswith(f"{task}/")}
            lines += [f"{task.replace('_', ' ')} ({split})"] if of_task else []
            lines += [
                f"  {name.replace('_', ' '):<20}{'–' if v != v else f'{v:.3f}':>8}" for name, v in of_task.items()
            ]
    return "\n".join(lines)
