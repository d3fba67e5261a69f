"""Fitzpatrick17k: atlas photographs of 114 conditions with Fitzpatrick skin types; SkinCon concepts for a part of them.

Groh et al., "Evaluating Deep Neural Networks Trained on Clinical Images in Dermatology with the Fitzpatrick 17k
Dataset", CVPR Workshops 2021; the table is CC BY-NC-SA 3.0, the photographs belong to two atlases. Daneshjou et al.,
"SkinCon", NeurIPS 2022: 48 clinical concepts for 3,230 of the photographs (`annotations_fitzpatrick17k.csv`).

Protocol. No official split and no patients, many near-duplicates and wrong labels (Abhishek et al., Scientific Data
2025). `patient_id` holds the group of near-duplicates, so that a grouped split keeps them together: from a file
(`md5hash,group`), else photos of one perceptual hash, if the library imagehash is installed.
"""

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from dermimit.data.absent import REMEDY, leaves_out, without_absent
from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import ManifestError, collecting, describe, raise_problems, suggest
from dermimit.data.reading import open_photo
from dermimit.data.schema import validate_manifest
from dermimit.data.tables import locate, named, read_table

NAME = "fitzpatrick17k"
TABLE, SKINCON_TABLE = "fitzpatrick17k.csv", "annotations_fitzpatrick17k.csv"
LEVELS = {114: "label", 9: "nine_partition_label", 3: "three_partition_label"}
COLUMNS = ("md5hash", "fitzpatrick_scale", *LEVELS.values(), "qc")
NINE: tuple[str, ...] = ("benign dermal", "benign epidermal", "benign melanocyte", "genodermatoses", "inflammatory")
NINE += ("malignant cutaneous lymphoma", "malignant dermal", "malignant epidermal", "malignant melanoma")
PARTS = {9: NINE, 3: ("benign", "malignant", "non-neoplastic")}
WRONG = "3 Wrongly labelled"
FLAG = "Do not consider this image"
CONCEPTS: tuple[str, ...] = ("Vesicle", "Papule", "Macule", "Plaque", "Abscess", "Pustule", "Bulla", "Patch", "Nodule")
CONCEPTS += ("Ulcer", "Crust", "Erosion", "Excoriation", "Atrophy", "Exudate", "Purpura/Petechiae", "Fissure")
CONCEPTS += ("Induration", "Xerosis", "Telangiectasia", "Scale", "Scar", "Friable", "Sclerosis", "Pedunculated")
CONCEPTS += ("Exophytic/Fungating", "Warty/Papillomatous", "Dome-shaped", "Flat topped", "Brown(Hyperpigmentation)")
CONCEPTS += ("Translucent", "White(Hypopigmentation)", "Purple", "Yellow", "Black", "Erythema", "Comedo")
CONCEPTS += ("Lichenification", "Blue", "Umbilicated", "Poikiloderma", "Salmon", "Wheal", "Acuminate", "Burrow")
CONCEPTS += ("Gray", "Pigmented", "Cyst")
# on at least 50 photos each
FREQUENT: tuple[str, ...] = ("Papule", "Plaque", "Pustule", "Bulla", "Patch", "Nodule", "Ulcer", "Crust", "Erosion")
FREQUENT += ("Atrophy", "Exudate", "Telangiectasia", "Scale", "Scar", "Friable", "Dome-shaped")
FREQUENT += ("Brown(Hyperpigmentation)", "White(Hypopigmentation)", "Purple", "Yellow", "Black", "Erythema")

