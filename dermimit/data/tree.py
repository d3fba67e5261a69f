"""Photographs without a table: splits and diseases from the names of their folders, with a note on whatever is odd."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from dermimit.data.columns import SPLITS
from dermimit.data.names import composed, split_of
from dermimit.data.photo_files import Files, shown, survey
from dermimit.data.problems import ManifestError, raise_problems

LAYOUTS = "manifest.csv, manifest.parquet, <split>/<disease>/ or <disease>/"
WRAPPERS = """all archive class classes data dataset datasets image images img imgs input jpeg jpg photo photographs
    photos pictures png raw"""
Parts = tuple[str, ...]  # names of folders, outermost first


class Place(NamedTuple):
    """Where a photo lies: the folder that names its split, if any, and those from its disease's down."""

    split: str | None
    folders: Parts


def read_tree(root: Path) -> pd.DataFrame:
    """One row a photo: its path, its disease and, where folders name splits, its split.

    Read are `<disease>/`, `<split>/<disease>/` and `<disease>/<split>/`, splits in any spelling that
    `dermimit.data.names.split_of` knows, and each below one lone folder such as `images/`. What lies deeper in the
    folder of a disease is of that disease. A warning names deeper folders, unusual names of splits, and folders in
    which there is no photograph that is read.

    Raises:
        ManifestError: there is no photograph, or folders of splits and of diseases are mixed.
    """
    files = survey(root)
    if not files.photos:
        raise ManifestError("; ".join([f"{root}: no photos and no table; make it {LAYOUTS}", *files.notes()]))
    parts = {path: PurePosixPath(path).parts[:-1] for path in files.photos}
    faults = {path: _nowhere(path) for path, folders in parts.items() if not folders}
    parts, outside = _without_wrappers({path: folders for path, folders in parts.items() if folders}, root)
    arranged = _splits_above if any(split_of(p[0]) for p in parts.values()) else _splits_inside
    places, wrong, above = arranged(parts)
    remedy = "names a split below the folder of a disease; use <split>/<disease>/, or rename it"
    for path, place in places.items():
        if named := [name for name in place.folders if split_of(name)]:
            wrong[path] = f"{path}: {named[0]!r} {remedy}"
    faults |= wrong
    raise_problems(str(root), list(faults.values()))
    places = {path: place for path, place in sorted(places.items()) if path not in faults}
    if not places:
        raise ManifestError(f"{root}: no photo is in a folder of a disease; make it {LAYOUTS}")
    masks = [f"{root}: {note}" for note in files.mask_notes()]
    for note in (*masks, *_notes(root, places), *_empty(root, files, outside + above)):
        warnings.warn(note, stacklevel=3)
    frame = pd.DataFrame({"image": list(places), "disease": [composed(p.folders[0]) for p in places.values()]})
    splits = [split_of(place.split) if place.split else None for place in places.values()]
    return frame.assign(split=splits) if any(splits) else frame


def _nowhere(path: str) -> str:
    return f"{path}: not in a folder of a disease; move it into one ({LAYOUTS})"


def _without_wrappers(parts: dict[str, Parts], root: Path | None = None) -> tuple[dict[str, Parts], int]:
    """The folders of each photo without lone ones around all diseases, and how many those are.

    Args:
        parts: folders of each photo.
        root: what they are in; None within folders of splits.

    Raises:
        ManifestError: all photos are in folders below one, which may be the only disease or no disease at all.
    """
    outside = 0
    while len({p[:1] for p in parts.values()}) == 1 and all(len(p) > 1 for p in parts.values()):
        first = next(iter(parts.values()))[0]
        inner = sorted({p[1] for p in parts.values()})
        splits = [name for name in inner if split_of(name)]
        whole = len(splits) == len(inner) and all(len(p) > 2 for p in parts.values())
        if split_of(first) or (splits and not whole):
            break
        if not whole and first.casefold() not in WRAPPERS.split():
            if root is None:
                break
            raise ManifestError(
                f"{root}: all photos are one level too deep, in folders below {first!r}: {shown(inner)}; if these are "
                f"the diseases, give {root / first} as the folder; if {first!r} is the only disease, move its photos "
                "up into it"
            )
        parts, outside = {path: p[1:] for path, p in parts.items()}, outside + 1
    return parts, outside


