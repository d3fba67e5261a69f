"""One process at a time in a folder that is written: a lock that dies with its process."""

import fcntl
import json
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

LOCK_FILE = ".lock"
DRAFTS = re.compile(r"\..+\.\d+|\.tmp\w{6}")
"""Names of unfinished files: `.<name>.<pid>` (`dermimit.records.write_atomically`), and those of safetensors."""
_held: set[Path] = set()  # the system's lock tells processes apart, not threads


class LockedError(BlockingIOError):
    """Another process writes to the folder; the message names it, its machine, and the remedy."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder, and removes what killed ones left unfinished there.

    The lock is the operating system's (POSIX, `fcntl`): it ends with the process, however that ends, so that a lock
    file left by a dead process is taken over. Processes that were forked inside do not hold it.

    Args:
        folder: made if it is not there.

    Raises:
        LockedError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / LOCK_FILE
    if path in _held:
        raise LockedError(f"{folder}: this process (pid {os.getpid()}) already writes there: name another folder")
    descriptor = _acquire(path)
    _held.add(path)
    try:
        _sweep(folder)
        yield
    finally:
        _held.discard(path)
        path.unlink(missing_ok=True)  # while it is still locked
        os.close(descriptor)


def _acquire(path: Path) -> int:
    """An open, locked file that is the one at `path`, and not one that its holder was about to remove."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise LockedError(_refusal(path)) from error
        except OSError as error:  # some network file systems have no locks
            warnings.warn(f"{path.parent}: no locks here ({error}): let no other process write to it", stacklevel=4)
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            break
        os.close(descriptor)
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps(holder).encode())
    return descriptor


def _refusal(path: Path) -> str:
    remedy = "wait for it, stop it, or name another folder"
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = f"process {holder['pid']} on {holder['host']} has written there since {holder['since']}"
        return f"{path.parent}: {who}: {remedy} (kill {holder['pid']} stops it; the run then goes on where it stood)"
    except (OSError, ValueError, KeyError, TypeError):  # it is just writing its name, or just ending
        return f"{path.parent}: another process writes there: {remedy}"


def _sweep(folder: Path) -> None:
    """Remove the unfinished files of killed processes."""
    for draft in folder.glob(".*"):
        if DRAFTS.fullmatch(draft.name) and draft.is_file():
            draft.unlink(missing_ok=True)
