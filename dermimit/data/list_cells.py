"""Lists of names in the cells of a column, however they are written, where the whole column has one reading."""

import ast
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import pandas as pd

from dermimit.data.names import joined_names
from dermimit.data.problems import ManifestError, describe

SEPARATORS = ("|", "\n", ",", "/")  # beside ours, ";", which goes before them
SURE = ("|", "\n")  # no name has one
LONGEST = 16  # parts of a cell that are joined to known names in all ways
NONE_OF_THEM = (";", "[]")
BRACKETS = {"[": "]", "(": ")", "{": "}"}
QUOTED = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,|(?=['"])|$)""")
REMEDY = "write the names separated by ';', as in {example}, or give label_space.json, which says what is a name"


def parse_lists(
    cells: pd.Series, source: str, known: Collection[str] = (), several: bool = True, separator: str = ""
) -> tuple[pd.Series, str]:
    """A column of text as lists of names: ours ("scale; crust"), Python's, JSON's, or with another separator.

    Args:
        cells: text, or lists that are kept, or missing. A lone ";" and "[]" are none of the names.
        source: the table, for errors.
        known: the names, where the label space is given; a comma within one does not part it.
        several: whether a cell may hold several names in the first place. Otherwise (body part) only what is plainly a
            list counts as one, and where no cell is, the column stays as it is.
        separator: what parts the names, where it is known; "" to find it.

    Returns:
        The column, with its index; and what separated the names: ";", "[]", another separator, or "" for nothing.

    Raises:
        ManifestError: the column has two readings; names a row and how to write it.
    """
    text = {i: v for i, v in cells.items() if isinstance(v, str)}
    if separator:
        return _lists(cells, {i: _split(v, separator) for i, v in text.items()}), separator
    split = {i: _literal(v) for i, v in text.items() if v not in NONE_OF_THEM}
    bracketed = {i for i, names in split.items() if names is not None}
    for index, names in split.items():
        if names is None and several and text[index][:1] + text[index][-1:] in ("[]", "{}"):
            _refuse(cells, source, index, 'a list in brackets that cannot be read; write ["a", "b"]')
    if bracketed and (several or len(bracketed) == len(split)):
        if odd := [i for i in split if i not in bracketed]:
            _refuse(cells, source, odd[0], 'other rows are lists in brackets; write ["a", "b"] in each or in none')
        return _lists(cells, {i: split.get(i) or [] for i in text}), "[]"
    if known and not several and set(text.values()) <= set(known):  # "head/neck" is one of the names
        return cells, ""
    separator = _separator(cells, text, source, known, several)
    if not separator and not several:
        return cells, ""
    if separator in (",", "/") and known:
        return _lists(cells, {i: _by_known(v, separator, known) for i, v in text.items()}), separator
    return _lists(cells, {i: _split(v, separator or ";") for i, v in text.items()}), separator


def write_lists(cells: pd.Series) -> pd.Series:
    """The inverse of `parse_lists`: a column of lists as text, missing where it is missing."""
    quoted = any(mark in name for names in cells if isinstance(names, list) for name in names for mark in ';["|\n')
    return cells.map(lambda names: _cell(names, quoted) if isinstance(names, list) else names)


def _cell(names: list[str], quoted: bool) -> str:
    return json.dumps(names, ensure_ascii=False) if quoted else "; ".join(names) or ";"


def odd_names(cells: pd.Series) -> list[str]:
    """What is said of names in lists that may mean several names, or none of them."""
    names = set(cells.explode().dropna().astype(str)) if cells.map(lambda v: isinstance(v, list)).any() else set()
    joined = joined_names(names)
    notes = [f"column {cells.name}: {joined[0]!r} is read as one name; write '; ' between names"] if joined else []
    if none := sorted(name for name in names if name.lower() == "none"):
        notes.append(f"column {cells.name}: {none[0]!r} is read as a name; write ';' where none of the others is there")
    return notes


def _lists(cells: pd.Series, lists: dict[object, list[str]]) -> pd.Series:
    values = [lists.get(i, v) if isinstance(v, str) else v for i, v in cells.items()]
    return pd.Series(values, cells.index, dtype=object, name=cells.name)


def _split(cell: str, separator: str) -> list[str]:
    return [] if cell in NONE_OF_THEM else [name.strip() for name in cell.split(separator) if name.strip()]


def _literal(cell: str) -> list[str] | None:
    """The names in brackets as Python, JSON or NumPy prints them; None where the cell is no such list.

    Of a dictionary of names with 0 and 1, or false and true, the names that are true.
    """
    cell = cell.strip()
    if len(cell) < 2 or BRACKETS.get(cell[0]) != cell[-1]:
        return None
    if cell[0] == "{" and ":" in cell:
        return _true_names(cell)
    inner = cell[1:-1].strip()
    if cell == "{}":
        return []
    if inner[:1] not in ("'", '"'):  # [scale, crust]; "(scale)" is a name
        return [name.strip() for name in inner.split(",") if name.strip()] if cell[0] == "[" else None
    names, at = [], 0
    while at < len(inner):
        if not (match := QUOTED.match(inner, at)):
            return None
        names.append(_unquoted(match[1]).strip())
        at = match.end()
    return [name for name in names if name]


def _true_names(cell: str) -> list[str] | None:
    for parse in (json.loads, ast.literal_eval):
        try:
            values = parse(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(values, dict) and all(v in (0, 1) for v in values.values()):
            return [str(name).strip() for name, true in values.items() if true]
    return None


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except json.JSONDecodeError:  # Python's quotes
        return re.sub(r"\\(.)", r"\1", text[1:-1])


def _separator(cells: pd.Series, text: dict, source: str, known: Collection[str], several: bool) -> str:
    """What parts the names of a column; "" where nothing does."""
    holding = {s: {i: v for i, v in text.items() if s in v and v not in NONE_OF_THEM} for s in (";", *SEPARATORS)}
    first = next((s for s in (";", *SURE) if holding[s]), "")
    if first:
        _no_other(cells, text, first, source, known)
        return first
    for separator in (",", "/"):
        if holding[separator] and known:
            return separator
    if holding[","] and several:
        _prove_comma(cells, text, source)
        return ","
    return ""


def _no_other(cells: pd.Series, text: dict, separator: str, source: str, known: Collection[str]) -> None:
    """Refuse a column in which some rows use one separator and some another; what is a known name has neither."""
    names = {i: _split(v, separator) for i, v in text.items()}
    all_names = {name for found in names.values() for name in found}
    for index, found in names.items():
        unsure = [name for name in found if name not in known]
        for name, other in ((name, other) for name in unsure for other in (*SURE, ",") if other in name):
            if other != separator and all(part in all_names for part in _split(name, other)):
                _refuse(cells, source, index, f"other rows have {separator!r} between names; use it in all")


def _prove_comma(cells: pd.Series, text: dict, source: str) -> None:
    """Refuse a comma that may belong to a name, as in "erythema, mild".

    It parts names where no blank follows it anywhere, or where each part also stands alone or beside other parts.
    """
    holding = {i: v for i, v in text.items() if "," in v}
    if not any(re.search(r",\s", v) for v in holding.values()):
        return
    partners: dict[str, set[frozenset[str]]] = {}
    for names in (_split(v, ",") for v in set(text.values())):
        for name in names:
            partners.setdefault(name, set()).add(frozenset(names) - {name})
    for index, value in holding.items():
        for name in _split(value, ","):
            if len(partners[name]) < 2 and frozenset() not in partners[name]:
                cause = f"one name with a comma, or several? {name!r} is nowhere without the others"
                _refuse(cells, source, index, cause, _split(value, ","))


def _by_known(cell: str, separator: str, known: Collection[str]) -> list[str]:
    """The names of a cell, of which some may hold the separator; where they are not known, what is between them."""
    if cell in known:
        return [cell]
    parts = [] if cell in NONE_OF_THEM else [part.strip() for part in cell.split(separator)]
    readings = list(_readings(parts, separator, known)) if len(parts) <= LONGEST else []
    return min(readings, key=len) if readings else _split(cell, separator)


def _readings(parts: list[str], separator: str, known: Collection[str]) -> Iterator[list[str]]:
    """The ways to join neighbouring parts to known names."""
    if not parts:
        yield []
    for k in range(1, len(parts) + 1):
        names = dict.fromkeys(joint.join(parts[:k]) for joint in (separator, f"{separator} "))
        for name in names:
            if name in known:
                yield from ([name, *rest] for rest in _readings(parts[k:], separator, known))


def _refuse(
    cells: pd.Series, source: str, index: object, cause: str, names: Sequence[str] = ("scale", "crust")
) -> None:
    remedy = REMEDY.format(example=repr("; ".join(names)))
    raise ManifestError(f"{source}: {describe(index, str(cells.name), cells[index], f'{cause}; {remedy}')}")


def reading_note(cells: pd.Series, separator: str) -> str:
    """What is said of a column whose names were parted otherwise than by ";": the names, most frequent first."""
    count = Counter(name for names in cells if isinstance(names, list) for name in names)
    shown = ", ".join(repr(name) for name, _ in count.most_common(8))
    more = f" and {len(count) - 8} more" if len(count) > 8 else ""
    how = "in brackets" if separator == "[]" else f"separated by {separator!r}"
    return f"column {cells.name}: lists {how}, {len(count)} names: {shown}{more}"
