"""Tokens kept on disk: 16-bit arrays that are mapped into memory, for any number of processes at once."""

import os
import shutil
import sys
import uuid
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import Float16

from dermimit.records import read_json, write_atomically, write_json

ABOUT = "about.json"
SEGMENT = 64 * 2**20  # bytes in a file: what a kill may lose


class TokenStore:
    """A folder of entries of one shape, found by name; it may be deleted whenever no run uses it.

    Entries lie in segments of about 64 MiB: an array <name>.npy, and <name>.json with the entries' names and
    checksums, which is written after the array is on disk. What a kill leaves is an array without names, which the
    next writer removes. One process writes at a time; reading waits for nobody.

    Args:
        folder: made when something is written.
        shape: of an entry: tokens, width.
        about: what the entries are, for whoever looks into the folder.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], about: dict[str, Any]) -> None:
        self.folder, self.shape, self.about = folder, shape, about
        self._places: dict[str, tuple[str, int, int]] = {}  # entry -> segment, row, checksum
        self._sound: set[str] = set()
        self._mapped: dict[str, np.ndarray] = {}
        self._refresh()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_mapped": {}}  # a process of its own maps the files itself

    @property
    def entry_bytes(self) -> int:
        """Size of an entry on disk."""
        return 2 * self.shape[0] * self.shape[1]

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those of the entries that are not there or damaged, each once, in their order."""
        return [name for name in dict.fromkeys(names) if not self._is_sound(name)]

    def read(self, name: str) -> Float16[np.ndarray, "tokens dim"]:
        """An entry that is there."""
        segment, row, _ = self._places[name]
        return self._rows(segment)[row]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps other writers out; what they have written meanwhile is seen inside, and what they left undone gone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=1)
        except Timeout:
            print(f"{self.folder}: another process computes tokens here; waiting for it", file=sys.stderr)
            lock.acquire()
        try:
            if not (self.folder / ABOUT).exists():
                write_json(self.folder / ABOUT, self.about)
            self._refresh()
            self._sweep()
            yield
        finally:
            lock.release()

    def add(self, names: Sequence[str], batches: Iterable[np.ndarray]) -> None:
        """Writes entries, a segment as soon as it is full; to be called inside `writing`.

        Args:
            names: of all entries.
            batches: their tokens, float16 (B, tokens, width), in the same order.

        Raises:
            OSError: the disk is full; the segments before are kept.
        """
        per_segment = max(1, SEGMENT // self.entry_bytes)
        waiting: list[np.ndarray] = []
        left = list(names)
        for batch in batches:
            waiting += [*batch]
            while len(waiting) >= per_segment:
                self._write(left[:per_segment], waiting[:per_segment])
                left, waiting = left[per_segment:], waiting[per_segment:]
        if waiting:
            self._write(left, waiting)
        self._refresh()

    def _write(self, names: list[str], entries: list[np.ndarray]) -> None:
        segment, array = uuid.uuid4().hex, np.stack(entries)

        def write(draft: Path) -> None:
            with draft.open("wb") as file:
                np.save(file, array)
                file.flush()
                os.fsync(file.fileno())

        write_atomically(self.folder / f"{segment}.npy", write)
        checksums = [zlib.crc32(row.data) for row in array]
        write_json(self.folder / f"{segment}.json", {"entries": dict(zip(names, checksums, strict=True))})

    def _refresh(self) -> None:
        places: dict[str, tuple[str, int, int]] = {}
        for path in self.folder.glob("*.json"):
            if path.name == ABOUT:
                continue
            try:
                entries = read_json(path)["entries"]
                places |= {name: (path.stem, row, sum_) for row, (name, sum_) in enumerate(entries.items())}
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # damaged: as if it were not there; `_sweep` removes it
        self._sound = {name for name in self._sound if places.get(name) == self._places[name]}
        self._places = places

    def _sweep(self) -> None:
        """Removes arrays without names, names that cannot be read, drafts, and segments with a damaged entry."""
        known = {segment for segment, _, _ in self._places.values()}
        for path in [*self.folder.glob("*.npy"), *self.folder.glob("*.json"), *self.folder.glob(".*.*.*")]:
            if path.stem not in known and path.name != ABOUT:
                _remove(path)

    def _is_sound(self, name: str) -> bool:
        if name not in self._places:
            return False
        if name not in self._sound:
            segment, row, checksum = self._places[name]
            try:
                array = self._rows(segment)
                fine = array.shape[1:] == self.shape and array.dtype == np.float16
                fine = fine and zlib.crc32(np.ascontiguousarray(array[row]).data) == checksum
            except (OSError, ValueError, IndexError):
                fine = False
            if not fine:
                self._forget(segment)
                return False
            self._sound.add(name)
        return True

    def _forget(self, segment: str) -> None:
        """A damaged segment: its entries are computed again."""
        warnings.warn(f"{self.folder / segment}.npy is damaged: its tokens are computed again", stacklevel=4)
        self._mapped.pop(segment, None)
        _remove(self.folder / f"{segment}.json")
        self._places = {name: place for name, place in self._places.items() if place[0] != segment}
        self._sound &= self._places.keys()

    def _rows(self, segment: str) -> np.ndarray:
        if segment not in self._mapped:
            self._mapped[segment] = np.load(self.folder / f"{segment}.npy", mmap_mode="r")
        return self._mapped[segment]


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # mapped by another process on Windows: the next writer removes it
        return


def free_bytes(folder: Path) -> int:
    """Room on the disk that a folder lies on, or would lie on."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
