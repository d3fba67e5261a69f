"""Photographs that are there twice, byte for byte: kept in one split, or named where they are not."""

import hashlib
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from dermimit.data.photo_files import shown


def same_files(root: Path, images: Iterable[str]) -> dict[str, str]:
    """Each photograph with the bytes of one before it, and that one; only files of equal size are read.

    Args:
        root: the folder.
        images: paths below it; what is no file, or empty, is a copy of none.
    """
    sizes: dict[int, list[str]] = defaultdict(list)
    for image in images:
        try:
            facts = (root / image).stat()
        except OSError:
            continue
        if stat.S_ISREG(facts.st_mode) and facts.st_size:  # a pipe would be waited for
            sizes[facts.st_size].append(image)
    found: dict[str, str] = {}
    for alike in (names for names in sizes.values() if len(names) > 1):
        first: dict[str, str] = {}
        for image in alike:
            with (root / image).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if (earlier := first.setdefault(digest, image)) != image:
                found[image] = earlier
    return found


def together(frame: pd.DataFrame, copies: Mapping[str, str]) -> pd.DataFrame:
    """A manifest in which copies are of one lesion, so that they are dealt to one split: that of one that names its."""
    first = frame["image"].map(lambda image: copies.get(image, image))
    twice = first.isin(set(copies.values())) & frame["lesion_id"].isna()
    lesion = frame["lesion_id"].groupby(first).transform("first")  # not missing, if any is not
    return frame.assign(lesion_id=frame["lesion_id"].where(~twice, lesion.fillna("copies of " + first)))


def notes_on_copies(frame: pd.DataFrame, copies: Mapping[str, str]) -> list[str]:
    """One line where copies of a photograph are in different splits: what is tested was learnt."""
    split = frame.set_index("image")["split"].fillna("")
    apart = [f"{image} and {first}" for image, first in copies.items() if split[image] != split[first]]
    if not apart:
        return []
    pairs = shown(apart, 2)
    return [f"{len(apart)} photograph(s) are copies, byte for byte, of one in another split: {pairs}; what is tested "
            "was learnt: remove them, or give them one patient_id"]  # fmt: skip
