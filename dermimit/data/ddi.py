"""DDI, Diverse Dermatology Images: 656 photographs with confirmed diagnoses, about as many of dark as of light skin.

Daneshjou et al., "Disparities in dermatology AI performance on a diverse, curated clinical image set", Science Advances
2022. Stanford Research Use Agreement: non-commercial research, no passing on of the images or of their link. SkinCon's
concepts (Daneshjou et al., NeurIPS 2022) are used where `annotations_ddi.csv` is there.

Protocol. For testing only, as is customary: every row is in the split test. The skin tone is one of three groups,
Fitzpatrick I-II, III-IV and V-VI, kept in the further column `skin_tone` as 12, 34 or 56; `fitzpatrick` stays missing,
because a group is not a type. Patients are unknown.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.absent import REMEDY, leaves_out, without_absent
from dermimit.data.fitzpatrick17k import CONCEPTS, FREQUENT, skincon_attributes
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import ManifestError, describe, raise_problems
from dermimit.data.schema import validate_manifest
from dermimit.data.tables import columns_of, locate, read_table

NAME = "ddi"
TABLE, SKINCON_TABLE = "ddi_metadata.csv", "annotations_ddi.csv"
COLUMNS = ("DDI_ID", "DDI_file", "skin_tone", "disease")
MALIGNANT = ("malignant", "malignancy(malig=1)")  # the second in older copies
ANSWERS = {"true": "malignant", "1": "malignant", "1.0": "malignant", "false": "benign", "0": "benign", "0.0": "benign"}
SKIN_TONES = ("12", "34", "56")

OFFICIAL = {"images": 656, "patients": 570, "diseases": 78, "attributes": 48}
INFO: dict[str, Any] = {
    "title": "DDI, Diverse Dermatology Images",
    "citation": "Daneshjou et al., Science Advances 2022; SkinCon: Daneshjou et al., NeurIPS 2022",
    "licence": "Stanford University Dataset Research Use Agreement",
    "forbids": "commercial use; sharing the images or the download link; clinical use",
    "source": "Stanford AIMI, after registration",
    "size": "656 images",
    "layout": "ddi_metadata.csv, the images anywhere below it, and if wanted annotations_ddi.csv",
    "classes": "78, or benign and malignant",
    "body_parts": "none",
    "attributes": "48 concepts of SkinCon, or the 22 frequent ones, where its table is there",
    "skin_types": "three groups: I-II, III-IV, V-VI",
    "grouping": "none: the table does not name the 570 patients",
    "splits": "all photographs are in the split test, as is customary",
    "faults": (
        "78 diseases on 656 images: most classes are too small for a score of their own",
        "skin tone is one of three groups, not a Fitzpatrick type",
        "older copies call the column malignant 'malignancy(malig=1)'",
        "in the training data of SkinVL: its scores on it are not clean",
    ),
}


def load(
    root: Path | str, target: str = "disease", concepts: int = 48, missing: str = "error"
) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of DDI in `root`; every row is in the split test.

    Args:
        root: the folder that holds the table and, at any depth, the photos.
        target: "disease", the 78 diagnoses, or "malignant", benign against malignant.
        concepts: of SkinCon, where its table is there: all 48, or the 22 frequent ones.
        missing: "error", or "leave out" for rows whose photo is not there, with a warning that counts them.

    Raises:
        ManifestError: an option, a column or a value is wrong, or a photo is absent.
    """
    if target not in ("disease", "malignant"):
        raise ManifestError(f"target {target!r}: give 'disease' or 'malignant'")
    if concepts not in (48, 22):
        raise ManifestError(f"concepts {concepts!r}: give 48 or 22")
    leave_out = leaves_out(missing)
    root = Path(root)
    path = root / TABLE
    read_table(path, COLUMNS, INFO["title"])
    column = MALIGNANT[1] if MALIGNANT[1] in columns_of(path) else MALIGNANT[0]
    table = read_table(path, (*COLUMNS, column), INFO["title"])
    answers = _check_values(table, column, path)
    labels = answers if target == "malignant" else table["disease"]
    classes = ("benign", "malignant") if target == "malignant" else tuple(sorted(set(labels.dropna())))
    attributes = () if not (root / SKINCON_TABLE).is_file() else CONCEPTS if concepts == 48 else FREQUENT
    space = LabelSpace(NAME, classes, (), attributes)
    images = locate(
        table["DDI_file"], find_photos(root), path, f"unpack all images of the release, {REMEDY}", leave_out
    )
    frame = pd.DataFrame({"image": images, "disease": labels, "split": "test"}, index=table.index)
    frame["skin_tone"] = pd.to_numeric(table["skin_tone"], errors="coerce").astype("Int64")
    if attributes:
        frame["attributes"], flagged = skincon_attributes(root / SKINCON_TABLE, table["DDI_file"], attributes)
        frame = frame[~flagged]
    frame = without_absent(frame, root, path) if leave_out else frame
    return validate_manifest(frame, space, root, source=str(path)), space


def _check_values(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """Benign or malignant for each row; raises if a value is not the dataset's."""
    answers = table[column].str.lower().map(ANSWERS)
    problems = [
        describe(i, "DDI_file", None, "name the photo or remove the row") for i in table.index[table["DDI_file"].isna()]
    ]
    for name in ("DDI_ID", "DDI_file"):
        twice = table.index[table[name].duplicated() & table[name].notna()]
        problems += [describe(i, name, table.at[i, name], "given twice; keep one row") for i in twice]
    for index in table.index[~table["skin_tone"].isin(SKIN_TONES)]:
        problems.append(describe(index, "skin_tone", table.at[index, "skin_tone"], "give 12, 34 or 56"))
    for index in table.index[table[column].notna() & answers.isna()]:
        problems.append(describe(index, column, table.at[index, column], "give True or False, 1 or 0"))
    raise_problems(str(path), problems)
    return answers