OFFICIAL = {"images": 16577, "diseases": 114, "attributes": 48}
INFO: dict[str, Any] = {
    "title": "Fitzpatrick17k, with SkinCon",
    "citation": "Groh et al., CVPR Workshops 2021 (arXiv 2104.09957); SkinCon: Daneshjou et al., NeurIPS 2022",
    "licence": "CC BY-NC-SA 3.0 for the table; the photographs belong to DermaAmin and Atlas Dermatologico",
    "forbids": "commercial use; passing the photographs on without their owners' leave",
    "source": "repository mattgroh/fitzpatrick17k (table, and a form to ask for the images); SkinCon: its project page",
    "size": "16,577 images, 3,230 of them annotated by SkinCon",
    "layout": "fitzpatrick17k.csv, <md5hash>.jpg anywhere below it, and if wanted annotations_fitzpatrick17k.csv",
    "classes": "114, in groups of 9 and of 3",
    "body_parts": "none",
    "attributes": "48 concepts of SkinCon, or the 22 frequent ones, where its table is there",
    "skin_types": "Fitzpatrick 1 to 6, unknown for 565",
    "grouping": "near-duplicates, since patients are unknown",
    "splits": "none official; at random, near-duplicates together",
    "faults": (
        "many links are dead and 41 rows have none: missing='leave out' goes on without those photos",
        "many near-duplicates and wrong labels; qc says so for few rows ('3 Wrongly labelled' on 17)",
        "no official split: published numbers are on different random ones, mostly without regard to duplicates",
        "no patients, no body parts; older code expects the columns fitzpatrick and image_path",
        "in the training data of DermFM-Zero-Open and SkinVL: their scores on it are not clean",
    ),
}


def load(
    root: Path | str,
    level: int = 114,
    missing: str = "error",
    duplicates: Path | str | None = None,
    concepts: int = 48,
    drop_wrongly_labelled: bool = False,
) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of Fitzpatrick17k in `root`, without splits.

    A skin type of -1 is unknown. Where `root` holds the SkinCon table, its concepts are the attributes, unknown for
    photos it does not annotate, and photos that it flags as not to be considered are left out, with a warning.

    Args:
        root: the folder that holds the table and, at any depth, the photos.
        level: 114 conditions, 9 or 3 groups of them.
        missing: "error", or "leave out" for rows whose photo is not there, with a warning that counts them.
        duplicates: a table with columns md5hash and group; a photo that it does not name is a group of its own.
        concepts: all 48, or the 22 with at least 50 photos.
        drop_wrongly_labelled: leave out rows whose quality check says so.

    Raises:
        ManifestError: an option, a column or a value is wrong, or a photo is absent.
    """
    for name, value, known in (
        ("level", level, LEVELS),
        ("concepts", concepts, (48, 22)),
    ):
        if value not in known:
            raise ManifestError(f"{name} {value!r}: give {' or '.join(map(repr, known))}")
    leave_out = leaves_out(missing)
    root = Path(root)
    path = root / TABLE
    table = read_table(path, COLUMNS, INFO["title"])
    skin = _check_values(table, path)
    group = None if duplicates is None else _read_groups(Path(duplicates), table["md5hash"])
    diseases = PARTS.get(level) or tuple(sorted(set(table[LEVELS[level]].dropna())))
    attributes = () if not (root / SKINCON_TABLE).is_file() else CONCEPTS if concepts == 48 else FREQUENT
    space = LabelSpace(NAME, diseases, (), attributes)
    remedy = f"get it, {REMEDY}"
    images = locate(table["md5hash"], find_photos(root), path, remedy, leave_out)
    frame = pd.DataFrame({"image": images, "disease": table[LEVELS[level]], "fitzpatrick": skin}, index=table.index)
    if attributes:
        frame["attributes"], flagged = skincon_attributes(root / SKINCON_TABLE, table["md5hash"], attributes)
        frame = frame[~flagged]
    if drop_wrongly_labelled:
        frame = frame[table["qc"].reindex(frame.index) != WRONG]
    frame = without_absent(frame, root, path) if leave_out else frame
    group = _hash_groups(root, frame["image"]) if group is None else group.reindex(frame.index)
    return validate_manifest(frame.assign(patient_id=group), space, root, source=str(path)), space


def _check_values(table: pd.DataFrame, path: Path) -> pd.Series:
    """The skin types; raises if a name or a value is not the dataset's."""
    names = table["md5hash"]
    problems = [describe(i, "md5hash", None, "name the photo or remove the row") for i in names.index[names.isna()]]
    twice = names.index[names.duplicated() & names.notna()]
    problems += [describe(i, "md5hash", names[i], "given twice; keep one row") for i in twice]
    skin = table["fitzpatrick_scale"]
    for index in skin.index[~skin.isin(["-1", *map(str, range(1, 7))])]:
        problems.append(describe(index, "fitzpatrick_scale", skin[index], "give 1 to 6, or -1 for unknown"))
    raise_problems(str(path), problems)
    return pd.to_numeric(skin, errors="coerce").where(skin != "-1")


