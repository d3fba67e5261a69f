"""The table of photographs of your own, read as people write it: every spelling that has one meaning, and no other."""

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.cells import is_missing, is_no_skin_type, plain_id, skin_type
from dermimit.data.columns import COLUMNS, WEIGHTS_COLUMN, fold
from dermimit.data.importing.mapping import USUAL
from dermimit.data.label_space import LabelSpace
from dermimit.data.list_cells import odd_names, parse_lists, reading_note
from dermimit.data.manifest_images import find_images
from dermimit.data.names import ERRORS, NO_ID, composed, missing_where, notes_on_ids, split_of
from dermimit.data.one_hot import (
    import_command,
    is_one_hot,
    may_be_diseases,
    one_name,
    other_label,
    shares,
    zero_one_columns,
)
from dermimit.data.photo_names import first_row
from dermimit.data.problems import ManifestError, collecting, describe, raise_problems, suggest
from dermimit.data.stored import LABEL_SPACE_FILE, read_parquet
from dermimit.data.text_table import read_text_table

TABLES = ("manifest.csv", "manifest.tsv", "manifest.parquet")
LISTS = ("attributes", "attributes_unknown", "body_part")
IDS = ("patient_id", "lesion_id")
OURS = (*COLUMNS, WEIGHTS_COLUMN)
LOOK_ALIKES = {  # usual names of columns whose absence costs something that cannot be seen
    "patient": "patient_id", "subject": "patient_id", "subject_id": "patient_id", "lesion": "lesion_id",
    "localization": "body_part", "localisation": "body_part", "site": "body_part", "skin_type": "fitzpatrick",
    "set": "split", "partition": "split",
}  # fmt: skip


def read_manifest(path: Path, space: LabelSpace | None = None, leave_out: bool = False) -> pd.DataFrame:
    """A manifest in this project's columns and forms, unchecked but for what has no single reading.

    Args:
        path: `manifest.csv`, `.tsv` or `.parquet`, in the folder of its photographs.
        space: the names, where they are given; they tell a comma between names from one within.
        leave_out: a photograph that is not there is no error here.

    Returns:
        One row an image: paths of photographs that are there, names in Unicode's composed form (NFC), lists, weights.

    Raises:
        ManifestError: names the file, the row and the remedy.
    """
    if path.suffix == ".parquet":
        frame, doubt, is_text = read_parquet(path), "", False
    else:
        table = read_text_table(path, OURS)
        frame, doubt, is_text = table.frame, table.doubt, True
    frame = _composed(_rename(frame, path))
    if "image" not in frame:
        raise _absent("image", frame, path)
    if "disease" not in frame:
        frame = _diseases(frame, path)
    found = list[str]()
    for column in frame.columns.intersection([*OURS]).difference(["image", "mask", WEIGHTS_COLUMN], sort=False):
        frame[column] = missing_where(frame[column], (*ERRORS, *(NO_ID if column in IDS else ())), found)
    for column in frame.columns.intersection(IDS):
        frame[column] = frame[column].map(plain_id)
        found += notes_on_ids(frame[column])
    for column in [column for column in LISTS if column in frame]:
        known = _known(space, column)
        several = column != "body_part" or bool(space and space.several_body_parts)
        frame[column], separator = parse_lists(frame[column], str(path), known, several)
        notes = [] if known else odd_names(frame[column])
        notes += [reading_note(frame[column], separator)] if separator not in ("", ";", "[]") and not known else []
        for note in notes:
            warnings.warn(f"{path}: {note}", stacklevel=3)
    if "split" in frame:
        frame["split"] = read_splits(frame["split"])
    if "fitzpatrick" in frame:
        frame["fitzpatrick"] = without_no_type(frame["fitzpatrick"], found).map(skin_type)
    for note in found:
        warnings.warn(f"{path}: {note}", stacklevel=3)
    if WEIGHTS_COLUMN in frame and is_text:
        frame[WEIGHTS_COLUMN] = _weights(frame[WEIGHTS_COLUMN], path)
    if WEIGHTS_COLUMN in frame:
        frame[WEIGHTS_COLUMN] = pd.Series([composed(v) for v in frame[WEIGHTS_COLUMN]], frame.index, dtype=object)
    _say_what_is_unused(frame, path)
    frame = find_images(frame, path, doubt, leave_out)
    if doubt:
        warnings.warn(f"{path}: {doubt}; save it as UTF-8 if that is wrong", stacklevel=3)
    return frame


def read_label_space(root: Path) -> LabelSpace | None:
    """The `label_space.json` of a folder, its names in composed form; None where there is none.

    Raises:
        ManifestError: it is not a label space.
    """
    path = root / LABEL_SPACE_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
        return LabelSpace.from_dict({key: compose(value) for key, value in values.items()})
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ManifestError(f"{path}: not a label space ({error}); mend it, or remove it to use the values") from error


