"""The scores of a run, computed from its frame of predictions and nothing else."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score

from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.targets import encode_targets
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
    average = dict(labels=present, average="macro", zero_division=0)
    return {
        "accuracy": float((answer == truth).mean()),
        "macro_f1": float(f1_score(truth, answer, **average)),
        "balanced_accuracy": float(recall_score(truth, answer, **average)),
        "top3_accuracy": float((rank_of_truth(probability, truth) <= 3).mean()),
        "auroc": macro(roc_auc_score, target[known], probability),
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
    found = (probability >= threshold).astype(float)
    f1 = [
        f1_score(t[k], f[k], zero_division=0)
        for t, f, k in zip(target.T, found.T, ~np.isnan(target.T), strict=True)
        if np.nansum(t) > 0
    ]
    return {
        "map": macro(average_precision_score, target, probability),
        "auroc": macro(roc_auc_score, target, probability),
        "macro_f1": float(np.mean(f1)) if f1 else float("nan"),
    }


def macro(metric, target: np.ndarray, probability: np.ndarray) -> float:
    """Mean of a binary metric over the columns that hold both values."""
    values = []
    for truth, p in zip(target.T, probability.T, strict=True):
        known = ~np.isnan(truth)
        if len(np.unique(truth[known])) == 2:
            values.append(metric(truth[known], p[known]))
    return float(np.mean(values)) if values else float("nan")


def expected_calibration_error(correct: np.ndarray, confidence: np.ndarray, bins: int = 15) -> float:
    """Σ_bins (share of photographs) · |accuracy - mean confidence|, in equal bins of confidence (Guo et al., 2017)."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs((correct[which == b] - confidence[which == b]).sum()) for b in np.unique(which)]
    return float(np.sum(gaps) / len(correct))
