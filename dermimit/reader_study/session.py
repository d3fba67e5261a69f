"""Where a reader stands: the next step follows from the plan and the answers on disk, and from nothing else."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dermimit.reader_study.answers import (
    GIVEN,
    AnswerError,
    ChangedError,
    Record,
    append_answer,
    check_answer,
    key_of,
    same_answer,
)
from dermimit.reader_study.clock import StudyClock
from dermimit.reader_study.design import FIRST, STEPS, WITH
from dermimit.reader_study.kept import answers_of, saved_of
from dermimit.reader_study.study import Study


class UnknownReaderError(LookupError):
    """No reader of the study has this code."""


class ConflictError(ValueError):
    """An answer to another step than the one that is due."""


class Sessions:
    """All readers of a study; safe to use from several threads of one process.

    No lock is held while a file is read, and the lock of one reader keeps no other one waiting.

    Args:
        study: the prepared study.
        clock: its clock.

    Raises:
        ClockError: the clock says what cannot be.
        ValueError: a file of answers is damaged.
    """

    def __init__(self, study: Study, clock: StudyClock | None = None) -> None:
        self.study, self.clock = study, clock or StudyClock(study)
        self.clock.check()
        self._locks = {reader: threading.Lock() for reader in study.plans}

    def check_reader(self, reader: object) -> str:
        """The code, if it is one of the study; no file is touched for another.

        Raises:
            UnknownReaderError: it is not.
        """
        if not isinstance(reader, str) or reader not in self.study.plans:
            raise UnknownReaderError("there is no such reader")
        return reader

    def next_step(self, reader: str) -> dict[str, Any]:
        """What a reader is to do now.

        Returns:
            `state` "answer" with `period`, `position`, `of`, `case`, `step`; for the revised step also `arm` and `was`,
            the first answer, and with the model its `evidence` and `has_map`. Or `state` "washout" with `until`, or
            "done".

        Raises:
            UnknownReaderError: there is no such reader.
            ClockError: the clock was set while the study was served.
        """
        return self._next(self.check_reader(reader), answers_of(self.study, reader).records)

    def _next(self, reader: str, records: list[Record]) -> dict[str, Any]:
        plan, done = self.study.plans[reader], len(records)
        each = len(STEPS) * len(plan.periods[0])
        if done == each * len(plan.periods):
            return {"state": "done"}
        period, place = divmod(done, each)
        if place == 0 and period and (until := self._opens(reader, records)) > self.clock.time():
            return {"state": "washout", "until": until.isoformat(timespec="minutes")}
        position, step = divmod(place, len(STEPS))
        case, arm = plan.periods[period][position]
        found = {"state": "answer", "period": period + 1, "position": position + 1, "of": len(plan.periods[period]),
                 "case": case, "step": STEPS[step]}  # fmt: skip
        return found if STEPS[step] == FIRST else found | self._second_look(case, arm, records[-1])

    def _opens(self, reader: str, records: list[Record]) -> datetime:
        ended = self.clock.session_end(reader, saved_of(records[-1]))
        return ended + timedelta(days=self.study.settings.washout_days)

    def _second_look(self, case: str, arm: str, first: Record) -> dict[str, Any]:
        found = {"arm": arm, "was": {name: first[name] for name in GIVEN}}
        if arm != WITH:
            return found
        return found | {"evidence": self.study.evidence(case), "has_map": self.study.map(case).exists()}

    def save(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put an answer on the disk and return the next step; the same answer sent again changes nothing.

        Raises:
            UnknownReaderError: there is no such reader.
            AnswerError: a field is wrong.
            ConflictError: it is not the answer that is due.
            ClockError: the clock was set while the study was served.
        """
        reader = self.check_reader(given.get("reader"))
        while True:
            read = answers_of(self.study, reader)
            due = self._next(reader, read.records)
            answer = check_answer(given, self.study.label_space)
            wanted = {"reader": reader} | {name: due.get(name) for name in ("period", "case", "step")}
            if key_of(given) != key_of(wanted) or due["state"] != "answer":
                if read.records and same_answer(read.records[-1], dict(given)):
                    return due
                raise ConflictError("this step is answered already, or not due yet: load the page again")
            if self.study.label_space.body_parts and "body_part" not in given:
                raise AnswerError("body_part: missing; choose one, or `cannot tell`")
            arm = self.study.plans[reader].periods[due["period"] - 1][due["position"] - 1][1]
            self.clock.note()
            saved = self.clock.time().isoformat(timespec="seconds")
            record = wanted | {"position": due["position"], "arm": arm} | answer | {"saved": saved}
            try:
                with self._locks[reader]:
                    append_answer(self.study.answers(reader), record, read)
            except ChangedError:
                continue  # the same reader, twice at once: see what is due now
            return self._next(reader, answers_of(self.study, reader).records)
