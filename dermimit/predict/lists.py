"""A table of paths, as spreadsheets and programs write it."""

import csv
import io
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from dermimit.data.cells import is_missing
from dermimit.data.importing.mapping import USUAL
from dermimit.data.photo_names import key, plain, without_suffix
from dermimit.data.problems import ManifestError
from dermimit.data.stored import read_parquet
from dermimit.data.text_table import SEPARATORS, decode

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet")
FIRST = ("file", "image", "path", "filename", "filepath", "imagepath", "imagefile", "imagename", "photo")
COLUMNS = tuple(dict.fromkeys((*FIRST, "photopath", "imgid", *(name.replace("_", "") for name in USUAL["image"]))))
"""Names of the column of paths, without case, blanks, - and _; the first that is there counts."""


def read_list(table: Path) -> tuple[list[Path], int]:
    """The photographs that a table names.

    Paths are relative to the table's folder, or else to the working folder; with / or \\, with or without suffix.

    Args:
        table: UTF-8, UTF-16 or Windows-1252, cells separated by comma, semicolon, tab or pipe, with one of `COLUMNS`
            and, if need be, Excel's line `sep=` above; or one path a line; or Parquet.

    Returns:
        the paths, as the table has them where there is no such file; and how many rows name none.

    Raises:
        ManifestError: the file cannot be read, has none of `COLUMNS`, names no photograph, or one that may be several.
    """
    names = _from_parquet(table) if table.suffix.lower() == ".parquet" else _from_text(table)
    kept = [name.strip() for name in names if name and name.strip()]
    if not kept:
        raise ManifestError(f"{table}: it names no photograph; write one path a row")
    _names.cache_clear()
    return [_located(table, row, name) for row, name in enumerate(kept, start=1)], len(names) - len(kept)


def _from_parquet(table: Path) -> list[str]:
    frame = read_parquet(table)
    cells = frame.iloc[:, _column(table, list(map(str, frame)))]
    return ["" if is_missing(cell) else str(cell) for cell in cells]


def _from_text(table: Path) -> list[str]:
    rows = _rows(table)
    if not rows:
        raise ManifestError(f"{table}: empty; write one path a row")
    header, *rest = rows
    if not _candidates(header) and all(len(row) == 1 for row in rows):  # one path a line, without a header
        return [row[0] for row in rows]
    place = _column(table, header)
    return [row[place] if place < len(row) else "" for row in rest]


def _rows(table: Path) -> list[list[str]]:
    text, _ = decode(table, table.read_bytes())
    given = re.match(r"sep=(.)\r?\n", text)
    text = text[given.end() :] if given else text
    first = text.lstrip().partition("\n")[0]
    separator = given[1] if given else max(SEPARATORS, key=first.count)
    if first.count(separator) == 0 or (table.suffix.lower() == ".txt" and not _candidates(first.split(separator))):
        return [[line.strip().strip('"')] for line in text.splitlines() if line.strip()]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ManifestError(
            f'{table}: not a table of separated values ({error}); close or remove the quotes (")'
        ) from error
    return [row for row in rows if any(cell.strip() for cell in row)]


def _candidates(header: Sequence[str]) -> list[int]:
    """Places of the columns of paths, the most likely first."""
    plain = ["".join(c for c in name.casefold() if c.isalnum()) for name in header]
    return [plain.index(name) for name in COLUMNS if name in plain]


def _column(table: Path, header: list[str]) -> int:
    if places := _candidates(header):
        return places[0]
    held = ", ".join(repr(name.strip()) for name in header)
    raise ManifestError(f"{table}: no column of paths; it has {held}; call the column 'image', 'file' or 'path'")


def _located(table: Path, row: int, name: str) -> Path:
    """The file of this name, in any spelling of it, beside the table or in the working folder; else the name.

    Raises:
        ManifestError: a name without suffix is that of several files.
    """
    for spelt in dict.fromkeys((name, name.replace("\\", "/"), plain(name))):
        for base in (table.parent, Path()):
            if found := _spelt_so(base / spelt):
                if len(found) > 1:
                    files = " and ".join(sorted(path.name for path in found))
                    raise ManifestError(f"{table}: {name!r}, entry {row}: found {files}; give the suffix")
                return found[0]
    return Path(name)


def _spelt_so(path: Path) -> list[Path]:
    """The files of this name; else those that differ in letter case or Unicode form, or have a photograph's suffix."""
    if os.path.lexists(path) and not path.is_dir():
        return [path]
    bare = without_suffix(path.name) == path.name
    form = without_suffix if bare else str
    near = [name for name in _names(path.parent) if key(form(name)) == key(path.name)]
    exact = [name for name in near if form(name) == path.name]
    return [path.parent / name for name in exact or near]


@lru_cache(maxsize=64)
def _names(folder: Path) -> tuple[str, ...]:
    """The photographs of a folder, by name; none where there is no such folder."""
    try:
        entries = [entry.name for entry in os.scandir(folder) if not entry.is_dir()]
    except OSError:
        return ()
    return tuple(name for name in entries if without_suffix(name) != name)
