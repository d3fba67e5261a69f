"""A dataset ready for training: loaded by name, split, and checked for leaks."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.copies import notes_on_copies, same_files, together
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.loaders import DATASETS, LOADERS, check_options
from dermimit.data.measurable import SmallDataWarning, notes_on_measures
from dermimit.data.names import notes_on_names
from dermimit.data.photo_files import survey
from dermimit.data.photos import PhotoDataset
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.problems import ManifestError, suggest
from dermimit.data.splits import check_leakage, grouped_split, select
from dermimit.data.transforms import eval_transform, least_side, train_transform


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
        preprocessing: what the model expects; None for mean and deviation 0.5 and bilinear.

    Raises:
        ValueError: the preprocessing is for photographs of another size.
    """

    name: str
    frame: pd.DataFrame
    label_space: LabelSpace
    root: Path
    image_size: int
    cache: Path | None = None
    preprocessing: Preprocessing | None = None

    def __post_init__(self) -> None:
        if self.prepared.size != self.image_size:
            raise ValueError(f"{self.name}: image_size {self.image_size}, and a preprocessing for "
                             f"{self.prepared.size} pixels: give one size")  # fmt: skip

    @property
    def prepared(self) -> Preprocessing:
        """How the photographs are prepared."""
        return self.preprocessing or Preprocessing(self.image_size)

    def photos(
        self, split: str, augment: bool = False, in_memory: bool = False, with_mask: bool = False
    ) -> PhotoDataset:
        """The photos of one split, with the training transform if `augment`, else the evaluation one.

        Large JPEG files are decoded at a reduced size, `least_side(image_size)` or more.

        Raises:
            ManifestError: the split is unknown or empty.
            CacheError: the cache cannot be written.
        """
        transform = train_transform(self.prepared) if augment else eval_transform(self.prepared)
        size = self.image_size if in_memory else None
        rows, least = select(self.frame, split), least_side(self.image_size)
        reading: dict[str, Any] = {"least": least, "cache": self.cache, "interpolation": self.prepared.interpolation}
        return PhotoDataset(
            rows, self.label_space, self.root, transform, in_memory, size, with_mask, checked=True, **reading
        )


def load(
    dataset: str, root: Path | str, image_size: int | Preprocessing, seed: int | None = 0, **options: Any
) -> PhotoSet:
    """Load a dataset by name, with splits that are checked for leaks.

    Warnings name what was not read (files of other kinds, linked folders), names that are nearly the same, and what
    cannot be learnt or measured (`dermimit.data.measurable`).

    Args:
        dataset: one of `DATASETS`: "synderm" is a folder that `dermimit.data.synderm.write` made, "folder" your own.
        root: the dataset's folder.
        image_size: side in pixels of the square that the model sees, at least 1, for mean and deviation 0.5 and
            bilinear; or what the model expects, such as the `preprocessing` of a run.
        seed: of the split, where the dataset has none of its own. Keep it when runs are to be compared on one test set.
            None splits nothing, and says nothing of what the splits can measure.
        options: of the dataset's own `load`, such as `level` or `fold`.

    Raises:
        ManifestError: the name or an option is unknown, or the dataset is wrong.
        LeakageError: a patient or lesion is in two splits.
    """
    own, side = (image_size, image_size.size) if isinstance(image_size, Preprocessing) else (None, image_size)
    if side < 1:
        raise ValueError(f"image_size {side}: give the side in pixels, at least 1")
    if dataset not in LOADERS:
        raise ManifestError(f"unknown dataset {dataset!r}; {suggest(dataset, DATASETS)}")
    check_options(dataset, options)
    root = Path(root)
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder; name the one that holds {dataset}")
    for note in survey(root).notes():
        warnings.warn(f"{root}: {note}", stacklevel=2)
    frame, label_space = LOADERS[dataset](root, **options)
    copies = same_files(root, frame["image"]) if dataset == "folder" else {}
    if seed is not None and frame["split"].isna().all():
        frame = grouped_split(together(frame, copies), seed).assign(lesion_id=frame["lesion_id"])
    check_leakage(frame)
    for note in notes_on_copies(frame, copies):
        warnings.warn(f"{root}: {note}", stacklevel=2)
    for note in notes_on_names({task: label_space.classes(task) for task in TASKS}):
        warnings.warn(f"{root}: {note}", stacklevel=2)
    for note in notes_on_measures(frame, label_space) if seed is not None else ():
        warnings.warn(f"{root}: {note}", SmallDataWarning, stacklevel=2)
    return PhotoSet(dataset, frame, label_space, root, side, preprocessing=own)
