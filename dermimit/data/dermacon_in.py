"""DermaCon-IN: photographs from clinics in South India with three levels of diagnosis, body parts and descriptors.

Madarkar et al., "DermaCon-IN: A Multi-concept Annotated Dermatological Image Dataset of Indian Skin Disorders for
Clinical AI Research", arXiv 2506.06099 (2025); Harvard Dataverse, doi:10.7910/DVN/W7OUZM. The licence is the one on
the Dataverse page: read it there.

Protocol. The official split, by subject and stratified by sub-class, 80:20: `train_split.csv` and `test_split.csv`. It
has no validation part, so one is carved from the training subjects here, always the same; the test photos are official.

Tables. `Body_part` and `Descriptors` are 0/1 columns there, one a name; both are multi-label. Assumed, because the
official description says only that the names contain these words: the columns begin with `Body_part_` and `Descriptor_`
(`PREFIXES`), and a photo with no 1 in a group was not annotated for it.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.absent import REMEDY, leaves_out, without_absent
from dermimit.data.folds import carve_validation
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import ManifestError, describe, raise_problems, suggest
from dermimit.data.schema import validate_manifest
from dermimit.data.tables import columns_of, locate, named, read_table

NAME = "dermacon_in"
LEVELS = {8: "Main_class", 19: "Sub_class", 245: "Disease_label"}
COLUMNS = ("Image_name", "Subject_ID", "Fitzpatrick")
PREFIXES = {"body_part": "Body_part_", "attributes": "Descriptor_"}
TABLES = {"train": "train_split.csv", "test": "test_split.csv"}
FOLDER = "METADATA"
MISSING = ("", "N/A")
UNDECIDED = "No Definite Diagnosis"

OFFICIAL = {"images": 5450, "patients": 3002, "diseases": 8, "body_parts": 49, "attributes": 47}
INFO: dict[str, Any] = {
    "title": "DermaCon-IN",
    "citation": "Madarkar et al., DermaCon-IN, arXiv 2506.06099 (2025)",
    "licence": "as stated on its Dataverse page",
    "forbids": "read the terms on the Dataverse page before use; they are not repeated here",
    "source": "Harvard Dataverse, doi:10.7910/DVN/W7OUZM",
    "size": "about 3.6 GB of images, 4 MB of tables",
    "layout": "DATASET/ (often DATASET_0 and DATASET_1), METADATA/train_split.csv and METADATA/test_split.csv",
    "classes": "8 main classes, 19 sub-classes, 245 diseases",
    "body_parts": "49, several of which may be on one photograph",
    "attributes": "47 descriptors",
    "skin_types": "Fitzpatrick 1 to 6",
    "grouping": "Subject_ID",
    "splits": "official, by subject, 80:20; the validation part is carved from the training subjects",
    "faults": (
        "'No Definite Diagnosis' is one of the 8 main classes; no_diagnosis='missing' takes it out",
        "the authors' code chooses its checkpoint on the reported split and reports weighted, not macro, F1",
        "no hospital column; the 245 diagnoses have a long tail",
        "its schema speaks of 48 descriptors, the paper of 47",
    ),
}


def load(
    root: Path | str, level: int = 8, no_diagnosis: str = "class", validation: float = 0.1, missing: str = "error"
) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of DermaCon-IN in `root`, with its official split.

    Args:
        root: the folder that holds the images, and METADATA/ or the tables themselves.
        level: of diagnosis: 8 main classes, 19 sub-classes or 245 diseases.
        no_diagnosis: "class", as in the authors' results, or "missing": photos of the main class "No Definite
            Diagnosis" have no disease label, and still teach body part and attributes.
        validation: share of the training photos that become the validation split.
        missing: "error", or "leave out" for rows whose photo is not there, with a warning that counts them.

    Raises:
        ManifestError: an option, a column or a value is wrong, or a photo is absent.
    """
    if level not in LEVELS:
        raise ManifestError(f"level {level!r}: give {', '.join(map(str, LEVELS))}")
    if no_diagnosis not in ("class", "missing"):
        raise ManifestError(f"no_diagnosis {no_diagnosis!r}: give 'class' or 'missing'")
    leave_out = leaves_out(missing)
    root = Path(root)
    paths = {split: _find_table(root, name) for split, name in TABLES.items()}
    tables = {split: _read(path) for split, path in paths.items()}
    names = {kind: _concepts(tables, paths, prefix) for kind, prefix in PREFIXES.items()}
    diseases = {split: _diseases(table, level, no_diagnosis) for split, table in tables.items()}
    known = sorted(set(pd.concat(diseases).dropna()))
    space = LabelSpace(NAME, tuple(known), names["body_part"], names["attributes"], several_body_parts=True)
    photos = find_photos(root)
    frames = []
    for split, table in tables.items():
        frame = _frame(table, photos, paths[split], leave_out).assign(disease=diseases[split], split=split)
        frame = without_absent(frame, root, paths[split]) if leave_out else frame
        frames.append(validate_manifest(frame, space, root, source=str(paths[split])))
    frame = validate_manifest(pd.concat(frames, ignore_index=True), space, source=f"{' and '.join(TABLES.values())}")
    return carve_validation(frame, validation), space


