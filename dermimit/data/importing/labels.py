"""The values of a table in the forms of a manifest, and what is said of those that may mean something else."""

import pandas as pd

from dermimit.data.cells import plain_id, skin_type
from dermimit.data.importing.mapping import Mapping
from dermimit.data.list_cells import odd_names, parse_lists, reading_note
from dermimit.data.manifest_table import IDS, compose, read_splits, without_no_type
from dermimit.data.names import ERRORS, MARKERS, NO_ID, doubtful_names, missing_where, notes_on_ids
from dermimit.data.one_hot import decode, one_name
from dermimit.data.problems import describe, raise_problems


def convert(frame: pd.DataFrame, mapping: Mapping, source: str, separator: str = "") -> tuple[pd.DataFrame, list[str]]:
    """A table's columns as ours.

    A body part or a number that is written as one of `MARKERS`, and an identifier as one of `NO_ID`, is missing, and so
    is any failed formula; a disease or attribute of such a name is a name, and a note says how often it occurs.

    Args:
        frame: n rows of text.
        mapping: which column is which.
        source: the table, for errors.
        separator: between attributes in a cell, where it is known.

    Returns:
        n rows with the columns of a manifest that the table has, and notes.

    Raises:
        ManifestError: a value has no single reading, by row.
    """
    ours, notes = pd.DataFrame(index=frame.index), list[str]()
    for column, names in mapping.columns.items():
        if column in mapping.groups:
            for name, values in _from_group(frame, column, names, source, notes).items():
                ours[name] = values
            continue
        cells = frame[names[0]].rename(column).astype(object)
        cells = cells if column in ("image", "mask") else missing_where(cells.map(compose), ERRORS, notes)
        if column in ("body_part", "visit", "fitzpatrick", *IDS):
            cells = missing_where(cells, NO_ID if column in IDS else MARKERS, notes)
        if column in IDS:
            cells = cells.map(plain_id)
            notes += notes_on_ids(cells)
        if column in ("attributes", "attributes_unknown", "body_part"):
            cells, found = parse_lists(
                cells, source, (), column != "body_part", "" if column == "body_part" else separator
            )
            notes += odd_names(cells)
            notes += [reading_note(cells, found)] if found not in ("", ";", "[]") else []
        if column == "fitzpatrick":
            cells = without_no_type(cells, notes).map(skin_type)
        ours[column] = read_splits(cells) if column == "split" else cells
    for column in ("disease", "attributes", "body_part"):
        notes += doubtful_names(ours[column]) if column in ours else []
    _check_splits(ours, source)
    return ours, notes


def _from_group(
    frame: pd.DataFrame, column: str, names: tuple[str, ...], source: str, notes: list[str]
) -> dict[str, pd.Series]:
    """One-hot columns as one of names, or, for attributes, lists of those present and of those unknown."""
    if column == "disease":
        found = one_name(frame, names, source)
        notes += [f"{n} rows have 1 in none of the columns of disease"] if (n := int(found.isna().sum())) else []
        empty = [name for name in names if name not in set(found.dropna())]
        notes += [f"no row has 1 in {', '.join(empty)}: no disease of that name"] if empty else []
        return {column: found}
    table = decode(frame, names, source)
    known = table.notna().any(axis=1)
    present = [[n for n, v in zip(names, row, strict=True) if v == 1] for row in table.to_numpy()]
    if column == "body_part" and all(len(found) < 2 for found in present):
        return {column: pd.Series([found[0] if found else None for found in present], frame.index, dtype=object)}
    lists = pd.Series([p if k else None for p, k in zip(present, known, strict=True)], frame.index, dtype=object)
    if column == "body_part":
        return {column: lists}
    unknown = [[n for n, v in zip(names, row, strict=True) if v != v] for row in table.to_numpy()]
    partly = pd.Series([u if u and k else None for u, k in zip(unknown, known, strict=True)], frame.index, dtype=object)
    return {column: lists} | ({"attributes_unknown": partly} if partly.notna().any() else {})


def _check_splits(ours: pd.DataFrame, source: str) -> None:
    if "split" in ours and ours["split"].notna().any():
        remedy = "give train, val or test to every row, or leave the column out with --map split="
        raise_problems(source, [describe(i, "split", None, remedy) for i in ours.index[ours["split"].isna()]])
