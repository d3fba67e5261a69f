"""What a page is written from: a run's record, with or without its weights, and the predictions that are scored."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.changes import holds_photographs
from dermimit.data.label_space import LabelSpace
from dermimit.data.preprocessing import Preprocessing, stored
from dermimit.files import read_object
from dermimit.records import read_json
from dermimit.train.foreign import check_folder, read_config, read_space, read_table
from dermimit.zoo.resolve import is_published

NEEDED = ("config.json", "label_space.json", "metrics.json", "provenance.json")
PATHS = ("data_root", "out", "start_from", "quarantine", "cache", "tokens", "weights")


@dataclass(frozen=True)
class Record:
    """A finished run without its weights.

    Attributes:
        path: its folder.
        config: as stored.
        metrics: split -> "<task>/<metric>" -> value.
        history: a row an epoch; None where it was not kept.
        predictions: of validation and test split; None where they were not kept.
        has_weights: whether the model can be loaded.
    """

    path: Path
    config: dict[str, Any]
    label_space: LabelSpace
    metrics: dict[str, Any]
    history: pd.DataFrame | None
    predictions: pd.DataFrame | None
    provenance: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return self.path.resolve().name

    @property
    def has_weights(self) -> bool:
        """Whether the model can be loaded."""
        return (self.path / "model.safetensors").exists() or is_published(self.path)

    @property
    def preprocessing(self) -> Preprocessing:
        """What the model expects of photographs."""
        return stored(self.path, self.config["image_size"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the run was trained for, disease first."""
        return tuple(t for t in ("disease", "body_part", "attributes") if t in self.trained)

    @property
    def trained(self) -> set[str]:
        """The tasks that were both asked for and have classes."""
        return set(self.config["tasks"]) & self.label_space.num_classes.keys()


@dataclass(frozen=True)
class Scored:
    """The predictions that a page is about.

    Attributes:
        frame: predictions of one split; None where they were not kept.
        split: its name.
        dataset, root: what the photographs belong to; root is None where they are not at hand.
        options: of the dataset's loader.
        facts: of the evaluation, where these are other data than the run's own.
    """

    frame: pd.DataFrame | None
    split: str
    dataset: str
    root: Path | None
    options: Mapping[str, Any]
    facts: dict[str, Any] | None = None

    @property
    def other(self) -> bool:
        """Whether the photographs were given by hand, and are not the run's own test split."""
        return self.facts is not None

    @property
    def other_data(self) -> bool:
        """Whether the table of these photographs is another than that of the training."""
        return self.facts is not None and self.facts.get("saw_in_training") is None


def read_record(path: Path) -> Record:
    """The record in a folder.

    Raises:
        FileNotFoundError: it holds no finished run, with what is missing.
        ValueError: a file of it is damaged.
    """
    check_folder(path, NEEDED)
    read_config(path)
    return Record(
        path=path,
        config=read_object(path / "config.json", path),
        label_space=read_space(path),
        metrics=read_object(path / "metrics.json", path),
        history=_frame(path / "history.parquet"),
        predictions=_frame(path / "predictions.parquet", ("image", "split")),
        provenance=read_object(path / "provenance.json", path),
    )


def _frame(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame | None:
    return read_table(path, columns) if path.exists() else None


def own_test(record: Record) -> Scored:
    """The run's own test split, with its photographs where they still lie where they were."""
    frame = record.predictions
    if frame is not None:
        frame = frame[frame["split"] == "test"].reset_index(drop=True)
    root = Path(record.config["data_root"])
    here = root if root.is_dir() and (root.is_absolute() or holds_photographs(record.path, root)) else None
    return Scored(frame, "test", record.config["dataset"], here, record.config.get("data_options", {}))


def other_data(
    record: Record,
    dataset: str,
    root: Path,
    split: str,
    options: Mapping[str, Any] | None = None,
    leave_out_unknown: bool = False,
    quarantine: str = "",
) -> Scored:
    """Scores the run on a folder of photographs; the evaluation's own record is not kept.

    Raises:
        ManifestError, ValueError, FileNotFoundError: as `dermimit.evaluate.folder.evaluate`.
    """
    from dermimit.evaluate.folder import evaluate

    if options is None:
        options = record.config.get("data_options", {}) if dataset == record.config["dataset"] else {}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "evaluation"
        evaluate(record.path, dataset, root, out, split, quarantine, options, leave_out_unknown=leave_out_unknown)
        frame, facts = pd.read_parquet(out / "predictions.parquet"), read_json(out / "provenance.json")
    return Scored(frame, split, dataset, root, options, facts)
