"""The label space and the manifest: one checked table that feeds every dataset, model and figure."""

import difflib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from jaxtyping import Float32

TASKS = ("body_part", "attributes", "disease")
SPLITS = ("train", "val", "test")
COLUMNS = ("image", "disease", "body_part", "attributes", "attributes_unknown", "mask")
COLUMNS += ("patient_id", "lesion_id", "visit", "fitzpatrick", "split")
LIST_COLUMNS = ("attributes", "attributes_unknown")
WEIGHTS_COLUMN = "disease_weights"  # optional: a dict of disease -> weight where the label is uncertain
INTEGER_COLUMNS = ("visit", "fitzpatrick")
MANIFEST_FILE, LABEL_SPACE_FILE = "manifest.parquet", "label_space.json"
SHOWN = 10  # problems listed in one error; the rest are counted
Rule = Callable[[Any], str | None]


_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


class ManifestError(ValueError):
    """A table, its label space or one of its values is wrong; the message says where and what to do."""


@contextmanager
def collect_problems() -> Iterator[list[str]]:
    """Inside it, wrong values are noted in the list it gives instead of raised, and absent files are let pass.

    For looking at a broken dataset as a whole; what was loaded must not be used for anything else.
    """
    problems: list[str] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def collecting() -> bool:
    """Whether problems are being collected (see `collect_problems`)."""
    return _collected.get() is not None


