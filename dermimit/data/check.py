"""A dataset's folder looked at as a whole: what is absent, broken, double, or in two splits; and leaving rows out."""

import hashlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from dermimit.data import DATASETS, load
from dermimit.data.photos import PhotoError, open_photo
from dermimit.data.schema import (
    SPLITS,
    TASKS,
    LabelSpace,
    ManifestError,
    collect_problems,
    describe,
    path_problem,
    raise_problems,
    suggest,
)
from dermimit.data.tables import find_photos
from dermimit.records import write_atomically

NEAR_PHASH, NEAR_DHASH = 4, 12
"""Bits of 64 in which the perceptual and the difference hash of near-duplicates may differ, both at once.

Chosen on 948 photographs of PAD-UFES-20: 236 of 237 copies at half the size and JPEG quality 60 are found. Six bits of
the first join two different moles in the middle of plain skin; four bits of either alone join unrelated close-ups."""
BATCH, WORKERS, SHOWN = 256, 8, 10
HEADER = "# Photographs that cannot be read, one a line: path, tab, reason. Give this file as `quarantine`.\n"


class Look(NamedTuple):
    """What reading one file gave: why it cannot be used, or SHA-256 of its bytes and two 64-bit hashes of its look."""

    reason: str | None
    digest: str = ""
    phash: int = 0
    dhash: int = 0


@dataclass(frozen=True)
class Group:
    """Photographs that are the same or nearly so, with the splits, patients and diseases they are filed under."""

    images: list[str]
    splits: list[str]
    patients: list[str]
    diseases: list[str]

    @property
    def across_splits(self) -> bool:
        """Whether a test score would partly measure memory."""
        return len(self.splits) > 1

    def __str__(self) -> str:
        where = [", ".join(n) for n in (self.splits, [f"patient {p}" for p in self.patients], self.diseases) if n]
        more = f" and {len(self.images) - 4} more" if len(self.images) > 4 else ""
        return f"{' = '.join(self.images[:4])}{more} ({'; '.join(where)})"


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


def check(dataset: str, root: Path | str, strict: bool = False, workers: int = WORKERS) -> Report:
    """Look at every row and every image of a dataset, without stopping at the first fault.

    Args:
        dataset: one of `DATASETS`.
        root: its folder.
        strict: near-duplicates across splits are a fault.
        workers: threads that read images; each holds one decoded image.

    Raises:
        ManifestError: the dataset's name is unknown, or there is no such folder.
    """
    root = Path(root)
    if dataset not in DATASETS:
        raise ManifestError(f"unknown dataset {dataset!r}; {suggest(dataset, DATASETS)}")
    if not root.is_dir():
        raise ManifestError(f"{root}: no such folder; name the one that holds {dataset}")
    report = Report(dataset, str(root), strict, official=official_counts(dataset))
    frame, space = _load(dataset, root, report)
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
    _find_doubles({i: look for i, look in looks.items() if not look.reason}, frame, report)
    return report


def official_counts(dataset: str) -> dict[str, Any]:
    """What the dataset's authors count, where its loader says so (`OFFICIAL`)."""
    try:
        return dict(getattr(importlib.import_module(f"dermimit.data.{dataset}"), "OFFICIAL", {}))
    except ModuleNotFoundError:
        return {}


def _load(dataset: str, root: Path, report: Report) -> tuple[pd.DataFrame | None, LabelSpace | None]:
    """The manifest with its problems noted; None where it cannot be read at all."""
    with collect_problems() as problems, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            photos = load(dataset, root, image_size=1)
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


def look_at_all(root: Path, images: Sequence[str], workers: int = WORKERS) -> Iterator[Look]:
    """`look_at` each image in order, in threads; progress is shown on a terminal. Memory does not grow with pixels."""
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, min(workers, os.cpu_count() or 1))) as pool:
        warnings.simplefilter("ignore")  # Pillow's remarks on odd files; what matters becomes an error
        with tqdm(total=len(images), desc="reading", unit="image", disable=None, leave=False) as bar:
            for start in range(0, len(images), BATCH):
                for look in pool.map(look_at, [root / image for image in images[start : start + BATCH]]):
                    bar.update()
                    yield look


