"""One process at a time in a folder that is written: a lock that dies with its process."""

import errno
import json
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

LOCK_FILE = ".lock"
HOLDER_FILE = ".lock.json"
"""Who holds the lock; a file of its own, since no other process can read a locked one on Windows."""
DRAFTS = re.compile(r"\..+\.\d+|\.tmp\w{6}")
"""Names of unfinished files: `.<name>.<pid>` (`dermimit.records.write_atomically`), and those of safetensors."""
NO_LOCKS = [code for code, name in errno.errorcode.items() if name in ("ENOLCK", "ENOTSUP", "EOPNOTSUPP", "EINVAL")]
"""What file systems without locks answer; where they answer ENOSYS, filelock falls back to a lock of its own."""
PATIENCE = (
    0.5  # seconds; a child that was forked inside lets go of the lock once it runs, also after its parent's death
)
_held: set[Path] = set()  # so that a thread is told that it is its own process that writes


class LockedError(BlockingIOError):
    """Another process writes to the folder; the message names it, its machine, and the remedy."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder, and removes what killed ones left unfinished there.

    The lock is the operating system's (`filelock`): it ends with the process, however that ends, so that a lock file
    left by a dead process is taken over. Processes that were forked inside do not hold it.

    Args:
        folder: made if it is not there.

    Raises:
        LockedError: another process, or another thread of this one, holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / LOCK_FILE
    if path in _held:
        raise LockedError(f"{folder}: this process (pid {os.getpid()}) already writes there: name another folder")
    lock = _acquire(path)
    _held.add(path)
    try:
        _name_holder(path)
        _sweep(folder)
        yield
    finally:
        _held.discard(path)
        path.with_name(HOLDER_FILE).unlink(missing_ok=True)
        if os.name == "posix":  # while it is still locked: who opened it before sees that it is gone, and opens anew
            path.unlink(missing_ok=True)
        lock.release()  # removes the file itself on Windows, where an open one cannot be


def _acquire(path: Path) -> FileLock:
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 100)
            return lock
        except Timeout as error:
            if path.exists():  # else its holder has just ended
                raise LockedError(_refusal(path)) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            warnings.warn(f"{path.parent}: no locks here ({error}): let no other process write to it", stacklevel=4)
            return lock


def _name_holder(path: Path) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path.with_name(HOLDER_FILE).write_text(json.dumps(holder), encoding="utf-8")


def _refusal(path: Path) -> str:
    remedy = "wait for it, stop it, or name another folder"
    try:
        holder = json.loads(path.with_name(HOLDER_FILE).read_text(encoding="utf-8"))
        who = f"process {holder['pid']} on {holder['host']} has written there since {holder['since']}"
        stop = "taskkill /F /PID" if os.name == "nt" else "kill"
        return f"{path.parent}: {who}: {remedy} ({stop} {holder['pid']} stops it; the run then goes on where it stood)"
    except (OSError, ValueError, KeyError, TypeError):  # it is just writing its name, or just ending
        return f"{path.parent}: another process writes there: {remedy}"


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of killed processes."""
    for draft in folder.glob(".*"):
        if DRAFTS.fullmatch(draft.name) and draft.is_file():
            draft.unlink(missing_ok=True)