def suggest(name: object, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest known names, or else all of them."""
    known = list(known)
    lower = {k.lower(): k for k in known}
    near = [lower[k] for k in difflib.get_close_matches(str(name).lower(), list(lower), n=3)]
    if near:
        return "did you mean " + " or ".join(map(repr, near)) + "?"
    return "known: " + (", ".join(known) or "none")


@dataclass(frozen=True)
class LabelSpace:
    """The class names of the three tasks, in the order of the model's outputs.

    Args:
        name: the dataset the names belong to.
        diseases: mutually exclusive classes; at least one.
        body_parts: classes; empty where the dataset has none.
        attributes: lesion attributes, any number of which may be present; empty where the dataset has none.
        several_body_parts: one photo may show several body parts; otherwise they are mutually exclusive.

    Raises:
        ManifestError: a name is empty, not text, or given twice.
    """

    name: str
    diseases: tuple[str, ...]
    body_parts: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    several_body_parts: bool = False

    def __post_init__(self) -> None:
        for field in ("diseases", "body_parts", "attributes"):
            names = tuple(getattr(self, field))
            object.__setattr__(self, field, names)
            bad = [n for n in names if not isinstance(n, str) or not n.strip()]
            bad += [n for i, n in enumerate(names) if n in names[:i]]
            if bad:
                raise ManifestError(
                    f"label space {self.name!r}, {field}: {bad[0]!r} is empty or given twice; remove it"
                )
        if not self.diseases:
            raise ManifestError(f"label space {self.name!r}: name at least one disease")

    def classes(self, task: str) -> tuple[str, ...]:
        """The class names of `task`, one of `TASKS`."""
        if task not in TASKS:
            raise ManifestError(f"unknown task {task!r}; {suggest(task, TASKS)}")
        return {"body_part": self.body_parts, "attributes": self.attributes, "disease": self.diseases}[task]

    def multi_label(self, task: str) -> bool:
        """Whether any number of the classes of `task` may hold at once, each with a probability of its own."""
        self.classes(task)
        return task == "attributes" or (task == "body_part" and self.several_body_parts)

    @property
    def list_columns(self) -> tuple[str, ...]:
        """The manifest's columns that hold a list of names."""
        return (*LIST_COLUMNS, "body_part") if self.several_body_parts else LIST_COLUMNS

    @property
    def num_classes(self) -> dict[str, int]:
        """Number of classes of each task that has any."""
        return {task: len(self.classes(task)) for task in TASKS if self.classes(task)}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, ready for JSON; `several_body_parts` is written only where it is true."""
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return values if self.several_body_parts else {k: v for k, v in values.items() if k != "several_body_parts"}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LabelSpace":
        """The inverse of `to_dict`."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def row_number(index: object) -> str:
    """A row as a spreadsheet counts it: the header is row 1, so index label 0 is row 2."""
    return f"row {int(index) + 2}" if isinstance(index, int | np.integer) else f"row {index!r}"


def raise_problems(source: str, problems: Sequence[str]) -> None:
    """Raise one `ManifestError` that lists the first problems and counts the others; nothing if there are none.

    Inside `collect_problems` they are noted instead.
    """
    noted = _collected.get()
    if noted is not None:
        noted += [p if p.startswith(source) else f"{source}: {p}" for p in problems]
    elif problems:
        more = f"\n  ... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        lines = "".join(f"\n  {p}" for p in problems[:SHOWN])
        raise ManifestError(
            f"{source}: {len(problems)} problem(s); rows are counted with the header as row 1{lines}{more}"
        )


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
        frame[column] = _normalise(frame, column, source, label_space)
    rules = _rules(label_space, Path(root) if root is not None else None)
    if WEIGHTS_COLUMN in frame:
        frame[WEIGHTS_COLUMN] = pd.Series([_as_weights(v) for v in frame[WEIGHTS_COLUMN]], frame.index, dtype=object)
        rules[WEIGHTS_COLUMN] = partial(_weights_problem, known=label_space.diseases)
    columns = {c: pa.Column(nullable=True, checks=_check(rule)) for c, rule in rules.items()}
    try:
        pa.DataFrameSchema(columns).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        failed = dict.fromkeys(zip(error.failure_cases["index"], error.failure_cases["column"], strict=True))
        raise_problems(source, [describe(i, c, frame.at[i, c], rules[c](frame.at[i, c])) for i, c in failed])
    _check_rows(frame, source)
    return frame


def describe(index: object, column: str, value: object, remedy: object) -> str:
    """One line of an error: where, what was found, what to do."""
    value = value.item() if isinstance(value, np.generic) else value
    return f"{row_number(index)}, column {column}: {value!r}: {remedy}"


def _check_columns(frame: pd.DataFrame, source: str) -> None:
    for column in ("image", "disease"):
        if column not in frame:
            raise ManifestError(
                f"{source}: no column {column!r}; add it, or rename one of: {', '.join(map(str, frame))}"
            )
    for column in set(map(str, frame)) - {*COLUMNS, WEIGHTS_COLUMN}:
        if near := difflib.get_close_matches(column, (*COLUMNS, WEIGHTS_COLUMN), n=1, cutoff=0.85):
            raise ManifestError(f"{source}: column {column!r} is not known; did you mean {near[0]!r}? Rename it")
    if not frame.index.is_unique:
        raise ManifestError(f"{source}: two rows have the same index label; call frame.reset_index(drop=True) first")
    if frame.empty:
        raise ManifestError(f"{source}: no rows; add one row for each image")


def _normalise(frame: pd.DataFrame, column: str, source: str, space: LabelSpace) -> pd.Series:
    if column not in frame:
        dtype = "Int64" if column in INTEGER_COLUMNS else object
        return pd.Series([pd.NA if dtype == "Int64" else None] * len(frame), index=frame.index, dtype=dtype)
    values = frame[column]
    if column in INTEGER_COLUMNS:
        return _integers(values, column, source)
    clean = _as_list if column in space.list_columns else _as_text
    return pd.Series([clean(v) for v in values], index=frame.index, dtype=object)


def _integers(values: pd.Series, column: str, source: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = (numbers.isna() & values.notna()) | (numbers.notna() & (numbers % 1 != 0))
    remedy = "give a whole number or leave it empty"
    raise_problems(source, [f"{row_number(i)}, column {column}: {values[i]!r}: {remedy}" for i in values.index[bad]])
    return numbers.astype("Int64")


def _as_text(value: Any) -> Any:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)  # an integer id in a column with gaps is read as 12.0
    return str(value)


def _as_list(value: Any) -> Any:
    if isinstance(value, list | tuple | set | np.ndarray):
        return [str(v) for v in value]
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _as_weights(value: Any) -> Any:
    """A dict sorted by name; the None that a Parquet file holds for each name that was not given is left out."""
    if isinstance(value, dict):
        return {str(k): v for k, v in sorted(value.items(), key=lambda item: str(item[0])) if not is_missing(v)}
    return None if is_missing(value) else value


def _check(rule: Rule) -> pa.Check:
    return pa.Check(lambda value: rule(value) is None, element_wise=True)


def _rules(space: LabelSpace, root: Path | None) -> dict[str, Rule]:
    """For each column, what is wrong with a value that is not missing (None: nothing)."""
    path = partial(path_problem, root=root)
    return {
        "image": path,
        "mask": path,
        "disease": partial(_name_problem, known=space.diseases),
        "body_part": partial(_list_problem if space.several_body_parts else _name_problem, known=space.body_parts),
        "attributes": partial(_list_problem, known=space.attributes),
        "attributes_unknown": partial(_list_problem, known=space.attributes),
        "fitzpatrick": lambda v: None if 1 <= v <= 6 else "Fitzpatrick skin type is 1 to 6; leave it empty if unknown",
        "split": partial(_name_problem, known=SPLITS),
    }


def path_problem(value: str, root: Path | None) -> str | None:
    """What is wrong with a path that should be relative to `root` and stay inside it (None: nothing)."""
    if "\\" in value or PureWindowsPath(value).is_absolute() or PurePosixPath(value).is_absolute():
        return "give the path relative to the dataset's folder, with forward slashes"
    if ".." in PurePosixPath(value).parts or not value.strip():
        return "the path leaves the dataset's folder; move the file inside and name it from there"
    if root is None or (collecting() and not (root / value).is_file()):
        return None
    if not (root / value).resolve().is_relative_to(root.resolve()):
        return "a link leads out of the dataset's folder; copy the file inside"
    return None if (root / value).is_file() else f"no such file in {root}; correct the name or remove the row"


def _name_problem(value: str, known: Sequence[str]) -> str | None:
    return None if value in known else f"unknown name; {suggest(value, known)}"


def _list_problem(value: object, known: Sequence[str]) -> str | None:
    if not isinstance(value, list):
        return "give a list of names, [] for none of them, or leave it empty if unknown"
    if unknown := [v for v in value if v not in known]:
        return f"unknown name {unknown[0]!r}; {suggest(unknown[0], known)}"
    return "a name is given twice; remove one" if len(set(value)) < len(value) else None


def _weights_problem(value: object, known: Sequence[str]) -> str | None:
    if not isinstance(value, dict) or not value:
        return "give weights by name, such as {'name': 0.7}, or leave it empty if the label is certain"
    for name, weight in value.items():
        if name not in known:
            return f"unknown name {name!r}; {suggest(name, known)}"
        number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool | np.bool_)
        if not number or not 0 < weight < float("inf"):
            return f"weight {weight!r} of {name!r}: give a number above 0, or leave the name out"
    return None


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


