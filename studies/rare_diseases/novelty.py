"""Diseases that training never showed: how strange a photograph is to a model, and how well that tells them apart."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from scipy.special import logsumexp, softmax
from sklearn.covariance import LedoitWolf
from torch import nn

from dermimit.evaluate.resampling import percentile_interval

Scores = Float[np.ndarray, " photos"]
Known = Float[np.ndarray, " known"]


def from_logits(logits: Float[np.ndarray, "photos classes"]) -> dict[str, Scores]:
    """Novelty from a model's logits, higher is stranger.

    max_probability: 1 - max p (Hendrycks and Gimpel 2017); max_logit: -max z (Hendrycks et al. 2022);
    energy: -log Σ exp z (Liu et al. 2020).
    """
    return {
        "max_probability": 1 - softmax(logits, axis=1).max(1),
        "max_logit": -logits.max(1),
        "energy": -logsumexp(logits, axis=1),
    }


def mahalanobis(
    train: Float[np.ndarray, "train features"],
    labels: Int[np.ndarray, " train"],
    test: Float[np.ndarray, "photos features"],
) -> Scores:
    """Squared distance to the nearest class mean in the metric of the covariance within classes (Lee et al. 2018).

    Args:
        train, labels: features and classes of training photos.
        test: features of the photos in question.

    Differs from the source: Ledoit-Wolf shrinkage keeps the covariance well conditioned; one layer, no input noise.
    """
    names = np.unique(labels)
    means = np.stack([train[labels == name].mean(0) for name in names])
    within = LedoitWolf(assume_centered=True).fit(train - means[np.searchsorted(names, labels)])
    return np.stack([within.mahalanobis(test - mean) for mean in means]).min(0)


def auroc(known: Known, new: Scores) -> float:
    """Chance that a photograph of a new disease is stranger than one of a known disease, ties counted half."""
    return float(stats.mannwhitneyu(new, known).statistic / (len(new) * len(known)))


def false_alarms(known: Known, new: Scores, found: float = 0.95) -> float:
    """Share of known photographs at or above the score that `found` of the new ones reach (FPR at 95 % TPR)."""
    return float((known >= np.quantile(new, 1 - found, method="lower")).mean())


def with_intervals(known: Known, new: Scores, resamples: int = 1000, seed: int = 0) -> dict[str, float]:
    """`auroc` and `fpr95` with 95 % intervals by photograph (on SynDerm each is a patient of its own)."""
    rng, draws = np.random.default_rng(seed), {"auroc": [], "fpr95": []}
    for _ in range(resamples):
        a, b = rng.choice(known, len(known)), rng.choice(new, len(new))
        draws["auroc"].append(auroc(a, b))
        draws["fpr95"].append(false_alarms(a, b))
    found = {"auroc": auroc(known, new), "fpr95": false_alarms(known, new)}
    for name, values in draws.items():
        found[f"{name}_low"], found[f"{name}_high"] = percentile_interval(np.array(values))
    return found


@torch.inference_mode()
def features_and_logits(
    model: nn.Module, images: torch.Tensor, batch_size: int = 128
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What the disease's classifier reads, (N, F), and the logits of every task, task -> (N, C); float32."""
    features: list[np.ndarray] = []
    logits: dict[str, list[np.ndarray]] = {}
    for some in images.split(batch_size):
        found, out = model(some)
        features.append(out["disease/enhanced"].float().numpy())
        for task, z in found.items():
            logits.setdefault(task, []).append(z.float().numpy())
    return np.concatenate(features), {task: np.concatenate(parts) for task, parts in logits.items()}
