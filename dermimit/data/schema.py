"""The manifest: one checked table that feeds every dataset, model and figure."""

import difflib
from functools import partial
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from dermimit.data.cells import as_weights, normalise
from dermimit.data.columns import COLUMNS, LIST_COLUMNS, WEIGHTS_COLUMN
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError, describe, raise_problems
from dermimit.data.rules import Rule, rules_of, weights_problem


def validate_manifest(
    frame: pd.DataFrame, label_space: LabelSpace, root: Path | str | None = None, source: str = "manifest"
) -> pd.DataFrame:
    """A checked copy of a manifest, with every column of `COLUMNS` and one way of saying "missing".

    Args:
        frame: one row an image; `image` and `disease` are required columns, others may be absent.
        label_space: the names that labels may take.
        root: folder that `image` and `mask` are relative to; where given, the files must exist inside it.
        source: what to call the table in errors, usually its file.

    Returns:
        A frame with the same index. Text is `str` or None; `attributes`, `attributes_unknown` and, where a photo may
        show several, `body_part` are `list` or None; `visit` and `fitzpatrick` are Int64. The optional column
        `disease_weights` is `dict` (name -> weight) or None. Further columns are kept as they are.

    Raises:
        ManifestError: names each wrong row and column, its value, and the remedy.
    """
    _check_columns(frame, source)
    frame = frame.copy()
    for column in COLUMNS:
        frame[column] = normalise(frame, column, source, label_space)
    rules = rules_of(label_space, Path(root) if root is not None else None)
    if WEIGHTS_COLUMN in frame:
        frame[WEIGHTS_COLUMN] = pd.Series([as_weights(v) for v in frame[WEIGHTS_COLUMN]], frame.index, dtype=object)
        rules[WEIGHTS_COLUMN] = partial(weights_problem, known=label_space.diseases)
    columns = {c: pa.Column(nullable=True, checks=_check(rule)) for c, rule in rules.items()}
    try:
        pa.DataFrameSchema(columns).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        failed = dict.fromkeys(zip(error.failure_cases["index"], error.failure_cases["column"], strict=True))
        raise_problems(source, [describe(i, c, frame.at[i, c], rules[c](frame.at[i, c])) for i, c in failed])
    _check_rows(frame, source)
    return frame


def _check_columns(frame: pd.DataFrame, source: str) -> None:
    for column in ("image", "disease"):
        if column not in frame:
            raise ManifestError(
                f"{source}: no column {column!r}; add it, or rename one of: {', '.join(map(str, frame))}"
            )
    for column in set(map(str, frame)) - {*COLUMNS, WEIGHTS_COLUMN}:
        if near := difflib.get_close_matches(column.lower(), (*COLUMNS, WEIGHTS_COLUMN), n=1, cutoff=0.85):
            raise ManifestError(f"{source}: column {column!r} is not known; did you mean {near[0]!r}? Rename it")
    if not frame.index.is_unique:
        raise ManifestError(f"{source}: two rows have the same index label; call frame.reset_index(drop=True) first")
    if frame.empty:
        raise ManifestError(f"{source}: no rows; add one row for each image")


def _check(rule: Rule) -> pa.Check:
    return pa.Check(lambda value: rule(value) is None, element_wise=True)


def _check_rows(frame: pd.DataFrame, source: str) -> None:
    image, missing, twice = frame["image"], frame["image"].isna(), frame["image"].duplicated()
    problems = [describe(i, "image", image[i], "name the photo's file or remove the row") for i in image.index[missing]]
    problems += [describe(i, "image", image[i], "given twice; keep one row") for i in image.index[twice & ~missing]]
    for index, present, unknown in frame[list(LIST_COLUMNS)].itertuples():
        if both := set(present or ()) & set(unknown or ()):
            remedy = "also in column attributes; keep it in one of the two"
            problems.append(describe(index, "attributes_unknown", sorted(both)[0], remedy))
    for index, disease, weights in frame[["disease", WEIGHTS_COLUMN]].itertuples() if WEIGHTS_COLUMN in frame else ():
        if weights and weights.get(disease, 0) < max(weights.values()):
            remedy = f"not the heaviest of column {WEIGHTS_COLUMN}; write {max(weights, key=weights.get)!r}"
            problems.append(describe(index, "disease", disease, remedy))
    raise_problems(source, problems)
