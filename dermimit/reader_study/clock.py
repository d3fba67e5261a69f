"""The time of a study: a washout is counted by a clock that may be set wrong, and must not become shorter by that.

answers/times.json         the latest time that was seen, and whether the clock jumped while the study was served
answers/corrections.jsonl  what an administrator has put right, when, and why; nothing is ever taken out
"""

from __future__ import annotations

import getpass
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dermimit.reader_study.design import STEPS
from dermimit.reader_study.kept import answers_of, saved_of
from dermimit.reader_study.private import write_private
from dermimit.records import read_json

if TYPE_CHECKING:
    from dermimit.reader_study.study import Study

TOLERANCE = timedelta(minutes=10)  # between the clock and the time that has passed, and for times that seem to come
REMEDY = (
    "set the clock right; where it is right now, stop the program and put that on record with "
    "`dermimit reader-study correct-clock {folder} --why ...`"
)


class ClockError(ValueError):
    """The clock says what cannot be; nothing may be decided by it."""


def system_clock() -> datetime:
    """The time of the machine, with its zone."""
    return datetime.now(UTC)


def steady_seconds() -> float:
    """Seconds that no setting of the clock changes; they go on while the machine sleeps, where the system can."""
    read = getattr(time, "clock_gettime", None)  # Unix
    return read(time.CLOCK_BOOTTIME) if read and hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class StudyClock:
    """The clock of a study, checked against the latest time that was seen and against the time that has passed.

    Args:
        study: whose answers tell the latest time where nothing else does.
        now: the machine's clock.
        steady: seconds since any moment, by a clock that nobody sets.
    """

    def __init__(
        self,
        study: Study,
        now: Callable[[], datetime] = system_clock,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self.study, self._now, self._steady = study, now, steady
        self._path = study.folder / "answers" / "times.json"
        self._began, self._lock = (now(), steady()), threading.Lock()
        self._latest: datetime | None = None

    def check(self) -> datetime:
        """The time, when the study is opened.

        Raises:
            ClockError: it lies before a time that was seen, or the clock jumped when the study was served last.
            ValueError: a file of times or answers is damaged.
        """
        now, seen = self._now(), self._seen()
        if jumped := seen.get("jumped"):
            raise self._error(f"the clock jumped to {jumped['said']} when it was {jumped['expected']}")
        self._latest = self._latest_of(seen)
        if self._latest is not None and now < self._latest - TOLERANCE:
            raise self._error(f"the clock says {_text(now)}, but {_text(self._latest)} was seen before")
        self._began = now, self._steady()
        return now

    def time(self) -> datetime:
        """The time now.

        Raises:
            ClockError: the clock was set while the study was served.
        """
        now, (began, since) = self._now(), self._began
        expected = began + timedelta(seconds=self._steady() - since)
        if abs(now - expected) > TOLERANCE:
            self._keep(expected, {"jumped": {"said": _text(now), "expected": _text(expected)}})
            raise self._error(f"the clock jumped to {_text(now)} when it was {_text(expected)}")
        return now

    def note(self) -> None:
        """Keep the time as seen; never an earlier one than before.

        Raises:
            ClockError: as of `time`.
        """
        self._keep(self.time(), {})

    def _error(self, text: str) -> ClockError:
        return ClockError(f"{text}: {REMEDY.format(folder=self.study.folder)}")

    def _keep(self, seen: datetime, more: dict[str, Any]) -> None:
        with self._lock:
            self._latest = seen if self._latest is None else max(self._latest, seen)
            self._write({"latest": _text(self._latest)} | more)

    def correct(self, why: str, reader: str | None = None, ended: datetime | None = None) -> dict[str, Any]:
        """Take the clock as right from now on, and, of a reader, the end of the first session as told.

        Args:
            why: for the record.
            reader: whose washout was counted from a wrong time.
            ended: when that reader's first session really ended, with its zone.

        Returns:
            the line that was added to `corrections.jsonl`.

        Raises:
            ValueError: there is no such reader, whose first session is not complete, or the end lies ahead or has no
                zone, or no reason is given.
        """
        now = self._now()
        if not why.strip():
            raise ValueError("--why: say what was wrong, for the record")
        if (reader is None) != (ended is None):
            raise ValueError("--reader and --ended go together: whose first session ended when")
        if reader is not None and reader not in self.study.plans:
            raise ValueError(f"--reader {reader}: there is no such reader in {self.study.folder}")
        if reader is not None and not self._first_session_over(reader):
            raise ValueError(f"--reader {reader}: the first session is not complete, so it has no end to correct")
        if ended is not None and (ended.tzinfo is None or ended > now):
            raise ValueError(f"--ended {ended.isoformat()}: give a time that has passed, with its zone, such as "
                             "2026-03-01T17:00+01:00")  # fmt: skip
        line = {"made": _text(now), "by": _user(), "why": why, "before": self._seen(), "reader": reader,
                "ended": None if ended is None else _text(ended)}  # fmt: skip
        path = self._path.with_name("corrections.jsonl")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._write({"latest": _text(now)})
        return line

    def _first_session_over(self, reader: str) -> bool:
        return len(answers_of(self.study, reader).records) >= len(STEPS) * len(self.study.plans[reader].periods[0])

    def session_end(self, reader: str, saved: datetime) -> datetime:
        """When a reader's first session ended: as last corrected, else when its last answer was saved."""
        told = [line["ended"] for line in self._corrections() if line.get("reader") == reader]
        return datetime.fromisoformat(told[-1]) if told else saved

    def _corrections(self) -> list[dict[str, Any]]:
        path = self._path.with_name("corrections.jsonl")
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        try:
            return [dict(json.loads(line)) for line in lines]
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{path}: damaged ({error}); restore it from a copy") from error

    def _seen(self) -> dict[str, Any]:
        seen = read_json(self._path) if self._path.exists() else {}
        try:
            datetime.fromisoformat(seen["latest"]) if seen else None
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{self._path}: no time in it ({error}); delete it, the answers' own times are taken "
                             "then") from error  # fmt: skip
        return seen

    def _latest_of(self, seen: dict[str, Any]) -> datetime | None:
        """The latest time seen; of a study without a note of it, that of its last answer."""
        saved = [saved_of(record) for reader in self.study.plans for record in answers_of(self.study, reader).records]
        return datetime.fromisoformat(seen["latest"]) if seen else max(saved, default=None)

    def _write(self, values: dict[str, Any]) -> None:
        write_private(self._path, lambda draft: draft.write_text(json.dumps(values) + "\n", encoding="utf-8"))


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name
        return str(getattr(os, "getuid", lambda: "unknown")())
