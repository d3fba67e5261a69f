"""Photographs and labels: manifests, splits, transforms, and one module for each dataset."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermimit.data import pad_ufes_20
from dermimit.data.photos import PhotoDataset, PhotoError
from dermimit.data.schema import LabelSpace, ManifestError, load_dataset, suggest
from dermimit.data.splits import LeakageError, check_leakage, grouped_split, select
from dermimit.data.transforms import eval_transform, train_transform

__all__ = ["DATASETS", "LabelSpace", "LeakageError", "ManifestError", "PhotoDataset", "PhotoError", "PhotoSet", "load"]
DATASETS = ("synderm", "pad_ufes_20")


@dataclass(frozen=True)
class PhotoSet:
    """A dataset ready for training: its manifest with splits, its label space, and the size of photo it is used at.

    Args:
        name: one of `DATASETS`.
        frame: a validated manifest in which no patient is in two splits.
        label_space: names the classes.
        root: folder that the manifest's paths are relative to.
        image_size: side in pixels of the square that the model sees.
    """

    name: str
    frame: pd.DataFrame
    label_space: LabelSpace
    root: Path
    image_size: int

    def photos(
        self, split: str, augment: bool = False, in_memory: bool = False, with_mask: bool = False
    ) -> PhotoDataset:
        """The photos of one split, with the training transform if `augment`, else the evaluation one.

        Raises:
            ManifestError: the split is unknown or empty.
        """
        transform = train_transform(self.image_size) if augment else eval_transform(self.image_size)
        size = self.image_size if in_memory else None
        rows = select(self.frame, split)
        return PhotoDataset(rows, self.label_space, self.root, transform, in_memory, size, with_mask)


def load(dataset: str, root: Path | str, image_size: int, seed: int = 0) -> PhotoSet:
    """Load a dataset by name, with splits that are checked for leaks.

    Args:
        dataset: "synderm" (a folder that `dermimit.data.synderm.write` made) or "pad_ufes_20".
        root: the dataset's folder.
        image_size: side in pixels of the square that the model sees; at least 1.
        seed: of the split, where the dataset has none of its own. Keep it when runs are to be compared on one test set.

    Raises:
        ManifestError: the name is unknown or the dataset is wrong.
        LeakageError: a patient is in two splits.
    """
    if image_size < 1:
        raise ValueError(f"image_size {image_size}: give the side in pixels, at least 1")
    root = Path(root)
    if dataset == "pad_ufes_20":
        frame, label_space = pad_ufes_20.load(root)
        frame = grouped_split(frame, seed)
    elif dataset == "synderm":
        frame, label_space = load_dataset(root)
    else:
        raise ManifestError(f"unknown dataset {dataset!r}; known: {', '.join(DATASETS)}; {suggest(dataset, DATASETS)}")
    check_leakage(frame)
    return PhotoSet(dataset, frame, label_space, root, image_size)
