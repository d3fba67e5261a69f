"""Photographs and labels: manifests, splits, transforms, and one module for each dataset."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data import ddi, dermacon_in, fitzpatrick17k, folder, pad_ufes_20, scin, sd198
from dermimit.data.folds import fold_split
from dermimit.data.label_space import LabelSpace
from dermimit.data.photos import PhotoDataset, PhotoError
from dermimit.data.problems import ManifestError, suggest
from dermimit.data.splits import LeakageError, check_leakage, grouped_split, select
from dermimit.data.stored import load_dataset
from dermimit.data.transforms import eval_transform, least_side, train_transform

__all__ = ["DATASETS", "LabelSpace", "LeakageError", "ManifestError", "PhotoDataset", "PhotoError", "PhotoSet", "load"]
Loaded = tuple[pd.DataFrame, LabelSpace]


def _load_pad_ufes_20(root: Path, fold: int | None = None, folds_by: str = "patient") -> Loaded:
    """PAD-UFES-20, without splits or with one of the five folds of `dermimit.data.folds` as the test split.

    Args:
        fold: 0 to 4, or None.
        folds_by: "patient"; or "image", which divides the photographs of a patient. That is wrong, and there to
            measure how wrong: the manifest then names no patients, since the check for leaks would refuse it.
    """
    frame, label_space = pad_ufes_20.load(root)
    if folds_by not in ("patient", "image"):
        raise ManifestError(f"folds_by {folds_by!r}: give 'patient', or 'image' to measure leakage")
    if fold is None:
        return frame, label_space
    frame = fold_split(frame, fold, group="patient_id" if folds_by == "patient" else "image")
    return (frame if folds_by == "patient" else frame.assign(patient_id=None)), label_space


LOADERS: dict[str, Callable[..., Loaded]] = {
    "synderm": load_dataset,
    "pad_ufes_20": _load_pad_ufes_20,
    "dermacon_in": dermacon_in.load,
    "sd198": sd198.load,
    "fitzpatrick17k": fitzpatrick17k.load,
    "scin": scin.load,
    "ddi": ddi.load,
    "folder": folder.load,
}
DATASETS = tuple(LOADERS)


@dataclass(frozen=True)
class PhotoSet:
    """A dataset ready for training: its manifest with splits, its label space, and the size of photo it is used at.

    Args:
        name: one of `DATASETS`.
        frame: a validated manifest in which no patient is in two splits.
        label_space: names the classes.
        root: folder that the manifest's paths are relative to.
        image_size: side in pixels of the square that the model sees.
        cache: folder that keeps photos reduced to what that size needs, for faster reading; None for none.
    """

    name: str
    frame: pd.DataFrame
    label_space: LabelSpace
    root: Path
    image_size: int
    cache: Path | None = None

    def photos(
        self, split: str, augment: bool = False, in_memory: bool = False, with_mask: bool = False
    ) -> PhotoDataset:
        """The photos of one split, with the training transform if `augment`, else the evaluation one.

        Large JPEG files are decoded at a reduced size, `least_side(image_size)` or more.

        Raises:
            ManifestError: the split is unknown or empty.
            CacheError: the cache cannot be written.
        """
        transform = train_transform(self.image_size) if augment else eval_transform(self.image_size)
        size = self.image_size if in_memory else None
        rows = select(self.frame, split)
        reading = {"least": least_side(self.image_size), "cache": self.cache}
        return PhotoDataset(rows, self.label_space, self.root, transform, in_memory, size, with_mask, **reading)


def load(dataset: str, root: Path | str, image_size: int, seed: int = 0, **options: Any) -> PhotoSet:
    """Load a dataset by name, with splits that are checked for leaks.

    Args:
        dataset: one of `DATASETS`: "synderm" is a folder that `dermimit.data.synderm.write` made, "folder" your own.
        root: the dataset's folder.
        image_size: side in pixels of the square that the model sees; at least 1.
        seed: of the split, where the dataset has none of its own. Keep it when runs are to be compared on one test set.
        options: of the dataset's own `load`, such as `level` or `fold`.

    Raises:
        ManifestError: the name or an option is unknown, or the dataset is wrong.
        LeakageError: a patient is in two splits.
    """
    if image_size < 1:
        raise ValueError(f"image_size {image_size}: give the side in pixels, at least 1")
    if dataset not in LOADERS:
        raise ManifestError(f"unknown dataset {dataset!r}; known: {', '.join(DATASETS)}; {suggest(dataset, DATASETS)}")
    check_options(dataset, options)
    root = Path(root)
    frame, label_space = LOADERS[dataset](root, **options)
    if frame["split"].isna().all():
        frame = grouped_split(frame, seed)
    check_leakage(frame)
    return PhotoSet(dataset, frame, label_space, root, image_size)


def options_of(dataset: str) -> dict[str, Any]:
    """The options of a dataset's loader, with their defaults."""
    parameters = list(inspect.signature(LOADERS[dataset]).parameters.values())[1:]  # without root
    return {p.name: p.default for p in parameters}


def check_options(dataset: str, options: Mapping[str, Any]) -> None:
    """Raise ManifestError for an option that the dataset's loader does not have."""
    known = options_of(dataset)
    for option in options:
        if option not in known:
            raise ManifestError(
                f"dataset {dataset} has no option {option!r}; its options: {', '.join(known) or 'none'}"
            )
