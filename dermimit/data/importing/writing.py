"""A dataset "folder" written whole or not at all: photographs, manifest.csv, label_space.json, not_imported.csv."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from dermimit.data.columns import COLUMNS
from dermimit.data.importing.matching import Left
from dermimit.data.label_space import LabelSpace
from dermimit.data.list_cells import write_lists
from dermimit.data.problems import ManifestError
from dermimit.data.stored import LABEL_SPACE_FILE
from dermimit.spreadsheets import for_spreadsheets

NOT_IMPORTED = "not_imported.csv"


def check_out(out: Path, photos: Path) -> None:
    """Refuse a folder that holds something, or lies in that of the photographs, where it would be found again.

    Raises:
        ManifestError: it cannot be written to.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError(f"{out}: is there already and not empty; name a new folder")
    if out.is_symlink() or out.resolve() == Path.cwd():
        raise ManifestError(f"{out}: a link, or the folder that you are in, cannot be replaced; name a new folder")
    if out.resolve().is_relative_to(photos.resolve()):
        raise ManifestError(f"{out}: inside {photos}; name a folder elsewhere, so that no photograph is found twice")


def write_folder(
    out: Path,
    photos: Path,
    frame: pd.DataFrame,
    space: LabelSpace,
    left: Sequence[Left],
    photographs: Literal["link", "copy"],
) -> int:
    """Write the dataset in a temporary folder beside `out` and rename it.

    Args:
        out: absent, or an empty folder.
        photos: folder of the photographs.
        frame: a validated manifest, paths relative to `photos`; further columns are kept.
        space: its names.
        left: what was not imported.
        photographs: hard links, which take no room, where they are possible; or copies.

    Returns:
        The number of photographs that are hard links.

    Raises:
        OSError: the disk is full, or a file cannot be read; `out` is as it was.
    """
    temporary = out.resolve().with_name(f".{out.resolve().name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        paths = [path for column in ("image", "mask") for path in frame[column].dropna()]
        for folder in {(temporary / path).parent for path in paths}:
            folder.mkdir(parents=True, exist_ok=True)
        linked = sum(_place(photos / path, temporary / path, photographs) for path in dict.fromkeys(paths))
        for_spreadsheets(_table(frame, space)).to_csv(temporary / "manifest.csv", index=False, encoding="utf-8")
        text = json.dumps(space.to_dict(), indent=2, ensure_ascii=False) + "\n"
        (temporary / LABEL_SPACE_FILE).write_text(text, encoding="utf-8")
        if left:
            said = for_spreadsheets(pd.DataFrame(left).astype({"row": "Int64"}))
            said.to_csv(temporary / NOT_IMPORTED, index=False, encoding="utf-8")
        if out.is_dir():
            out.rmdir()
        temporary.rename(out.resolve())
        return linked
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _place(source: Path, target: Path, how: str) -> bool:
    """Whether the photograph could be linked; it is copied otherwise."""
    if how == "link":
        try:
            os.link(source.resolve(), target)
            return True
        except OSError:  # another disk, or a file system without hard links
            target.unlink(missing_ok=True)
    shutil.copy2(source, target)
    return False


def _table(frame: pd.DataFrame, space: LabelSpace) -> pd.DataFrame:
    """The manifest as text; columns of ours that hold nothing are left out."""
    ours = [c for c in COLUMNS if c in ("image", "disease") or frame[c].notna().any()]
    table = frame[[*ours, *(c for c in frame if c not in COLUMNS)]].copy()
    for column in set(space.list_columns) & set(ours):
        table[column] = write_lists(table[column])
    return table
