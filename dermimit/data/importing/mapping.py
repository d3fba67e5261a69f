"""Which column of a table is which of ours: as given, else guessed from the usual names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dermimit.data.columns import COLUMNS, fold
from dermimit.data.names import split_of
from dermimit.data.one_hot import is_one_hot, is_zero_one, may_be_diseases, other_label, zero_one_columns
from dermimit.data.photo_names import first_row
from dermimit.data.problems import ManifestError, suggest

USUAL = {  # names of each column elsewhere, the most likely first
    "image": ("image", "image_id", "isic_id", "image_name", "img_id", "filename", "file_name", "image_file", "file",
              "image_path", "img_path", "path", "filepath", "file_path", "img", "photo", "photo_id", "photograph",
              "img_name", "img_file", "image_filename", "photo_name", "photo_file", "picture"),
    "disease": ("disease", "dx", "diagnosis", "label", "diagnostic", "diagnosis_1", "class", "condition"),
    "body_part": ("body_part", "localization", "localisation", "anatom_site_general", "anatom_site_general_challenge",
                  "body_site", "anatomical_site", "anatomic_site", "site", "location", "region"),
    "attributes": ("attributes", "lesion_attributes", "concepts", "descriptors"),
    "attributes_unknown": ("attributes_unknown",),
    "mask": ("mask",),
    "patient_id": ("patient_id", "patient", "subject_id", "subject"),
    "lesion_id": ("lesion_id", "lesion"),
    "visit": ("visit",),
    "fitzpatrick": ("fitzpatrick", "fitzpatrick_skin_type", "fitspatrick", "fitzpatrick_scale", "skin_type", "fst"),
    "split": ("split", "set", "partition"),
}  # fmt: skip
GROUPS = ("disease", "body_part", "attributes")
DIAGNOSIS = re.compile(r"dx|diagn|disease|label|class|condition")
KNOWN = frozenset(name for names in USUAL.values() for name in names)


@dataclass(frozen=True)
class Mapping:
    """The columns of a table that become each of ours.

    Args:
        columns: for each of ours, one column, or those of 0 and 1 of a one-hot group.
        groups: ours that are read from one-hot columns.
        given: ours that the user gave; the others were guessed.
        unused: the other columns of the table.
        hot: unused columns that hold 0 and 1.
    """

    columns: dict[str, tuple[str, ...]]
    groups: frozenset[str]
    given: frozenset[str]
    unused: tuple[str, ...]
    hot: tuple[str, ...]


def find_mapping(frame: pd.DataFrame, words: Sequence[str], source: str) -> Mapping:
    """What each column is.

    Args:
        frame: the table.
        words: as typed: `image=image_id`, `disease=MEL+NV+BCC` for one-hot columns, `body_part=` for none.
        source: the table, for errors.

    Raises:
        ManifestError: a word names no column of ours or of the table, or one twice; no column is the image's; or there
            is nothing to learn.
    """
    given = _given(frame, words, source)
    columns = {ours: names for ours, names in given.items() if names}
    taken = {name for names in columns.values() for name in names}
    for ours, usual in USUAL.items():
        if ours not in given:
            free = [c for c in reversed(list(frame)) if c not in taken and (c == ours or _fits(ours, frame[c]))]
            by_name = {fold(column): column for column in free} | {c: c for c in free if c == ours}
            if found := next((by_name[name] for name in usual if name in by_name), None):
                columns[ours] = (found,)
                taken.add(found)
    hot = zero_one_columns(frame, taken)
    diagnoses = [name for name in frame if name not in taken and DIAGNOSIS.search(fold(name)) and name not in hot]
    if "disease" not in columns and "disease" not in given and not diagnoses and is_one_hot(frame, hot):
        if may_be_diseases(hot) and (other := other_label(frame, {*taken, *hot})):
            raise ManifestError(
                f"{source}: are the diseases in column {other!r}, or are they {', '.join(hot)}? Give "
                f"--map disease={other} or --map disease={'+'.join(hot)}"
            )
        if may_be_diseases(hot):
            columns["disease"], hot = tuple(hot), []
    _check(columns, hot, frame, source)
    groups = [
        c for c, names in columns.items() if len(names) > 1 or (c == "attributes" and is_zero_one(frame[names[0]]))
    ]
    taken = {name for names in columns.values() for name in names}
    unused = tuple(name for name in frame if name not in taken)
    ordered = {ours: columns[ours] for ours in COLUMNS if ours in columns}
    return Mapping(ordered, frozenset(groups), frozenset(given), unused, tuple(hot))


def _fits(ours: str, cells: pd.Series) -> bool:
    """Whether a column that is called like one of ours may hold it; what cannot is left, and said to be unused.

    `lesion` may hold "papule" and "plaque" and no identifiers, `set` no splits, `skin_type` "oily" and `visit` a date.
    """
    values = cells.dropna().map(str)
    if ours in ("patient_id", "lesion_id"):
        return not len(values) or bool(values.str.contains(r"\d").any())
    fitting = {
        "split": lambda v: split_of(v) is not None,
        "visit": lambda v: re.fullmatch(r"\s*-?\d+(?:[.,]0+)?\s*", v) is not None,
        "fitzpatrick": lambda v: re.search(r"\d|\b[IVX]+\b", v) is not None,
    }
    return ours not in fitting or not len(values) or any(map(fitting[ours], values))


def _given(frame: pd.DataFrame, words: Sequence[str], source: str) -> dict[str, tuple[str, ...]]:
    given: dict[str, tuple[str, ...]] = {}
    for word in words:
        ours, equals, theirs = word.partition("=")
        if not equals:
            raise ManifestError(f"--map {word!r}: write OURS=THEIRS, such as disease=dx")
        if ours not in USUAL:
            raise ManifestError(f"--map {word!r}: no column {ours!r} of a manifest; {suggest(ours, USUAL)}")
        if ours in given:
            raise ManifestError(
                f"--map {word!r}: {ours!r} is given twice; keep one, or join columns of 0 and 1 with '+'"
            )
        whole = _column(theirs, frame)
        parts = [theirs] if whole or "+" not in theirs else theirs.split("+")
        given[ours] = tuple(_column(part, frame) or _unknown(word, part, frame, source) for part in parts if part)
        if len(given[ours]) > 1 and ours not in GROUPS:
            raise ManifestError(f"--map {word!r}: only {', '.join(GROUPS)} can be several columns; name one")
    for name in {name for names in given.values() for name in names}:
        if len(of := [ours for ours, names in given.items() if name in names]) > 1:
            raise ManifestError(f"--map: column {name!r} is given as {' and as '.join(of)}; keep one")
    return given


def _column(name: str, frame: pd.DataFrame) -> str | None:
    """A column of the table by its name, or by the only one that differs in letter case, blanks or hyphens."""
    if name in frame:
        return name
    near = [column for column in frame if fold(column) == fold(name)]
    return near[0] if len(near) == 1 else None


def _unknown(word: str, part: str, frame: pd.DataFrame, source: str) -> str:
    raise ManifestError(f"--map {word!r}: {source} has no column {part!r}; {suggest(part, frame)}")


def _check(columns: dict[str, tuple[str, ...]], hot: Sequence[str], frame: pd.DataFrame, source: str) -> None:
    names = ", ".join(frame)
    if "image" not in columns and (headless := first_row(frame)):
        raise ManifestError(f"{source}: {headless}")
    if "image" not in columns:
        raise ManifestError(f"{source}: which column names the images? Give --map image=COLUMN; columns: {names}")
    if not {"disease", "body_part", "attributes"} & columns.keys():
        group = (
            f"; {', '.join(hot)} hold 0 and 1, but not 1 in exactly one of them in each row: give the diseases"
            if hot
            else ""
        )
        example = "+".join(hot) if len(hot) > 1 else "COLUMN"
        raise ManifestError(
            f"{source}: which column holds the disease? Give --map disease={example}{group}; columns: {names}"
        )
