"""SD-198: clinical photographs of 198 skin diseases; SD-128, its subset of the larger classes.

Sun et al., "A Benchmark for Automatic Visual Classification of Clinical Skin Disease Images", ECCV 2016. Given by its
authors at Nankai University for research and academic purposes, on request.

Protocol. Five official folds, 80:20: `8_2_split/train_{k}.txt` and `val_{k}.txt`, each line `relative_path label`, with
no header line. There is no third list, so the official `val` list is the test split here, and a validation part is
carved from the `train` list, balanced by disease and always the same: nothing is ever chosen on the reported photos.
Patients are unknown, so photos of one patient may be in two splits: the lists are official, and cannot be mended.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from dermimit.data.absent import leaves_out, without_absent
from dermimit.data.folds import carve_validation
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError, raise_problems, suggest
from dermimit.data.schema import validate_manifest

NAME = "sd198"
LISTS, IMAGES = "8_2_split", "images"
FOLDS = 5
SMALL = 20  # SD-128 is the classes with more photos than this (the authors' project page)
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")

OFFICIAL = {"images": 6584, "diseases": 198}
OFFICIAL_128 = {"images": 5619, "diseases": 128}
INFO: dict[str, Any] = {
    "title": "SD-198",
    "citation": "Sun et al., A Benchmark for Automatic Visual Classification of Clinical Skin Disease Images, "
    "ECCV 2016",
    "licence": "research and academic use, on request to the authors",
    "forbids": "commercial use; passing the images on",
    "source": "the authors, Nankai University (project page SD-198), by e-mail",
    "size": "6,584 images; a class has at most about 60",
    "layout": "images/<Class_Name>/<file>.jpg, 8_2_split/train_{0..4}.txt and val_{0..4}.txt",
    "classes": "198; SD-128 has 128, on 5,619 images",
    "body_parts": "none",
    "attributes": "none",
    "skin_types": "none",
    "grouping": "none: patients are unknown",
    "splits": "five official folds, 80:20; their val list is the test split, validation is carved from the train list",
    "faults": (
        "the lists have no header line: reading them as a table with one drops the first photo of each",
        "patients are unknown; no official handling of duplicates",
        "in the training data of MedImageInsight and DermINO: their scores on it are not clean",
    ),
}


def load(
    root: Path | str,
    fold: int | None = 0,
    classes: int | Path | str = 198,
    validation: float = 0.1,
    missing: str = "error",
) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest of SD-198 in `root`, with the split of one official fold.

    Args:
        root: the folder that holds images/ and 8_2_split/.
        fold: 0 to 4; None takes every photo of images/ and leaves the split open, for a copy without the lists.
        classes: 198; or 128, the classes with more than 20 photos; or a text file with one class name a line.
        validation: share of the training list that becomes the validation split.
        missing: "error", or "leave out" for photos of the lists that are not there, with a warning that counts them.

    Raises:
        ManifestError: an option or a line of a list is wrong, or a photo is absent.
    """
    leave_out = leaves_out(missing)
    root = Path(root)
    rows = _folders(root) if fold is None else _read_fold(root, fold)
    kept = _kept(rows, classes)
    rows = rows[rows["disease"].isin(kept)]
    rows = without_absent(rows, root, root / LISTS) if leave_out else rows
    space = LabelSpace("sd128" if classes == 128 else NAME, tuple(kept))
    frame = validate_manifest(rows, space, root, source=str(root / (IMAGES if fold is None else LISTS)))
    frame = frame.reset_index(drop=True)
    return (frame if fold is None else carve_validation(frame, validation, group="image")), space


