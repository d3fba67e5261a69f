"""Anybody's answers: a CSV or Parquet file with a row a photograph and a column of probabilities a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.benchmark.benchmarks import Benchmark, image_name
from dermimit.data.cells import is_missing
from dermimit.data.problems import suggest
from dermimit.data.text_table import read_text_table

ID = "image"
IDS = (ID, "file", "filename", "img_id", "image_id", "id")
WORKBOOKS = (".xlsx", ".xls", ".ods")
KINDS = (".csv", ".tsv", ".txt", ".parquet")
TASKS = ("disease", "body_part", "attributes")
TOLERANCE = 1e-3
"""How far from 1 the probabilities of a photograph may add up, since files round them."""
ROUNDED, FEW = 0.05, 0.1
"""Sums nearer to 1 are of rounded numbers; fewer rows than this share are slips, and not another kind of number."""
SHOWN = 5


class AnswersError(ValueError):
    """The file cannot be scored; the message names the rows, and the remedy."""


@dataclass(frozen=True)
class Given:
    """Probabilities of every photograph of a benchmark, in its order: (photographs, classes) of each task.

    `body_part` and `attributes` are None where the file does not answer for them.
    """

    disease: np.ndarray
    body_part: np.ndarray | None = None
    attributes: np.ndarray | None = None


def read_answers_file(path: Path, to: Benchmark) -> Given:
    """Anybody's answers.

    Args:
        path: .csv (any usual separator and encoding, decimal commas too), .tsv or .parquet: a column `image` (or one of
            `IDS`; the name of the file, with or without folder and extension) and a column for each disease, by its
            short name or its name. Columns such as `body_part: FACE` and `attributes: itch` answer for the other tasks;
            a table of `dermimit predict --out` is read as it is, with `file`, `disease: MEL` and so on.
        to: the benchmark.

    Raises:
        AnswersError: columns that are missing or unknown; photographs that are missing, unknown or answered twice;
            probabilities that are no numbers, negative, or do not add up to 1.
    """
    path = Path(path)
    table = _read(path)
    key = next((name for name in IDS if name in table), None)
    if key is None:
        raise AnswersError(
            f"{path}: no column {ID!r}; {suggest(ID, map(str, table))}: rename the one that names the photographs"
        )
    order = _order(path, ["" if is_missing(name) else image_name(name) for name in table[key]], list(to.frame[ID]))
    parts = _by_task(table.drop(columns=key))
    given = {"disease": _numbers(path, parts["disease"], to.classes, "disease", to.name)[order]}
    _check_sums(path, given["disease"], order)
    for task, names in (("body_part", to.body_parts), ("attributes", to.attributes)):
        if len(parts[task].columns):
            given[task] = _numbers(path, parts[task], dict(zip(names, names, strict=True)), task, to.name)[order]
    exclusive = [task for task in given if not to.label_space.multi_label(task)]
    if "body_part" in exclusive:
        _check_sums(path, given["body_part"], order)
    for task in exclusive:
        given[task] = given[task] / given[task].sum(axis=1, keepdims=True)
    return Given(**given)


def _by_task(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The columns of each task, without its name; where `disease: ` stands before some, other columns are not read."""
    named = {task: [c for c in table if str(c).startswith(f"{task}: ")] for task in TASKS}
    found = {task: table[own].rename(columns=lambda c: str(c).partition(": ")[2]) for task, own in named.items()}
    if not named["disease"]:
        found["disease"] = table.drop(columns=[c for own in named.values() for c in own])
    return found


def _read(path: Path) -> pd.DataFrame:
    """The table as it is; cells of a text file are text."""
    suffix = path.suffix.lower()
    if suffix in WORKBOOKS:
        raise AnswersError(f"{path}: a workbook is not read: save it as CSV")
    if suffix not in KINDS:
        raise AnswersError(f"{path}: give a file of kind {', '.join(KINDS)}")
    if not path.is_file():
        raise AnswersError(f"{path}: there is no such file")
    try:
        if suffix != ".parquet":
            return read_text_table(path).frame.reset_index(drop=True)
        table = pd.read_parquet(path)
        return table.reset_index(drop=table.index.name is None)
    except Exception as error:
        said = str(error).splitlines()[0].removeprefix(f"{path}: ")
        raise AnswersError(f"{path}: cannot be read as {suffix[1:]}: {said}") from error