def _find_table(root: Path, name: str) -> Path:
    inside = root / FOLDER / name
    return inside if inside.is_file() else root / name if (root / name).is_file() else inside


def _read(path: Path) -> pd.DataFrame:
    """The columns in use, with missing values as NaN."""
    required = (*COLUMNS, *LEVELS.values())
    read_table(path, required, INFO["title"])
    concepts = [c for c in columns_of(path) if c.startswith(tuple(PREFIXES.values()))]
    table = read_table(path, (*required, *concepts), INFO["title"])
    return table.where(~table.isin(MISSING))


def _concepts(tables: dict[str, pd.DataFrame], paths: dict[str, Path], prefix: str) -> tuple[str, ...]:
    """The names behind the 0/1 columns of one kind, the same in both tables."""
    found = {split: [c for c in table if c.startswith(prefix)] for split, table in tables.items()}
    for split, columns in found.items():
        if not columns:
            raise ManifestError(f"{paths[split]}: no column begins with {prefix!r}; {suggest(prefix, tables[split])}")
    for column in sorted(set(found["train"]) ^ set(found["test"])):
        lacks = "test" if column in found["train"] else "train"
        raise ManifestError(f"{paths[lacks]}: no column {column!r}, which the other split has; use the official files")
    for split, table in tables.items():
        problems = []
        for column in found[split]:
            cells = table[column].dropna()
            wrong = cells[~pd.to_numeric(cells, errors="coerce").isin([0, 1])]
            problems += [describe(i, column, value, "give 0 or 1") for i, value in wrong.items()]
        raise_problems(str(paths[split]), problems)
    return tuple(c.removeprefix(prefix) for c in found["train"])


def _diseases(table: pd.DataFrame, level: int, no_diagnosis: str) -> pd.Series:
    undecided = (table[LEVELS[8]] == UNDECIDED) & (no_diagnosis == "missing")
    return table[LEVELS[level]].where(~undecided)


def _frame(table: pd.DataFrame, photos: dict[str, list[str]], path: Path, leave_out: bool) -> pd.DataFrame:
    skin = table["Fitzpatrick"].str.removeprefix("FST ")
    wrong = table.index[skin.notna() & ~skin.isin(list("123456"))]
    raise_problems(str(path), [describe(i, "Fitzpatrick", skin[i], "give FST 1 to FST 6 or N/A") for i in wrong])
    frame = {
        "image": locate(table["Image_name"], photos, path, f"unpack all archives of DATASET, {REMEDY}", leave_out),
        "patient_id": table["Subject_ID"],
        "fitzpatrick": pd.to_numeric(skin, errors="coerce"),
    }
    for kind, prefix in PREFIXES.items():
        cells = table[[c for c in table if c.startswith(prefix)]].apply(pd.to_numeric, errors="coerce") == 1
        present = named(cells.rename(columns=lambda c, p=prefix: c.removeprefix(p)))
        frame[kind] = present.map(lambda names: names or None)
    return pd.DataFrame(frame, index=table.index)
