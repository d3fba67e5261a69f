"""Out-of-fold answers: each photograph is answered by what learnt from other patients' photographs alone."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Int
from tqdm import tqdm

from dermimit.data.folds import folds
from dermimit.data.groups import groups_of
from dermimit.data.photo_files import shown
from dermimit.data.problems import ManifestError
from dermimit.probe.attentive import attentive
from dermimit.probe.config import ALONE, COLOUR, PROBABILITY, ProbeConfig
from dermimit.probe.features import Features, Vectors
from dermimit.probe.logistic import logistic
from dermimit.probe.neighbours import nearest

Rows = Int[np.ndarray, "_"]
Method = Callable[[Rows, Rows], tuple[np.ndarray, float | None]]
"""From training and test rows to probabilities (test rows, classes), and what was chosen on the way, if anything."""
MAJORITY = "majority"


def cross_validate(
    features: Features, frame: pd.DataFrame, classes: tuple[str, ...], config: ProbeConfig
) -> tuple[pd.DataFrame, dict[str, list[float]]]:
    """The answers of every method to every photograph, in each of `config.splits` ways to divide them.

    Split s has the folds of `dermimit.data.folds` with seed `config.seed` + s: by patient, else lesion, and balanced
    by disease. A method knows nothing of the fold that it answers for, its means and deviations included.

    Args:
        features: in the order of `frame`.
        frame: a manifest in which every photograph has a disease.
        classes: the diseases that occur.
        config: folds, splits, seed, methods and their settings.

    Returns:
        columns `row` (`majority`, or method and features), `split`, `fold`, `image`, `group` (patient, lesion or the
        photograph itself), `disease`, and `p_<disease>` for each class, float32; and, for each row that
        chose its C, what it chose in each fold of each split.

    Raises:
        ManifestError: one disease only, or fewer groups than folds.
    """
    if len(classes) < 2:
        raise ManifestError(f"one disease only, {classes[0]!r}: nothing to tell apart")
    groups = groups_of(frame, "patient_id", "folds", "{}", f"{ALONE}{{}})")
    note_rare(frame, groups, config.folds)
    truth = pd.Categorical(frame["disease"], classes).codes.astype(np.int64)
    who = frame[["image", "disease"]].assign(group=groups).astype(object)
    codes = pd.factorize(groups)[0].astype(np.int64)
    methods = dict(methods_of(features, truth, codes, len(classes), config))
    parts: list[pd.DataFrame] = []
    chosen: dict[str, list[float]] = {}
    divided = [dealt(frame, config.folds, config.seed + split) for split in range(config.splits)]
    for fold in divided:
        for number in range(config.folds):
            if len(rest := set(truth[fold != number])) < 2:
                raise ManifestError(f"without fold {number}, only {classes[rest.pop()]!r} is left to learn from: give "
                                    "fewer --folds, or photographs of more patients")  # fmt: skip
    with tqdm(total=len(methods) * config.splits * config.folds, desc="folds", disable=None, leave=False) as bar:
        for row, method in methods.items():
            for split, fold in enumerate(divided):
                answer = np.zeros((len(frame), len(classes)), np.float32)
                for number in range(config.folds):
                    rows = np.flatnonzero(fold == number)
                    answer[rows], choice = method(np.flatnonzero(fold != number), rows)
                    chosen |= {row: [*chosen.get(row, []), choice]} if choice is not None else {}
                    bar.update()
                probability = pd.DataFrame(answer, frame.index, [PROBABILITY + name for name in classes])
                parts.append(pd.concat([who.assign(row=row, split=split, fold=fold), probability], axis=1))
    order = ["row", "split", "fold", "image", "group", "disease"]
    answers = pd.concat(parts, ignore_index=True)
    return answers[[*order, *(name for name in answers if name not in order)]], chosen


def methods_of(
    features: Features, truth: Rows, groups: Rows, size: int, config: ProbeConfig
) -> Iterator[tuple[str, Method]]:
    """Each row of the table with what answers for it; the majority class first."""

    def share(train: Rows, test: Rows) -> tuple[np.ndarray, None]:
        return np.tile(np.bincount(truth[train], minlength=size) / len(train), (len(test), 1)), None

    def vote(x: Vectors, train: Rows, test: Rows) -> tuple[np.ndarray, None]:
        return nearest(x[train], truth[train], x[test], config.neighbours, size), None

    def regress(x: Vectors, train: Rows, test: Rows) -> tuple[np.ndarray, float]:
        return logistic(x[train], truth[train], groups[train], x[test], config.C, size, config.seed)

    def attend(tokens: np.ndarray, train: Rows, test: Rows) -> tuple[np.ndarray, None]:
        return attentive(tokens, train, truth[train], test, size, config.epochs, config.lr, config.seed), None

    yield MAJORITY, share
    for name in config.features or features.names():
        if "knn" in config.methods and name != COLOUR:
            yield f"knn {name}", partial(vote, features.of(name))
        if "logistic" in config.methods:
            yield f"logistic {name}", partial(regress, features.of(name))
    if features.tokens is not None:
        yield "attentive", partial(attend, features.tokens)


def dealt(frame: pd.DataFrame, k: int, seed: int) -> np.ndarray:
    """The fold of each row; scikit-learn's word on rare classes is left to `note_rare`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        return folds(frame, k, seed).to_numpy()


def note_rare(frame: pd.DataFrame, groups: pd.Series, k: int) -> None:
    """Warns of the diseases of which some folds can hold nothing, or of which nothing may be left to learn from."""
    units = groups.groupby(frame["disease"].to_numpy()).nunique()
    if rare := [f"{name} ({count})" for name, count in units.items() if count < k]:
        warnings.warn(
            f"{len(rare)} of {len(units)} diseases have fewer patients than {k} folds: {shown(rare, 10)}; a disease of "
            "one patient is never learnt when it is asked for",
            stacklevel=2,
        )
