"""Photographs with an outlined lesion, in batches, with the class that a map of each explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from dermimit.data import PhotoSet
from dermimit.explain import localisation as of
from dermimit.train.run import Run
from studies.localisation.contrast import contrast

IDENTITY = ["image", "patient_id", "fitzpatrick", "body_part", "disease"]


@dataclass(frozen=True)
class Batch:
    """Photos with usable masks.

    Attributes:
        images: normalised.
        masks: (B, H, W) bool.
        classes: to be explained.
        about: their identity and answers, a row a photo.
    """

    images: Tensor
    masks: np.ndarray
    classes: Tensor
    about: pd.DataFrame


@dataclass
class MaskedPhotos:
    """The photos of a split that can be measured; iterate over them for batches, in the manifest's order.

    Attributes:
        run: a finished run.
        photos: the dataset, at the run's image size.
        split: of the dataset.
        task: whose answer is explained.
        explain: "answer", the run's most probable class, or "truth", the first true class, where one is known.
        limit: the first so many usable photos; None for all.
        batch_size: photos at once.
        left_out: how many photos had "no mask", an "empty mask" or a "full mask", after an iteration.

    Raises:
        ValueError: an unknown task or `explain`, or another label space than the run's.
    """

    run: Run
    photos: PhotoSet
    split: str = "test"
    task: str = "disease"
    explain: str = "answer"
    limit: int | None = None
    batch_size: int = 32
    left_out: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if self.explain not in ("answer", "truth"):
            raise ValueError(f"explain={self.explain!r}: choose 'answer' or 'truth'")
        if self.task not in self.run.model.tasks:
            raise ValueError(f"the run has no task {self.task!r}: it has {', '.join(self.run.model.tasks)}")
        if tuple(self.photos.label_space.classes(self.task)) != tuple(self.run.label_space.classes(self.task)):
            raise ValueError(
                f"the photos' classes of {self.task} are not the run's: measure a run on the dataset of its kind"
            )

    @torch.no_grad()
    def __iter__(self) -> Iterator[Batch]:
        self.left_out.clear()
        data, taken = self.photos.photos(self.split, with_mask=True), 0
        for item in DataLoader(data, self.batch_size, shuffle=False):
            keep = self._keep(item)
            if self.limit is not None:
                keep &= np.cumsum(keep) <= self.limit - taken
            if keep.any():
                taken += int(keep.sum())
                yield self._batch(item, keep, data.frame)
            elif self.limit is not None and taken >= self.limit:
                return

    def _keep(self, item: dict[str, Any]) -> np.ndarray:
        """(B,) which photos can be measured; the others are counted."""
        keep, counts = of.usable(item["mask"][:, 0].numpy())
        if self.explain == "truth":
            known = _known(item["targets"][self.task].numpy())
            counts["no known class"] = int((keep & ~known).sum())
            keep &= known
        for reason, n in counts.items():
            self.left_out[reason] = self.left_out.get(reason, 0) + n
        return keep

    def _batch(self, item: dict[str, Any], keep: np.ndarray, frame: pd.DataFrame) -> Batch:
        """The photos of an item that are kept, with the run's answers."""
        device, names = next(self.run.model.parameters()).device, self.photos.label_space.classes(self.task)
        images = item["image"][torch.from_numpy(keep)].to(device)
        masks, truth = item["mask"][:, 0].numpy()[keep] == 1, item["targets"][self.task].numpy()[keep]
        answer = self.run.model(images)[0][self.task].argmax(1)
        first_true = torch.from_numpy(np.nan_to_num(truth).argmax(1)).to(device)
        classes = first_true if self.explain == "truth" else answer
        predicted = answer.cpu().numpy()
        right = pd.array(truth[np.arange(len(predicted)), predicted] == truth.max(1), dtype="boolean")
        right[~_known(truth)] = pd.NA
        about = frame[IDENTITY].iloc[item["index"].numpy()[keep]].reset_index(drop=True)
        about["body_part"] = [_joined(part) for part in about["body_part"]]
        about = about.assign(
            area=masks.mean((1, 2)),
            lesions=of.lesions(masks),
            contrast=contrast(self._pixels(images), masks),
            answer=[names[c] for c in predicted],
            right=right,
            explained=[names[c] for c in classes.tolist()],
        )
        return Batch(images, masks, classes, about)

    def _pixels(self, images: Tensor) -> np.ndarray:
        """(B, H, W, 3) sRGB in [0, 1] of normalised photos."""
        return (self.photos.prepared.denormalise(images).float() / 255).permute(0, 2, 3, 1).cpu().numpy()


def _known(truth: np.ndarray) -> np.ndarray:
    """(B,) which photos have a class."""
    return ~np.isnan(truth).any(1) & (np.nan_to_num(truth) > 0).any(1)


def _joined(part: Any) -> str | None:
    return "; ".join(part) if isinstance(part, list) else part if isinstance(part, str) else None
