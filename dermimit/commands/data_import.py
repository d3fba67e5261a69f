"""`dermimit data import`."""

from pathlib import Path
from typing import Annotated, Literal

import tyro


def import_table(
    table: Annotated[Path, tyro.conf.Positional],
    photos: Annotated[Path, tyro.conf.Positional],
    /,
    out: Path,
    mapping: Annotated[tuple[str, ...], tyro.conf.arg(name="map")] = (),
    names_separated_by: str = "",
    photographs: Literal["link", "copy"] = "link",
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
) -> None:
    """Convert another table and a folder of photographs into a dataset "folder", and report on each photograph.

    Args:
        table: .csv, .tsv, .xlsx, .parquet or .jsonl with a row for each image, such as that of HAM10000 or ISIC.
        photos: folder of the photographs, at any depth.
        out: folder to write; it must be absent or empty.
        mapping: meaning of the columns, if the guess is wrong: image=image_id disease=dx body_part=localization;
            columns of 0 and 1 as disease=MEL+NV+BCC or attributes=scale+crust; body_part= for none.
        names_separated_by: separator of the attributes in a cell, such as ",", if it cannot be detected.
        photographs: hard links, which take no space, where possible; or copies.
        dry_run: print what would be done and write nothing.
    """
    from dermimit.data.importing.run import import_table

    print(import_table(table, photos, out, mapping, names_separated_by, photographs, dry_run))
