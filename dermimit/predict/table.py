"""Answers as a table, one row a photograph.

Columns: `file`; for each task with one class a photograph the most probable ones, `disease_1`,
`disease_1_probability`, `disease_2` and so on; for each task with independent labels those from one half,
`attributes_found`, separated by "; "; `answered`, where answers are withheld; a probability for each class,
`disease: acne`, `body_part: arm`, `attributes: scale`; and `error`, why a photograph could not be read, whose other
cells are empty.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.predict.inputs import Found, find_photographs
from dermimit.predict.photographs import Answers, answers_to
from dermimit.predict.rules import Reading, reading_of
from dermimit.records import write_atomically, write_json, write_parquet
from dermimit.spreadsheets import for_spreadsheets
from dermimit.train.run import Run

SUFFIXES = (".csv", ".parquet", ".json")
ORDER = ("disease", "body_part", "attributes")
FOUND_FROM = 0.5  # probability from which an independent label counts as found
Show = Callable[[Answers, np.ndarray], Mapping[str, Sequence[str]]]


def predict_photos(
    run: Run,
    paths: Sequence[Path | str] | Found,
    *,
    top: int = 5,
    batch_size: int = 64,
    calibrated: bool = False,
    abstain: float | None = None,
    reading: Reading | None = None,
    progress: bool = True,
    show: Show | None = None,
) -> pd.DataFrame:
    """The run's answers for many photographs, one row each, in the columns of this module.

    Args:
        run: a finished run, from `load_run`.
        paths: image files, folders, patterns and tables of paths, or what `find_photographs` made of them.
        top: classes a task that are named in order, at least 1.
        batch_size: photographs in one pass; the numbers do not depend on it.
        calibrated, abstain: see `dermimit.predict.rules.reading_of`.
        reading: what that gave, in place of both.
        progress: a progress bar, where there is a terminal to draw it on.
        show: called with the answers of each batch, and which of them are given; what it returns, a value for each
            photograph that was read, becomes further columns.

    Raises:
        ValueError: no photograph is found, or the run cannot do what is asked.
    """
    if top < 1:
        raise ValueError(f"top {top}: give at least 1")
    reading = reading or reading_of(run, calibrated, abstain)
    if not isinstance(paths, Found):
        paths = find_photographs(paths)
        if paths.passed_over:
            warnings.warn(f"passed over: {'; '.join(paths.passed_over)}", stacklevel=2)
    parts = []
    for batch, answers in answers_to(run, paths.files, batch_size, progress):
        answers = reading.calibrated(answers)
        given = reading.answered(answers)
        further = show(answers, given) if show else {}
        parts.append(_rows(run.label_space, batch, answers, reading, given, top, further))
    table = pd.concat(parts, ignore_index=True)
    last = [name for name in table if ": " in name]  # a first batch without a photograph has no such columns
    return table[[*(name for name in table if name not in (*last, "error")), *last, "error"]]


def _rows(
    space: LabelSpace,
    batch: list[Path],
    answers: Answers,
    reading: Reading,
    given: np.ndarray,
    top: int,
    further: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    first: dict[str, object] = {}
    each: dict[str, object] = {}
    for task in [task for task in ORDER if task in answers.probability]:
        p, names = answers.probability[task], np.array(space.classes(task), dtype=object)
        if task in reading.several:
            first[f"{task}_found"] = ["; ".join(names[row >= FOUND_FROM]) for row in p]
        else:
            order = np.argsort(-p, axis=1, kind="stable")
            for k in range(min(top, p.shape[1])):
                first[f"{task}_{k + 1}"] = names[order[:, k]]
                first[f"{task}_{k + 1}_probability"] = np.take_along_axis(p, order[:, [k]], 1)[:, 0].astype(float)
        each |= {f"{task}: {name}": p[:, i].astype(float) for i, name in enumerate(names)}
    if reading.rule is not None:
        first["answered"] = pd.array(given, dtype="boolean")
    table = pd.DataFrame(first | dict(further) | each, index=pd.Index([str(f) for f in answers.files], dtype=object))
    table = table.reindex(pd.Index([str(file) for file in batch], dtype=object))
    table.insert(0, "file", [printable(file) for file in batch])
    return table.assign(error=[answers.unread.get(file) for file in batch])


def printable(text: object) -> str:
    """A file's name as text that any file can hold: what is not UTF-8 in it becomes a question mark."""
    return os.fsencode(str(text)).decode("utf-8", "replace")


def check_table(path: Path) -> None:
    """Makes the folder of a table that will be written.

    Raises:
        ValueError: its suffix is unknown, or it is a folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: unknown kind of table {path.suffix!r}; known are {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise ValueError(f"{path}: a folder; name a file")
    path.parent.mkdir(parents=True, exist_ok=True)


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Writes what `predict_photos` gives, whole or not at all.

    Args:
        table: the answers.
        path: .csv (UTF-8; a name that a spreadsheet would calculate has a ' before it), .parquet, or .json: a list of
            objects with task -> class -> probability in place of a column a class, null where a photograph could not
            be read.

    Raises:
        ValueError: its suffix is unknown.
    """
    path = Path(path)
    check_table(path)
    if path.suffix.lower() == ".parquet":
        write_parquet(path, table)
    elif path.suffix.lower() == ".csv":
        cells = for_spreadsheets(table)
        write_atomically(path, lambda p: cells.to_csv(p, index=False, float_format="%.7g", encoding="utf-8"))
    else:
        write_json(path, [_object(row) for row in table.astype(object).where(table.notna(), None).to_dict("records")])


def _object(row: dict) -> dict[str, object]:
    """A row as nested values: file, tasks, the rest."""
    found: dict[str, object] = {"file": row["file"]}
    tasks = dict.fromkeys(name.split(": ")[0] for name in row if ": " in name)
    for task in tasks:
        of_task = {n.removeprefix(f"{task}: "): p for n, p in row.items() if n.startswith(f"{task}: ")}
        found[task] = None if row["error"] else of_task
    return found | {name: value for name, value in row.items() if ": " not in name and name != "file"}