def official_of(images: Collection[str]) -> tuple[dict[str, int], str]:
    """The official counts of SD-128, with a note, if the photographs are of that subset; else those of SD-198.

    Args:
        images: paths, each in a folder of its class. They are of SD-128 if every class has more than 20 of them, as no
            complete copy of SD-198 has, or if there are 128 classes.
    """
    sizes = Counter(PurePosixPath(image).parent.name for image in images)
    if len(sizes) == OFFICIAL_128["diseases"]:
        return dict(OFFICIAL_128), "128 classes: compared with the official counts of SD-128, not of SD-198"
    if sizes and min(sizes.values()) > SMALL:
        said = f"no class of {SMALL} photographs or fewer"
        return dict(OFFICIAL_128), f"{said}: compared with the official counts of SD-128, not of SD-198"
    return dict(OFFICIAL), ""


def _folders(root: Path) -> pd.DataFrame:
    """Every photo of images/, by class."""
    paths = [p for p in sorted((root / IMAGES).glob("*/*")) if p.suffix.lower() in PHOTO_SUFFIXES]
    if not paths:
        raise ManifestError(f"{root / IMAGES}: no photos in folders of classes; root must be the folder above images")
    return pd.DataFrame(
        {"image": [p.relative_to(root).as_posix() for p in paths], "disease": [p.parent.name for p in paths]}
    )


def _read_fold(root: Path, fold: int) -> pd.DataFrame:
    """The rows of one fold's two lists in the order of the labels; the index says file and line."""
    if fold not in range(FOLDS):
        raise ManifestError(f"fold {fold!r}: give 0 to {FOLDS - 1}, or None for a copy without the official lists")
    names = {"train": f"train_{fold}.txt", "test": f"val_{fold}.txt"}
    rows = pd.concat([_read_list(root / LISTS / name).assign(split=split) for split, name in names.items()])
    problems = [
        f"{i}: {rows.at[i, 'image']!r}: listed twice; use the official lists"
        for i in rows.index[rows["image"].duplicated()]
    ]
    for one, other in (("label", "disease"), ("disease", "label")):
        first = rows.drop_duplicates(one).set_index(one)[other]
        for index, row in rows[rows[other] != rows[one].map(first)].iterrows():
            problems.append(
                f"{index}: {one} {row[one]!r} is {first[row[one]]!r} elsewhere, {row[other]!r} here; mend the list"
            )
    raise_problems(str(root / LISTS), problems)
    return rows.sort_values("label", kind="stable")


def _read_list(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise ManifestError(f"{path}: no such file; root must hold {LISTS}, or give fold=None to use all photos")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not text in UTF-8 ({error}); save it as UTF-8") from error
    rows, index, problems = [], [], []
    for number, line in enumerate(lines, 1):
        photo, _, label = line.strip().rpartition(" ")
        folder = PurePosixPath(photo).parent.name
        if not line.strip():
            continue
        if not label.isdecimal() or not folder:
            header = (
                "the official lists have no header line: remove it" if number == 1 else "write Class_Name/file.jpg 12"
            )
            problems.append(f"line {number}: {line!r} is not a path and a whole number; {header}")
            continue
        image = photo if photo.startswith(f"{IMAGES}/") else f"{IMAGES}/{photo}"
        rows.append({"image": image, "disease": folder, "label": int(label)})
        index.append(f"{path.name} line {number}")
    raise_problems(str(path), problems)
    if not rows:
        raise ManifestError(f"{path}: empty; copy the official list again")
    return pd.DataFrame(rows, index=pd.Index(index))


def _kept(rows: pd.DataFrame, classes: int | Path | str) -> list[str]:
    """The class names in use, in the order of their labels."""
    names = list(dict.fromkeys(rows["disease"]))
    if classes == 198:
        return names
    if classes == 128:
        counts = rows["disease"].value_counts()
        return [n for n in names if counts[n] > SMALL]
    if isinstance(classes, int) or not Path(classes).is_file():
        raise ManifestError(f"classes {classes!r}: give 198, 128, or a text file with one class name a line")
    wanted = [_plain(line) for line in Path(classes).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    known = {_plain(n): n for n in names}
    raise_problems(
        str(classes), [f"{w!r}: no class of the dataset; {suggest(w, known)}" for w in wanted if w not in known]
    )
    return [n for n in names if _plain(n) in wanted]


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ")
