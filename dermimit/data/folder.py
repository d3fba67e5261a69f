"""Photographs of your own: a folder with a table in this project's columns, or with a folder for each disease.

Three layouts, the first that fits:

* `manifest.csv`, `.tsv` or `.parquet`: the columns of `dermimit.data.columns.COLUMNS`; only `image` and `disease` must
  be there. As text, names in `attributes`, `attributes_unknown` and `body_part` are separated by ";", a lone ";" means
  none of them, an empty cell unknown; `disease_weights` is a JSON object such as {"eczema": 0.7, "psoriasis": 0.3}.
  Other spellings are read where they have one meaning (`dermimit.data.manifest_table`).
* `train/eczema/1.jpg`, `val/...`, `test/...`: a folder for each split, in it one for each disease.
* `eczema/1.jpg`: a folder for each disease.

Class names come from `label_space.json`, if it is there, else from the values. A split column or folders are kept;
without a validation split, one is carved from train by patient.
"""

import warnings
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.folds import carve_validation
from dermimit.data.label_space import LabelSpace
from dermimit.data.manifest_table import LISTS, TABLES, read_label_space, read_manifest
from dermimit.data.problems import ManifestError, describe, raise_problems, suggest
from dermimit.data.schema import validate_manifest
from dermimit.data.stored import LABEL_SPACE_FILE
from dermimit.data.tables import find_photos

NAME = "folder"
SPLIT_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

OFFICIAL: dict[str, Any] = {}
INFO: dict[str, Any] = {
    "title": "Photographs of your own",
    "citation": "none",
    "licence": "yours",
    "forbids": "whatever the people photographed did not agree to",
    "source": "your own disk",
    "size": "any",
    "layout": "manifest.csv, .tsv or .parquet with columns image and disease; or <split>/<disease>/; or <disease>/",
    "classes": "those of the table, the folders or label_space.json",
    "body_parts": "those of column body_part",
    "attributes": "those of column attributes",
    "skin_types": "Fitzpatrick 1 to 6 in column fitzpatrick",
    "grouping": "column patient_id, where it is there",
    "splits": "those of column split or of the folders; else at random, by patient",
    "faults": ("without patient_id, photos of one patient may fall in two splits",),
}


def load(root: Path | str, validation: float = 0.15) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of the photos in `root`, with the splits that it names, or none.

    Args:
        root: the folder.
        validation: share of the training photos that become the validation split, where there are train and test only.

    Raises:
        ManifestError: the folder has none of the three layouts, or a name, value or path is wrong.
    """
    root = Path(root)
    tables = [root / name for name in TABLES if (root / name).is_file()]
    if len(tables) > 1:
        raise ManifestError(f"{root}: {' and '.join(table.name for table in tables)}; keep one")
    source = str(tables[0]) if tables else str(root)
    given = read_label_space(root)
    frame = read_manifest(tables[0], given) if tables else _read_tree(root)
    space = given or _label_space(root, frame, source)
    frame = validate_manifest(frame, space, root, source=source)
    if unknown := int(frame["patient_id"].isna().sum()):
        warnings.warn(
            f"{source}: {unknown} of {len(frame)} rows have no patient_id, so that photos of one patient may fall in "
            "two splits and scores be too good; fill in column patient_id",
            stacklevel=2,
        )
    return _complete_split(frame, validation, source), space


def _complete_split(frame: pd.DataFrame, validation: float, source: str) -> pd.DataFrame:
    open_rows = frame.index[frame["split"].isna()]
    if len(open_rows) < len(frame):
        remedy = "give train, val or test to every row, or to none"
        raise_problems(source, [describe(i, "split", None, remedy) for i in open_rows])
    found = set(frame["split"].dropna())
    if found != {"train", "test"}:
        return frame
    return carve_validation(frame, validation, group="image" if frame["patient_id"].isna().all() else "patient_id")


def _read_tree(root: Path) -> pd.DataFrame:
    """One row a photo, from the names of the folders."""
    paths = sorted(path for found in find_photos(root).values() for path in found)
    layouts = "manifest.csv, manifest.parquet, <split>/<disease>/ or <disease>/"
    if not paths:
        raise ManifestError(f"{root}: no photos and no table; make it {layouts}")
    parts = [PurePosixPath(path).parts for path in paths]
    by_split = any(p[0] in SPLIT_FOLDERS for p in parts)
    problems = []
    for path, part in zip(paths, parts, strict=True):
        if len(part) < 2 + by_split:
            problems.append(f"{path}: not in a folder of a disease; move it into one ({layouts})")
        elif by_split and part[0] not in SPLIT_FOLDERS:
            known = ", ".join(SPLIT_FOLDERS)
            problems.append(
                f"{path}: {part[0]!r} stands beside folders of splits; use {known} only, or no split folders"
            )
    raise_problems(str(root), problems)
    frame = pd.DataFrame({"image": paths, "disease": [p[by_split] for p in parts]})
    return frame.assign(split=[SPLIT_FOLDERS.get(p[0]) for p in parts]) if by_split else frame


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
        str(n)
        for v in values
        for n in ([v] if not isinstance(v, list | tuple | dict) and not hasattr(v, "tolist") else v)
    }