def _numbers(path: Path, table: pd.DataFrame, classes: Mapping[str, str], task: str, name: str) -> np.ndarray:
    """(rows, classes) probabilities of a task, in the order of its classes."""
    table = table.rename(columns=_columns(path, table, classes, task, name))[list(classes)]
    for column in table:
        text = table[column].astype("string").str.replace(",", ".", regex=False)  # a decimal comma, as Excel writes it
        numbers = pd.to_numeric(text, errors="coerce")
        bad = numbers.isna() & text.notna() & (text.str.casefold() != "nan")
        if bad.any():
            found = table.loc[bad, column].iloc[0]
            remedy = "; write 0.25 for 25 %" if "%" in str(found) else ""
            raise AnswersError(f"{path}, row {_line(bad)}, column {column}: {found!r} is no number{remedy}")
        table[column] = numbers
    values = table.to_numpy(np.float64, na_value=np.nan)
    bad = ~np.isfinite(values) | (values < 0) | (values > 1 + TOLERANCE)
    if bad.any():
        row, place = np.argwhere(bad)[0]
        found = "an empty cell or NaN" if np.isnan(values[row, place]) else values[row, place]
        where = f"{path}, row {row + 2}, column {list(classes)[place]}"
        raise AnswersError(f"{where}: {found} is no probability; {_remedy(values)}")
    return values


def _remedy(values: np.ndarray) -> str:
    """What the numbers of a file may be, that are no probabilities."""
    if np.isnan(values).any():
        return "give every class a number, 0 where the model excludes it"
    if (values >= 0).all() and np.abs(values.sum(axis=1) - 100).max() < 1:
        return "these are percentages: divide by 100"
    return "logits become probabilities by softmax"


def _columns(path: Path, table: pd.DataFrame, classes: Mapping[str, str], task: str, name: str) -> dict[str, str]:
    """Column -> short name of its class."""
    spelt = {spelling.casefold(): short for short, full in classes.items() for spelling in (short, full)}
    if unknown := [str(c) for c in table if str(c).strip().casefold() not in spelt]:
        raise AnswersError(f"{path}: column {unknown[0]!r} is no {task.replace('_', ' ')} of {name}; "
                           f"{suggest(unknown[0], classes)}; give {ID} and the classes alone")  # fmt: skip
    found = {str(c): spelt[str(c).strip().casefold()] for c in table}
    if missing := [short for short in classes if short not in found.values()]:
        raise AnswersError(f"{path}: no column for {', '.join(missing)} ({classes[missing[0]]}): give every class a "
                           "probability, 0 where the model does not know it")  # fmt: skip
    if len(set(found.values())) < len(found):
        raise AnswersError(f"{path}: two columns for one class among {', '.join(found)}: keep one")
    return found


def _order(path: Path, images: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """The row of the file that answers each photograph of the benchmark."""
    known, place = set(wanted), {}
    unknown = [(row, name) for row, name in enumerate(images, start=2) if name not in known]
    if unknown:
        row, name = unknown[0]
        if name in ("", "nan"):
            raise AnswersError(f"{path}, row {row}: the cell that names the photograph is empty: fill it")
        raise AnswersError(f"{path}, row {row}: {name!r} is no photograph of the benchmark ({len(unknown)} of "
                           f"{len(images)} are not); {suggest(name, wanted)}")  # fmt: skip
    for row, name in enumerate(images, start=2):
        if name in place:
            raise AnswersError(f"{path}, row {row}: {name} is answered twice: keep one answer for each photograph")
        place[name] = row - 2
    if missing := [name for name in wanted if name not in place]:
        raise AnswersError(f"{path}: {len(missing)} of {len(wanted)} photographs have no answer: "
                           f"{', '.join(missing[:SHOWN])}{', ...' if len(missing) > SHOWN else ''}")  # fmt: skip
    return np.array([place[name] for name in wanted])


def _check_sums(path: Path, values: np.ndarray, order: np.ndarray) -> None:
    """Probabilities of classes that exclude each other add up to 1."""
    off = np.abs(values.sum(axis=1) - 1) > TOLERANCE
    if off.any():
        sums = values.sum(axis=1)
        first, near = np.flatnonzero(off)[order[off].argmin()], np.abs(sums[off] - 1).max() < ROUNDED
        remedy = "keep more decimals" if near else "logits become probabilities by softmax"
        if not near and off.mean() < FEW:
            remedy = "mend these rows"
        raise AnswersError(f"{path}, row {order[first] + 2}: the probabilities add up to {sums[first]:.4f}, "
                           f"not to 1 ({int(off.sum())} rows); {remedy}")  # fmt: skip


def _line(bad: pd.Series) -> int:
    """Line of the file of the first True."""
    return int(np.flatnonzero(bad.to_numpy())[0]) + 2
