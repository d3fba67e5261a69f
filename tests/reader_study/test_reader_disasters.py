"""What was acknowledged to a reader is kept, once: killed servers, full disks, folders that go or may only be read."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace

import pytest
from reading import Clock, asked, given, posted

from dermimit.cli import main
from dermimit.reader_study import answers as answer_files
from dermimit.reader_study.kept import answers_of
from dermimit.reader_study.session import Sessions

pytest_plugins = ["prepared"]
ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-c", "import sys; from dermimit.cli import main; sys.exit(main())", "reader-study", "serve"]


class Posting(threading.Thread):
    """A reader's browser: asks what is due and answers it, until the server is gone or there is nothing left."""

    def __init__(self, server, study, reader):
        super().__init__(daemon=True)
        self.server, self.study, self.reader, self.acknowledged = server, study, reader, []

    def run(self):
        with suppress(OSError, HTTPException):
            due = json.loads(asked(self.server, "GET", f"/api/next?reader={self.reader}")[1])
            while due["state"] == "answer":
                status, said = posted(self.server, given(self.study, self.reader, due))
                assert status == 200
                self.acknowledged.append((due["period"], due["case"], due["step"]))
                due = said


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_no_acknowledged_answer_is_lost_or_doubled_when_the_server_is_killed(study):
    acknowledged = {reader: [] for reader in study.plans}
    for kept in (1, 2, 3):
        process = subprocess.Popen(
            [*SERVE, str(study.folder), "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
        clients = [Posting(SimpleNamespace(server_address=("127.0.0.1", port)), study, r) for r in study.plans]
        [client.start() for client in clients]
        while all(client.is_alive() for client in clients) and min(len(c.acknowledged) for c in clients) < kept:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        [client.join() for client in clients]
        for client in clients:
            acknowledged[client.reader] += client.acknowledged
    for reader, steps in acknowledged.items():
        there = [(r["period"], r["case"], r["step"]) for r in answers_of(study, reader).records]
        assert len(steps) >= 3 and len(set(there)) == len(there)
        assert [step for step in there if step in steps] == steps  # and at most what was on its way beside them


def test_a_full_disk_is_told_to_the_reader_and_the_same_answer_is_taken_when_there_is_room(
    served, study, monkeypatch, capsys
):
    reader = next(iter(study.plans))
    due = Sessions(study, Clock().of(study)).next_step(reader)
    real = os.fsync

    def full(number):
        if study.answers(reader).exists():
            os.truncate(study.answers(reader), 10)  # what a disk may hold of a line when it is full
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(answer_files.os, "fsync", full)
    status, said = posted(served, given(study, reader, due))
    assert status == 500 and "nothing was kept" in said["error"] and str(study.folder) not in said["error"]
    assert answers_of(study, reader).records == []
    monkeypatch.setattr(answer_files.os, "fsync", real)
    assert posted(served, given(study, reader, due))[0] == 200
    assert len(answers_of(study, reader).records) == 1 and "No space left" in capsys.readouterr().err


def test_a_folder_of_answers_that_is_gone_takes_no_answer(served, study, capsys):
    reader = next(iter(study.plans))
    due = Sessions(study, Clock().of(study)).next_step(reader)
    assert posted(served, given(study, reader, due))[0] == 200
    study.answers(reader).parent.rename(study.folder / "elsewhere")
    later = Sessions(study, Clock().of(study)).next_step(reader)
    status, said = posted(served, given(study, reader, later))
    assert status == 500 and "nothing was kept" in said["error"] and str(study.folder) not in said["error"]
    assert "answers" in capsys.readouterr().err


def test_a_study_that_may_only_be_read_is_exported(study, tmp_path, monkeypatch):
    reader = next(iter(study.plans))
    sessions = Sessions(study, Clock().of(study))
    sessions.save(given(study, reader, sessions.next_step(reader)))
    before = {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()}
    real = os.open

    def read_only(path, flags, *more, **named):
        if str(path).startswith(str(study.folder)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", read_only)
    assert main(["reader-study", "export", str(study.folder), "--out", str(tmp_path / "a.parquet")]) == 0
    assert {path: path.read_bytes() for path in study.folder.rglob("*") if path.is_file()} == before