def _rename(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Columns in another letter case, or with blanks or hyphens for underscores, by our names."""
    names: dict[str, str] = {}
    for ours in OURS:
        others = [column for column in frame if fold(str(column)) == ours]
        if ours not in frame and len(others) > 1:
            raise ManifestError(f"{path}: columns {others[0]!r} and {others[1]!r} both read as {ours!r}; keep one")
        names |= {} if ours in frame else dict.fromkeys(others, ours)
    return frame.rename(columns=names)


def _composed(frame: pd.DataFrame) -> pd.DataFrame:
    """Text in NFC and without blanks around it, so that equal names are one; not of paths, which are the disk's."""
    for column in frame.columns.difference(["image", "mask"], sort=False):
        if frame[column].dtype == object or pd.api.types.is_string_dtype(frame[column]):
            frame[column] = pd.Series([compose(v) for v in frame[column]], frame.index, dtype=object)
    return frame


def compose(value: Any) -> Any:
    """Text, or a list of it, in NFC and without blanks around it; None where it is empty."""
    if isinstance(value, str):
        return composed(value).strip() or None
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [compose(v) for v in value] if isinstance(value, list) else value


def _diseases(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """A table whose diseases are columns of 0 and 1, with a column `disease`."""
    columns = zero_one_columns(frame, OURS)
    if len(columns) < 2 and (uncertain := shares(frame, OURS)):
        raise ManifestError(
            f"{path}: no column 'disease'; {', '.join(uncertain)} add up to 1 in each row, like probabilities: give "
            f'the most likely name in column disease, or such weights in column {WEIGHTS_COLUMN}, as {{"name": 0.7}}'
        )
    if len(columns) < 2:
        raise _absent("disease", frame, path)
    names = ", ".join(columns)
    if not is_one_hot(frame, columns):
        command = import_command(path, path.parent, "image=image", f"disease={'+'.join(columns)}")
        raise ManifestError(
            f"{path}: no column 'disease'; {names} hold 0 and 1, or words for them, like one-hot labels, but some rows "
            f"do not have 1 in exactly one of them; name those that are diseases: {command}"
        )
    other = other_label(frame, {*columns, *OURS})
    if other or not may_be_diseases(columns):
        command = import_command(path, path.parent, "image=image", f"disease={other or 'COLUMN'}")
        raise ManifestError(
            f"{path}: no column 'disease'; {names} hold 0 and 1"
            + (f", and {other!r} holds words: name the one that is the disease: " if other else "; import the table: ")
            + command
        )
    frame = frame.assign(disease=one_name(frame, columns, str(path)))
    counts = frame["disease"].value_counts()
    empty = [column for column in columns if column not in counts.index]
    without = f"; no photograph of {', '.join(empty)}" if empty else ""
    warnings.warn(f"{path}: no column 'disease'; read from the one-hot columns {names}{without}", stacklevel=4)
    return frame.drop(columns=columns)


def _absent(column: str, frame: pd.DataFrame, path: Path) -> ManifestError:
    """The error of a table without a column that must be there; names the one that it may be."""
    columns = {fold(str(name)): str(name) for name in frame}
    usual = [columns[name] for name in USUAL[column] if name in columns]
    command = import_command(path, path.parent, f"{column}={usual[0] if usual else 'COLUMN'}")
    near = f"rename {usual[0]!r} so" if usual else suggest(column, map(str, frame))
    if headless := first_row(frame):
        return ManifestError(f"{path}: {headless}")
    return ManifestError(f"{path}: no column {column!r}; {near}, or import the table: {command}")


def _known(space: LabelSpace | None, column: str) -> tuple[str, ...]:
    return () if space is None else space.body_parts if column == "body_part" else space.attributes


def read_splits(cells: pd.Series) -> pd.Series:
    """Splits by their usual spellings, others as they are; "dev" only beside training, since it may be that."""
    read = [split_of(v) if isinstance(v, str) else None for v in cells]
    trained = "train" in read
    read = [
        None if name == "val" and not trained and str(v).strip().lower().startswith("dev") else name
        for name, v in zip(read, cells, strict=True)
    ]
    return pd.Series([name or v for name, v in zip(read, cells, strict=True)], cells.index, dtype=object)


def without_no_type(cells: pd.Series, notes: list[str]) -> pd.Series:
    """A column of skin types in which -1 and 0 are missing; says how many they are."""
    marked = cells.map(is_no_skin_type)
    if marked.any():
        notes.append(f"column {cells.name}: {int(marked.sum()):,} cells of -1 or 0 are read as missing")
    return cells.mask(marked, None) if marked.any() else cells


def _weights(cells: pd.Series, path: Path) -> pd.Series:
    parsed, problems = [], []
    for index, cell in cells.items():
        try:
            parsed.append(json.loads(cell) if isinstance(cell, str) else None)
        except (json.JSONDecodeError, RecursionError) as error:
            parsed.append(None)
            problems.append(describe(index, WEIGHTS_COLUMN, cell, f'not JSON ({error}); write {{"name": 0.7}}'))
    raise_problems(str(path), problems)
    return pd.Series(parsed, cells.index, dtype=object)


def _say_what_is_unused(frame: pd.DataFrame, path: Path) -> None:
    """Name the columns that are not used: all of them in a check, else those that look as if they were meant to be."""
    unused = [str(column) for column in frame if column not in OURS]
    if hot := zero_one_columns(frame, OURS):
        command = import_command(path, path.parent, "attributes=" + "+".join(map(str, hot)))
        warnings.warn(
            f"{path}: columns not used: {', '.join(unused)}; {', '.join(map(str, hot))} hold 0 and 1, or words for "
            f"them, like one-hot labels; if they are attributes: {command}",
            stacklevel=4,
        )
    elif unused and collecting():
        warnings.warn(f"{path}: columns not used: {', '.join(unused)}", stacklevel=4)
    for column in unused:
        ours = LOOK_ALIKES.get(fold(column))
        if ours and (ours not in frame or all(map(is_missing, frame[ours]))):
            warnings.warn(f"{path}: column {column!r} is not used; if it is {ours!r}, rename it so", stacklevel=4)
