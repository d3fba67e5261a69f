"""Scores of one task with their values on every resample: one class of several, or any number of them."""

from typing import Any

import numpy as np

from dermimit.benchmark.benchmarks import Benchmark
from dermimit.data.targets import encode_targets
from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.chance import random_order
from dermimit.evaluate.metrics import attribute_metrics, class_metrics
from dermimit.evaluate.ranking import (
    auroc_draws,
    centred_interval,
    interval,
    mean_over_classes,
    precision_draws,
)
from dermimit.evaluate.resampling import Draws, balanced_accuracy_draws, macro_f1_draws, mean_of_classes

Drawn = dict[str, tuple[float, np.ndarray]]
"""Score -> its value, and that of every resample."""
THRESHOLD = 0.5  # from which an attribute counts as found
TOO_FEW = 10  # photographs that show an attribute, below which it has no line of its own


def truth_of_task(to: Benchmark, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Which photographs have a label, and the labels of these.

    Returns:
        places of the photographs; (photographs,) class indices of a task with one class, or (photographs, classes) in
        {0, 1}, NaN where a label is unknown.
    """
    target = encode_targets(to.frame, to.label_space)[task]
    known = np.flatnonzero(~np.isnan(target).all(axis=1))
    if to.label_space.multi_label(task):
        return known, target[known].astype(np.float64)
    return known, target[known].argmax(axis=1)


def task_scores(to: Benchmark, task: str, probability: np.ndarray, draws: Draws) -> dict[str, Any]:
    """The scores of body part or attributes, of what is labelled alone.

    Args:
        to: the benchmark.
        task: body_part or attributes.
        probability: (photographs, classes) of all photographs of the benchmark.
        draws: resamples of their patients.

    Returns:
        `photographs` with any label. Of one class of several: `accuracy`, `balanced_accuracy`, `macro_f1`, `auroc`, and
        `majority`, the accuracy of the commonest. Of any number: `known`, the share of labels that are; `map`, `auroc`,
        `macro_f1` (found from one half), means over classes; `chance_map`, the `map` expected of a random order;
        `each`: class -> `known`, `present`, `average_precision`, `auroc`. All scores have `_low` and `_high`, 95 % over
        patients.
    """
    known, truth = truth_of_task(to, task)
    inside, p = Draws(draws.patient[known], draws.weights), probability[known]
    several = to.label_space.multi_label(task)
    drawn = several_of(truth, p, inside) if several else single_of(truth, p, inside)
    found: dict[str, Any] = {"photographs": len(known)}
    for name, (value, line) in drawn.items():
        told = centred_interval(value, line) if name == "map" else interval(value, line)
        found |= {name: told.value, f"{name}_low": told.low, f"{name}_high": told.high}
    if not several:
        return found | {"majority": float(np.bincount(truth).max() / len(truth))}
    names, labelled = to.label_space.classes(task), ~np.isnan(truth)
    found |= {"known": float(labelled.sum() / (len(to.frame) * len(names))), "each": {}}
    found["chance_map"] = random_order(truth)
    for place, name in enumerate(names):
        here = labelled[:, place]
        one: dict[str, Any] = {"known": int(here.sum()), "present": int(np.nansum(truth[:, place]))}
        if one["present"] >= TOO_FEW:
            one |= _of_class(truth[:, [place]], p[:, [place]], inside)
        found["each"][name] = one
    return found


def _of_class(truth: np.ndarray, p: np.ndarray, draws: Draws) -> dict[str, float]:
    """Average precision and AUROC of one class, with intervals."""
    found = several_of(truth, p, draws)
    told = {"average_precision": centred_interval(*found["map"]), "auroc": interval(*found["auroc"])}
    ends = {f"{name}_{end}": getattr(one, end) for name, one in told.items() for end in ("low", "high")}
    return {name: one.value for name, one in told.items()} | ends


def single_of(truth: np.ndarray, p: np.ndarray, draws: Draws) -> Drawn:
    """Scores of one class of several: `truth` (photographs,), `p` (photographs, classes)."""
    answer, target = p.argmax(axis=1), np.eye(p.shape[1])[truth]
    right, values = answer == truth, class_metrics(target, p)
    return {
        "macro_f1": (macro_f1(truth, answer), macro_f1_draws(truth, answer, draws)),
        "balanced_accuracy": (values["balanced_accuracy"], balanced_accuracy_draws(truth, right, draws)),
        "accuracy": (values["accuracy"], draws.means(right.astype(float)[:, None])[0]),
        "auroc": (values["auroc"], mean_over_classes(auroc_draws, target, p, draws)),
    }


def several_of(truth: np.ndarray, p: np.ndarray, draws: Draws) -> Drawn:
    """Scores of any number of classes: both (photographs, classes), `truth` NaN where a label is unknown."""
    values, known = attribute_metrics(truth, p, THRESHOLD), ~np.isnan(truth)
    present, found = np.nan_to_num(truth), (p >= THRESHOLD) & known
    hits, true, said = (draws.sums(a.astype(float)) for a in (found * present, present, found))
    counts = [a.sum(axis=0) for a in (found * present, present, found)]
    f1 = mean_of_classes(
        2 * hits / np.maximum(true + said, 1), true, 2 * counts[0] / np.maximum(counts[1] + counts[2], 1)
    )
    return {
        "map": (values["map"], mean_over_classes(precision_draws, truth, p, draws)),
        "auroc": (values["auroc"], mean_over_classes(auroc_draws, truth, p, draws)),
        "macro_f1": (values["macro_f1"], f1),
    }
