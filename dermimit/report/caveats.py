"""What to bear in mind with the scores: which photographs, how many, and what the intervals leave out."""

from typing import Any

import numpy as np

from dermimit.report.answers import Answers, OneOf
from dermimit.report.draws import units_of
from dermimit.report.markup import count, listed
from dermimit.report.scores import Score
from dermimit.report.words import KINDS, TASK_LABELS, pretty

FEW = 10
"""Photographs of a class below which its numbers say little."""
WIDE = 0.2
"""Width of an interval from which n is called small."""
OTHER = (
    "This is another table of photographs than that of the training; whether single photographs are in both was not "
    "checked."
)
SAME = "These photographs are of the data that the run was trained on."
SEEN = "These photographs include those that the run was trained on: the scores are too good."
INTERVALS = (
    "Intervals are 95 % bootstrap intervals drawn {units}. A score is called above chance if its interval lies "
    "above a uniform guess and its gain over the most frequent class, on the same resamples, lies above zero. These "
    "statements are not corrected for their number. If all resamples agree, there is no interval."
)
SEED = "This is one run with one seed: the intervals cover the choice of photographs, not the variation between seeds."


def caveats(scored: list[tuple[Answers, list[Score]]], facts: dict[str, Any] | None) -> list[str]:
    """What limits the numbers, each where it holds.

    Args:
        scored: the tasks with their scores.
        facts: of the evaluation, where the photographs are not the run's own test split.
    """
    texts = []
    if facts is not None:
        texts.append({None: OTHER, False: SAME, True: SEEN}[facts.get("saw_in_training")])
        if facts.get("left_out"):
            texts.append(f"{count(facts['left_out'], 'photograph')} left out by the quarantine.")
        texts += _matched(facts)
    for task, scores in scored:
        texts += _few(task, scores) + _left_out(task)
    return [*texts, INTERVALS.format(units=units_of(scored[0][0].rows)), SEED]


def _matched(facts: dict[str, Any]) -> list[str]:
    """Classes of these photographs that the evaluation left out, or took for one of the run's."""
    texts = []
    for task, counts in (facts.get("unknown_classes_left_out") or {}).items():
        number = count(sum(counts.values()), "photograph" if task == "disease" else "label")
        names = listed(f"{pretty(name)} ({n})" for name, n in counts.items())
        texts.append(f"{number} left out for {TASK_LABELS[task]}, of classes that the run does not know: {names}.")
    for task, names in (facts.get("renamed") or {}).items():
        pairs = listed(f"{theirs} as {ours}" for theirs, ours in names.items())
        texts.append(
            f"Classes of {TASK_LABELS[task]} whose names differ in spelling alone are read as the run's: {pairs}."
        )
    return texts


def _few(task: Answers, scores: list[Score]) -> list[str]:
    """Classes without photographs, and where n is small."""
    kinds, label, counts, texts = KINDS[task.task], TASK_LABELS[task.task], task.photographs, []
    absent = [pretty(name) for name, n in zip(task.names, counts, strict=True) if n == 0]
    if absent:
        number = count(len(absent), *kinds)
        texts.append(f"{number} without a photograph here, so that nothing is known of them: {listed(absent)}.")
    few = int(((counts > 0) & (counts < FEW)).sum())
    wide = max((s.value.high - s.value.low for s in scores if s.value.low == s.value.low), default=0.0)
    reasons = [f"{few} of {count(len(counts), *kinds)} with fewer than {FEW} photographs"] if few else []
    reasons += [f"the widest interval spans {100 * wide:.0f} points"] if wide >= WIDE else []
    if reasons:
        texts.append(f"n is small for {label}: {'; '.join(reasons)}.")
    if isinstance(task, OneOf) and task.right.all() and len(task.names) > 1:
        texts.append(f"All predictions of the {label} are correct, so most of its scores have no bootstrap interval.")
    return texts


def _left_out(task: Answers) -> list[str]:
    """Photographs without a label, or of a class that the run does not know."""
    label, texts = TASK_LABELS[task.task], []
    if task.unlabelled:
        texts.append(f"{count(task.unlabelled, 'photograph')} without a label for {label} left out.")
    if task.foreign:
        number = count(int(np.sum(list(task.foreign.values()))), "photograph")
        names = listed(f"{pretty(name)} ({n})" for name, n in task.foreign.items())
        texts.append(f"{number} left out for {label}, of classes that the run does not know: {names}.")
    return texts