def look_at(path: Path) -> Look:
    """Read a file whole, decode it as training would, and take its fingerprints."""
    import imagehash  # here, since only this command needs it

    try:
        if not path.stat().st_size:
            return Look("an empty file, zero bytes; fetch it again")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        photo = open_photo(path).convert("L")
    except (PhotoError, OSError) as error:
        return Look(str(error).removeprefix(f"{path}: ").replace("\n", " ").replace(str(path), path.name))
    phash, dhash = (int(str(h), 16) for h in (imagehash.phash(photo), imagehash.dhash(photo)))
    return Look(None, digest, phash, dhash)


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """All pairs of 64-bit hashes that differ in at most `distance` bits.

    Cut into distance + 1 bands, two such hashes are equal in at least one band (pigeonhole principle); so only hashes
    with an equal band are compared.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 63.

    Returns:
        (m, 2) positions, i < j, sorted.
    """
    found = [np.empty((0, 2), np.int64)]
    for first in range(distance + 1):  # bits that lie apart, so that no band has only those that seldom vary
        band = hashes & np.uint64(sum(1 << bit for bit in range(first, 64, distance + 1)))
        order = np.argsort(band, kind="stable")
        band, here, step = band[order], np.arange(len(order)), 1
        while len(here := here[here + step < len(order)]):
            here = here[band[here] == band[here + step]]  # equal bands lie side by side
            pairs = np.stack([order[here], order[here + step]], 1)
            close = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]) <= distance
            found.append(np.sort(pairs[close], axis=1))
            step += 1
    return np.unique(np.concatenate(found), axis=0)


def _find_doubles(looks: dict[str, Look], frame: pd.DataFrame, report: Report) -> None:
    """Equal bytes make a duplicate; a chain of pairs that look alike, of different bytes, makes near-duplicates."""
    same: dict[str, list[str]] = {}
    for image, look in looks.items():
        same.setdefault(look.digest, []).append(image)
    copies = list(same.values())
    phash, dhash = (np.array([getattr(looks[c[0]], h) for c in copies], np.uint64) for h in ("phash", "dhash"))
    pairs = near_pairs(phash, NEAR_PHASH)
    pairs = pairs[np.bitwise_count(dhash[pairs[:, 0]] ^ dhash[pairs[:, 1]]) <= NEAR_DHASH]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(copies), len(copies)))
    chain = connected_components(links, directed=False)[1] if copies else []
    chains: dict[int, list[str]] = {}
    for place in np.unique(pairs):
        chains.setdefault(int(chain[place]), []).extend(copies[place])
    rows = frame.drop_duplicates("image").set_index("image")
    report.duplicates = [_group(images, rows) for images in copies if len(images) > 1]
    report.near_duplicates = [_group(sorted(images), rows) for images in chains.values()]


def _group(images: list[str], rows: pd.DataFrame) -> Group:
    these = rows.loc[images]
    splits, patients, diseases = (
        sorted(map(str, these[c].dropna().unique())) for c in ("split", "patient_id", "disease")
    )
    return Group(images, splits, patients, diseases)


def write_quarantine(report: Report, file: Path) -> int:
    """Write the unreadable images with their reasons, for `leave_out`; returns how many."""
    lines = "".join(f"{image}\t{reason}\n" for image, reason in report.unreadable.items())
    write_atomically(file, lambda path: path.write_text(HEADER + lines, encoding="utf-8"))
    return len(report.unreadable)


def leave_out(frame: pd.DataFrame, file: Path | str) -> pd.DataFrame:
    """The manifest without the rows whose image a quarantine file names; says on stderr how many they are.

    Raises:
        ManifestError: the file is absent, names an image that the manifest has not, or leaves no row.
    """
    file = Path(file)
    if not file.is_file():
        raise ManifestError(
            f"quarantine {file}: no such file; write it with `dermimit data check --skip-broken {file}`"
        )
    lines = pd.Series(file.read_text(encoding="utf-8").splitlines(), dtype=object)
    named = {i: line.split("\t")[0] for i, line in lines.items() if line.strip() and not line.startswith("#")}
    known = set(frame["image"])
    remedy = "not in the manifest; remove the line, or write the list again"
    unknown = [describe(i - 1, "path", path, remedy) for i, path in named.items() if path not in known]
    raise_problems(f"quarantine {file}", unknown)
    kept = frame[~frame["image"].isin(set(named.values()))]
    if kept.empty:
        raise ManifestError(f"quarantine {file}: names every image; nothing is left")
    print(f"{file}: {len(frame) - len(kept)} of {len(frame)} photographs left out", file=sys.stderr)
    return kept
