"""The lock of a folder under threads, processes that take turns, and file systems without locks."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dermimit.lock import LockedError, locked

ROOT = Path(__file__).parents[2]
TURNS = """import os, sys
from pathlib import Path
from dermimit.lock import LockedError, locked
folder, inside, log = map(Path, sys.argv[1:])
turns = 0
while turns < 200:
    try:
        with locked(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails if another is inside
            inside.unlink()
        turns += 1
        with log.open("a") as file:
            file.write("done\\n")
    except LockedError:
        pass
"""


def test_threads_of_one_process_write_one_after_the_other(tmp_path):
    begun, done, refused = threading.Barrier(8), threading.Event(), []

    def write():
        begun.wait()
        try:
            with locked(tmp_path):
                done.wait()
        except LockedError as error:
            refused.append(str(error))
            if len(refused) == 7:
                done.set()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7 and os.listdir(tmp_path) == []


def test_processes_that_take_turns_never_meet(tmp_path):
    inside, log = tmp_path / "inside", tmp_path / "log"
    command = [sys.executable, "-c", TURNS, str(tmp_path / "folder"), str(inside), str(log)]
    for turn in [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]:
        assert turn.wait() == 0
    assert log.read_text().count("done") == 4 * 200 and os.listdir(tmp_path / "folder") == []


def test_a_file_system_without_locks_is_named_and_written_to(tmp_path, monkeypatch):
    def none(self, **_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", none)
    with pytest.warns(UserWarning, match=rf"{tmp_path}: no locks here .*let no other process write"), locked(tmp_path):
        pass
