"""The scores of out-of-fold answers, with intervals by patient."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from dermimit.evaluate import ranking
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import scored
from dermimit.evaluate.ranking import mean_over_classes
from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval, two_level
from dermimit.probe.config import ALONE, PROBABILITY


def score(answers: pd.DataFrame, classes: tuple[str, ...], resamples: int) -> list[dict[str, Any]]:
    """The scores of every row of a table of answers.

    Args:
        answers: as `cross_validate` gives them.
        classes: the diseases, in the order of the probabilities.
        resamples: of the patients.

    Returns:
        for each row what `dermimit.evaluate.out_of_fold.scored` says, splits in the place of seeds, and `auroc` (see
        `auroc_draws`) with its interval. Values are means over splits; intervals are for other patients and other
        splits.
    """
    lines = []
    for row, part in answers.groupby("row", sort=False):
        splits, these = of_splits(part, classes)
        draws = patient_draws(these.patients, resamples)
        once = Draws(draws.patient, np.ones((len(draws.weights), 1)))
        (line,) = scored({str(row): these}, classes, resamples)
        line["splits"] = line.pop("seeds")
        values = [float(auroc_draws(these.truth, *split, once)[0]) for split in splits]
        drawn = np.stack([auroc_draws(these.truth, *split, draws) for split in splits])
        low, high = percentile_interval(np.clip(two_level(drawn, values), 0, 1))
        lines.append(line | {"auroc": float(np.mean(values)), "auroc_low": low, "auroc_high": high})
    return lines


def of_splits(part: pd.DataFrame, classes: tuple[str, ...]) -> tuple[list[tuple[np.ndarray, np.ndarray]], Answers]:
    """Of one row the probabilities (photographs, classes) and the folds of each split, and its answers."""
    splits = {int(split): some.sort_values("image") for split, some in part.groupby("split")}
    columns = [PROBABILITY + name for name in classes]
    probability = [some[columns].to_numpy(np.float64) for some in splits.values()]
    first = next(iter(splits.values()))
    these = Answers(
        truth=pd.Categorical(first["disease"], classes).codes.astype(np.int64),
        answers=[p.argmax(1) for p in probability],
        patients=first["group"].where(~first["group"].str.startswith(ALONE)).reset_index(drop=True),
        images=tuple(first["image"]),
        seeds=tuple(splits),
    )
    return list(zip(probability, [some["fold"].to_numpy(np.int64) for some in splits.values()], strict=True)), these


def auroc_draws(
    truth: Int[np.ndarray, " n"], probability: Float[np.ndarray, "n c"], fold: Int[np.ndarray, " n"], draws: Draws
) -> Float[np.ndarray, " resamples"]:
    """Area under the ROC curve of every resample: one class against the rest within a fold, the mean over the classes
    that the fold holds, and the mean over folds.

    Photographs of two folds are answered by two models and are not ranked against each other: a class that is frequent
    in one fold was rare in what that fold's model learnt from, and pooled areas of a model that knows nothing lie below
    one half. NaN where no fold of a resample holds two classes.
    """
    target, once = np.eye(probability.shape[1])[truth], np.ones((len(draws.weights), 1))
    lines, whole = [], []
    for number in np.unique(fold):
        here = fold == number
        both = (Draws(draws.patient[here], weights) for weights in (draws.weights, once))
        drawn, one = (mean_over_classes(ranking.auroc_draws, target[here], probability[here], d) for d in both)
        if not np.isnan(one).any():  # the fold holds two classes
            lines.append(drawn)
            whole.append(one[0])
    return ranking.mean_of_lines(np.stack(lines), np.array(whole)) if lines else np.full(draws.weights.shape[1], np.nan)
