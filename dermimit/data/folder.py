"""Photographs of your own: a folder with a table in this project's columns, or with a folder for each disease.

Four layouts, the first that fits:

* `manifest.csv`, `.tsv` or `.parquet`, in any letter case: the columns of `dermimit.data.columns.COLUMNS`; only
  `image` and `disease` must be there. As text, names in `attributes`, `attributes_unknown` and `body_part` are
  separated by ";", a lone ";" means none of them, an empty cell unknown; `disease_weights` is a JSON object such as
  {"eczema": 0.7, "psoriasis": 0.3}. Other spellings are read where they have one meaning
  (`dermimit.data.manifest_table`).
* `train/eczema/1.jpg`, `val/...`, `test/...`: a folder for each split, in it one for each disease.
* `eczema/train/1.jpg`, ...: a folder for each disease, in each the same folders of splits.
* `eczema/1.jpg`: a folder for each disease.

Folders of splits may be spelt `Train`, `TESTING`, `validation`, `dev`, `test_set` and so on; all may lie below one
folder such as `images/`. Files that are not read, linked or empty folders, and folders below those of the diseases are
named in warnings. Names are compared with their accents in one form (NFC); paths stay as they are on disk.

Class names come from `label_space.json`, if it is there, else from the values. A split column or folders are kept;
without a validation split, one is carved from train: whole patients where they are known, else whole lesions.
"""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.absent import leaves_out, without_absent
from dermimit.data.cells import as_text, is_missing
from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.copies import same_files, together
from dermimit.data.folds import carve_validation
from dermimit.data.label_space import LabelSpace
from dermimit.data.manifest_table import LISTS, TABLES, read_label_space, read_manifest
from dermimit.data.names import doubtful_names
from dermimit.data.one_hot import import_command
from dermimit.data.photo_files import find_photos, shown
from dermimit.data.problems import ManifestError, collecting, describe, raise_problems, suggest
from dermimit.data.schema import validate_manifest
from dermimit.data.stored import LABEL_SPACE_FILE
from dermimit.data.tree import read_tree

NAME = "folder"
OTHER_TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".ods", ".parquet", ".jsonl", ".ndjson")

OFFICIAL: dict[str, Any] = {}
INFO: dict[str, Any] = {
    "title": "Photographs of your own",
    "citation": "none",
    "licence": "yours",
    "forbids": "whatever the people photographed did not agree to",
    "source": "your own disk",
    "size": "any",
    "layout": "manifest.csv, .tsv or .parquet with columns image and disease; or <split>/<disease>/, "
    "<disease>/<split>/ or <disease>/",
    "classes": "those of the table, the folders or label_space.json",
    "body_parts": "those of column body_part",
    "attributes": "those of column attributes",
    "skin_types": "Fitzpatrick 1 to 6 in column fitzpatrick",
    "grouping": "column patient_id, where it is there; else column lesion_id",
    "splits": "those of column split or of the folders; else at random, by patient or lesion",
    "faults": (
        "without patient_id, photos of one patient may fall in two splits",
        "links to folders are not followed",
    ),
}


