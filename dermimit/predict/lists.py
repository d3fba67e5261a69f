"""A table of paths, as spreadsheets and programs write it."""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from dermimit.data.cells import is_missing
from dermimit.data.importing.mapping import USUAL
from dermimit.data.photo_files import PHOTO_SUFFIXES
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
        ManifestError: the file cannot be read, has none of `COLUMNS`, or names no photograph.
    """
    names = _from_parquet(table) if table.suffix.lower() == ".parquet" else _from_text(table)
    kept = [name.strip() for name in names if name and name.strip()]
    if not kept:
        raise ManifestError(f"{table}: it names no photograph; write one path a row")
    return [_located(name, table.parent) for name in kept], len(names) - len(kept)


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
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
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


def _located(name: str, folder: Path) -> Path:
    """The file of this name, in any spelling of it, beside the table or in the working folder; else the name."""
    for spelt in dict.fromkeys((name, name.replace("\\", "/"))):
        for form in dict.fromkeys((spelt, unicodedata.normalize("NFC", spelt), unicodedata.normalize("NFD", spelt))):
            for base in (folder, Path()):
                path = base / form
                bare = path.suffix.lower() not in PHOTO_SUFFIXES
                endings = ["", *(s for end in PHOTO_SUFFIXES for s in (end, end.upper()))] if bare else [""]
                for candidate in (Path(f"{path}{ending}") for ending in endings):
                    if os.path.lexists(candidate) and not candidate.is_dir():
                        return candidate
    return Path(name)
