"""Any table as text: separated values, a workbook, Parquet or JSON lines."""

import io
import json
import unicodedata
import warnings
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.photo_files import shown
from dermimit.data.problems import ManifestError
from dermimit.data.stored import read_parquet
from dermimit.data.tables import as_frame
from dermimit.data.text_table import SEPARATORS, read_text_table
from dermimit.extras import extra

EMPTY = "add one row for each image"
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Source:
    """A table as it was found.

    Args:
        path: its file.
        frame: cells as text without blanks around it, or lists of text, NaN where empty; index label i is row i + 2.
        kind: how it was read, in words.
        notes: what should be known of that.
    """

    path: Path
    frame: pd.DataFrame
    kind: str
    notes: list[str] = field(default_factory=list)


def read_source(path: Path, known: Collection[str]) -> Source:
    """Read a table, of a kind that its content shows.

    Args:
        path: the file.
        known: folded column names, by which a separator is told.

    Raises:
        ManifestError: there is no such file, or it is no table.
        MissingExtraError: it is a workbook, and openpyxl is not installed.
    """
    if not path.is_file():
        raise ManifestError(f"{path}: no such file; name the table")
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(OLD_WORKBOOK):
        raise ManifestError(f"{path}: a workbook of an old kind (.xls); save it as .xlsx or as comma-separated values")
    if head.startswith(b"PAR1"):
        return Source(path, _as_text(read_parquet(path), path), "Parquet")
    if head.startswith(b"PK\x03\x04") and _is_workbook(path):
        return _workbook(path)
    if head.startswith((b"{", b"[")) and path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return Source(path, _as_text(_json(path), path), "JSON")
    table = read_text_table(path, known)
    kind = f"{SEPARATORS.get(table.separator, repr(table.separator))} between cells, {table.encoding.upper()}"
    return Source(path, table.frame, kind, [f"the table is {table.doubt}"] if table.doubt else [])


def _as_text(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if frame.empty:
        raise ManifestError(f"{path}: no rows; {EMPTY}")
    names = [unicodedata.normalize("NFC", str(name).strip()) for name in frame]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ManifestError(f"{path}: column {twice!r} is given twice; keep one")
    columns = {name: frame[column].map(_cell) for name, column in zip(names, frame, strict=True)}
    return pd.DataFrame(columns, dtype=object).reset_index(drop=True)


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(v) for v in value]
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if is_missing(value) or value is pd.NaT:
        return np.nan
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return (value.isoformat() if isinstance(value, date) else str(value).strip()) or np.nan


def _json(path: Path) -> pd.DataFrame:
    """One object a line, or one list of them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        whole = json.loads(text) if text.lstrip().startswith("[") else None
        rows = whole if whole is not None else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not JSON with one object a line ({error}); save it again") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ManifestError(f"{path}: not one JSON object for each image; save it so")
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})


def _is_workbook(path: Path) -> bool:
    return zipfile.is_zipfile(path) and "xl/workbook.xml" in zipfile.ZipFile(path).namelist()


def _workbook(path: Path) -> Source:
    with extra("data"):
        import openpyxl
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of drawings and filters that are not read
        try:  # not read_only: that trusts the size that the file gives, and has no merged cells
            data = path.read_bytes()
            book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
            sheet = book.worksheets[0]
            sheets = [sheet.title, *(name for name in book.sheetnames if name != sheet.title)]
            lost = (
                _without_value(sheet, openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]) if _formulas(data) else []
            )
            _filled_down(sheet, notes := list[str]())
            rows = [[_cell(v) for v in row] for row in sheet.iter_rows(values_only=True)]
        except Exception as error:  # openpyxl raises anything on a broken file
            raise ManifestError(
                f"{path}: not a workbook that can be read ({error}); save it as comma-separated values"
            ) from error
    if lost:
        raise ManifestError(
            f"{path}: sheet {sheets[0]!r} has {len(lost)} formulas whose values are not stored, such as in {lost[0]}; "
            "open it in a spreadsheet program and save it again, or save it as comma-separated values"
        )
    text = [["" if is_missing(v) else v for v in row] for row in rows]
    if not any(map(any, text)):
        raise ManifestError(f"{path}: the sheet {sheets[0]!r} is empty; put the table on the first sheet")
    header, *body = text
    header = [unicodedata.normalize("NFC", name) for name in header]
    columns = list(dict.fromkeys(name for name in header if name))
    notes += [f"sheet {sheets[0]!r} is read, not {', '.join(map(repr, sheets[1:]))}"] if sheets[1:] else []
    return Source(path, as_frame(path, header, body, columns, ",", EMPTY), f"workbook, sheet {sheets[0]!r}", notes)


def _filled_down(sheet: Any, notes: list[str]) -> None:
    """Gives the value of cells that are merged below the header to each row of them; says which they are."""
    merged = [area for area in sheet.merged_cells.ranges if area.min_row > 1 and area.max_row > area.min_row]
    values = {area.coord: sheet.cell(area.min_row, area.min_col).value for area in merged}
    for area in merged:
        sheet.unmerge_cells(area.coord)
        for row in range(area.min_row, area.max_row + 1):
            sheet.cell(row, area.min_col).value = values[area.coord]
    if merged:
        notes.append(f"{len(merged)} merged cells are read as their value in each row: {shown(sorted(values))}")


def _formulas(workbook: bytes) -> bool:
    """Whether there may be formulas in a workbook, which is read a second time then."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        return any(b"<f" in parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/"))


def _without_value(sheet: Any, formulas: Any) -> list[str]:
    """The cells with a formula, where the file holds no value of any: a program wrote it, and nobody has opened it."""
    cells = [cell for row in formulas.iter_rows() for cell in row if cell.data_type == "f"]
    known = any(sheet.cell(cell.row, cell.column).value is not None for cell in cells)
    return [] if known else [cell.coordinate for cell in cells]
