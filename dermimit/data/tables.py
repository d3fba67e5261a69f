"""What the loaders share: a table read as text, the photos that it names, answers turned into lists."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.photo_files import PHOTO_SUFFIXES
from dermimit.data.photo_names import key
from dermimit.data.problems import ManifestError, collecting, describe, raise_problems, suggest
from dermimit.data.rules import path_problem

NO_TABLES = {
    "<": "a web page, not a table: the download asked for a login or failed; download it again",
    "PK\x03\x04": "a ZIP archive or a workbook, not text: unpack it, or save it as comma-separated values",
    "version https://git-lfs": "a pointer of Git LFS, not the table; fetch it with `git lfs pull`",
}


def read_table(path: Path | str, columns: Sequence[str], what: str, separator: str = ",") -> pd.DataFrame:
    """Some columns of a table of comma-separated values, as text without blanks around it, NaN where a cell is empty.

    Args:
        path: UTF-8 with or without a byte-order mark, with any line ends. Further columns are allowed.
        columns: those to return, in this order; all must be there.
        what: the dataset or the table, for errors: "PAD-UFES-20".
        separator: between cells.

    Returns:
        One row a record. Blank lines are skipped but counted: index label i is row i + 2 of a spreadsheet.

    Raises:
        ManifestError: the file is absent, empty, not UTF-8 or not a table, or lacks a column, with the nearest name.
    """
    path = Path(path)
    header, *rows = _records(path, what, separator)
    header = [name.strip() for name in header]
    for column in columns:
        if column not in header:
            raise ManifestError(f"{path}: no column {column!r}; use the official file of {what}; "
                                f"{_no_column(column, header, separator)}")  # fmt: skip
    return as_frame(path, header, rows, columns, separator, f"use the official file of {what}")


def as_frame(
    path: Path, header: list[str], rows: list[list[str]], columns: Sequence[str], separator: str, remedy: str
) -> pd.DataFrame:
    """Some columns of a table's records, as `read_table` gives them.

    Args:
        path: for errors.
        header: all column names.
        rows: the records below it.
        columns: those to return, in this order.
        separator: for errors.
        remedy: what to do where there are no records.

    Raises:
        ManifestError: a column is there twice, a record is longer than the header, or there is none.
    """
    for column in columns:
        if Counter(header)[column] > 1:
            raise ManifestError(f"{path}: column {column!r} is given twice; keep one")
    rows = [[cell.strip() for cell in row] for row in rows]
    full = [i for i, row in enumerate(rows) if any(row)]
    long = [i for i in full if any(rows[i][len(header) :])]
    quotes = f"more cells than the header's {len(header)}; put quotes round a cell that holds {separator!r}"
    raise_problems(str(path), [f"row {i + 2}: {len(rows[i])} cells, {quotes}" for i in long])
    if not full:
        raise ManifestError(f"{path}: no rows below the header; {remedy}")
    places = [header.index(column) for column in columns]
    cells = [[(rows[i][p] if p < len(rows[i]) else "") or np.nan for p in places] for i in full]
    return pd.DataFrame(cells, index=full, columns=list(columns), dtype=object)


def columns_of(path: Path) -> list[str]:
    """The column names of a table that `read_table` can read."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [name.strip() for name in next(csv.reader(lines))]


def content_of(path: Path, remedy: str, absent: str) -> bytes:
    """The bytes of a table.

    Raises:
        ManifestError: the file is absent (`absent` says what to do) or empty (`remedy`), or plainly no table.
    """
    if not path.is_file():
        raise ManifestError(f"{path}: no such file; {absent}")
    data = path.read_bytes()
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise ManifestError(f"{path}: empty; {remedy}")
    for start, cause in NO_TABLES.items():
        if text.startswith(start.encode()):
            raise ManifestError(f"{path}: {cause}")
    return data


def _records(path: Path, what: str, separator: str) -> list[list[str]]:
    absent = f"root must be the folder that holds {path.name} of {what}"
    data = content_of(path, f"use the official file of {what}", absent).removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("utf-8")
        if "\0" in text:
            raise csv.Error("it holds binary data")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except UnicodeDecodeError as error:
        raise not_utf8(path, data, error) from error
    except csv.Error as error:
        raise ManifestError(f"{path}: not a table of comma-separated values ({error}); download it again") from error


def not_utf8(path: Path, data: bytes, error: UnicodeDecodeError) -> ManifestError:
    """The error of a table that cannot be decoded, with the line."""
    place = 1 + data[: error.start].count(b"\n")
    return ManifestError(f"{path}: not UTF-8 (line {place}: {error.reason}); save it again as UTF-8")


def _no_column(column: str, header: list[str], separator: str) -> str:
    for other in (";", "\t", ","):
        if other != separator and any(other in name for name in header):
            return f"its cells are separated by {other!r}, not by {separator!r}; save it again"
    return suggest(column, header)


def locate(
    names: pd.Series, photos: dict[str, list[str]], path: Path, remedy: str, leave_out: bool = False
) -> pd.Series:
    """The paths of the photos that a column of a table names, with or without suffix, in any letter case.

    Args:
        names: the column; its name is used in errors.
        photos: what `find_photos` gives.
        path: the table, for errors.
        remedy: what to do where there is no photo of a name.
        leave_out: None in place of an error where there is no photo, for `dermimit.data.absent.without_absent`.

    Raises:
        ManifestError: a name is missing or leads out of the folder, or has no photo, or more than one.
    """
    problems, paths = [], []
    alike: dict[str, list[str]] = {}  # the photos by their names in any letter case
    for stem, files in photos.items():
        alike.setdefault(key(stem), []).extend(files)
    for index, name in names.items():
        name = None if is_missing(name) else str(name)
        file = PurePosixPath(name or "")
        stem = file.stem if file.suffix.lower() in PHOTO_SUFFIXES else file.name
        found = photos.get(stem) or alike.get(key(stem), [])
        exact = [p for p in found if PurePosixPath(p).name == file.name]
        found = exact or found
        if problem := "name the photo or remove the row" if name is None else path_problem(name, None):
            problems.append(describe(index, str(names.name), name, problem))
        elif len(found) > 1:
            problems.append(describe(index, str(names.name), name, f"found {' and '.join(found)}; keep one"))
        elif not found and not leave_out and not collecting():
            problems.append(
                describe(index, str(names.name), name, f"no photo of this name under {path.parent}; {remedy}")
            )
        paths.append(found[0] if found else None if leave_out else name)
    raise_problems(str(path), problems)
    return pd.Series(paths, names.index, dtype=object)


def named(cells: pd.DataFrame) -> pd.Series:
    """For each row of a table of True and False, the names of the columns that hold True."""
    return pd.Series([[c for c, yes in zip(cells, row, strict=True) if yes] for row in cells.to_numpy()], cells.index)
