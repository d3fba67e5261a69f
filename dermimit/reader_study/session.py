"""Where a reader stands: the next step follows from the plan and the answers on disk, and from nothing else."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dermimit.reader_study.answers import (
    GIVEN,
    AnswerError,
    Record,
    append_answer,
    check_answer,
    key_of,
    read_answers,
    same_answer,
)
from dermimit.reader_study.design import FIRST, STEPS, WITH
from dermimit.reader_study.study import Study


class ConflictError(ValueError):
    """An answer to another step than the one that is due."""


class Sessions:
    """All readers of a study; safe to use from several threads of one process.

    Args:
        study: the prepared study.
        now: the time, with its zone.
    """

    def __init__(self, study: Study, now: Any = lambda: datetime.now(UTC)) -> None:
        self.study, self.now, self._lock = study, now, threading.Lock()

    def next_step(self, reader: str) -> dict[str, Any]:
        """What a reader is to do now.

        Returns:
            `state` "answer" with `period`, `position`, `of`, `case`, `step`; for the revised step also `arm` and `was`,
            the first answer, and with the model its `evidence` and `has_map`. Or `state` "washout" with `until`, or
            "done".

        Raises:
            KeyError: there is no such reader.
        """
        with self._lock:
            return self._next(reader, read_answers(self.study.answers(reader)))

    def _next(self, reader: str, records: list[Record]) -> dict[str, Any]:
        plan, done = self.study.plans[reader], len(records)
        each = len(STEPS) * len(plan.periods[0])
        if done == each * len(plan.periods):
            return {"state": "done"}
        period, place = divmod(done, each)
        if place == 0 and period and (until := self._opens(records)) > self.now():
            return {"state": "washout", "until": until.isoformat(timespec="minutes")}
        position, step = divmod(place, len(STEPS))
        case, arm = plan.periods[period][position]
        found = {"state": "answer", "period": period + 1, "position": position + 1, "of": len(plan.periods[period]),
                 "case": case, "step": STEPS[step]}  # fmt: skip
        return found if STEPS[step] == FIRST else found | self._second_look(case, arm, records[-1])

    def _opens(self, records: list[Record]) -> datetime:
        last = datetime.fromisoformat(records[-1]["saved"])
        return last + timedelta(days=self.study.settings.washout_days)

    def _second_look(self, case: str, arm: str, first: Record) -> dict[str, Any]:
        found = {"arm": arm, "was": {name: first[name] for name in GIVEN}}
        if arm != WITH:
            return found
        return found | {"evidence": self.study.evidence(case), "has_map": self.study.map(case).exists()}

    def save(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Put an answer on the disk and return the next step; the same answer sent again changes nothing.

        Raises:
            KeyError: there is no such reader.
            AnswerError: a field is wrong.
            ConflictError: it is not the answer that is due.
        """
        reader = str(given.get("reader"))
        with self._lock:
            path = self.study.answers(reader)
            records = read_answers(path) if reader in self.study.plans else []
            due = self._next(reader, records)
            answer = check_answer(given, self.study.label_space)
            wanted = {"reader": reader} | {name: due.get(name) for name in ("period", "case", "step")}
            if key_of(given) != key_of(wanted) or due["state"] != "answer":
                if records and same_answer(records[-1], dict(given)):
                    return due
                raise ConflictError("this step is answered already, or not due yet: load the page again")
            if self.study.label_space.body_parts and "body_part" not in given:
                raise AnswerError("body_part: missing; choose one, or `cannot tell`")
            arm = self.study.plans[reader].periods[due["period"] - 1][due["position"] - 1][1]
            saved = self.now().isoformat(timespec="seconds")
            append_answer(path, wanted | {"position": due["position"], "arm": arm} | answer | {"saved": saved})
            return self._next(reader, read_answers(path))