def encode_targets(frame: pd.DataFrame, label_space: LabelSpace) -> dict[str, Float32[np.ndarray, "n _"]]:
    """Targets as floats: one-hot disease, multi-hot attributes, body part as the label space says, NaN where unknown.

    Where the frame has `disease_weights`, the target is w_c / Σ_c w_c instead of one-hot. Because unknown is NaN, a
    linear mix of two targets is unknown wherever either was.

    Args:
        frame: a validated manifest, or predictions read from a file, with n rows.
        label_space: gives the classes and their order.

    Returns:
        For each task that has classes, an (n, C) float32 array in [0, 1] or NaN.
    """
    targets = {}
    for task, count in label_space.num_classes.items():
        position = {name: i for i, name in enumerate(label_space.classes(task))}
        target = np.zeros((len(frame), count), np.float32)
        for row, value in zip(target, frame[task], strict=True):
            if is_missing(value):
                row[:] = np.nan
            else:
                row[[position[v] for v in ([value] if isinstance(value, str) else value)]] = 1
        targets[task] = target
        if task == "attributes":
            for row, unknown in zip(target, frame["attributes_unknown"], strict=True):
                row[[position[v] for v in (() if is_missing(unknown) else unknown)]] = np.nan
        if task == "disease" and WEIGHTS_COLUMN in frame:
            for row, weights in zip(target, map(_as_weights, frame[WEIGHTS_COLUMN]), strict=True):
                if weights:
                    row[:] = 0
                    row[[position[v] for v in weights]] = np.array(list(weights.values())) / sum(weights.values())
    return targets


def is_missing(value: object) -> bool:
    """Whether a label is unknown: None, or the NaN that a table read from a file has in its place."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def save_dataset(root: Path | str, frame: pd.DataFrame, label_space: LabelSpace) -> None:
    """Check a manifest against the files in `root`, then write it there with its label space.

    Raises:
        ManifestError: as `validate_manifest`; nothing is written.
    """
    root = Path(root)
    frame = validate_manifest(frame, label_space, root)
    text = json.dumps(label_space.to_dict(), indent=2, ensure_ascii=False) + "\n"
    _write_then_rename(root / LABEL_SPACE_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    _write_then_rename(root / MANIFEST_FILE, lambda path: frame.to_parquet(path))


def load_dataset(root: Path | str) -> tuple[pd.DataFrame, LabelSpace]:
    """The manifest and label space that `save_dataset` wrote in `root`, checked again.

    Raises:
        ManifestError: a file is absent, unreadable or wrong.
    """
    root = Path(root)
    for name in (LABEL_SPACE_FILE, MANIFEST_FILE):
        if not (root / name).is_file():
            raise ManifestError(f"{root / name}: no such file; write the dataset there with save_dataset first")
    try:
        label_space = LabelSpace.from_dict(json.loads((root / LABEL_SPACE_FILE).read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError, AttributeError) as error:
        raise ManifestError(
            f"{root / LABEL_SPACE_FILE}: not a label space ({error}); write the dataset again"
        ) from error
    try:
        frame = pd.read_parquet(root / MANIFEST_FILE)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{root / MANIFEST_FILE}: not a parquet file ({error}); write the dataset again") from error
    return validate_manifest(frame, label_space, root, source=str(root / MANIFEST_FILE)), label_space


def _write_then_rename(path: Path, write: Callable[[Path], object]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
