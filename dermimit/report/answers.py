"""The answers to one task as arrays: what was true, what was said, how surely."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from dermimit.data.cells import is_missing
from dermimit.data.label_space import LabelSpace
from dermimit.data.targets import encode_targets
from dermimit.evaluate.ranks import rank_of_truth


@dataclass(frozen=True)
class OneOf:
    """Answers of which one is right, for the photographs whose truth is known.

    Attributes:
        rows: image and patient_id of each photograph, and its place in the predictions.
        rank: place of the truth among the answers, equals counted against it.
        probability: None where only answers were kept.
        unlabelled: photographs without this label.
        foreign: true classes that the run does not know -> photographs, left out.
    """

    task: str
    names: tuple[str, ...]
    truth: Int[np.ndarray, " photos"]
    answer: Int[np.ndarray, " photos"]
    confidence: Float[np.ndarray, " photos"]
    rank: Int[np.ndarray, " photos"]
    probability: Float[np.ndarray, "photos classes"] | None
    rows: pd.DataFrame
    unlabelled: int
    foreign: dict[str, int]

    @property
    def right(self) -> np.ndarray:
        """Whether the answer is the truth."""
        return self.answer == self.truth

    @property
    def photographs(self) -> np.ndarray:
        """Photographs of each class."""
        return np.bincount(self.truth, minlength=len(self.names))


@dataclass(frozen=True)
class AnyOf:
    """Answers of which any number is right: `target` is 1, 0, or NaN where it is not known."""

    task: str
    names: tuple[str, ...]
    target: Float[np.ndarray, "photos classes"]
    probability: Float[np.ndarray, "photos classes"]
    rows: pd.DataFrame
    unlabelled: int
    foreign: dict[str, int]

    @property
    def photographs(self) -> np.ndarray:
        """Photographs that show each class."""
        return np.nansum(self.target, axis=0).astype(int)


Answers = OneOf | AnyOf


def answers_to(task: str, frame: pd.DataFrame, space: LabelSpace) -> Answers | None:
    """The answers to a task; None where nothing was answered or no photograph has this label.

    Args:
        task: disease, body_part or attributes.
        frame: predictions of one split.
        space: the run's.
    """
    short = task == "disease" and "answer" in frame
    if task not in frame or not (short or f"{task}_prob" in frame):
        return None
    names, several = space.classes(task), space.multi_label(task)
    truths = frame[task].astype(object)
    known = np.array([not is_missing(value) for value in truths], bool)
    foreign = _foreign(truths[known], names)
    inside = known & np.array([is_missing(v) or set(_list(v)) <= set(names) for v in truths], bool)
    if not inside.any():
        return None
    rows = frame.loc[inside].reset_index(names="place")
    about = {"rows": rows[["place", "image", "patient_id"]], "unlabelled": int((~known).sum()), "foreign": foreign}
    if several:
        target = encode_targets(_alone(rows, task), space)[task].astype(np.float64)
        return AnyOf(task, names, target, _stacked(rows, task), **about)
    place = {name: i for i, name in enumerate(names)}
    truth = rows[task].astype(object).map(place).to_numpy(np.int64)
    if short:
        answer = rows["answer"].astype(object).map(place).to_numpy(np.int64)
        confidence, rank = (rows[name].to_numpy(kind) for name, kind in (("confidence", float), ("rank", np.int64)))
        return OneOf(task, names, truth, answer, confidence, rank, None, **about)
    p = _stacked(rows, task)
    return OneOf(task, names, truth, p.argmax(axis=1), p.max(axis=1), rank_of_truth(p, truth), p, **about)


def _list(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _foreign(truths: pd.Series, names: tuple[str, ...]) -> dict[str, int]:
    found = pd.Series([name for value in truths for name in _list(value) if name not in names], dtype=object)
    return {str(name): int(n) for name, n in found.value_counts().sort_index().items()}


def _alone(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """The columns that targets are made from, with the other tasks unknown."""
    others: dict[str, object] = {name: None for name in ("disease", "body_part", "attributes") if name != task}
    return rows.assign(attributes_unknown=rows.get("attributes_unknown"), **others)


def _stacked(rows: pd.DataFrame, task: str) -> np.ndarray:
    return np.stack(rows[f"{task}_prob"].to_list()).astype(np.float64)
