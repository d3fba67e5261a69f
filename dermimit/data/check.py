"""A dataset's folder looked at as a whole: what is absent, broken, double, or in two splits."""

import importlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data import DATASETS, check_options, load
from dermimit.data.columns import SPLITS
from dermimit.data.duplicates import NEAR_DHASH, NEAR_PHASH, WORKERS, Group, find_doubles, look_at_all
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.problems import ManifestError, collect_problems, suggest
from dermimit.data.rules import path_problem
from dermimit.data.tables import find_photos

SHOWN = 10


@dataclass
class Report:
    """What `check` found. `counts` and `official` are by the same keys; lists are whole, `table` cuts them."""

    dataset: str
    root: str
    strict: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    official: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    absent_masks: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    patients_in_two_splits: dict[str, list[str]] = field(default_factory=dict)
    duplicates: list[Group] = field(default_factory=list)
    near_duplicates: list[Group] = field(default_factory=list)

    def findings(self) -> dict[str, Sequence[object]]:
        """What was found, by its name in the table."""
        double = [("duplicates", self.duplicates), ("near-duplicates", self.near_duplicates)]
        found: dict[str, Sequence[object]] = {
            "problems of the table": self.problems,
            "images listed but absent": self.absent,
            "masks listed but absent": self.absent_masks,
            "files present but not listed": self.unlisted,
            "unreadable images": [f"{image}: {reason}" for image, reason in self.unreadable.items()],
            "patients in two splits": [f"{p}: {', '.join(s)}" for p, s in self.patients_in_two_splits.items()],
        }
        for name, groups in double:
            found[f"{name}, groups"] = groups
            found[f"{name} across splits"] = [g for g in groups if g.across_splits]
            found[f"{name} across patients"] = [g for g in groups if len(g.patients) > 1]
            found[f"{name} of different diseases"] = [g for g in groups if len(g.diseases) > 1]
        return found

    def faults(self) -> list[str]:
        """The findings that would corrupt a result; near-duplicates across splits only if `strict`."""
        names = ["problems of the table", "images listed but absent", "masks listed but absent", "unreadable images"]
        names += ["patients in two splits", "duplicates across splits"]
        names += ["near-duplicates across splits"] if self.strict else []
        found = self.findings()
        return [name for name in names if found[name]]

    def differences(self) -> list[str]:
        """Where the dataset's own figures are not those found here."""
        lines = []
        for name, wanted in self.official.items():
            pairs = wanted.items() if isinstance(wanted, dict) else [(None, wanted)]
            for key, value in pairs:
                found = self.counts.get(name) if key is None else self.classes.get(name, {}).get(key, 0)
                if isinstance(value, int) and found is not None and found != value:
                    lines.append(f"{name if key is None else f'{name} {key}'}: {found:,} here, {value:,} officially")
        return lines

    def table(self) -> str:
        """The report as text: counts beside the official ones, then each finding with its first examples."""
        lines = [f"{self.dataset} in {self.root}", f"  {'':<40}{'here':>10}{'official':>16}"]
        for name in [*self.counts, *(n for n, v in self.official.items() if n not in self.counts)]:
            here, official = self.counts.get(name, "–"), self.official.get(name, "–")
            if not isinstance(official, dict):
                lines.append(f"  {name.replace('_', ' '):<40}{here!s:>10}{official!s:>16}")
        lines += [f"  {'split ' + name:<40}{count:>10}" for name, count in self.splits.items()]
        faults = self.faults()
        for name, found in self.findings().items():
            lines.append(f"  {name:<40}{len(found):>10}{'  FAULT' if name in faults else ''}")
            lines += [f"      {item}" for item in found[:SHOWN]] if not name.endswith(", groups") else []
            more = len(found) - SHOWN
            lines += [f"      ... and {more} more; --json lists all"] if more > 0 and "groups" not in name else []
        lines += [f"  differs: {line}" for line in self.differences()] + [f"  note: {note}" for note in self.notes]
        bits = f"at most {NEAR_PHASH} of 64 bits of the perceptual hash and {NEAR_DHASH} of the difference hash differ"
        lines.append(f"  Near-duplicates: {bits}; turned or mirrored copies are not found.")
        return "\n".join([*lines, "faults: " + (", ".join(faults) or "none")])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        thresholds = {"phash_bits": NEAR_PHASH, "dhash_bits": NEAR_DHASH}
        return asdict(self) | {"near": thresholds, "differences": self.differences(), "faults": self.faults()}


def check(
    dataset: str,
    root: Path | str,
    strict: bool = False,
    workers: int = WORKERS,
    options: Mapping[str, Any] | None = None,
) -> Report:
    """Look at every row and every image of a dataset, without stopping at the first fault.

    Args:
        dataset: one of `DATASETS`.
        root: its folder.
        strict: near-duplicates across splits are a fault.
        workers: threads that read images; each holds one decoded image.
        options: of the dataset's loader, such as `fold`.

    Raises:
        ManifestError: the dataset's name or an option is unknown, or there is no such folder.
    """
    root = Path(root)
    if dataset not in DATASETS:
        raise ManifestError(f"unknown dataset {dataset!r}; {suggest(dataset, DATASETS)}")
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder; name the one that holds {dataset}")
    report = Report(dataset, str(root), strict, official=official_counts(dataset))
    check_options(dataset, options or {})
    frame, space = _load(dataset, root, report, options or {})
    files = {path for paths in find_photos(root, exclude=()).values() for path in paths}
    if frame is None:
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
    report.unreadable = {image: look.reason for image, look in looks.items() if look.reason}
    readable = {image: look for image, look in looks.items() if not look.reason}
    report.duplicates, report.near_duplicates = find_doubles(readable, frame)
    return report


def official_counts(dataset: str) -> dict[str, Any]:
    """What the dataset's authors count, where its loader says so (`OFFICIAL`)."""
    try:
        return dict(getattr(importlib.import_module(f"dermimit.data.{dataset}"), "OFFICIAL", {}))
    except ModuleNotFoundError:
        return {}


def _load(
    dataset: str, root: Path, report: Report, options: Mapping[str, Any]
) -> tuple[pd.DataFrame | None, LabelSpace | None]:
    """The manifest with its problems noted; None where it cannot be read at all."""
    with collect_problems() as problems, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            photos = load(dataset, root, image_size=1, **options)
        except ManifestError as error:
            photos, problems = None, [*problems, str(error)]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            if not problems:
                raise
            photos, problems = None, [*problems, f"the table could not be read to its end ({error!r})"]
    report.problems = list(dict.fromkeys(problems))
    report.notes = list(dict.fromkeys(str(warning.message) for warning in said))
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
    report.classes = {
        task: {str(name): int(n) for name, n in frame[task].explode().dropna().value_counts().items()}
        for task in TASKS
        if space.classes(task)
    }
    for name in ("patient", "lesion"):
        if frame[f"{name}_id"].notna().any():
            report.counts[f"{name}s"] = frame[f"{name}_id"].nunique()
    report.counts |= {"images without patient": int(frame["patient_id"].isna().sum())}
    names = {"disease": "diseases", "body_part": "body_parts", "attributes": "attributes"}
    report.counts |= {names[task]: len(space.classes(task)) for task in report.classes}
    known = frame[frame["patient_id"].notna() & frame["split"].notna()]
    splits = known.groupby("patient_id")["split"].unique()
    report.patients_in_two_splits = {p: sorted(s, key=SPLITS.index) for p, s in splits.items() if len(s) > 1}