def load(root: Path | str, validation: float = 0.15, missing: str = "error") -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of the photos in `root`, with the splits that it names, or none.

    Args:
        root: the folder.
        validation: share of the training photos that become the validation split, where there are train and test only.
        missing: "error", or "leave out" for rows of a table whose photo is not there, with a warning that counts them.

    Raises:
        ManifestError: the folder has none of these layouts, or a name, value or path is wrong.
    """
    leave_out = leaves_out(missing)
    root = Path(root)
    tables = [path for path in sorted(root.iterdir()) if path.name.lower() in TABLES and path.is_file()]
    if len(tables) > 1:
        raise ManifestError(f"{root}: {' and '.join(table.name for table in tables)}; keep one")
    source = str(tables[0]) if tables else str(root)
    given = read_label_space(root)
    frame = read_manifest(tables[0], given, leave_out) if tables else _read_tree(root)
    frame = without_absent(frame, root, tables[0]) if tables and leave_out else frame
    space = given or _label_space(root, frame, source)
    frame = validate_manifest(frame, space, root, source=source)
    if tables and (unlisted := _unlisted(frame, root)) and not collecting():  # the check lists them
        warnings.warn(f"{source}: {unlisted} photograph(s) of the folder are not in the table", stacklevel=2)
    if nameless := int(frame["disease"].isna().sum()):
        warnings.warn(
            f"{source}: {nameless} of {len(frame)} photographs have no disease: they teach other tasks alone, and no "
            "score of the disease counts them",
            stacklevel=2,
        )
    for note in _doubts(frame) if collecting() else ():
        warnings.warn(f"{source}: {note}", stacklevel=2)
    unknown = int(frame["patient_id"].isna().sum())
    if unknown and frame["split"].notna().any():  # else the split at random says so
        warnings.warn(
            f"{source}: {unknown} of {len(frame)} photographs have no patient_id, so that those of one patient may be "
            "in two splits and scores be too good; give column patient_id in a table (manifest.csv) if you can",
            stacklevel=2,
        )
    return _complete_split(frame, validation, source, root), space


def _unlisted(frame: pd.DataFrame, root: Path) -> int:
    """How many photographs of the folder no row names, be it as an image or as a mask."""
    named = {*frame["image"], *frame["mask"].dropna()}
    return sum(path not in named for paths in find_photos(root).values() for path in paths)


def _read_tree(root: Path) -> pd.DataFrame:
    """The photographs in folders; with a word on tables that nobody asked to be read."""
    inside = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    files = [path for folder in (root, *sorted(inside)) for path in sorted(folder.iterdir()) if path.is_file()]
    tables = [path for path in files if path.suffix.lower() in OTHER_TABLES and not path.name.startswith(".")]
    if not tables:
        return read_tree(root)
    command = import_command(tables[0], root)
    names = shown([path.relative_to(root).as_posix() for path in tables])
    note = f"{len(tables)} table(s) not read: {names}; if one has the labels: {command}"
    try:
        frame = read_tree(root)
    except ManifestError as error:
        raise ManifestError(f"{error}\n  {note}" if "\n" in str(error) else f"{error}; {note}") from error
    warnings.warn(f"{root}: {note}", stacklevel=3)
    return frame


def _doubts(frame: pd.DataFrame) -> list[str]:
    return [note for column in ("disease", "body_part", "attributes") for note in doubtful_names(frame[column])]


def _complete_split(frame: pd.DataFrame, validation: float, source: str, root: Path) -> pd.DataFrame:
    open_rows = frame.index[frame["split"].isna()]
    if len(open_rows) < len(frame):
        remedy = "give train, val or test to every row, or to none"
        raise_problems(source, [describe(i, "split", None, remedy) for i in open_rows])
    found = set(frame["split"].dropna())
    if found == {"train"}:
        warnings.warn(
            f"{source}: there is a split train alone; train, validation and test are drawn from it at random",
            stacklevel=3,
        )
        return frame.assign(split=None)
    if found != {"train", "test"}:
        return frame
    joined = together(frame, same_files(root, frame["image"]))
    known = joined[["patient_id", "lesion_id"]].notna().any(axis=None)
    carved = carve_validation(joined, validation, group="patient_id" if known else "image")
    return carved.assign(lesion_id=frame["lesion_id"])


def _label_space(root: Path, frame: pd.DataFrame, source: str) -> LabelSpace:
    """The names that occur."""
    names = {column: _names(frame, column) for column in ("disease", *LISTS)}
    diseases = names["disease"] | (_names(frame, WEIGHTS_COLUMN))
    if "disease" not in frame:
        raise ManifestError(f"{source}: no column 'disease'; {suggest('disease', map(str, frame))}")
    if not diseases:
        raise ManifestError(f"{source}: no row has a disease; fill in column disease, or give {LABEL_SPACE_FILE}")
    several = "body_part" in frame and any(not isinstance(v, str) and not is_missing(v) for v in frame["body_part"])
    attributes = names["attributes"] | names["attributes_unknown"]
    return LabelSpace(
        root.resolve().name or NAME,
        tuple(sorted(diseases)),
        tuple(sorted(names["body_part"])),
        tuple(sorted(attributes)),
        several_body_parts=several,
    )


def _names(frame: pd.DataFrame, column: str) -> set[str]:
    """All names in a column of names, of lists of them or of dictionaries by name."""
    values = [v for v in frame[column] if not is_missing(v)] if column in frame else []
    return {
        str(as_text(n))
        for v in values
        for n in ([v] if not isinstance(v, list | tuple | dict) and not hasattr(v, "tolist") else v)
    }
