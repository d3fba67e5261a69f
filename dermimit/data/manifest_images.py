"""The photographs that a manifest names, as paths that are there, and what is said of names in other spellings."""

import warnings
from pathlib import Path, PurePosixPath

import pandas as pd

from dermimit.data.absent import REMEDY
from dermimit.data.one_hot import import_command
from dermimit.data.photo_files import find_photos
from dermimit.data.photo_names import PhotoNames
from dermimit.data.problems import SHOWN, collecting, describe, raise_problems
from dermimit.data.resolve import Resolved, resolve
from dermimit.data.rules import RELATIVE, path_problem


def find_images(frame: pd.DataFrame, path: Path, doubt: str = "", leave_out: bool = False) -> pd.DataFrame:
    """A manifest whose column `image`, and `mask` as far as slashes go, name the files by their paths.

    Args:
        frame: with column `image`.
        path: of the manifest, in the folder of the photographs.
        doubt: added to an error, if names may have been read in a wrong encoding.
        leave_out: a photograph that is not there is no error.

    Raises:
        ManifestError: a photograph is not there, a name has several or is an absolute path; by row, with the nearest
            file.
    """
    root = path.parent
    if "mask" in frame:
        frame["mask"] = [_slashes(v, root) for v in frame["mask"]]
    there = [isinstance(v, str) and path_problem(v, None) is None and _is_file(root / v) for v in frame["image"]]
    paths = [PurePosixPath(v).as_posix() if here else v for v, here in zip(frame["image"], there, strict=True)]
    frame["image"] = pd.Series(paths, frame.index, dtype=object)  # "./a.jpg" is "a.jpg"
    names = frame["image"][[not present for present in there]]
    if names.empty:
        return frame
    photos = PhotoNames(p for paths in find_photos(root).values() for p in paths)
    found = resolve(names, photos)
    if found.spelling:
        given, photo = next(iter(found.spelling.values()))
        warnings.warn(
            f"{path}: {len(found.spelling)} images are not named by their path; the one photograph of that name is "
            f"taken, such as {photo!r} for {given!r}",
            stacklevel=4,
        )
    problems = _problems(names, found, photos, path, doubt, leave_out)
    if problems and "mask" in frame and not collecting():  # so that one error names all paths
        wrong = {i: path_problem(v, root) for i, v in frame["mask"].items() if isinstance(v, str)}
        problems += [describe(i, "mask", frame.at[i, "mask"], problem) for i, problem in wrong.items() if problem]
    raise_problems(str(path), problems)
    images = frame["image"].astype(object).copy()
    for index, (_, photo) in found.spelling.items():
        images[index] = photo
    return frame.assign(image=images)


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name longer than a disk allows is of none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _slashes(value: object, root: Path) -> object:
    forward = value.replace("\\", "/") if isinstance(value, str) else value
    inside = isinstance(forward, str) and path_problem(forward, None) is None
    return forward if inside and (root / str(forward)).is_file() else value


def _problems(
    names: pd.Series, found: Resolved, photos: PhotoNames, path: Path, doubt: str, leave_out: bool
) -> list[str]:
    """What is not found, by row; what the rules of a manifest say as well is left to them."""
    problems, absent = [], []
    why = f"; the table is {doubt}" if doubt else ""
    command = import_command(path, path.parent)
    if found.elsewhere and collecting():  # the rules note each row
        warnings.warn(f"{path}: this writes a table with relative paths: {command}", stacklevel=5)
    for index, name in names.items():
        if index in found.elsewhere:
            if collecting():
                continue
            here = f"{RELATIVE}, such as {found.paths[index]!r}; this writes such a table: {command}"
            problems.append(describe(index, "image", name, here))
        elif index in found.candidates:
            problems.append(describe(index, "image", name, found.reasons[index]))
        elif index in found.reasons and isinstance(name, str) and not path_problem(name, None):
            absent.append(index)
    if leave_out:
        return problems
    nearest = {index: photos.nearest(names[index]) for index in absent[:SHOWN]}
    if collecting():
        if shown := [f"{names[i]!r} (nearest: {near!r})" for i, near in nearest.items() if near]:
            more = f" and {len(absent) - len(shown)} more" if len(absent) > len(shown) else ""
            warnings.warn(f"{path}: {len(absent)} images are not there: {', '.join(shown)}{more}{why}", stacklevel=5)
    else:
        for index in absent:
            near = f"; the nearest is {nearest[index]!r}" if nearest.get(index) else ""
            remedy = f"no such file in {path.parent}{near}; correct the name or remove the row, {REMEDY}{why}"
            problems.append(describe(index, "image", names[index], remedy))
    return problems
