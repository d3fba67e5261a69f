"""The whole import: from a table and photographs to a checked dataset, or to what it would be."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from dermimit.data.columns import COLUMNS, WEIGHTS_COLUMN, fold
from dermimit.data.importing.labels import convert
from dermimit.data.importing.mapping import KNOWN, Mapping, find_mapping
from dermimit.data.importing.matching import Matched, match
from dermimit.data.importing.source import Source, read_source
from dermimit.data.importing.summary import summary
from dermimit.data.importing.writing import check_out, write_folder
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.schema import validate_manifest

OURS = (*COLUMNS, WEIGHTS_COLUMN)


def import_table(
    table: Path | str,
    photos: Path | str,
    out: Path | str,
    mapping: Sequence[str] = (),
    separator: str = "",
    photographs: Literal["link", "copy"] = "link",
    dry_run: bool = False,
) -> str:
    """Turn a table and a folder of photographs into a dataset "folder".

    Rows without photograph, or without any label, and photographs without row are left out, counted and listed in
    `not_imported.csv`; a row without disease that has another label is kept. Columns that are not mapped are kept
    unread.

    Args:
        table: separated values in any usual encoding, `.xlsx`, Parquet or JSON lines; a row for each image.
        photos: folder of the photographs, at any depth.
        out: folder to write; absent or empty. It is complete afterwards, or as it was.
        mapping: as in `dermimit.data.importing.mapping.find_mapping`.
        separator: between the attributes of a cell, where it cannot be told.
        photographs: hard links where they are possible, else copies; or copies.
        dry_run: write nothing.

    Returns:
        What was done, as text for a terminal.

    Raises:
        ManifestError: the table, its mapping or a value is wrong, by file, row and remedy; or no photograph is found.
        OSError: a file cannot be read or written.
    """
    table, photos, out = Path(table), Path(photos), Path(out)
    _check_photos(photos)
    check_out(out, photos)
    source = read_source(table, KNOWN)
    found = find_mapping(source.frame, mapping, str(table))
    ours, notes = convert(source.frame, found, str(table), separator)
    matched = match(ours, photos, str(table))
    if matched.frame.empty:
        raise ManifestError(_nothing(matched, ours, photos, table))
    space, dropped = _label_space(matched.frame, out.resolve().name, found, str(table))
    checked = _frame(matched.frame, space, source, found, dropped)
    notes = [*source.notes, *notes, *matched.notes, *_dropped(dropped)]
    linked = None if dry_run else write_folder(out, photos, checked, space, matched.left, photographs)
    return summary(source, found, ours, matched, space, notes, photos, out, linked)


def _check_photos(photos: Path) -> None:
    if photos.is_file():
        remedy = (
            "unpack it first"
            if photos.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
            else "is a file"
        )
        raise ManifestError(f"{photos}: {remedy}, and name the folder of the photographs")
    if not photos.is_dir():
        raise ManifestError(f"{photos}: no such folder; name that of the photographs")


def _nothing(matched: Matched, ours: pd.DataFrame, photos: Path, table: Path) -> str:
    rows = [row for row in matched.left if row.row is not None]
    files = [row.image for row in matched.left if row.row is None]
    if not matched.files:
        return f"{photos}: no photographs; name the folder that holds those of {table}"
    if not any(row.reason.startswith("no photograph") for row in rows):
        return f"{table}: no row can be imported: row {rows[0].row}, {rows[0].image!r}: {rows[0].reason}"
    return (
        f"{table}: none of its {len(ours):,} images is below {photos}: the table names {rows[0].image!r}, the folder "
        f"holds {files[0] if files else 'others'!r}; name the right folder, or the right column with --map image=COLUMN"
    )


def _label_space(frame: pd.DataFrame, name: str, found: Mapping, source: str) -> tuple[LabelSpace, list[str]]:
    """The names that occur; and those of attributes that no photograph is known to show."""

    def names(column: str) -> set[str]:
        return set(frame[column].explode().dropna()) if column in frame else set()

    if not names("disease"):
        raise ManifestError(
            f"{source}: no row with a photograph has a disease; name its column with --map disease=COLUMN"
        )
    several = "body_part" in frame and frame["body_part"].map(lambda v: isinstance(v, list)).any()
    columns = found.columns["attributes"] if "attributes" in found.groups else ()
    dropped = sorted({*columns, *names("attributes_unknown")} - names("attributes"))
    disease, body_part, attributes = (tuple(sorted(names(c))) for c in ("disease", "body_part", "attributes"))
    return LabelSpace(name, disease, body_part, attributes, bool(several)), dropped


def _frame(frame: pd.DataFrame, space: LabelSpace, source: Source, found: Mapping, dropped: list[str]) -> pd.DataFrame:
    """The checked manifest, with the columns that are not mapped."""
    if dropped:
        unknown = [
            [n for n in v if n not in dropped] if isinstance(v, list) else v for v in frame["attributes_unknown"]
        ]
        frame = frame.assign(attributes_unknown=[v or None for v in unknown])
    if space.several_body_parts:
        frame = frame.assign(body_part=[[v] if isinstance(v, str) else v for v in frame["body_part"]])
    for column in found.unused:
        frame = frame.assign(**{_further(column, frame): source.frame.loc[frame.index, column]})
    return validate_manifest(frame, space, source=str(source.path))


def _further(column: str, frame: pd.DataFrame) -> str:
    """A name for a column that is not mapped, unlike any of ours."""
    clash = fold(column) in OURS or difflib.get_close_matches(column.lower(), OURS, n=1, cutoff=0.8)
    name = f"source {column}" if clash else column
    while name in frame:
        name = f"source {name}"
    return name


def _dropped(names: list[str]) -> list[str]:
    return [f"attributes that no photograph is known to show are left out: {', '.join(names)}"] if names else []
