"""A dataset's folder looked at as a whole: what is absent, broken, double, not read, or in two splits."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data import DATASETS, check_options, load
from dermimit.data.columns import SPLITS
from dermimit.data.duplicates import WORKERS, find_doubles, look_at_all
from dermimit.data.groups import PATIENT, divided, divided_lesions
from dermimit.data.label_space import LabelSpace
from dermimit.data.measurable import class_counts
from dermimit.data.official import count, count_classes, official_counts
from dermimit.data.photo_files import find_photos, survey
from dermimit.data.problems import ManifestError, collect_problems, suggest
from dermimit.data.report import Report
from dermimit.data.rules import path_problem


def check(
    dataset: str,
    root: Path | str,
    strict: bool = False,
    workers: int = WORKERS,
    options: Mapping[str, Any] | None = None,
    split_seed: int = 0,
) -> Report:
    """Look at every row and every image of a dataset, without stopping at the first fault.

    Args:
        dataset: one of `DATASETS`.
        root: its folder.
        strict: near-duplicates across splits are a fault.
        workers: threads that read images; each holds one decoded image.
        options: of the dataset's loader, such as `fold`.
        split_seed: of the split at random, where the dataset has none of its own.

    Raises:
        ManifestError: the dataset's name or an option is unknown, or there is no such folder.
    """
    root = Path(root)
    if dataset not in DATASETS:
        raise ManifestError(f"unknown dataset {dataset!r}; {suggest(dataset, DATASETS)}")
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder; name the one that holds {dataset}")
    report = Report(dataset, str(root), strict, dict(options or {}))
    check_options(dataset, options or {})
    frame, space = _load(dataset, root, report, split_seed, options or {})
    files = {path for paths in find_photos(root, exclude=()).values() for path in paths}
    report.unread = {kind: paths for (kind, _), paths in survey(root).unread.items()}
    if frame is None or space is None:
        listed = sorted(files)
        frame = pd.DataFrame({"image": listed, **dict.fromkeys(("split", "patient_id", "disease", "mask"))})
    else:
        _count(frame, space, report)
        listed = _listed(frame["image"], root)
        masks = _listed(frame["mask"], root)
        report.unlisted = sorted(files.difference(listed, masks, _unused_masks(files)))
        report.absent_masks = [mask for mask in masks if not (root / mask).is_file()]
    report.absent = [image for image in listed if not (root / image).is_file()]
    present = sorted(set(listed).difference(report.absent))
    looks = dict(zip(present, look_at_all(root, present, workers), strict=True))
    report.counts = {"images": len(listed)} | report.counts
    report.official, note = official_counts(dataset, listed)
    report.notes += [note] if note else []
    report.unreadable = {image: look.reason for image, look in looks.items() if look.reason}
    for image, look in looks.items():
        for kind in look.notes:
            report.converted.setdefault(kind, []).append(image)
    readable = {image: look for image, look in looks.items() if not look.reason}
    report.duplicates, report.near_duplicates = find_doubles(readable, frame)
    return report


def _load(
    dataset: str, root: Path, report: Report, split_seed: int, options: Mapping[str, Any]
) -> tuple[pd.DataFrame | None, LabelSpace | None]:
    """The manifest with its problems noted; None where it cannot be read at all."""
    with collect_problems() as problems, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            photos = load(dataset, root, 1, split_seed, **options)
        except ManifestError as error:
            photos, problems = None, [*problems, str(error)]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            if not problems:
                raise
            photos, problems = None, [*problems, f"the table could not be read to its end ({error!r})"]
    report.problems = list(dict.fromkeys(problems))
    report.notes = list(dict.fromkeys(str(warning.message).removeprefix(f"{root}: ") for warning in said))
    if photos is None:
        report.notes.append("the table cannot be used, so all image files of the folder were looked at instead")
        return None, None
    return photos.frame, photos.label_space


def _listed(paths: pd.Series, root: Path) -> list[str]:
    """The distinct paths that stay inside `root`, whether the file is there or not."""
    with collect_problems():
        return [path for path in dict.fromkeys(paths.dropna()) if path_problem(path, root) is None]


def _unused_masks(files: Iterable[str]) -> set[str]:
    return {path for path in files if "masks" in path.split("/")[:-1]}


def _count(frame: pd.DataFrame, space: LabelSpace, report: Report) -> None:
    report.splits = {name: int((frame["split"] == name).sum()) for name in SPLITS}
    report.classes, report.counts = count_classes(frame, space), count(frame, space)
    report.classes_by_split = class_counts(frame, space)
    report.patients_in_two_splits = divided(frame, PATIENT)
    report.lesions_in_two_splits = divided_lesions(frame)
