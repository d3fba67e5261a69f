"""The scores of a run, computed from its frame of predictions and nothing else."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.targets import encode_targets
from dermimit.evaluate.ranking import auroc_draws, precision_draws
from dermimit.evaluate.ranks import rank_of_truth


def score(predictions: pd.DataFrame, label_space: LabelSpace) -> dict[str, float]:
    """Every metric of every task that the predictions hold.

    Args:
        predictions: as `dermimit.evaluate.predictions.predict` returns it.
        label_space: the classes that the probabilities stand for.

    Returns:
        "<task>/<metric>" -> value in [0, 1]; NaN where a metric has no photograph to be computed from. Where a disease
        is uncertain, the truth is the heaviest, as column `disease` says.
    """
    targets = encode_targets(predictions.drop(columns=WEIGHTS_COLUMN, errors="ignore"), label_space)
    metrics: dict[str, float] = {}
    for task in TASKS:
        if f"{task}_prob" not in predictions or task not in targets or not len(predictions):
            continue
        probability = np.stack(predictions[f"{task}_prob"]).astype(np.float64)
        measured = attribute_metrics if label_space.multi_label(task) else class_metrics
        metrics |= {f"{task}/{name}": value for name, value in measured(targets[task], probability).items()}
    return metrics


def class_metrics(target: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Metrics of mutually exclusive classes; macro averages run over the classes that occur in the truth.

    Args:
        target: (n, C) one-hot; a row of NaN is unknown and left out.
        probability: (n, C).

    Returns:
        accuracy, macro_f1, balanced_accuracy (mean sensitivity), top3_accuracy (the truth is among the three most
        probable, the differential; equals count against it), auroc (one against the rest, macro), ece (15 equal bins
        of confidence).
    """
    known = ~np.isnan(target).any(axis=1)
    if not known.any():
        return dict.fromkeys(
            ("accuracy", "macro_f1", "balanced_accuracy", "top3_accuracy", "auroc", "ece"), float("nan")
        )
    truth, probability = target[known].argmax(axis=1), probability[known]
    answer, present = probability.argmax(axis=1), np.unique(truth)
    _, recall, f1, _ = precision_recall_fscore_support(truth, answer, labels=present, average="macro", zero_division=0)
    return {
        "accuracy": float((answer == truth).mean()),
        "macro_f1": float(f1),
        "balanced_accuracy": float(recall),
        "top3_accuracy": float((rank_of_truth(probability, truth) <= 3).mean()),
        "auroc": macro(auroc_draws, target[known], probability),
        "ece": expected_calibration_error(answer == truth, probability.max(axis=1)),
    }


def attribute_metrics(target: np.ndarray, probability: np.ndarray, threshold: float = 0.5) -> dict[str, float]:
    """Metrics of attributes (or several body parts), averaged over those that occur and are absent.

    Args:
        target: (n, A) in {0, 1}; NaN entries are unknown and left out.
        probability: (n, A).
        threshold: from which an attribute counts as found, for macro_f1.

    Returns:
        map (mean average precision), auroc, macro_f1.
    """
    found, occurs = probability >= threshold, (target == 1).any(axis=0)
    right, wrong = (((target == truth) & found).sum(axis=0) for truth in (1, 0))
    missed = ((target == 1) & ~found).sum(axis=0)
    f1 = (2 * right / np.maximum(2 * right + wrong + missed, 1))[occurs]
    return {
        "map": macro(precision_draws, target, probability),
        "auroc": macro(auroc_draws, target, probability),
        "macro_f1": float(f1.mean()) if len(f1) else float("nan"),
    }


def macro(metric: Callable[..., np.ndarray], target: np.ndarray, probability: np.ndarray) -> float:
    """Mean of a ranking score of `dermimit.evaluate.ranking` over the columns that hold both values."""
    values = []
    for truth, p in zip(target.T, probability.T, strict=True):
        known = ~np.isnan(truth)
        if len(np.unique(truth[known])) == 2:
            values.append(metric(truth[known] == 1, p[known], np.ones((int(known.sum()), 1)))[0])
    return float(np.mean(values)) if values else float("nan")


def expected_calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Σ_bins (share of photographs) · |accuracy - mean confidence|, in equal bins of confidence (Guo et al., 2017)."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((correct[which == b] - confidence[which == b]).sum()) for b in np.unique(which)]
    return float(np.sum(gaps) / len(correct))
