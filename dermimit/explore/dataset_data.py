"""What the dataset browser shows of a manifest: labels as numbers, and thumbnails."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dermimit.data.columns import SPLITS
from dermimit.data.label_space import LabelSpace
from dermimit.data.photos import read_photo
from dermimit.data.skin import FITZPATRICK, fitzpatrick_label
from dermimit.data.transforms import CentralView, least_side


def dataset_data(
    frame: pd.DataFrame, label_space: LabelSpace, root: Path, image_size: int = 96, embedded: int = 0
) -> dict[str, Any]:
    """The browser's data.

    Args:
        frame: a validated manifest.
        label_space: names its classes.
        root: folder that its paths are relative to.
        image_size: side of the thumbnails in pixels.
        embedded: thumbnails to put into the data, of each disease as many as can be; the others are asked for.

    Returns:
        `photographs`; `fields`: for each of disease, body part, attributes, skin type and split that is recorded:
        `key, label, names, rows` (number of the name, −1 or None where unknown; a list of numbers where `several`),
        `ordered`; `pictures`: row -> address that holds the thumbnail; `kernel`: whether more can be asked for.
    """
    skin = frame["fitzpatrick"].map(lambda t: None if pd.isna(t) else fitzpatrick_label(int(t)))
    fields = [
        _one("disease", "disease", frame["disease"], label_space.diseases),
        _one("body_part", "body part", frame["body_part"], label_space.body_parts),
        _one("attributes", "attribute", frame["attributes"], label_space.attributes),
        _one("skin", "skin type", skin, FITZPATRICK, ordered=True),
        _one("split", "split", frame["split"], SPLITS, ordered=True),
    ]
    pictures = {
        str(row): thumbnail(root / frame["image"].iloc[row], image_size) for row in some_of_each(frame, embedded)
    }
    recorded = [field for field in fields if any(v not in (-1, None) for v in field["rows"])]
    return {"photographs": len(frame), "fields": recorded, "pictures": pictures, "kernel": True}


def some_of_each(frame: pd.DataFrame, most: int) -> list[int]:
    """Rows of a manifest, of each disease as many as can be, spread over its rows; in ascending order."""
    disease = frame["disease"].fillna("").reset_index(drop=True)
    order = pd.Series(range(len(frame))).sample(frac=1, random_state=0)
    turn = order.groupby(disease.loc[order.index]).cumcount()
    return sorted(int(row) for row in turn.sort_values(kind="stable").index[:most])


def _one(key: str, label: str, values: pd.Series, names: Sequence[str], ordered: bool = False) -> dict[str, Any]:
    place = {name: i for i, name in enumerate(names)}
    several = any(isinstance(value, list | tuple | np.ndarray) for value in values)
    rows: list[Any]
    if several:
        rows = [None if not isinstance(v, list | tuple | np.ndarray) else [place[n] for n in v] for v in values]
    else:
        rows = [place.get(v, -1) if isinstance(v, str) else -1 for v in values]
    return {"key": key, "label": label, "names": list(names), "rows": rows, "several": several, "ordered": ordered}


def thumbnail(path: Path, size: int) -> str:
    """The central square of a photograph as a JPEG within an address.

    Raises:
        PhotoError: the file cannot be read.
    """
    pixels = CentralView(size)(read_photo(path, least_side(size))).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def counts_table(frame: pd.DataFrame, most: int = 20) -> pd.DataFrame:
    """Photographs of each disease by split, the commonest first: `disease, train, val, test, all`."""
    counts = pd.crosstab(frame["disease"].fillna("not recorded"), frame["split"].fillna("no split"))
    counts = counts[[s for s in (*SPLITS, "no split") if s in counts]].assign(all=counts.sum(axis=1))
    shown = counts.sort_values("all", ascending=False, kind="stable")
    rest = shown.iloc[most:].sum()
    shown = shown.head(most)
    if len(counts) > most:
        shown.loc[f"{len(counts) - most} further diseases"] = rest
    return shown.rename_axis("disease").rename_axis(None, axis=1).reset_index()