def _splits_above(parts: dict[str, Parts]) -> tuple[dict[str, Place], dict[str, str], int]:
    """<split>/<disease>/: the places, what is wrong with other photos, how many folders stand above the diseases."""
    named = sorted({p[0] for p in parts.values() if split_of(p[0])})
    remedy = f"stands beside folders of splits ({shown(named)}); use {', '.join(SPLITS)} only, or no split folders"
    faults = {path: f"{path}: {p[0]!r} {remedy}" for path, p in parts.items() if p[0] not in named}
    faults |= {path: _nowhere(path) for path, p in parts.items() if len(p) == 1 and path not in faults}
    inner = {path: p[1:] for path, p in parts.items() if path not in faults}
    above = 1
    if all(split_of(p[0]) == split_of(parts[path][0]) and len(p) > 1 for path, p in inner.items()):
        inner, above = {path: p[1:] for path, p in inner.items()}, 2  # train/train/acne, as some archives unpack
    inner, outside = _without_wrappers(inner)
    return {path: Place(parts[path][0], p) for path, p in inner.items()}, faults, above + outside


def _splits_inside(parts: dict[str, Parts]) -> tuple[dict[str, Place], dict[str, str], int]:
    """<disease>/<split>/, or <disease>/ where there are no splits; as `_splits_above`."""
    split = {path: p[1] for path, p in parts.items() if len(p) > 1 and split_of(p[1])}
    if not split:
        return {path: Place(None, p) for path, p in parts.items()}, {}, 0
    remedy = "not in a folder of a split, as others below the folders of diseases are; move it into one"
    faults = {path: f"{path}: {remedy}, or use <split>/<disease>/" for path in parts if path not in split}
    return {path: Place(name, parts[path][:1] + parts[path][2:]) for path, name in split.items()}, faults, 1


def _notes(root: Path, places: dict[str, Place]) -> list[str]:
    """What was read in another way than it is written."""
    notes = []
    if odd := sorted({place.split for place in places.values() if place.split} - set(SPLITS)):
        notes.append(f"{root}: folders are read as splits: {shown([f'{name!r} as {split_of(name)}' for name in odd])}")
    deeper = Counter("/".join(place.folders) for place in places.values() if len(place.folders) > 1)
    if deeper:
        told = "photo(s) lie deeper than the folder of their disease and are read as of that disease"
        folders = shown([f"{folder} ({n})" for folder, n in sorted(deeper.items())])
        notes.append(f"{root}: {deeper.total()} {told}: {folders}; if these are diseases, move them up")
    below: dict[str, set[str]] = {}
    for place in places.values():
        below.setdefault(place.folders[0], set()).add("/".join(place.folders[1:]))
    inner = next(iter(below.values()))
    if len(below) > 1 and len(inner) > 1 and all(names == inner for names in below.values()):
        notes.append(f"{root}: {shown(sorted(below))} hold the same folders, {shown(sorted(inner))}; if those are the "
                     "diseases, call the folders above them train, val and test, or take them away")  # fmt: skip
    return notes


def _empty(root: Path, files: Files, depth: int) -> list[str]:
    """The folders, down to those of the diseases, without a photograph that is read, with what they hold."""
    full = {"/".join(parts[:i]) for path in files.photos for parts in [path.split("/")] for i in range(len(parts))}
    empty: list[str] = []
    for folder in files.folders:
        parent = folder.rpartition("/")[0]
        if folder.count("/") <= depth and folder not in full and parent not in empty:
            empty.append(folder)
    described = [f"{folder} ({_content(files, folder)})" for folder in empty]
    if not described:
        return []
    remedy = "nothing of them is in the dataset"
    return [f"{root}: {len(empty)} folder(s) without a photograph that is read: {shown(described, 20)}; {remedy}"]


def _content(files: Files, folder: str) -> str:
    kinds: Sequence[tuple[str, int]] = [
        (kind, sum(path.startswith(f"{folder}/") for path in paths)) for (kind, _), paths in files.unread.items()
    ]
    linked = sum(path.startswith(f"{folder}/") for path in (*files.links, *files.broken))
    return ", ".join(f"{n} {kind}" for kind, n in [*kinds, ("links", linked)] if n) or "empty"
