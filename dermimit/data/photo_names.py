"""Photographs found by the names that tables give them: without extension, folder, or the letter case of the file."""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

import numpy as np

from dermimit.data.photo_files import PHOTO_SUFFIXES

SHORTLIST = 12  # files whose names are compared letter by letter with one that was not found


def key(name: str) -> str:
    """A name without regard to its Unicode form and letter case."""
    return unicodedata.normalize("NFC", name).casefold()


def without_suffix(name: str) -> str:
    """A file's name without the extension of a photograph, if it has one."""
    return name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES else name


def first_row(columns: Iterable[object]) -> str:
    """What is said of a table whose header names a photograph, so that it is a row; "" of any other."""
    named = [str(name) for name in columns if without_suffix(str(name)) != str(name)]
    return f"its first row seems to be a photograph ({named[0]}); put a header above it: image,disease" if named else ""


def plain(name: str) -> str:
    """A name as a path with forward slashes: of a web address its path, of 12.0, a number in a spreadsheet, 12."""
    name = name.strip().replace("\\", "/")
    if is_address(name):
        name = unquote(urlsplit(name).path)
    return name[:-2] if re.fullmatch(r"\d+\.0", name) else name


def is_address(name: str) -> bool:
    """Whether a name is a web address, or the address of a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name) is not None


def is_absolute(name: str) -> bool:
    """Whether a path is one of Windows or POSIX that begins at a drive or the root."""
    return PureWindowsPath(name).is_absolute() or PurePosixPath(name).is_absolute() or bool(PureWindowsPath(name).drive)


class PhotoNames:
    """The photographs of a folder, to be asked for by name. No file is opened or looked for.

    Args:
        paths: relative to the folder, with forward slashes.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = dict.fromkeys(paths)
        self._by_stem: dict[str, list[str]] = {}
        for path in self.paths:
            self._by_stem.setdefault(key(without_suffix(PurePosixPath(path).name)), []).append(path)

    def find(self, name: str, literal: bool = True) -> list[str]:
        """The photographs that a relative path, the end of one, or either without extension can mean.

        One with the same letters is preferred to those that differ in letter case or Unicode form.

        Args:
            name: with forward slashes.
            literal: a path that is there as it is given means nothing else.
        """
        if literal and name in self.paths:
            return [name]
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts:
            return []
        bare = without_suffix(parts[-1]) == parts[-1]
        found = [
            path for path in self._by_stem.get(key(without_suffix(parts[-1])), ()) if self._ends(path, parts, bare, key)
        ]
        return [path for path in found if self._ends(path, parts, bare, str)] or found

    @staticmethod
    def _ends(path: str, parts: tuple[str, ...], bare: bool, form: type[str] | object) -> bool:
        """Whether the last parts of a path are those of a name, in some form."""
        *folders, file = PurePosixPath(path).parts[-len(parts) :]
        own = [*folders, without_suffix(file) if bare else file]
        return [*map(form, own)] == [*map(form, parts)]  # type: ignore[arg-type]

    def common_folder(self, names: Iterable[str]) -> tuple[str, ...]:
        """The folder that absolute paths of another disk have in place of this one: the most frequent by far.

        Args:
            names: absolute paths with forward slashes.

        Returns:
            Its parts, such as ("C:", "Users", "me", "photos"); () where none of the photographs is here.
        """
        folders: Counter[tuple[str, ...]] = Counter()
        for name in names:
            parts = tuple(name.split("/"))
            for k in range(1, len(parts)):
                if len(self.find("/".join(parts[k:]))) == 1:
                    folders[parts[:k]] += 1
                    break
        return folders.most_common(1)[0][0] if folders else ()

    def nearest(self, name: str) -> str | None:
        """The photograph whose name is most like one that was not found; None where none is."""
        wanted = key(without_suffix(PurePosixPath(plain(name)).name))
        scores = np.zeros(len(self._stems), np.int32)
        for gram in _grams(wanted):
            if gram in self._having:
                scores[self._having[gram]] += 1
        if not scores.any():
            return None
        few = np.argsort(-scores, kind="stable")[:SHORTLIST]
        ratio, best = max((difflib.SequenceMatcher(None, wanted, self._stems[i]).ratio(), -int(i)) for i in few)
        return self._by_stem[self._stems[-best]][0] if ratio >= 0.6 else None

    @cached_property
    def _stems(self) -> list[str]:
        return list(self._by_stem)

    @cached_property
    def _having(self) -> dict[str, np.ndarray]:
        """For each three letters, the places in `_stems` of the names that have them."""
        having: dict[str, list[int]] = {}
        for i, stem in enumerate(self._stems):
            for gram in _grams(stem):
                having.setdefault(gram, []).append(i)
        return {gram: np.array(places, np.int32) for gram, places in having.items()}


def _grams(name: str) -> set[str]:
    return {f" {name} "[i : i + 3] for i in range(len(name))}
