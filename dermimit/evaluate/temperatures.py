"""A temperature for each task of a run, fitted on its validation split and kept with it as calibration.json.

The validation split has also chosen the epoch, so that the answers there are a little better than on new photographs,
and a temperature fitted there leaves answers a little too sure. The test split is never used.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import expit

from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.targets import encode_targets
from dermimit.evaluate.calibration import SMALLEST, best_temperature, tempered
from dermimit.records import read_json

FILE = "calibration.json"
FEWEST = 10  # photographs that a temperature is fitted on
Facts = dict[str, dict[str, Any]]


def fit_temperatures(predictions: pd.DataFrame, label_space: LabelSpace) -> Facts:
    """The temperature of each task that the predictions hold, from their validation split.

    Args:
        predictions: a run's, as `dermimit.evaluate.predictions.predict` returns them.
        label_space: the classes that the probabilities stand for.

    Returns:
        task -> `temperature` (above 1 makes answers less sure), `photographs`, `nll_before` and `nll_after`: the mean
        of -log of the probability of the truth (nats a photograph; of a task with independent labels, which have one
        temperature together, nats a label). Where none can be fitted `temperature` is None and `reason` says why.
    """
    tasks = [task for task in TASKS if f"{task}_prob" in predictions and task in predictions]
    return {task: _fit(*known(predictions, label_space, task), label_space.multi_label(task)) for task in tasks}


def known(
    predictions: pd.DataFrame, label_space: LabelSpace, task: str, split: str = "val"
) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probability of the photographs of a split whose label of a task is known.

    Returns:
        truth, float (n, C) of 0 and 1, NaN where one of several labels is unknown; probability, float64 (n, C).
    """
    rows = labelled(predictions, label_space, task, split)
    truth = encode_targets(rows, label_space)[task]
    if f"{task}_prob" not in rows or not len(rows):
        return truth[:0], truth[:0].astype(np.float64)
    return truth, np.stack(rows[f"{task}_prob"].to_list()).astype(np.float64)


def labelled(predictions: pd.DataFrame, label_space: LabelSpace, task: str, split: str = "val") -> pd.DataFrame:
    """The rows of a split whose label of a task is known."""
    rows = predictions[predictions["split"] == split].drop(columns=WEIGHTS_COLUMN, errors="ignore")
    return rows[~np.isnan(encode_targets(rows, label_space)[task]).all(axis=1)]


def at_temperature(
    probability: Float[np.ndarray, "photos classes"], temperature: float | None, multi_label: bool
) -> np.ndarray:
    """Probabilities with their logits divided by a temperature; as they are if it is None.

    Args:
        probability: in [0, 1]; rows sum to 1 unless `multi_label`.
        temperature: above 0.
        multi_label: each class has a probability of its own.
    """
    if temperature is None:
        return probability
    if not multi_label:
        return tempered(probability, temperature)
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return expit(np.log(p / (1 - p)) / temperature)


def stored_temperatures(folder: Path, predictions: pd.DataFrame, label_space: LabelSpace) -> Facts:
    """What `fit_temperatures` found when a run was trained; of a run without calibration.json, found now.

    Args:
        folder: the run's; nothing is written there.
        predictions, label_space: the run's.
    """
    path = folder / FILE
    return read_json(path) if path.exists() else fit_temperatures(predictions, label_space)


def temperatures(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The tasks that have a temperature, and theirs."""
    return {task: fact["temperature"] for task, fact in facts.items() if fact["temperature"] is not None}


def _fit(truth: np.ndarray, probability: np.ndarray, multi_label: bool) -> dict[str, Any]:
    n, classes = probability.shape

    def loss(temperature: float | None) -> float:
        return _nll(truth, at_temperature(probability, temperature, multi_label), multi_label)

    fact: dict[str, Any] = {"temperature": None, "photographs": n}
    if n < FEWEST:
        return fact | {"reason": f"{n} photographs of the validation split have a label, at least {FEWEST} are needed"}
    if classes == 1 and not multi_label:
        return fact | {"reason": "there is one class alone"}
    right = ~np.isnan(truth) & ((probability >= 0.5) == (truth > 0.5))
    hits = right.sum() if multi_label else (truth.argmax(axis=1) == probability.argmax(axis=1)).sum()
    count = (~np.isnan(truth)).sum() if multi_label else n
    try:
        temperature = best_temperature(loss, f"{hits} of {count} answers on the validation split are right")
    except ValueError as error:
        return fact | {"reason": str(error).removesuffix(".")}
    return fact | {"temperature": temperature, "nll_before": loss(None), "nll_after": loss(temperature)}


def _nll(truth: np.ndarray, probability: np.ndarray, multi_label: bool) -> float:
    """Mean of -log of the probability of the truth, over photographs or, of independent labels, over known labels."""
    if not multi_label:
        return float(-np.log(np.maximum((truth * probability).sum(axis=1), SMALLEST)).mean())
    own = np.where(truth > 0.5, probability, 1 - probability)[~np.isnan(truth)]
    return float(-np.log(np.maximum(own, SMALLEST)).mean())
