"""The answers that a study keeps of a reader: each line is the answer to the step of the plan that it stands for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dermimit.reader_study.answers import AnswerError, Answers, Record, check_answer, read_answers
from dermimit.reader_study.design import STEPS, Plan

if TYPE_CHECKING:
    from dermimit.reader_study.study import Study

PLACE = ("reader", "period", "position", "case", "arm", "step")


def steps_of(reader: str, plan: Plan) -> list[Record]:
    """Every answer that a reader is asked for, in order, by its `PLACE`."""
    return [
        {"reader": reader, "period": period, "position": position, "case": case, "arm": arm, "step": step}
        for period, order in enumerate(plan.periods, start=1)
        for position, (case, arm) in enumerate(order, start=1)
        for step in STEPS
    ]


def answers_of(study: Study, reader: str) -> Answers:
    """The answers of a reader, each line checked by itself.

    Args:
        reader: a code of the study, which the caller has looked up.

    Raises:
        ValueError: a line is damaged, or is no answer to the step that was due, with file, row and remedy.
    """
    steps = steps_of(reader, study.plans[reader])

    def check(record: Record, place: int) -> None:
        if place >= len(steps):
            raise AnswerError(f"the plan ends after {len(steps)} answers")
        for name, value in steps[place].items():
            if record.get(name) != value or isinstance(record.get(name), bool):
                raise AnswerError(f"{name}: {record.get(name)!r}: the plan has {value!r} here")
        check_answer(record, study.label_space)
        saved_of(record)

    return read_answers(study.answers(reader), check)


def saved_of(record: Record) -> datetime:
    """When an answer was saved.

    Raises:
        AnswerError: no time with its zone.
    """
    try:
        saved = datetime.fromisoformat(record.get("saved"))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise AnswerError(f"saved: {record.get('saved')!r}: give a time") from error
    if saved.tzinfo is None:
        raise AnswerError(f"saved: {record.get('saved')!r}: give the zone too")
    return saved
