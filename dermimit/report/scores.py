"""The scores of a task, each with its interval and beside what chance would give."""

from dataclasses import dataclass

import numpy as np

from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.chance import always_most_frequent, prevalence, random_order, uniform_guess
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.evaluate.ranking import auroc_draws, centred_interval, interval, mean_over_classes, precision_draws
from dermimit.evaluate.resampling import Draws, balanced_accuracy_draws, macro_f1_draws
from dermimit.evaluate.statistics import count_interval
from dermimit.report.answers import AnyOf, OneOf
from dermimit.report.draws import draws_of

NAMES = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "top3_accuracy": "top-3 accuracy",
}
MEANING = {
    "macro-F1": "mean over classes of F1, the harmonic mean of sensitivity and precision",
    "accuracy": "share of photographs that are correctly classified",
    "balanced accuracy": "mean sensitivity of the classes",
    "AUROC": "probability that a photograph of the class ranks above one of another class, mean over classes",
    "top-3 accuracy": "share of photographs whose true class is among the three most probable ones",
    "mAP": "mean over classes of average precision",
    "macro-F1 at one half": "mean F1, where a probability of one half or more counts as present",
}


@dataclass(frozen=True)
class Score:
    """A score, what chance gives, and whether the interval tells the two apart.

    Attributes:
        value: with its 95 % interval, NaN where there is none.
        chance: name of an answer that knows nothing -> its score.
        verdict: above, below, unclear; "" where there is no interval to tell from.
    """

    name: str
    value: Estimate
    chance: dict[str, float]
    verdict: str


def class_scores(answers: OneOf) -> list[Score]:
    """Macro-F1, accuracy, balanced accuracy, AUROC and, of more than three classes, top-3 accuracy.

    AUROC is NaN where only answers were kept.
    """
    draws, counts = draws_of(answers.rows), answers.photographs
    values, drawn = _values(answers), _drawn(answers, draws)
    uniform, frequent = uniform_guess(counts), always_most_frequent(counts)
    baseline = _frequent_drawn(answers, draws)
    scores = []
    for key, name in NAMES.items():
        if key == "top3_accuracy" and len(counts) <= 3:
            continue
        value = interval(values[key], drawn[key])
        if key in ("accuracy", "top3_accuracy") and values[key] in (0.0, 1.0) and len(counts) > 1:
            patients = len(draws.weights)
            value = Estimate(values[key], *count_interval(round(values[key] * patients), patients))
        chance = {"uniform guess": uniform[key], "most frequent class": frequent[key]}
        gain = interval(values[key] - frequent[key], drawn[key] - baseline[key])
        scores.append(Score(name, value, chance, _verdict(value, uniform[key], gain) if len(counts) > 1 else ""))
    return scores


def _values(answers: OneOf) -> dict[str, float]:
    if answers.probability is not None:
        return class_metrics(np.eye(len(answers.names))[answers.truth], answers.probability)
    sensitivity = [answers.right[answers.truth == c].mean() for c in np.unique(answers.truth)]
    return {
        "macro_f1": macro_f1(answers.truth, answers.answer),
        "accuracy": float(answers.right.mean()),
        "balanced_accuracy": float(np.mean(sensitivity)),
        "auroc": float("nan"),
        "top3_accuracy": float((answers.rank <= 3).mean()),
    }


def _drawn(answers: OneOf, draws: Draws) -> dict[str, np.ndarray]:
    """Each score on every resample."""
    right, top3 = draws.means(np.stack([answers.right, answers.rank <= 3], axis=1).astype(float))
    auroc = np.full(len(right), np.nan)
    if answers.probability is not None:
        target = np.eye(len(answers.names))[answers.truth]
        auroc = mean_over_classes(auroc_draws, target, answers.probability, draws)
    f1 = macro_f1_draws(answers.truth, answers.answer, draws)
    balanced = balanced_accuracy_draws(answers.truth, answers.right, draws)
    return {"macro_f1": f1, "accuracy": right, "balanced_accuracy": balanced, "auroc": auroc, "top3_accuracy": top3}


def _frequent_drawn(answers: OneOf, draws: Draws) -> dict[str, np.ndarray]:
    """Scores of always answering the most frequent classes of these photographs, on every resample."""
    order = np.argsort(-answers.photographs, kind="stable")
    constant = np.full_like(answers.truth, order[0])
    first, among = draws.means(
        np.stack([answers.truth == order[0], np.isin(answers.truth, order[:3])], 1).astype(float)
    )
    balanced = balanced_accuracy_draws(answers.truth, answers.truth == order[0], draws)
    f1 = macro_f1_draws(answers.truth, constant, draws)
    half = np.full(len(first), 0.5)
    return {"macro_f1": f1, "accuracy": first, "balanced_accuracy": balanced, "auroc": half, "top3_accuracy": among}


def label_scores(answers: AnyOf) -> list[Score]:
    """Mean average precision beside prevalence, AUROC, and F1 at one half without an interval."""
    draws, target, p = draws_of(answers.rows), answers.target, answers.probability
    values = attribute_metrics(target, p)
    found = centred_interval(values["map"], mean_over_classes(precision_draws, target, p, draws))
    ranked = interval(values["auroc"], mean_over_classes(auroc_draws, target, p, draws))
    shares = np.array([np.nanmean(t) for t in target.T if np.nansum(t) > 0])
    everything = float((2 * shares / (1 + shares)).mean()) if len(shares) else float("nan")
    order = random_order(target)
    return [
        Score("mAP", found, {"prevalence": prevalence(target), "random order": order}, _verdict(found, order)),
        Score("AUROC", ranked, {"random order": 0.5}, _verdict(ranked, 0.5)),
        Score("macro-F1 at one half", Estimate(values["macro_f1"], np.nan, np.nan), {"all present": everything}, ""),
    ]


def _verdict(value: Estimate, chance: float, gain: Estimate | None = None) -> str:
    """Whether the interval lies beyond chance, and that of the gain over the most frequent class beyond zero."""
    if value.low != value.low or chance != chance:
        return ""
    if value.above(chance) and (gain is None or gain.above()):
        return "above"
    return "below" if value.below(chance) and (gain is None or gain.below()) else "unclear"
