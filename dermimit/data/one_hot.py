"""Columns of 0 and 1, one for each name, as ISIC's challenges and many exports give labels."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from dermimit.data.cells import is_missing
from dermimit.data.columns import fold
from dermimit.data.problems import command_line, describe, raise_problems

NO_DISEASES = {
    *("male", "female", "m", "f", "man", "woman", "men", "women", "boy", "girl", "sex_male", "sex_female", "left"),
    *("gender_male", "gender_female", "right", "yes", "no", "true", "false", "smoker", "nonsmoker"),
}
"""Folded names of columns of 0 and 1 that are no diseases, such as a patient's sex or a body's side."""
NO_LABELS = {
    *(
        "sex",
        "gender",
        "age",
        "age_group",
        "race",
        "ethnicity",
        "camera",
        "device",
        "source",
        "institution",
        "hospital",
    ),
    *(
        "site",
        "body_site",
        "body_part",
        "location",
        "localization",
        "localisation",
        "region",
        "country",
        "note",
        "notes",
    ),
    *("anatom_site_general", "anatom_site_general_challenge", "image_type", "dx_type", "diagnosis_confirm_type"),
    *("set", "split", "partition", "comment", "comments", "attribution", "copyright_license", "licence", "license"),
}
"""Folded names of columns of words that say something else of a photograph than its disease."""
YES = ("1", "1.0", "1,0", "true", "yes", "y", "x")
NO = ("0", "0.0", "0,0", "false", "no", "n")


def is_zero_one(cells: pd.Series) -> bool:
    """Whether a column holds 0 and 1 only, true and false, yes and no, or crosses, and at least one of them."""
    values = {str(v).strip().lower() for v in cells if not is_missing(v)}
    crossed = values <= {"x", "y", "yes"} and not any(map(is_missing, cells))  # such a word in all rows tells nothing
    return bool(values) and values <= {*YES, *NO} and not crossed


def zero_one_columns(frame: pd.DataFrame, exclude: Collection[str] = ()) -> list[str]:
    """The columns of 0 and 1 but some."""
    return [column for column in frame if column not in exclude and is_zero_one(frame[column])]


def may_be_diseases(columns: Sequence[str]) -> bool:
    """Whether columns of 0 and 1 may be diseases: not where each is one of `NO_DISEASES`."""
    return not all(fold(str(column)) in NO_DISEASES for column in columns)


def other_label(frame: pd.DataFrame, exclude: Collection[str]) -> str | None:
    """A column of words that may be the disease as well: 2 values or more, each of three rows on average.

    Not one whose name or values say something else, such as sex, side or site.
    """
    for column in frame:
        if fold(str(column)) in NO_LABELS:
            continue
        values = frame[column].dropna()
        words = values.map(lambda v: isinstance(v, str) and re.search(r"[^\W\d]{3}", v) is not None)
        if (
            len(values)
            and may_be_diseases(list(values.unique()))
            and column not in exclude
            and words.all()
            and 2 <= values.nunique() <= len(frame) / 3
        ):
            return str(column)
    return None


def decode(frame: pd.DataFrame, columns: Sequence[str], source: str) -> pd.DataFrame:
    """Columns of 0 and 1 as 1.0 and 0.0, NaN where a cell is empty.

    Raises:
        ManifestError: a cell is something else, by row.
    """
    remedy = "give 0 or 1, or leave it empty if unknown"
    problems, decoded = [], {}
    for column in columns:
        text = [None if is_missing(v) else str(v).strip().lower() for v in frame[column]]
        decoded[column] = [None if v is None else 1.0 if v in YES else 0.0 for v in text]
        odd = [i for i, v in zip(frame.index, text, strict=True) if v is not None and v not in (*YES, *NO)]
        problems += [describe(i, column, frame.at[i, column], remedy) for i in odd]
    raise_problems(source, problems)
    return pd.DataFrame(decoded, frame.index, dtype=float)


def one_name(frame: pd.DataFrame, columns: Sequence[str], source: str) -> pd.Series:
    """The name of the column that holds 1 in each row; None where none does.

    Raises:
        ManifestError: more than one does, by row.
    """
    ones = decode(frame, columns, source) == 1
    several = ones.index[ones.sum(axis=1) > 1]
    remedy = "1 in more than one of the columns; keep one, or import them as attributes"
    shown = [(i, " and ".join(c for c in columns if ones.at[i, c])) for i in several]
    raise_problems(source, [describe(i, "+".join(columns), names, remedy) for i, names in shown])
    names = [next((c for c, one in zip(columns, row, strict=True) if one), None) for row in ones.to_numpy()]
    return pd.Series(names, frame.index, dtype=object)


def is_one_hot(frame: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Whether each row has 1 in exactly one of two columns or more, and 0 in all others, or in none and no 0 anywhere.

    The latter are tables of crosses: what is empty is not marked.
    """
    if len(columns) < 2:
        return False
    table = decode(frame, columns, "")
    full = table.notna().all(axis=None) or not (table == 0).any(axis=None)
    return bool(full and (table.sum(axis=1) == 1).all())


def shares(frame: pd.DataFrame, exclude: Collection[str] = ()) -> list[str]:
    """The columns of numbers from 0 to 1, if there are two or more and they add up to 1 in each row; else none."""
    text = (
        frame[[c for c in frame if c not in exclude]].astype(str).replace(r"^\s*(\d*),(\d+)\s*$", r"\1.\2", regex=True)
    )
    numbers = text.apply(pd.to_numeric, errors="coerce")
    held = [c for c in numbers if numbers[c].between(0, 1).all()]
    even = len(held) > 1 and bool(((numbers[held].sum(axis=1) - 1).abs() < 0.01).all())
    return held if even else []


def import_command(table: Path, photos: Path, *mapping: str) -> str:
    """The command that turns a table into one of this project's, ready to be typed."""
    out = photos.resolve().with_name(f"{photos.resolve().name}-imported")
    words = ["dermimit", "data", "import", str(table), str(photos), "--out", str(out)]
    words += ["--map", *mapping] if mapping else []
    return command_line(words)
