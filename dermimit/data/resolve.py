"""A column of image names turned into paths of the photographs that are there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.photo_names import PhotoNames, is_absolute, plain
from dermimit.data.rules import LEAVES, RELATIVE


@dataclass
class Resolved:
    """What became of a column of image names, each by the row's index label.

    Args:
        paths: the photograph of each row that has one.
        reasons: why another row has none.
        candidates: the photographs among which a name does not choose.
        spelling: rows whose name is not the photograph's path, with both.
        elsewhere: rows whose path began in `folder`, another disk's name of the photographs' folder.
        folder: with forward slashes; "" where no path is absolute.
    """

    paths: dict[object, str] = field(default_factory=dict)
    reasons: dict[object, str] = field(default_factory=dict)
    candidates: dict[object, list[str]] = field(default_factory=dict)
    spelling: dict[object, tuple[str, str]] = field(default_factory=dict)
    elsewhere: list[object] = field(default_factory=list)
    folder: str = ""


def resolve(names: pd.Series, photos: PhotoNames, literal: bool = True) -> Resolved:
    """Find the photograph of each row.

    A name may lack its extension or the first of its folders, have backslashes, be a number as a spreadsheet writes it,
    or be an absolute path or an address, if all photographs of the table lie in one folder of it. Nothing outside of
    the photographs given is looked at.

    Args:
        names: text, or missing.
        photos: those that are there.
        literal: as in `PhotoNames.find`.
    """
    text = {i: plain(str(name)) for i, name in names.items() if not is_missing(name)}
    absolute = {i: name for i, name in text.items() if is_absolute(name)}
    parts = photos.common_folder(absolute.values())
    found = Resolved(folder="/".join(parts) or "/" if parts else "")
    for index, name in names.items():
        if index not in text:
            found.reasons[index] = "no name; name the photograph or remove the row"
        else:
            _resolve_one(index, str(name), text, absolute, parts, photos, literal, found)
    return found


def _resolve_one(
    index: object,
    given: str,
    text: Mapping[object, str],
    absolute: Mapping[object, str],
    folder: tuple[str, ...],
    photos: PhotoNames,
    literal: bool,
    found: Resolved,
) -> None:
    name = text[index]
    if index in absolute:
        parts = tuple(name.split("/"))
        if not folder or parts[: len(folder)] != folder:
            found.reasons[index] = RELATIVE
            return
        name = "/".join(parts[len(folder) :])
    if ".." in name.split("/") or not name:
        found.reasons[index] = LEAVES
        return
    exact = name.startswith("./")
    name = name.removeprefix("./")
    paths = photos.find(name, literal or exact or "/" in name)
    if len(paths) > 1:
        found.candidates[index] = paths
        paths_from_here = "give its path from the folder of the photographs"
        hint = f"{paths_from_here}, ./{name} for the first" if paths[0] == name else paths_from_here
        found.reasons[index] = f"found {' and '.join(paths[:4])}; {hint}"
    elif not paths:
        found.reasons[index] = "no photograph of this name"
    else:
        found.paths[index] = paths[0]
        if index in absolute:
            found.elsewhere.append(index)
        elif paths[0] != given:
            found.spelling[index] = (given, paths[0])
