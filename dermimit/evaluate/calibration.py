"""Does a probability of 70 % mean right in 70 of 100? Measured, and mended by one temperature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from dermimit.evaluate.differential import Differential
from dermimit.evaluate.metrics import expected_calibration_error
from dermimit.evaluate.statistics import count_interval

BINS = 15
SMALLEST = 2.0**-25  # half of what float16, in which probabilities are stored, can hold above 0
WIDEST = 20.0  # temperatures are looked for between 1/20 and 20


def tempered(probability: Float[np.ndarray, "photos classes"], temperature: float) -> np.ndarray:
    """Divide the logits by a temperature: p^(1/T), made to sum to 1 again.

    Args:
        temperature: T > 0; above 1 makes answers less sure. The order of the diseases never changes.
    Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 4.2.
    """
    logits = np.log(np.maximum(probability, SMALLEST)) / temperature
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def best_temperature(loss: Callable[[float], float], known: str) -> float:
    """The temperature from 1/20 to 20 with the smallest loss.

    Args:
        loss: of a temperature.
        known: what to say of the answers in an error.
    Raises:
        ValueError: an end is as good as the best.
    """
    end = np.log(WIDEST)
    found = minimize_scalar(
        lambda log: loss(float(np.exp(log))), bounds=(-end, end), method="bounded", options={"xatol": 1e-5}
    )
    ends = min(loss(WIDEST), loss(1 / WIDEST))
    if abs(found.x) > end - 1e-3 or ends <= found.fun + 1e-9:  # the loss may be flat near an end
        raise ValueError(f"no best temperature in 1/20 .. 20: {known}.")
    return float(np.exp(found.x))


def _bin(confidence: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((confidence * bins).astype(int), bins - 1)


def reliability(answers: Differential, bins: int = BINS) -> pd.DataFrame:
    """Accuracy in equal bins of confidence.

    Returns:
        columns `start, end, photos, confidence` (mean), `accuracy, low, high` (Wilson, 95 %); an empty bin has no
        accuracy. ECE is the mean of |accuracy - confidence| weighted by photos.
    Source: DeGroot and Fienberg, The Statistician 32 (1983); Guo et al. (2017).
    """
    confidence, right = answers.confidence, answers.right
    which, lines = _bin(confidence, bins), []
    for b in range(bins):
        here = which == b
        line = {"start": b / bins, "end": (b + 1) / bins, "photos": int(here.sum())}
        if here.any():
            low, high = count_interval(int(right[here].sum()), int(here.sum()))
            line |= {"confidence": confidence[here].mean(), "accuracy": right[here].mean(), "low": low, "high": high}
        lines.append(line)
    columns = ["start", "end", "photos", "confidence", "accuracy", "low", "high"]
    return pd.DataFrame(lines, columns=columns)


def ece_floor(confidence: Float[np.ndarray, " photos"], repeats: int = 200, seed: int = 0) -> float:
    """ECE that a perfectly calibrated model with these confidences would have on so few photos, on average, in [0, 1].

    ECE is never below 0, so chance alone makes it larger where photos are few; read a small group's ECE against this.

    Source: Vaicenavicius et al., Evaluating model calibration in classification (2019): consistency resampling.
    """
    hits = np.random.default_rng(seed).random((repeats, len(confidence))) < confidence
    return float(np.mean([expected_calibration_error(hit, confidence, BINS) for hit in hits]))
