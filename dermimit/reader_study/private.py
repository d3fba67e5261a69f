"""Answers, codes and truth are for their owner alone, whatever the umask says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dermimit.records import write_atomically

FOLDER, FILE = 0o700, 0o600


def write_private(path: Path, write: Callable[[Path], object]) -> None:
    """`write_atomically` to a file that its owner alone may read, also while it is written."""
    write_atomically(path, write, mode=FILE)


def make_private(folder: Path) -> None:
    """Take the rights of all others from a folder and what is in it; the owner's own stay at least read and write.

    Raises:
        OSError: it belongs to somebody else.
    """
    folder.chmod(FOLDER)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(FOLDER if path.is_dir() else FILE)
