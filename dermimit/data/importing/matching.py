"""The photograph of each row, and everything that has none: rows, names and files, with the nearest file."""

import filecmp
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.photo_files import find_photos, survey
from dermimit.data.photo_names import PhotoNames, without_suffix
from dermimit.data.problems import describe, raise_problems, row_number
from dermimit.data.resolve import Resolved, resolve

LABELS = ("disease", "body_part", "attributes")
LOOKED_UP = 2000  # names for which the nearest file is looked for


class Left(NamedTuple):
    """A row that is not imported, or a photograph without one (`row` is None)."""

    row: int | None
    image: str
    reason: str
    nearest: str


@dataclass(frozen=True)
class Matched:
    """Rows with their photographs.

    Args:
        frame: one row a photograph, `image` its path below the folder; index labels are those of the table.
        left: what is not imported, rows first.
        files: number of photographs in the folder.
        merged: rows that said the same of a photograph as one before them.
        notes: what else should be known.
    """

    frame: pd.DataFrame
    left: list[Left]
    files: int
    merged: int
    notes: list[str]


def match(ours: pd.DataFrame, photos: Path, source: str) -> Matched:
    """Find the photograph of each row below a folder.

    Args:
        ours: rows of a manifest whose `image` is a name as the table has it.
        photos: the folder.
        source: the table, for errors.

    Raises:
        ManifestError: two rows say different things of a photograph, by row; or a mask is not there.
    """
    names = PhotoNames(path for paths in find_photos(photos).values() for path in paths)
    found, notes = _found(ours["image"], names)
    copies = _same_content(found.candidates, photos)
    found.paths.update({index: same[0] for index, same in copies.items()})
    outside = _links_that_lead_out(found.paths, photos)
    labelled = ours[[c for c in LABELS if c in ours]].notna().any(axis=1)
    left: list[Left] = []
    for index, name in ours["image"].items():
        given = "" if is_missing(name) else str(name)
        reason = found.reasons[index] if index not in found.paths else outside.get(index, "")
        reason = reason or ("" if labelled[index] else "no disease, body part or attributes")
        if reason:
            search = len(left) < LOOKED_UP and given and index not in found.paths and index not in found.candidates
            left.append(Left(int(str(index)) + 2, given, reason, (names.nearest(given) if search else None) or ""))
    kept = ours.drop(index=[row.row - 2 for row in left if row.row is not None])
    kept = kept.assign(image=[found.paths[i] for i in kept.index])
    once = _merge(kept, source)
    _check_masks(once, photos, source)
    named = {*found.paths.values(), *(p for some in found.candidates.values() for p in some), *_masks(once)}
    left += [Left(None, path, "no row of the table", "") for path in names.paths if path not in named]
    for same in copies.values():
        left += [Left(None, path, f"the same file as {same[0]}", "") for path in same[1:]]
    notes += (
        [f"{len(copies)} photographs are there more than once, byte for byte; one of each is taken"] if copies else []
    )
    notes += survey(photos).notes()
    if found.elsewhere:
        notes.append(f"{len(found.elsewhere)} absolute paths: {found.folder!r} is read as {str(photos)!r}")
    return Matched(once, list(dict.fromkeys(left)), len(names.paths), len(kept) - len(once), notes)


def _found(images: pd.Series, names: PhotoNames) -> tuple[Resolved, list[str]]:
    """The photograph of each name; where no name has one, by the names without their extensions.

    So a table of .png files fits a folder in which all of them have become .jpg.
    """
    found = resolve(images, names, literal=False)
    if found.paths or found.candidates:
        return found, []
    bare = images.map(lambda name: name if is_missing(name) else without_suffix(str(name)))
    other = resolve(bare, names, literal=False)
    if not other.paths:
        return found, []
    index, path = next(iter(other.paths.items()))
    said = f"such as {path!r} for {images[index]!r}"
    return other, [f"{len(other.paths):,} files have another extension than in the table and are taken, {said}"]


def _same_content(candidates: dict[object, list[str]], photos: Path) -> dict[object, list[str]]:
    """Those names whose photographs, in several folders, are copies of one."""
    return {
        index: sorted(paths)
        for index, paths in candidates.items()
        if all(filecmp.cmp(photos / paths[0], photos / other, shallow=False) for other in paths[1:])
    }


def _links_that_lead_out(paths: dict[object, str], photos: Path) -> dict[object, str]:
    root = photos.resolve()
    reason = "a link leads out of the folder of the photographs; copy the file inside"
    return {index: reason for index, path in paths.items() if not (photos / path).resolve().is_relative_to(root)}


def _merge(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """One row for each photograph, where all rows of one say the same."""
    twice = frame["image"].duplicated(keep=False)
    first: dict[str, tuple[object, object]] = {}
    problems = []
    for index, row in frame[twice].astype(object).iterrows():
        said = tuple(_plain(v) for v in row)
        before, value = first.setdefault(row["image"], (index, said))
        if said != value:
            differ = ", ".join(c for c, a, b in zip(frame, said, value, strict=True) if a != b)  # type: ignore[call-overload]
            remedy = f"{row_number(before)} says something else of this photograph ({differ}); keep one of the rows"
            problems.append(describe(index, "image", row["image"], remedy))
    raise_problems(source, problems)
    return frame[~frame["image"].duplicated()]


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else None if is_missing(value) else value


def _masks(frame: pd.DataFrame) -> Iterable[str]:
    return [mask for mask in frame["mask"] if not is_missing(mask)] if "mask" in frame else []


def _check_masks(frame: pd.DataFrame, photos: Path, source: str) -> None:
    remedy = f"no such file below {photos}; give masks by their path from there, or leave them out with --map mask="
    absent = {mask for mask in _masks(frame) if ".." in Path(mask).parts or not (photos / mask).is_file()}
    rows = frame[frame["mask"].isin(absent)] if absent else frame[:0]
    raise_problems(
        source, [describe(i, "mask", m, remedy) for i, m in zip(rows.index, rows.get("mask", ()), strict=True)]
    )
