"""What an import did, or would do, as text for a terminal."""

from pathlib import Path

import pandas as pd

from dermimit.data.importing.mapping import Mapping
from dermimit.data.importing.matching import Left, Matched
from dermimit.data.importing.source import Source
from dermimit.data.importing.writing import NOT_IMPORTED
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import command_line

SHOWN, EXAMPLES, WIDTH = 10, 3, 60


def summary(
    source: Source,
    mapping: Mapping,
    ours: pd.DataFrame,
    matched: Matched,
    space: LabelSpace,
    notes: list[str],
    photos: Path,
    out: Path,
    linked: int | None,
) -> str:
    """The text.

    Args:
        source: the table as it was found.
        mapping: what its columns became.
        ours: its rows in our columns.
        matched: those with photographs.
        space: the names.
        notes: what should be known.
        photos: folder of the photographs.
        out: folder written.
        linked: number of hard links; None if nothing was written.
    """
    lines = [f"{source.path}: {len(source.frame):,} rows ({source.kind})"]
    lines += [_column(column, mapping, ours) for column in mapping.columns]
    if mapping.unused:
        lines.append(f"  not used, kept as they are: {', '.join(mapping.unused)}")
    if mapping.hot:
        lines.append(f"  {', '.join(mapping.hot)} hold 0 and 1; if they are attributes: "
                     + command_line(["--map", f"attributes={'+'.join(mapping.hot)}"]))  # fmt: skip
    lines.append(
        "  wrong? Give --map OURS=THEIRS, such as disease=dx; disease=A+B+C for columns of 0 and 1; OURS= for none"
    )
    lines += [f"  note: {note}" for note in notes]
    names = {"diseases": space.diseases, "body parts": space.body_parts, "attributes": space.attributes}
    lines += [f"  {len(found)} {name}: {_cut(', '.join(found))}" for name, found in names.items() if found]
    rows = [row for row in matched.left if row.row is not None]
    files = [row for row in matched.left if row.row is None]
    lines.append(f"{photos}: {matched.files:,} photographs, {len(matched.frame):,} with a row")
    if matched.merged:
        lines.append(f"  {matched.merged:,} rows say the same of a photograph as another, and are merged")
    lines += _left("rows not imported", rows) + _left("photographs without a row", files)
    lines += [f"  {NOT_IMPORTED} lists all of them"] if matched.left else []
    if linked is None:
        return "\n".join([*lines, "dry run: nothing was written"])
    copied = len(matched.frame) - linked
    how = [f"{linked:,} as hard links, which take no room"] if linked > 0 else []
    how += [f"{copied:,} as copies"] if copied > 0 else []
    lines.append(f"{out}: {len(matched.frame):,} photographs ({', '.join(how)}), manifest.csv, label_space.json"
                 + (f", {NOT_IMPORTED}" if matched.left else ""))  # fmt: skip
    return "\n".join([*lines, "", *_next(out)])


def _column(column: str, mapping: Mapping, ours: pd.DataFrame) -> str:
    theirs = " + ".join(mapping.columns[column])
    how = "as given" if column in mapping.given else "guessed"
    how = f"columns of 0 and 1, {how}" if column in mapping.groups else how
    filled = ours[column].dropna()
    values = filled.explode().dropna().drop_duplicates().head(EXAMPLES)
    return (
        f"  {column:<12} <- {_cut(theirs)} ({how}): {len(filled):,} filled, such as {_cut(', '.join(map(str, values)))}"
    )


def _left(what: str, left: list[Left]) -> list[str]:
    lines = [f"  {what}: {len(left):,}"]
    for row in left[:SHOWN]:
        place = "" if row.row is None else f"row {row.row}: "
        nearest = f"; nearest: {row.nearest}" if row.nearest else ""
        lines.append(f"      {place}{row.image or '(empty)'}: {row.reason}{nearest}")
    return lines + ([f"      ... and {len(left) - SHOWN:,} more"] if len(left) > SHOWN else [])


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[:WIDTH].rstrip()} ..."


def _next(out: Path) -> list[str]:
    check = ["dermimit", "data", "check", str(out), "--dataset", "folder"]
    train = ["dermimit", "train", "--dataset", "folder", "--data-root", str(out), "--out", str(Path("runs") / out.name)]
    return ["next:", f"  {command_line(check)}", f"  {command_line(train)}"]
