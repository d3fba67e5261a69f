"""Which photographs are meant: by files, folders, patterns and tables of paths."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dermimit.data.photo_files import LEFTOVERS, PHOTO_SUFFIXES, find_photos, survey
from dermimit.predict.lists import TABLE_SUFFIXES, read_list

NOT_PHOTOGRAPHS = ("masks",)  # folders of lesion masks
WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")


@dataclass
class Found:
    """The photographs to answer for.

    Attributes:
        files: each once, in the order in which they were named; those of a folder by path. A file that was named and
            is not there is among them.
        repeated: how often a file was named again.
        passed_over: what lay beside them, one line each.
    """

    files: list[Path] = field(default_factory=list)
    repeated: int = 0
    passed_over: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set, repr=False)

    def add(self, paths: Iterable[Path]) -> None:
        """Take in those that are new."""
        for path in paths:
            name = os.path.normcase(os.path.abspath(path))  # two links to one file are two names
            self.repeated += name in self._seen
            if name not in self._seen:
                self._seen.add(name)
                self.files.append(path)


def find_photographs(paths: Sequence[Path | str]) -> Found:
    """The photographs that paths stand for.

    Args:
        paths: image files; folders, searched to any depth; patterns such as `photos/**/*.jpg`; and tables of paths
            (CSV, TSV, Parquet, or text with one path a line), see `dermimit.predict.lists.read_list`.

    Raises:
        ValueError: nothing is named, a folder holds no photograph, a pattern fits none, or a table names none.
    """
    if not paths:
        raise ValueError("predict: name at least one photograph, folder or table of paths after the run's folder")
    found = Found()
    for name in paths:
        path = Path(name)
        if not str(name).strip():
            raise ValueError("predict: one of the paths is empty")
        if path.is_dir():
            found.add(_in_folder(path, found.passed_over))
        elif not os.path.lexists(path) and glob.has_magic(str(path)):
            found.add(_fitting(path, found.passed_over))
        elif path.suffix.lower() in TABLE_SUFFIXES and path.exists():
            listed, without = read_list(path)
            found.passed_over += [f"{path}: rows without a path: {without}"] if without else []
            found.add(listed)
        elif path.suffix.lower() in WORKBOOKS:
            raise ValueError(f"{path}: a workbook; save its sheet of paths as CSV and name that file")
        else:
            found.add([path])
    return found


def _in_folder(folder: Path, passed_over: list[str]) -> list[Path]:
    files = survey(folder, NOT_PHOTOGRAPHS)
    named = {path for paths in (files.photos, files.broken, *files.unread.values()) for path in paths}
    others = _kinds(set(_files(folder)) - named)
    left = [*files.notes(), *files.mask_notes(), *([others] if others else [])]
    if not files.photos:
        held = f"only {'; '.join(left)}" if left else "it is empty"
        raise ValueError(f"{folder}: no photographs in this folder, {held}; known are {', '.join(PHOTO_SUFFIXES)}")
    passed_over += [f"{folder}: {line}" for line in left]
    return [folder / path for path in files.photos]


def _files(folder: Path) -> list[str]:
    """The files below a folder, relative to it, without hidden ones and what macOS and Windows leave."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in LEFTOVERS]
        inside = Path(where).relative_to(folder)
        kept = [n for n in names if not n.startswith(".") and n.lower() not in ("thumbs.db", "desktop.ini")]
        found += [(inside / name).as_posix() for name in kept]
    return found


def _kinds(files: Iterable[str]) -> str:
    """Files counted by kind: "3 .txt, 1 without suffix, 2 photographs in a folder 'masks'"."""
    count: Counter[str] = Counter()
    for file in files:
        suffix = Path(file).suffix.lower()
        aside = next((part for part in Path(file).parts[:-1] if part in NOT_PHOTOGRAPHS), None)
        count[f"in folders {aside!r}" if aside else suffix or "without suffix"] += 1
    return ", ".join(f"{n} {kind}" for kind, n in sorted(count.items(), key=lambda item: (-item[1], item[0])))


def _fitting(pattern: Path, passed_over: list[str]) -> list[Path]:
    """The photographs that a pattern fits, and those in the folders that it fits."""
    hits = [Path(hit) for hit in sorted(glob.glob(str(pattern), recursive=True))]
    photos = [hit for hit in hits if hit.is_file() and hit.suffix.lower() in PHOTO_SUFFIXES]
    others = _kinds(str(hit) for hit in hits if hit.is_file() and hit.suffix.lower() not in PHOTO_SUFFIXES)
    if not str(pattern).endswith("**"):  # else what is in the folders has been found already
        for folder in [hit for hit in hits if hit.is_dir() and find_photos(hit, NOT_PHOTOGRAPHS)]:
            photos += _in_folder(folder, passed_over)
    if not photos:
        held = f"it fits only {others}" if others else "it fits nothing"
        raise ValueError(f"{pattern}: no photograph fits this pattern, {held}; known are {', '.join(PHOTO_SUFFIXES)}")
    passed_over += [f"{pattern}: {others}"] if others else []
    return photos
