"""`dermimit evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dermimit.commands import Options


def evaluate(
    run: Annotated[Path, tyro.conf.Positional],
    /,
    dataset: str,
    root: Path,
    split: Literal["all", "train", "val", "test"] = "all",
    out: Path | None = None,
    quarantine: str = "",
    cache: Path | None = None,
    leave_out_unknown: bool = False,
    options: Options | None = None,
) -> None:
    """Score a trained run on a folder of labelled photographs whose classes the run knows; classes match by name.

    Args:
        run: folder of a finished run, or the name of a published model (`dermimit models`).
        dataset: name of the dataset in `root`.
        root: folder of the dataset.
        split: photographs to score.
        out: folder for metrics.json, predictions.parquet, label_space.json and provenance.json; by default
            evaluations/RUN-on-DATASET-SPLIT, with the folder's name behind a DATASET of your own.
        quarantine: file that names photographs to leave out.
        cache: folder that keeps reduced photographs, for faster reading; the scores are the same.
        leave_out_unknown: leave out, and count, photographs with classes that the run does not know.
        options: of the dataset's loader, such as `level 19`; by default those that the run was trained with.
    """
    from dermimit.data.label_space import LabelSpace
    from dermimit.evaluate.folder import evaluate, metrics_table
    from dermimit.records import read_json
    from dermimit.zoo.resolve import resolve

    run = resolve(run)
    where = f"folder-{root.resolve().name}" if dataset == "folder" else dataset
    folder = out or Path("evaluations") / f"{run.resolve().name}-on-{where}-{split}"
    metrics = evaluate(run, dataset, root, folder, split, quarantine, options, cache, leave_out_unknown)
    space = LabelSpace.from_dict(read_json(folder / "label_space.json"))
    print(f"{metrics_table(metrics, space)}\n{folder}")
