"""Cross-validated experiments on a real dataset: out-of-fold answers, scored with intervals by patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, recall_score

from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.resampling import Draws, bootstrap_p, macro_f1_draws, patient_draws, percentile_interval


@dataclass(frozen=True)
class OutOfFold:
    """The disease answers of one model for every photograph, each by the network that was trained without its fold.

    Attributes:
        truth, answer: class index of each photograph, in the order of `images`.
        images, patients: of each photograph.
    """

    truth: np.ndarray
    answer: np.ndarray
    images: tuple[str, ...]
    patients: tuple[str, ...]


def collect(runs: Sequence[Path], diseases: Sequence[str]) -> OutOfFold:
    """Join the test predictions of the runs of all folds.

    Args:
        runs: one finished run for each fold.
        diseases: names in the order of the probabilities.

    Raises:
        ValueError: a photograph was tested in two folds.
    """
    frames = [pd.read_parquet(run / "predictions.parquet") for run in runs]
    whole = pd.concat([frame[(frame["split"] == "test") & frame["disease"].notna()] for frame in frames])
    if whole["image"].duplicated().any():
        twice = whole.loc[whole["image"].duplicated(), "image"].iloc[0]
        raise ValueError(f"{twice} was tested twice, in {', '.join(map(str, runs))}: are these folds of one dataset?")
    whole = whole.sort_values("image")
    place = {name: i for i, name in enumerate(diseases)}
    return OutOfFold(
        truth=whole["disease"].map(place).to_numpy(),
        answer=np.stack(whole["disease_prob"].to_list()).argmax(1),
        images=tuple(whole["image"]),
        patients=tuple(whole["patient_id"]),
    )


def scored(
    models: Mapping[str, OutOfFold], diseases: Sequence[str], reference: str, resamples: int = 2000
) -> list[dict[str, Any]]:
    """Score every model on the same photographs, whole patients drawn together.

    Args:
        models: row -> its answers; all for the same photographs.
        diseases: names of the classes.
        reference: the row that the differences are to.
        resamples: of the patients.

    Returns:
        for each row: `row, photographs, patients`; `macro_f1`, `balanced_accuracy`, `accuracy`, each with `_low` and
        `_high` (95 %); `difference` in macro-F1 to the reference with `_low`, `_high` and `p`; `recall`: disease ->
        [value, low, high]; `confusion`: true -> said -> count.

    Raises:
        ValueError: a row was scored on other photographs than the reference.
    """
    base = models[reference]
    draws = patient_draws(base.patients, resamples)
    first = macro_f1_draws(base.truth, base.answer, draws)
    lines = []
    for row, these in models.items():
        if these.images != base.images:
            raise ValueError(f"row {row} answers for other photographs than {reference}: train all on one dataset")
        right = these.truth == these.answer
        recalls = _recalls(these, len(diseases), draws)
        line: dict[str, Any] = {"row": row, "photographs": len(right), "patients": len(set(these.patients))}
        drawn, value = macro_f1_draws(these.truth, these.answer, draws), macro_f1(these.truth, these.answer)
        own = recall_score(these.truth, these.answer, labels=range(len(diseases)), average=None, zero_division=np.nan)
        line |= _with_interval("macro_f1", value, drawn)
        line |= _with_interval("balanced_accuracy", np.nanmean(own), np.nanmean(recalls, axis=0))
        line |= _with_interval("accuracy", right.mean(), draws.means(right[:, None].astype(float))[0])
        line |= _with_interval("difference", value - macro_f1(base.truth, base.answer), drawn - first)
        line["p"] = None if row == reference else bootstrap_p(drawn - first)
        ends = [percentile_interval(some[~np.isnan(some)]) for some in recalls]
        line["recall"] = {name: [float(own[i]), *ends[i]] for i, name in enumerate(diseases)}
        counts = confusion_matrix(these.truth, these.answer, labels=range(len(diseases))).tolist()
        line["confusion"] = {true: dict(zip(diseases, counts[i], strict=True)) for i, true in enumerate(diseases)}
        lines.append(line)
    return lines


def paired(
    models: Mapping[str, OutOfFold], pairs: Sequence[tuple[str, str]], resamples: int = 2000
) -> list[dict[str, Any]]:
    """Differences in macro-F1 between pairs of rows on the same photographs, whole patients drawn together.

    Args:
        models: row -> its answers.
        pairs: (row, reference); those of which a row is missing are left out.
        resamples: of the patients.

    Returns:
        for each pair `row, reference, difference, difference_low, difference_high, p`.

    Raises:
        ValueError: the two were scored on different photographs.
    """
    lines, draws = [], {}
    for pair in [pair for pair in pairs if set(pair) <= set(models)]:
        one, other = (models[name] for name in pair)
        if one.images != other.images:
            raise ValueError(f"rows {' and '.join(pair)} answer for different photographs: train all on one dataset")
        for name in pair:
            if name not in draws:
                these = models[name]
                drawn = patient_draws(these.patients, resamples)
                draws[name] = macro_f1_draws(these.truth, these.answer, drawn), macro_f1(these.truth, these.answer)
        (first, value), (second, base) = (draws[name] for name in pair)
        line = _with_interval("difference", value - base, first - second)
        lines.append({"row": pair[0], "reference": pair[1]} | line | {"p": bootstrap_p(first - second)})
    return lines


def _with_interval(name: str, value: float, draws: np.ndarray) -> dict[str, float]:
    low, high = percentile_interval(draws)
    return {name: float(value), f"{name}_low": low, f"{name}_high": high}


def _recalls(these: OutOfFold, classes: int, draws: Draws) -> np.ndarray:
    """(classes, resamples): share of each disease's photographs that are named, NaN where a draw has none."""
    right = (these.truth == these.answer).astype(float)
    own = np.eye(classes)[these.truth]
    hits, counts = draws.means(own * right[:, None]), draws.means(own)
    with np.errstate(invalid="ignore"):
        return hits / counts
