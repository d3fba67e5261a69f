"""Does a probability of 70 % mean right in 70 of 100? Measured, per skin type too, and mended by one temperature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import minimize_scalar

from dermimit.evaluate.differential import Differential
from dermimit.evaluate.metrics import expected_calibration_error
from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval
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


def fit_temperature(answers: Differential) -> float:
    """The temperature with the smallest negative log-likelihood; fit it on the validation split, never on the test's.

    Raises:
        ValueError: the best is at an end of what is looked through, as where every answer is right.
    """

    def loss(temperature: float) -> float:
        return float(_nll(tempered(answers.probability, temperature), answers).mean())

    right = int(answers.right.sum())
    return best_temperature(loss, f"{right} of {len(answers.truth)} answers are right")


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


def _nll(probability: np.ndarray, answers: Differential) -> np.ndarray:
    """-log of the probability of the truth, a photo (nats)."""
    own = probability[np.arange(len(answers.truth)), answers.truth]
    return -np.log(np.maximum(own, SMALLEST))


def _brier(probability: np.ndarray, answers: Differential) -> np.ndarray:
    """Σ_classes (p - truth)², a photo; 0 to 2 (Brier, Mon. Weather Rev. 78, 1950)."""
    own = probability[np.arange(len(answers.truth)), answers.truth]
    return (probability**2).sum(axis=1) - 2 * own + 1


def _gaps(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> np.ndarray:
    """(photos, bins): right - confidence in the bin of each photo, as `metrics.expected_calibration_error` bins."""
    gaps = np.zeros((len(confidence), bins))
    gaps[np.arange(len(confidence)), _bin(confidence, bins)] = right - confidence
    return gaps


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


def ece_floor(answers: Differential, repeats: int = 200, seed: int = 0) -> float:
    """ECE that a perfectly calibrated model with these confidences would have on so few photos, on average.

    ECE is never below 0, so chance alone makes it larger where photos are few; read a small group's ECE against this.

    Source: Vaicenavicius et al., Evaluating model calibration in classification (2019): consistency resampling.
    """
    return floor_of(answers.confidence, repeats, seed)


def floor_of(confidence: Float[np.ndarray, " photos"], repeats: int = 200, seed: int = 0) -> float:
    """`ece_floor` of these confidences, in [0, 1]."""
    hits = np.random.default_rng(seed).random((repeats, len(confidence))) < confidence
    return float(np.mean([expected_calibration_error(hit, confidence, BINS) for hit in hits]))


def before_and_after(validation: Differential, test: Differential, resamples: int = 1000) -> pd.DataFrame:
    """Fit the temperature on the validation split and score the test split before and after.

    Returns:
        one line each for ECE, NLL (nats) and Brier (0 to 2), smaller is better: columns `score, before, after, change,
        low, high` (95 % bootstrap interval of the change, by patient) and `temperature`.
    """
    temperature = fit_temperature(validation)
    draws, scores = patient_draws(test.patients, resamples), []
    for probability in (test.probability, tempered(test.probability, temperature)):
        scores.append(_scores(probability, test, draws))
    lines = []
    for name, (before, before_draws) in scores[0].items():
        after, after_draws = scores[1][name]
        low, high = percentile_interval(after_draws - before_draws)
        lines.append({"score": name, "before": before, "after": after, "change": after - before})
        lines[-1] |= {"low": low, "high": high, "temperature": temperature}
    return pd.DataFrame(lines)


def _scores(probability: np.ndarray, answers: Differential, draws: Draws) -> dict[str, tuple[float, np.ndarray]]:
    """Score -> its value, and its value on each resample."""
    gaps = _gaps(probability.max(axis=1), answers.right)
    losses = np.stack([_nll(probability, answers), _brier(probability, answers)], axis=1)
    drawn = [np.abs(draws.means(gaps)).sum(axis=0), *draws.means(losses)]
    values = [np.abs(gaps.mean(axis=0)).sum(), *losses.mean(axis=0)]
    return {
        name: (float(value), line) for name, value, line in zip(("ECE", "NLL", "Brier"), values, drawn, strict=True)
    }
