"""What answers that know nothing would score on the same photographs."""

import numpy as np
from jaxtyping import Float, Int

Counts = Int[np.ndarray, " classes"]


def uniform_guess(photographs: Counts) -> dict[str, float]:
    """Expected scores of guessing every class equally often; the F1 is the ratio of expected counts.

    Args:
        photographs: of each class.
    """
    share, classes = photographs[photographs > 0] / photographs.sum(), len(photographs)
    return {
        "macro_f1": float((2 * share / classes / (share + 1 / classes)).mean()),
        "accuracy": 1 / classes,
        "balanced_accuracy": 1 / classes,
        "auroc": 0.5,
        "top3_accuracy": min(3, classes) / classes,
    }


def always_most_frequent(photographs: Counts) -> dict[str, float]:
    """Scores of always answering the class (for top-3: the three classes) with most photographs here."""
    share = np.sort(photographs)[::-1] / photographs.sum()
    present = int((photographs > 0).sum())
    return {
        "macro_f1": float(2 * share[0] / (1 + share[0]) / present),
        "accuracy": float(share[0]),
        "balanced_accuracy": 1 / present,
        "auroc": 0.5,
        "top3_accuracy": float(share[:3].sum()),
    }


def random_order(target: Float[np.ndarray, "photos classes"]) -> float:
    """Mean average precision expected of a random order, over the classes that hold both truths.

    With n photographs of which m show the class: Σ_k (1 + (k - 1)(m - 1) / (n - 1)) / k / n, which is above the
    prevalence m / n where photographs are few.
    """
    values = []
    for known in (t[~np.isnan(t)] for t in target.T):
        n, m = len(known), int(known.sum())
        if 0 < m < n:
            k = np.arange(1, n + 1)
            values.append(float(((1 + (k - 1) * (m - 1) / (n - 1)) / k).mean()))
    return float(np.mean(values)) if values else float("nan")


def prevalence(target: Float[np.ndarray, "photos classes"]) -> float:
    """Mean share of photographs that show a class, over the classes that hold both truths."""
    shares = [float(known.mean()) for known in (t[~np.isnan(t)] for t in target.T) if 0 < known.sum() < len(known)]
    return float(np.mean(shares)) if shares else float("nan")
