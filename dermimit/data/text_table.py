"""A table as other programs write it: any usual encoding and separator, found, and never guessed in silence."""

import csv
import io
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dermimit.data.columns import fold
from dermimit.data.photo_names import without_suffix
from dermimit.data.problems import ManifestError
from dermimit.data.tables import as_frame, content_of, not_utf8
from dermimit.spreadsheets import of_cell

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
WESTERN = "cp1252"
NOT_WESTERN = re.compile(  # where cp1252 gives what no Western language writes
    r"[^\W\d_a-zA-Z]{3}|(?<=[a-zß-ÿ])[À-ÞŠŽŒŸ](?=[a-zß-ÿ])|(?<=[^\W\d_])[¡-©«-¿×÷†‡ˆ˜‰‹›„…•ƒ](?=[^\W\d_])"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


@dataclass(frozen=True)
class TextTable:
    """A table as text.

    Args:
        frame: cells without blanks around them, NaN where empty; index label i is row i + 2 of a spreadsheet.
        encoding: "utf-8", "utf-16-le", "utf-16-be" or "cp1252".
        separator: one of `SEPARATORS`.
        doubt: what to say of an encoding that is supposed and not known; else "".
    """

    frame: pd.DataFrame
    encoding: str
    separator: str
    doubt: str = ""


def read_text_table(path: Path, known: Collection[str] = ()) -> TextTable:
    """All named columns of a table of separated values.

    UTF-8 or UTF-16, with or without byte-order mark, or Windows-1252 where it is plausible, which is for the caller
    to say; any line ends; separated by commas, semicolons, tabs or pipes, as the header and Excel's line `sep=` say.

    Args:
        path: the file.
        known: folded names of columns (`dermimit.data.columns.fold`) by which a separator is told from a letter.

    Raises:
        ManifestError: it is not a table, cannot be decoded, has two readings, or a cell that holds rows of it.
    """
    text, encoding = decode(path, content_of(path, "add a header and a row for each image", "correct the name"))
    if not text.strip():
        raise ManifestError(f"{path}: empty; add a header and a row for each image")
    given = re.match(r"sep=(.)\r?\n", text)
    text = text[given.end() :] if given else text.lstrip("\r\n")
    try:
        separator = given[1] if given else find_separator(path, text, known)
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise ManifestError(
            f"{path}: not a table of separated values ({error}); save it again as comma-separated values"
        ) from error
    _refuse_swallowed_rows(path, header, rows, separator)
    header = [unicodedata.normalize("NFC", name.strip().strip("\ufeff")) for name in header]
    columns = list(dict.fromkeys(name for name in header if name))
    frame = as_frame(path, header, rows, columns, separator, "add one row for each image")
    frame = frame.map(of_cell).rename(columns=of_cell)
    return TextTable(frame, encoding, separator, doubt(text) if encoding == WESTERN else "")


def _refuse_swallowed_rows(path: Path, header: list[str], rows: list[list[str]], separator: str) -> None:
    """Raise where two stray quotes have made one cell of the rows between them.

    Such a cell holds lines with as many parts as the header: one that names a photograph, or two, since a remark of
    several lines may have one by chance.
    """
    for number, row in enumerate(rows, start=2):
        for name, cell in zip(header, row, strict=False):
            lines = cell.splitlines()[1:] if "\n" in cell or "\r" in cell else []
            alike = [line for line in lines if len(line.split(separator)) == len(header)]
            parts = [part.strip() for line in alike for part in line.split(separator)]
            if any(without_suffix(part) != part for part in parts) or (len(header) > 2 and len(alike) > 1):
                raise ManifestError(
                    f"{path}: row {number}, column {name}: a quote that is not closed in its row makes one cell of it "
                    f"and {len(lines)} further line(s), such as {alike[0]!r:.80}; "
                    'remove the quote (") or write two of them ("")'
                )


def decode(path: Path, data: bytes) -> tuple[str, str]:
    """The text of a file, and its encoding.

    Raises:
        ManifestError: no encoding fits.
    """
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), _without_mark(data))
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ManifestError(f"{path}: damaged {encoding} ({error.reason}); save it again as UTF-8") from error
        try:
            text, encoding = data.decode(WESTERN), WESTERN
        except UnicodeDecodeError:
            raise not_utf8(path, data, error) from error
        if NOT_WESTERN.search(text):
            raise not_utf8(path, data, error) from error
    if "\0" in text:
        raise ManifestError(f"{path}: not a table of separated values (it holds binary data); save it again as UTF-8")
    return text, encoding


def doubt(text: str) -> str:
    """What to say of text that was read as Windows-1252, with an example."""
    example = re.search(r"\w*[^\x00-\x7f]\w*", text)
    return f"not UTF-8, so it was read as Windows-1252 (cp1252), as in {example[0] if example else ''!r}"


def _without_mark(data: bytes) -> str:
    """UTF-16 without a byte-order mark shows by its zeros: every second byte of Latin text."""
    head = data[:400]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) / 5 or min(even, odd):
        return "utf-8"
    return "utf-16-le" if odd else "utf-16-be"


def find_separator(path: Path, text: str, known: Collection[str] = ()) -> str:
    """The separator of a table, from its header and, where that has two readings, from all its rows.

    Raises:
        ManifestError: two separators fit equally well.
    """
    headers = {}
    for separator in SEPARATORS:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
        if len(header) > 1:
            headers[separator] = header
    if len(headers) < 2:
        return next(iter(headers), ",")
    score = {s: len({fold(name) for name in header} & set(known)) for s, header in headers.items()}
    best = [s for s in headers if score[s] == max(score.values())]
    even = [s for s in best if _is_even(text, s)] if len(best) > 1 else best
    if len(even) == 1:
        return even[0]
    names = " or ".join(SEPARATORS[s] for s in best)
    raise ManifestError(f"{path}: separated by {names}? Put quotes round the column names that hold one of them")


def _is_even(text: str, separator: str) -> bool:
    """Whether all rows have as many cells as the header."""
    lengths = {len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)}
    return len(lengths) == 1
