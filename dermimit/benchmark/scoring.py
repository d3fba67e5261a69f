"""What answers to a benchmark are worth: scores with intervals over patients, by disease and skin type; differences."""

from typing import Any

import numpy as np
import pandas as pd

from dermimit.benchmark.answers_file import Given
from dermimit.benchmark.benchmarks import Benchmark
from dermimit.benchmark.tasks import several_of, single_of, task_scores, truth_of_task
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.metrics import class_metrics, expected_calibration_error
from dermimit.evaluate.out_of_fold import scored, share
from dermimit.evaluate.ranking import auroc_draws, centred_interval, mean_over_classes
from dermimit.evaluate.ranks import rank_of_truth
from dermimit.evaluate.resampling import Draws, macro_f1_draws, patient_draws, percentile_interval

RESAMPLES = 2000
LEAST = 10  # photographs of a skin type, below which no score of it is given
BINS = 15  # of confidence, for the calibration error
TOP, MANY = (3, 5), 10  # the second of more than MANY classes alone


def truth_of(to: Benchmark) -> np.ndarray:
    """(photographs,) the place of each true disease among the classes."""
    return to.frame["disease"].map({name: i for i, name in enumerate(to.diseases)}).to_numpy(np.int64)


def answers_of(to: Benchmark, probabilities: np.ndarray) -> Answers:
    """The most probable disease of each photograph; the first of several that are as probable."""
    return Answers(
        truth=truth_of(to), answers=[probabilities.argmax(axis=1)], patients=to.frame["patient_id"],
        images=tuple(to.frame["image"]), seeds=(0,),
    )  # fmt: skip


def report(to: Benchmark, given: Given, resamples: int = RESAMPLES) -> dict[str, Any]:
    """All scores of a file of answers.

    Args:
        to: the benchmark.
        given: from `read_answers_file`.
        resamples: of the patients.

    Returns:
        `benchmark, version, sha256`; `macro_f1`, `balanced_accuracy`, `accuracy`, `auroc`, `top3_accuracy` (and
        `top5_accuracy` of many classes), `ece`, `log_loss`, each with `_low` and `_high` (95 %, whole patients drawn);
        `guessing`; `recall`: disease -> [value, low, high]; `confusion`: true -> answered -> count; `skin_types`: type
        -> photographs, accuracy; `folds`, where they hold something out: name -> photographs, macro_f1; `majority`:
        the macro-F1 of always answering the commonest disease; `body_part` and `attributes`, where the file answers for
        them, see `tasks.task_scores`.
    """
    p, truth = given.disease, truth_of(to)
    (line,) = scored({"answers": answers_of(to, p)}, to.diseases, resamples)
    draws = patient_draws(to.frame["patient_id"], resamples)
    commonest = np.full(len(truth), np.bincount(truth).argmax())
    found: dict[str, Any] = {"benchmark": to.name, "version": to.version, "sha256": to.sha256}
    found |= {name: value for name, value in line.items() if name not in ("row", "seeds")}
    found |= probability_scores(truth, p, draws)
    majority = class_metrics(np.eye(len(to.diseases))[truth], np.eye(len(to.diseases))[commonest])
    found |= {"majority": majority["macro_f1"], "skin_types": by_skin_type(to, p, resamples)}
    if to.fold_names:
        found["folds"] = by_fold(to, p, resamples)
    for task in ("body_part", "attributes"):
        answers = getattr(given, task)
        if answers is not None:
            found[task] = task_scores(to, task, answers, draws)
    return found


