"""Photographs of a run's dataset to compare a file on: those that are there."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermimit.data import LabelSpace, PhotoSet
from dermimit.data.reading import PhotoError
from dermimit.data.splits import select
from dermimit.train.assemble import load_photos, photographs
from dermimit.train.config import TrainConfig
from dermimit.train.run import Run


@dataclass(frozen=True)
class Found:
    """What is there of a split.

    Attributes:
        images: (n, channels, S, S), normalised, or None where there is none.
        targets: task -> (n, C), NaN where unknown.
        label_space: of the dataset as it is now.
        note: what is missing, in one line; empty where nothing is.
    """

    images: Tensor | None
    targets: dict[str, np.ndarray]
    label_space: LabelSpace | None
    note: str


def photos_there(run: Run, root: Path | None, split: str, limit: int) -> Found:
    """As `photos_of`, without what cannot be read; nothing at all where the dataset is gone.

    Args: as `photos_of`.

    Raises:
        ValueError: `limit` is too small.
        ValueError, OSError: `root` was named, and the dataset there cannot be used.
    """
    check_limit(limit)
    try:
        photos = load_photos(without_corruption(run, root))
        rows = select(photos.frame, split).head(limit)
    except (ValueError, OSError) as error:
        if root is not None:
            raise
        reason = str(error).splitlines()[0]
        return Found(None, {}, None, f"the run's photographs cannot be used ({reason}); --data-root names their folder")
    images, targets, unread = _read(run, photos, rows)
    note = f"{unread} of {len(rows)} photographs of the {split} split cannot be read" if unread else ""
    return Found(images, targets, photos.label_space, note)


def photos_of(run: Run, root: Path | None, split: str, limit: int) -> tuple[Tensor, dict[str, np.ndarray]]:
    """The first `limit` photographs of a split, normalised, and their targets.

    Args:
        run: says which dataset, and how it is read; with lesion maps where it selects by them.
        root: the dataset's folder; the one that the run was trained on if None.
        split: train, val or test.
        limit: number of photographs at most, above 0.

    Raises:
        ValueError: `limit` is too small; errors of the dataset's own name what is missing.
    """
    check_limit(limit)
    photos = load_photos(without_corruption(run, root))
    images, targets, unread = _read(run, photos, select(photos.frame, split).head(limit))
    if unread or images is None:
        raise ValueError(f"{photos.root}: {unread} photographs of the {split} split cannot be read")
    return images, targets


def check_limit(limit: int) -> None:
    """Raises ValueError for a number of photographs below 1."""
    if limit < 1:
        raise ValueError(f"limit={limit}: at least 1 photograph is needed")


def patients_of(run: Run, root: Path | None, split: str) -> pd.Series:
    """Patient of each photograph of a split, in the order of `photos_of`; missing where the dataset has none."""
    rows = select(load_photos(without_corruption(run, root)).frame, split)
    return rows["patient_id"].reset_index(drop=True)


def without_corruption(run: Run, root: Path | None) -> TrainConfig:
    """The run's configuration with the dataset as it is: nothing left out or made wrong; in `root` if given."""
    config = run.config if root is None else replace(run.config, data_root=root)
    return replace(config, train_share=1.0, attribute_noise=0.0, attribute_missing=0.0, cache="")


def _read(run: Run, photos: PhotoSet, rows: pd.DataFrame) -> tuple[Tensor | None, dict[str, np.ndarray], int]:
    """Images, targets of these, and how many could not be read."""
    part = photographs(replace(run.config, in_memory=False), replace(photos, frame=rows), str(rows["split"].iloc[0]))
    images, kept = [], []
    for i in range(len(part)):
        try:
            images.append(part[i]["image"])
            kept.append(i)
        except PhotoError:
            continue
    targets = {task: target.numpy()[kept] for task, target in part.targets.items()}
    return torch.stack(images) if images else None, targets, len(part) - len(kept)
