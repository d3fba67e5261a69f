"""The scores of out-of-fold answers, with intervals by patient."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import roc_auc_score

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import scored
from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval, two_level
from dermimit.probe.config import PROBABILITY

AT_ONCE = 2_000_000  # numbers in an array of photographs by resamples


def score(answers: pd.DataFrame, classes: tuple[str, ...], resamples: int) -> list[dict[str, Any]]:
    """The scores of every row of a table of answers.

    Args:
        answers: as `cross_validate` gives them.
        classes: the diseases, in the order of the probabilities.
        resamples: of the patients.

    Returns:
        for each row what `dermimit.evaluate.out_of_fold.scored` says, splits in the place of seeds, and `auroc` (one
        against the rest, mean over classes) with its interval. Values are means over splits; intervals are for other
        patients and other splits.
    """
    lines = []
    for row, part in answers.groupby("row", sort=False):
        probability, these = of_splits(part, classes)
        draws = patient_draws(these.patients, resamples)
        (line,) = scored({str(row): these}, classes, resamples)
        line["splits"] = line.pop("seeds")
        values = [float(np.mean(one_against_rest(these.truth, p))) for p in probability]
        both = two_level(np.stack([auroc_draws(these.truth, p, draws) for p in probability]), values)
        low, high = percentile_interval(both[~np.isnan(both)])
        lines.append(within(line | {"auroc": float(np.mean(values)), "auroc_low": low, "auroc_high": high}))
    return lines


def within(line: dict[str, Any]) -> dict[str, Any]:
    """A line whose intervals end where a share can: the luck of splits, which is added, may carry them beyond."""
    ends = {name: min(max(v, 0.0), 1.0) for name, v in line.items() if name.endswith(("_low", "_high"))}
    recall = {name: [min(max(v, 0.0), 1.0) for v in values] for name, values in line["recall"].items()}
    return line | ends | {"recall": recall}


def of_splits(part: pd.DataFrame, classes: tuple[str, ...]) -> tuple[list[np.ndarray], Answers]:
    """Of one row the probabilities (photographs, classes) of each split, and its answers."""
    splits = {int(split): some.sort_values("image") for split, some in part.groupby("split")}
    columns = [PROBABILITY + name for name in classes]
    probability = [some[columns].to_numpy(np.float64) for some in splits.values()]
    first = next(iter(splits.values()))
    these = Answers(
        truth=pd.Categorical(first["disease"], classes).codes.astype(np.int64),
        answers=[p.argmax(1) for p in probability],
        patients=first["group"].reset_index(drop=True),
        images=tuple(first["image"]),
        seeds=tuple(splits),
    )
    return probability, these


def one_against_rest(truth: Int[np.ndarray, " n"], probability: Float[np.ndarray, "n c"]) -> list[float]:
    """Area under the ROC curve of each class."""
    return [float(roc_auc_score(truth == c, probability[:, c])) for c in range(probability.shape[1])]


def auroc_draws(
    truth: Int[np.ndarray, " n"], probability: Float[np.ndarray, "n c"], draws: Draws
) -> Float[np.ndarray, " resamples"]:
    """Mean AUROC of every resample, over the classes that it holds.

    The area is the share of pairs of a photograph of the class and another in which the first is more probable, equals
    counted half; a resample weighs each photograph. NaN where a resample holds one class alone.
    """
    resamples = draws.weights.shape[1]
    step = max(1, AT_ONCE // len(truth))
    areas = np.full((probability.shape[1], resamples), np.nan)
    for c, values in enumerate(probability.T):
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf))
        own = (truth[order] == c)[:, None]
        for start in range(0, resamples, step):
            weights = draws.weights[draws.patient[order], start : start + step]
            of_class, others = (np.add.reduceat(weights * mask, starts, axis=0) for mask in (own, ~own))
            below = np.cumsum(others, axis=0) - others
            with np.errstate(invalid="ignore"):
                areas[c, start : start + step] = (of_class * (below + others / 2)).sum(0) / (
                    of_class.sum(0) * others.sum(0)
                )
    with np.errstate(invalid="ignore"):
        return np.nansum(areas, axis=0) / (~np.isnan(areas)).sum(axis=0)