def _read_groups(path: Path, names: pd.Series) -> pd.Series:
    """The group of near-duplicates of each photo, by the index of `names`."""
    table = read_table(path, ("md5hash", "group"), "groups of near-duplicates, with columns md5hash and group")
    problems = []
    for index, row in table[
        ~table["md5hash"].isin(names) | table["md5hash"].duplicated() | table["group"].isna()
    ].iterrows():
        remedy = "names each photo of the dataset once, with its group; mend or remove the row"
        problems.append(describe(index, "md5hash", row["md5hash"], f"the file {remedy}"))
    raise_problems(str(path), problems)
    known = table.drop_duplicates("md5hash").set_index("md5hash")["group"]
    return ("group " + names.map(known)).where(names.isin(known.index), "photo " + names)


def _hash_groups(root: Path, images: pd.Series) -> pd.Series | None:
    """Photos of one perceptual hash are a group; None, with a warning, if imagehash is not installed."""
    if collecting():
        return None
    if importlib.util.find_spec("imagehash") is None:
        warnings.warn(
            "near-duplicates are not kept together, so they may fall in two splits: give duplicates=FILE (columns "
            "md5hash and group), or pip install 'dermimit[data]'",
            stacklevel=3,
        )
        return None
    import imagehash

    pixels = (np.asarray(open_photo(root / name)) for name in images)
    return pd.Series([f"hash {imagehash.phash(Image.fromarray(p))}" for p in pixels], images.index)


def skincon_attributes(path: Path, names: pd.Series, concepts: tuple[str, ...]) -> tuple[pd.Series, pd.Series]:
    """SkinCon's concepts for photos named by stem or file: lists, None where not annotated; and which are flagged.

    Rows without ImageID are not annotated and are ignored. Photos that SkinCon flags are to be left out: a warning
    counts them.

    Raises:
        ManifestError: a column is absent, a cell is neither 0 nor 1, or no row names one of the photos.
    """
    table = read_table(path, ("ImageID", *CONCEPTS, FLAG), "SkinCon's annotations").dropna(subset=["ImageID"])
    columns = [*CONCEPTS, FLAG]
    cells = table[columns].apply(pd.to_numeric, errors="coerce")
    problems = []
    for index in table.index[table["ImageID"].duplicated()]:
        problems.append(describe(index, "ImageID", table.at[index, "ImageID"], "given twice; keep one row"))
    for column in columns:
        wrong = table.index[~cells[column].isin([0, 1])]
        problems += [describe(i, column, table.at[i, column], "give 0 or 1") for i in wrong]
    stems = table["ImageID"].map(lambda name: Path(name).stem)
    wanted = names.map(lambda name: Path(str(name)).stem)
    if not problems and not stems.isin(wanted).any():
        near = suggest(stems.iloc[0] if len(stems) else "", wanted.head(3))
        problems.append(f"column ImageID: no row names a photo of this dataset; use the table made for it ({near})")
    raise_problems(str(path), problems)
    flagged = wanted.isin(stems[cells[FLAG] == 1])
    if flagged.any():
        warnings.warn(f"{path}: {flagged.sum()} photos left out, flagged '{FLAG}'", stacklevel=3)
    present = dict(zip(stems, named(cells[list(concepts)] == 1), strict=True))
    return pd.Series([present.get(stem) for stem in wanted], names.index, dtype=object), flagged
