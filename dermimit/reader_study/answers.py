"""Answers on disk: a line each, written through to the disk before the reader goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermimit.data.label_space import LabelSpace

Record = dict[str, Any]
KEY = ("reader", "period", "case", "step")
GIVEN = ("body_part", "attributes", "differential", "confidence")
LONGEST_LIST = 5  # diseases of a differential
MOST_SECONDS = 86_400


class AnswerError(ValueError):
    """An answer that cannot be taken; says which field and why."""


class ChangedError(RuntimeError):
    """An answer was added by another request since the file was read: read it again."""


@dataclass(frozen=True)
class Answers:
    """What an answer file held when it was read.

    Attributes:
        records: the answers in their order.
        whole: length in bytes up to the end of the last whole line.
        size: of the file in bytes.
    """

    records: list[Record]
    whole: int = 0
    size: int = 0


def read_answers(path: Path, check: Callable[[Record, int], None] | None = None) -> Answers:
    """The answers of a file; none where there is no file yet.

    A last line without its end was cut short by a crash before it was confirmed to the reader, and is left out.

    Args:
        check: given a line's fields and its place from 0, raises AnswerError where they are wrong.

    Raises:
        ValueError: a line is damaged or wrong, with file, row and remedy.
    """
    if not path.exists():
        return Answers([])
    if not path.is_file():
        raise ValueError(f"{path}: not a file; put the reader's answers there from a copy")
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    records: list[Record] = []
    for row, line in enumerate(content[:whole].split(b"\n")[:-1], start=1):
        try:
            records.append(_record(line))
            if check is not None:
                check(records[-1], row - 1)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, row {row}: not an answer ({error}); restore the file from a copy, or take this "
                             "row and those after it out and say so in the report") from error  # fmt: skip
    return Answers(records, whole, len(content))


def _record(line: bytes) -> Record:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise AnswerError("give one JSON object a line")
    return record


def append_answer(path: Path, record: Record, read: Answers) -> None:
    """Add an answer; when this returns it is on the disk (fsync of file and, where the system can, folder).

    Args:
        read: what the file held when it was decided that this answer is due.

    Raises:
        ChangedError: the file has grown since.
    """
    line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        if os.fstat(file.fileno()).st_size != read.size:
            raise ChangedError(path.name)
        file.truncate(read.whole)
        file.seek(read.whole)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    if not read.whole and os.name == "posix":  # a new file's name is to last too; elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_answer(given: Mapping[str, Any], space: LabelSpace) -> Record:
    """The fields of an answer, checked.

    Args:
        given: `body_part` (a name, or None for "cannot tell"; left out where the dataset has none), `attributes` (list
            of names, empty for none), `differential` (1 to 5 diseases, most likely first), `confidence` that the first
            is right (0, 10, …, 100 %), `seconds` in sight of the reader (more than a day counts as
            one), and `interruptions` (page left or loaded again).

    Raises:
        AnswerError: the first field that is wrong.
    """
    body_part = given.get("body_part")
    _refuse(body_part is not None and body_part not in space.body_parts, "body_part", body_part, "not of the list")
    attributes = _names(given, "attributes", space.attributes)
    differential = _names(given, "differential", space.diseases)
    _refuse(not 1 <= len(differential) <= LONGEST_LIST, "differential", differential, f"give 1 to {LONGEST_LIST}")
    confidence: Any
    seconds: Any
    confidence, seconds, away = (given.get(name) for name in ("confidence", "seconds", "interruptions"))
    _refuse(not _whole(confidence, 100) or confidence % 10 != 0, "confidence", confidence, "give 0, 10, … or 100")
    timed = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < float("inf")
    _refuse(not timed, "seconds", seconds, "give a number from 0")
    _refuse(not _whole(away, 10**6), "interruptions", away, "give a whole number from 0")
    return {"body_part": body_part, "attributes": attributes, "differential": differential, "confidence": confidence,
            "seconds": round(min(float(seconds), MOST_SECONDS), 2), "interruptions": away}  # fmt: skip


def _names(given: Mapping[str, Any], field: str, known: Sequence[str]) -> list[str]:
    names: Any = given.get(field)
    _refuse(not isinstance(names, list), field, names, "give a list of names")
    for i, name in enumerate(names):
        _refuse(name not in known, field, name, "not of the list")
        _refuse(name in names[:i], field, name, "given twice")
    return list(names)


def _whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _refuse(wrong: bool, field: str, value: object, reason: str) -> None:
    if wrong:
        raise AnswerError(f"{field}: {value!r}: {reason}")


def key_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an answer is to: reader, period, case and step."""
    return tuple(record.get(name) for name in KEY)


def same_answer(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records say the same of the same step; times may differ."""
    return all(one.get(name) == other.get(name) for name in (*KEY, *GIVEN))
