"""Anybody's answers: a CSV or Parquet file with a row a photograph and a column of probabilities a class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.benchmark.benchmarks import Benchmark
from dermimit.data.problems import suggest

ID = "image"
TOLERANCE = 1e-3
"""How far from 1 the probabilities of a photograph may add up, since files round them."""
SHOWN = 5


class AnswersError(ValueError):
    """The file cannot be scored; the message names the rows, and the remedy."""


def read_answers_file(path: Path, to: Benchmark) -> np.ndarray:
    """Probabilities (photographs, classes) in the order of the benchmark.

    Args:
        path: .csv, .tsv or .parquet: a column `image` (the name of the file, with or without folder and extension) and
            a column for each class, by its short name or its name.
        to: the benchmark.

    Raises:
        AnswersError: columns that are missing or unknown; photographs that are missing, unknown or answered twice;
            probabilities that are no numbers, negative, or do not add up to 1.
    """
    path = Path(path)
    table = _read(path)
    if ID not in table:
        raise AnswersError(f"{path}: no column {ID!r}; {suggest(ID, map(str, table))}")
    table = table.rename(columns=_columns(path, table, to))
    images = [Path(str(name)).stem if Path(str(name)).suffix else str(name) for name in table[ID]]
    images = [name.rpartition("/")[2] for name in images]
    _check_images(path, images, list(to.frame["image"]))
    wrong = [d for d in to.diseases if not pd.api.types.is_numeric_dtype(table[d])]
    if wrong:
        bad = pd.to_numeric(table[wrong[0]], errors="coerce").isna()
        raise AnswersError(
            f"{path}, row {_line(bad)}, column {wrong[0]}: {table.loc[bad, wrong[0]].iloc[0]!r} is no number"
        )
    values = table[list(to.diseases)].to_numpy(np.float64)
    _check_probabilities(path, values, to.diseases)
    order = pd.Series(range(len(images)), index=images)[to.frame["image"]].to_numpy()
    return values[order] / values[order].sum(axis=1, keepdims=True)


def _read(path: Path) -> pd.DataFrame:
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".tsv": lambda p: pd.read_csv(p, sep="\t")}
    if path.suffix.lower() not in readers:
        raise AnswersError(f"{path}: give a file of kind {', '.join(readers)}")
    if not path.is_file():
        raise AnswersError(f"{path}: there is no such file")
    try:
        return readers[path.suffix.lower()](path)
    except Exception as error:
        raise AnswersError(f"{path}: cannot be read as {path.suffix[1:]}: {str(error).splitlines()[0]}") from error


def _columns(path: Path, table: pd.DataFrame, to: Benchmark) -> dict[str, str]:
    """Column -> short name of its class."""
    spelt = {name.casefold(): short for short, full in to.classes.items() for name in (short, full)}
    others = [str(c) for c in table if c != ID]
    if unknown := [c for c in others if c.strip().casefold() not in spelt]:
        raise AnswersError(f"{path}: column {unknown[0]!r} is no class of {to.name}; "
                           f"{suggest(unknown[0], to.diseases)}; give {ID} and the classes alone")  # fmt: skip
    found = {c: spelt[c.strip().casefold()] for c in others}
    if missing := [d for d in to.diseases if d not in found.values()]:
        raise AnswersError(f"{path}: no column for {', '.join(missing)} ({to.classes[missing[0]]}): give every class a "
                           "probability, 0 where the model does not know it")  # fmt: skip
    if len(set(found.values())) < len(found):
        raise AnswersError(f"{path}: two columns for one class among {', '.join(found)}: keep one")
    return found


def _check_images(path: Path, images: Sequence[str], wanted: Sequence[str]) -> None:
    unknown = [(row, name) for row, name in enumerate(images, start=2) if name not in set(wanted)]
    if unknown:
        row, name = unknown[0]
        raise AnswersError(f"{path}, row {row}: {name!r} is no photograph of the benchmark ({len(unknown)} of "
                           f"{len(images)} are not); {suggest(name, wanted)}")  # fmt: skip
    seen: set[str] = set()
    for row, name in enumerate(images, start=2):
        if name in seen:
            raise AnswersError(f"{path}, row {row}: {name} is answered twice: keep one answer for each photograph")
        seen.add(name)
    if missing := [name for name in wanted if name not in seen]:
        raise AnswersError(f"{path}: {len(missing)} of {len(wanted)} photographs have no answer: "
                           f"{', '.join(missing[:SHOWN])}{', ...' if len(missing) > SHOWN else ''}")  # fmt: skip


def _check_probabilities(path: Path, values: np.ndarray, diseases: Sequence[str]) -> None:
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise AnswersError(f"{path}, row {row + 2}, column {diseases[column]}: {values[row, column]} is no "
                           "probability; logits become probabilities by softmax")  # fmt: skip
    off = np.abs(values.sum(axis=1) - 1) > TOLERANCE
    if off.any():
        row = int(off.argmax())
        raise AnswersError(f"{path}, row {row + 2}: the probabilities add up to {values[row].sum():.4f}, not to 1 "
                           f"({int(off.sum())} rows); logits become probabilities by softmax")  # fmt: skip


def _line(bad: pd.Series) -> int:
    """Line of the file of the first True."""
    return int(np.flatnonzero(bad.to_numpy())[0]) + 2
