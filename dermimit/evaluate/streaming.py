"""The scores of predictions too many for memory: one pass over the file, a fixed amount of memory, the same numbers.

Probabilities are stored in 16 bits, of which [0, 1] has 15,361 values. So the ranks that AUROC and average precision
need can be counted, value by value, and nothing is approximated.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float16, Int
from pyarrow import parquet

from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import TASKS, LabelSpace
from dermimit.data.targets import encode_targets
from dermimit.evaluate.ranks import rank_of_truth

LEVELS = int(np.float16(1).view(np.uint16)) + 1
"""Values of float16 from 0 to 1; as integers, their bits are in the same order."""
BINS = 15  # of confidence, as in `dermimit.evaluate.metrics`


class Ranks:
    """Counts of each probability, by class and truth, for AUROC and average precision.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((2, classes, LEVELS), np.int64)

    def add(self, target: Float[np.ndarray, "n c"], probability: Float16[np.ndarray, "n c"]) -> None:
        """Count photographs; entries whose target is NaN are left out."""
        level = probability.view(np.uint16).astype(np.int64)
        if level.max(initial=0) >= LEVELS:
            raise ValueError("a probability is not in 0 to 1")
        rows, columns = np.nonzero(~np.isnan(target))
        np.add.at(self.counts, (target[rows, columns].astype(int), columns, level[rows, columns]), 1)

    def macro_auroc(self) -> float:
        """Mean over the classes with both truths of P(a positive is ranked above a negative), ties half."""
        return self._mean(_auroc)

    def mean_average_precision(self) -> float:
        """Mean over the classes with both truths of Σ_v (recall_v - recall_v-1) precision_v, from the top."""
        return self._mean(_average_precision)

    def _mean(self, of_class) -> float:
        pairs = zip(*self.counts, strict=True)
        values = [of_class(negative, positive) for negative, positive in pairs if negative.any() and positive.any()]
        return float(np.mean(values)) if values else float("nan")


def _auroc(negative: Int[np.ndarray, " v"], positive: Int[np.ndarray, " v"]) -> float:
    above = positive.sum() - np.cumsum(positive)
    return float((negative * (above + positive / 2)).sum() / (negative.sum() * positive.sum()))


def _average_precision(negative: Int[np.ndarray, " v"], positive: Int[np.ndarray, " v"]) -> float:
    hits, found = np.cumsum(positive[::-1]), np.cumsum((negative + positive)[::-1])
    return float((positive[::-1] * hits / np.maximum(found, 1)).sum() / positive.sum())


class ClassScores:
    """`dermimit.evaluate.metrics.class_metrics`, photograph by photograph.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self.confusion = np.zeros((classes, classes), np.int64)
        self.in_top3, self.gaps, self.ranks = 0, np.zeros(BINS), Ranks(classes)

    def add(self, target: Float[np.ndarray, "n c"], probability: Float16[np.ndarray, "n c"]) -> None:
        """Count photographs; rows with an unknown target are left out."""
        known = ~np.isnan(target).any(axis=1)
        target, probability = target[known], probability[known]
        truth, answer = target.argmax(axis=1), probability.argmax(axis=1)
        np.add.at(self.confusion, (truth, answer), 1)
        self.in_top3 += int((rank_of_truth(probability, truth) <= 3).sum())
        confidence = probability.max(axis=1, initial=0).astype(np.float64)
        which = np.minimum((confidence * BINS).astype(int), BINS - 1)
        self.gaps += np.bincount(which, (answer == truth) - confidence, minlength=BINS)
        self.ranks.add(target, probability)

    def metrics(self) -> dict[str, float]:
        """As `class_metrics`; NaN where nothing is known."""
        total, hits = self.confusion.sum(), np.diag(self.confusion)
        if not total:
            names = ("accuracy", "macro_f1", "balanced_accuracy", "top3_accuracy", "auroc", "ece")
            return dict.fromkeys(names, float("nan"))
        true, said = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        present = true > 0
        return {
            "accuracy": float(hits.sum() / total),
            "macro_f1": float((2 * hits / np.maximum(true + said, 1))[present].mean()),
            "balanced_accuracy": float((hits[present] / true[present]).mean()),
            "top3_accuracy": float(self.in_top3 / total),
            "auroc": self.ranks.macro_auroc(),
            "ece": float(np.abs(self.gaps).sum() / total),
        }


class AttributeScores:
    """`dermimit.evaluate.metrics.attribute_metrics`, photograph by photograph.

    Args:
        classes: A.
    """

    def __init__(self, classes: int) -> None:
        self.hits, self.true_or_said = np.zeros(classes), np.zeros(classes)
        self.true, self.ranks = np.zeros(classes), Ranks(classes)

    def add(self, target: Float[np.ndarray, "n a"], probability: Float16[np.ndarray, "n a"]) -> None:
        """Count photographs; unknown entries are left out."""
        known, truth, found = ~np.isnan(target), target == 1, probability >= 0.5
        self.hits += (truth & found).sum(axis=0)
        self.true += truth.sum(axis=0)
        self.true_or_said += truth.sum(axis=0) + (found & known).sum(axis=0)
        self.ranks.add(target, probability)

    def metrics(self) -> dict[str, float]:
        """As `attribute_metrics`."""
        occurs = self.true > 0
        f1 = (2 * self.hits / np.maximum(self.true_or_said, 1))[occurs]
        macro_f1 = float(f1.mean()) if occurs.any() else float("nan")
        return {"map": self.ranks.mean_average_precision(), "auroc": self.ranks.macro_auroc(), "macro_f1": macro_f1}


def score_parts(parts: Iterable[pd.DataFrame], label_space: LabelSpace) -> dict[str, float]:
    """As `dermimit.evaluate.metrics.score` of the parts put together, which are never in memory together.

    Args:
        parts: frames of predictions, probabilities as float16.
        label_space: the classes that the probabilities stand for.

    Raises:
        ValueError: a probability is not float16, or not in [0, 1].
    """
    found: dict[str, ClassScores | AttributeScores] = {}
    for part in parts:
        targets = encode_targets(part.drop(columns=WEIGHTS_COLUMN, errors="ignore"), label_space)
        for task in (t for t in TASKS if f"{t}_prob" in part and t in targets and len(part)):
            probability = np.stack(part[f"{task}_prob"])
            if probability.dtype != np.float16:
                raise ValueError(
                    f"{task}_prob is {probability.dtype}, not float16: use dermimit.evaluate.metrics.score"
                )
            kind = AttributeScores if label_space.multi_label(task) else ClassScores
            found.setdefault(task, kind(probability.shape[1])).add(targets[task].astype(float), probability)
    return {f"{task}/{name}": value for task in TASKS if task in found for name, value in found[task].metrics().items()}


def score_file(path: Path | str, label_space: LabelSpace, rows: int = 10_000) -> dict[str, float]:
    """`score_parts` of a predictions.parquet, read `rows` photographs at a time."""
    with parquet.ParquetFile(path, pre_buffer=False) as file:  # it would hold the whole file
        return score_parts((part.to_pandas() for part in file.iter_batches(rows)), label_space)
