"""The cells of a manifest in one form: text, whole numbers, lists and weights, and one way of saying "missing"."""

import re
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.columns import INTEGER_COLUMNS
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import raise_problems, row_number

ROMAN = ("I", "II", "III", "IV", "V", "VI")
LARGEST = 2**53  # beyond it a float skips whole numbers


def is_missing(value: object) -> bool:
    """Whether a label is unknown: None, or the NaN that a table read from a file has in its place."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def normalise(frame: pd.DataFrame, column: str, source: str, space: LabelSpace) -> pd.Series:
    """A column of a manifest in the one form that its cells have; all missing where the frame has no such column.

    Args:
        frame: n rows, with a unique index.
        column: one of `dermimit.data.columns.COLUMNS`.
        source: what to call the table in errors.
        space: says which columns hold lists.

    Returns:
        n values with the frame's index: Int64, or `str`, `list` or None. A value that is no list where one is wanted is
        kept as it is, for `rules` to report.

    Raises:
        ManifestError: a value of an integer column is not a whole number.
    """
    if column not in frame:
        dtype = "Int64" if column in INTEGER_COLUMNS else object
        return pd.Series([pd.NA if dtype == "Int64" else None] * len(frame), index=frame.index, dtype=dtype)
    values = frame[column]
    if column in INTEGER_COLUMNS:
        return _integers(values, column, source)
    clean = _as_list if column in space.list_columns else as_text
    return pd.Series([clean(v) for v in values], index=frame.index, dtype=object)


def _integers(values: pd.Series, column: str, source: str) -> pd.Series:
    values = values if pd.api.types.is_numeric_dtype(values) else values.map(_decimal_point)
    numbers = pd.to_numeric(values, errors="coerce")
    bad = (numbers.isna() & values.notna()) | (numbers.notna() & ((numbers % 1 != 0) | (numbers.abs() > LARGEST)))
    remedy = "give a whole number or leave it empty"
    raise_problems(source, [f"{row_number(i)}, column {column}: {values[i]!r}: {remedy}" for i in values.index[bad]])
    return numbers.astype("Int64")


def _decimal_point(value: Any) -> Any:
    """A whole number as Excel writes it in much of Europe: "3,0" is 3. "3,000" may be 3000 and is left."""
    return re.sub(r"^\s*(-?\d+),0{1,2}\s*$", r"\1", value) if isinstance(value, str) else value


def skin_type(value: Any) -> Any:
    """A Fitzpatrick skin type, such as IV, FST 4 or "Type IV", as a number in text; anything else as it is."""
    words = r"(?i)^(?:(?:fitzpatrick|skin|type|fst)[\s_-]*|\s)+"  # not "-1", which is none
    bare = re.sub(words, "", value).strip() if isinstance(value, str) else ""
    numeral = bare.upper()
    return (
        str(ROMAN.index(numeral) + 1)
        if numeral in ROMAN
        else bare
        if re.fullmatch(r"[1-6](?:[.,]0+)?", bare)
        else value
    )


def is_no_skin_type(value: Any) -> bool:
    """Whether a value is -1 or 0, with which some datasets say that the skin type is not known."""
    if isinstance(value, str):
        return bool(re.fullmatch(r"\s*(?:-1|0)(?:[.,]0+)?\s*", value))
    return isinstance(value, int | float | np.number) and value in (-1, 0)


def plain_id(value: Any) -> Any:
    """An identifier without the ".0" that a column of numbers gets where it has gaps: "12.0" and "12" are one."""
    return re.sub(r"^(\d+)[.,]0$", r"\1", value) if isinstance(value, str) else value


def as_text(value: Any) -> Any:
    """A value as text, None where it is missing; a whole number without a point."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)  # an integer id in a column with gaps is read as 12.0
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_list(value: Any) -> Any:
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(v) for v in value]
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def as_weights(value: Any) -> Any:
    """A dict sorted by name; the None that a Parquet file holds for each name that was not given is left out."""
    if isinstance(value, dict):
        return {str(k): v for k, v in sorted(value.items(), key=lambda item: str(item[0])) if not is_missing(v)}
    return None if is_missing(value) else value
