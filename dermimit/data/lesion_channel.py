"""Photographs that carry a map of their lesions as a fourth channel."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.data import Dataset

from dermimit.data.photos import PhotoDataset
from dermimit.data.problems import ManifestError, row_number


class WithLesionMap(Dataset):
    """The photos with their masks as a fourth channel, 1 on lesions: crops, mirroring and CutMix move both alike.

    Args:
        photos: with masks, see `mapped`.
    """

    def __init__(self, photos: PhotoDataset) -> None:
        self.photos, self.frame, self.label_space = photos, photos.frame, photos.label_space
        self.targets, self.root, self.transform = photos.targets, photos.root, photos.transform

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.photos[index]
        lesion = (item.pop("mask") == 1).to(item["image"].dtype)
        return item | {"image": torch.cat([item["image"], lesion])}


def mapped(frame: pd.DataFrame, root: Path, lesion_map: str) -> pd.DataFrame:
    """The manifest with the lesion maps to use in its column `mask`.

    Args:
        frame: a manifest.
        root: folder of the dataset.
        lesion_map: "mask" for the manifest's own; else a folder in `root` with a map <image stem>.png for every photo.

    Raises:
        ManifestError: a photo has no map, naming its row; or two photos have one name, and so one map.
    """
    if lesion_map != "mask":
        stems = frame["image"].map(lambda image: Path(image).stem)
        if (twice := stems.duplicated(keep=False)).any():
            one, other = frame.loc[twice & (stems == stems[twice].iloc[0]), "image"].iloc[:2]
            raise ManifestError(
                f"{one} and {other} would share the lesion map {lesion_map}/{Path(one).stem}.png, for a map has its "
                "photo's name without folder and suffix: rename one of them"
            )
        names = [f"{lesion_map}/{Path(image).stem}.png" for image in frame["image"]]
        absent = [not (root / name).is_file() for name in names]
        frame = frame.assign(mask=names)
    else:
        absent = frame["mask"].isna().to_list()
    if any(absent):
        first = absent.index(True)
        raise ManifestError(
            f"{row_number(frame.index[first])}: {frame['image'].iloc[first]} has no lesion map in {lesion_map!r}, nor "
            f"have {sum(absent) - 1} others: write the maps, or leave lesion_map out"
        )
    return frame