def probability_scores(truth: np.ndarray, p: np.ndarray, draws: Draws) -> dict[str, float]:
    """What depends on the probabilities and not on the most probable disease alone, with intervals over patients."""
    target, n = np.eye(p.shape[1])[truth], np.arange(len(truth))
    right, sure = p.argmax(axis=1) == truth, p.max(axis=1)
    drawn = {"auroc": mean_over_classes(auroc_draws, target, p, draws)}
    values = {"auroc": class_metrics(target, p)["auroc"], "ece": expected_calibration_error(right, sure, BINS)}
    for k in TOP[: 2 if p.shape[1] > MANY else 1]:
        among = (rank_of_truth(p, truth) <= k).astype(float)
        values[f"top{k}_accuracy"], drawn[f"top{k}_accuracy"] = float(among.mean()), draws.means(among[:, None])[0]
    losses = -np.log(np.maximum(p[n, truth], 1e-12))
    values["log_loss"], drawn["log_loss"] = float(losses.mean()), draws.means(losses[:, None])[0]
    found: dict[str, float] = {}
    for name, line in drawn.items():
        found |= _with_ends(name, values[name], *percentile_interval(line))
    inside = np.eye(BINS)[np.minimum((sure * BINS).astype(int), BINS - 1)]
    gaps = np.abs(draws.sums(inside * (right - sure)[:, None])).sum(axis=0) / draws.sums(np.ones((len(p), 1)))[0]
    around = centred_interval(values["ece"], gaps)  # resamples are noisier than the photographs, and so gaps are larger
    return found | _with_ends("ece", values["ece"], around.low, around.high)


def _with_ends(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def by_skin_type(to: Benchmark, probabilities: np.ndarray, resamples: int = RESAMPLES) -> dict[str, dict[str, Any]]:
    """Accuracy of each Fitzpatrick type, and of those where none is recorded, with intervals over patients.

    A type with fewer than `LEAST` photographs has its number alone.
    """
    right = (probabilities.argmax(axis=1) == truth_of(to)).astype(float)[:, None]
    types = to.frame["fitzpatrick"].map(lambda t: "not recorded" if pd.isna(t) else f"type {int(t)}")
    lines: dict[str, dict[str, Any]] = {}
    for name in sorted(set(types), key=lambda t: (t == "not recorded", t)):
        chosen = (types == name).to_numpy()
        lines[name] = {"photographs": int(chosen.sum())}
        if chosen.sum() >= LEAST:
            draws = patient_draws(to.frame.loc[chosen, "patient_id"], resamples)
            drawn = draws.means(right[chosen])
            lines[name] |= _with_ends("accuracy", *share(right[chosen].mean(axis=0), drawn, len(draws.weights)))
    return lines


def by_fold(to: Benchmark, probabilities: np.ndarray, resamples: int = RESAMPLES) -> dict[str, dict[str, Any]]:
    """Macro-F1 of each fold by itself, where a fold holds out a source or a skin type."""
    truth, answer = truth_of(to), probabilities.argmax(axis=1)
    lines: dict[str, dict[str, Any]] = {}
    for fold in sorted(set(to.frame["fold"])):
        chosen = (to.frame["fold"] == fold).to_numpy()
        these = Answers(truth=truth[chosen], answers=[answer[chosen]], patients=to.frame.loc[chosen, "patient_id"])
        drawn = macro_f1_draws(truth[chosen], answer[chosen], patient_draws(these.patients, resamples))
        ends = percentile_interval(drawn)
        lines[to.fold_name(fold)] = {"photographs": int(chosen.sum())} | _with_ends(
            "macro_f1", these.macro_f1()[0], *ends
        )
    return lines


def difference(to: Benchmark, one: Given, other: Given, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """What one file of answers scores more than another, on the same drawn patients.

    Returns:
        `macro_f1`, `balanced_accuracy`, `accuracy` and `auroc` of the disease; where both files answer for them, those
        of `body_part/` and `attributes/`; with 95 % intervals over patients. They speak of these two files: another
        training of the same model would give others.
    """
    truth, draws = truth_of(to), patient_draws(to.frame["patient_id"], resamples)
    pairs = {"": (single_of(truth, one.disease, draws), single_of(truth, other.disease, draws))}
    for task in ("body_part", "attributes"):
        both = getattr(one, task), getattr(other, task)
        if both[0] is None or both[1] is None:
            continue
        of = several_of if to.label_space.multi_label(task) else single_of
        known, target = truth_of_task(to, task)
        inside = Draws(draws.patient[known], draws.weights)
        pairs[f"{task}/"] = (of(target, both[0][known], inside), of(target, both[1][known], inside))
    found = {}
    for task, (ours, theirs) in pairs.items():
        for name, (value, drawn) in ours.items():
            gap, gaps = value - theirs[name][0], drawn - theirs[name][1]
            low, high = percentile_interval(gaps)
            found[f"{task}{name}"] = Estimate(float(gap), low, high)
    return found
