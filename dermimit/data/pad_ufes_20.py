"""PAD-UFES-20: smartphone photographs of six skin lesions, with body region and six symptoms.

Pacheco et al., "PAD-UFES-20", Data in Brief 32 (2020); Mendeley Data zr7vgbcyr2, CC BY 4.0.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data.absent import REMEDY, leaves_out, without_absent
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import describe, raise_problems, suggest
from dermimit.data.schema import validate_manifest
from dermimit.data.tables import named, read_table

DISEASE_NAMES = {
    "ACK": "actinic keratosis",
    "BCC": "basal cell carcinoma",
    "MEL": "melanoma",
    "NEV": "naevus",
    "SCC": "squamous cell carcinoma, Bowen's disease included",
    "SEK": "seborrhoeic keratosis",
}
REGIONS: tuple[str, ...] = ("ABDOMEN", "ARM", "BACK", "CHEST", "EAR", "FACE", "FOOT")
REGIONS += ("FOREARM", "HAND", "LIP", "NECK", "NOSE", "SCALP", "THIGH")
SYMPTOMS = ("itch", "grew", "hurt", "changed", "bleed", "elevation")
ANSWERS = ("TRUE", "FALSE", "UNK")
LABEL_SPACE = LabelSpace("pad_ufes_20", tuple(DISEASE_NAMES), REGIONS, SYMPTOMS)
METADATA_FILE = "metadata.csv"
USED = ("patient_id", "lesion_id", "fitspatrick", "region", "diagnostic", *SYMPTOMS, "img_id")
NOT_GIVEN = ("NA", "N/A", "NAN", "NULL", "NONE")
OFFICIAL = {
    "images": 2298,
    "patients": 1373,
    "lesions": 1641,
    "disease": {"ACK": 730, "BCC": 845, "MEL": 52, "NEV": 244, "SCC": 192, "SEK": 235},
}
"""What the paper counts. Lesions are counted here as pairs of patient_id and lesion_id."""
INFO: dict[str, Any] = {
    "title": "PAD-UFES-20",
    "citation": "Pacheco et al., Data in Brief 32 (2020)",
    "licence": "CC BY 4.0",
    "forbids": "use without attribution",
    "source": "Mendeley Data, zr7vgbcyr2",
    "size": "2,298 images",
    "layout": "metadata.csv, imgs_part_1/ to imgs_part_3/ with <img_id>.png, and if wanted masks/<img_id>.png",
    "classes": "6",
    "body_parts": "14 regions",
    "attributes": "6: itch, grew, hurt, changed, bleed, elevation; UNK is unknown, not absent",
    "skin_types": "Fitzpatrick 1 to 6, where given",
    "grouping": "patient_id",
    "splits": "none official; by patient, at random or as one of five folds",
    "faults": (
        "lesion_id repeats across patients: a lesion is the pair of patient_id and lesion_id",
        "lesion_id is a whole number: code that expects text may fall back to photos; group by patient_id",
        "age, sex and skin type are missing mostly where no biopsy was made, so that missingness tells the class",
        "only 52 melanomas: one more or fewer in the test set moves macro-F1 by a point or more",
        "no official split: many published ones put photos of one lesion in training and test",
        "the column of the skin type is spelled fitspatrick; ink rings and arrows round some lesions",
        "in the training data of DermINO and SkinVL: their scores on it are not clean",
    ),
}


def load(root: Path | str, missing: str = "error") -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of PAD-UFES-20 in `root`, without splits.

    A photo is found by its stem anywhere under `root`: `imgs_part_1|2|3/<stem>.png` as released or `images/<stem>.jpg`.
    `masks/<stem>.png` is used where it exists. An answer UNK is an unknown attribute. Age, sex and the other answers
    about the person are not read: they are often missing, and whether they are tells biopsied lesions from the others.

    Args:
        root: the folder.
        missing: "error", or "leave out" for rows whose photo is not there, with a warning that counts them.

    Raises:
        ManifestError: the table lacks a column, has a value that is not the dataset's, or names a photo that is absent.
    """
    leave_out = leaves_out(missing)
    root = Path(root)
    path = root / METADATA_FILE
    table = _read_table(path)
    _check_values(table, path)
    stems = table["img_id"].map(lambda name: Path(str(name)).stem)
    photos = find_photos(root)
    _check_photos(table["img_id"], stems, photos, path, leave_out)
    masks = {p.stem: p.relative_to(root).as_posix() for p in (root / "masks").glob("*.png")}
    answers = table[list(SYMPTOMS)]
    frame = pd.DataFrame(
        {
            "image": [photos.get(s, [name])[0] for s, name in zip(stems, table["img_id"], strict=True)],
            "disease": table["diagnostic"],
            "body_part": table["region"],
            "attributes": named(answers == "TRUE"),
            "attributes_unknown": named((answers == "UNK") | answers.isna()),
            "mask": [masks.get(s) for s in stems],
            "patient_id": table["patient_id"],
            "lesion_id": table["lesion_id"],
            "fitzpatrick": pd.to_numeric(table["fitspatrick"]),
        },
        index=table.index,
    )
    frame = without_absent(frame, root, path) if leave_out else frame
    return validate_manifest(frame, LABEL_SPACE, root, source=str(path)), LABEL_SPACE


def _read_table(path: Path) -> pd.DataFrame:
    """The columns in use as text, codes in capitals; the index counts lines, blank ones included."""
    table = read_table(path, USED, "PAD-UFES-20")
    table = table.mask(table.apply(lambda values: values.str.upper()).isin(NOT_GIVEN))
    codes = ["region", "diagnostic", *SYMPTOMS]
    return table.assign(**{c: table[c].str.upper() for c in codes})


def _check_values(table: pd.DataFrame, path: Path) -> None:
    known = {"diagnostic": LABEL_SPACE.diseases, "region": REGIONS} | dict.fromkeys(SYMPTOMS, ANSWERS)
    problems = []
    for column, names in known.items():
        for index, value in table[column].dropna().items():
            if value not in names:
                problems.append(describe(index, column, value, f"not a value of the dataset; {suggest(value, names)}"))
    skin = pd.to_numeric(table["fitspatrick"], errors="coerce")
    for index in table.index[table["fitspatrick"].notna() & ~skin.isin(range(1, 7))]:
        problems.append(describe(index, "fitspatrick", table.at[index, "fitspatrick"], "give 1 to 6 or leave it empty"))
    for index in table.index[table["img_id"].isna()]:
        problems.append(describe(index, "img_id", None, "name the photo or remove the row"))
    raise_problems(str(path), problems)


def _check_photos(
    names: pd.Series, stems: pd.Series, photos: dict[str, list[str]], path: Path, leave_out: bool
) -> None:
    problems = []
    for index, stem in stems.items():
        found = photos.get(stem, [])
        if not found and not leave_out:
            remedy = f"no photo of this name under {path.parent}; unpack all of imgs_part_1, 2 and 3, {REMEDY}"
            problems.append(describe(index, "img_id", names[index], remedy))
        elif len(found) > 1:
            problems.append(describe(index, "img_id", names[index], f"found {' and '.join(found)}; keep one"))
    raise_problems(str(path), problems)
