"""A line for each class: photographs, sensitivity, precision, F1, and what it is taken for."""

import numpy as np

from dermimit.evaluate.estimate import NONE, Estimate
from dermimit.evaluate.metrics import attribute_metrics
from dermimit.evaluate.ranking import PART, centred_interval, interval, precision_draws
from dermimit.evaluate.resampling import Draws
from dermimit.evaluate.shares import share_of
from dermimit.report.answers import AnyOf, OneOf
from dermimit.report.draws import draws_of
from dermimit.report.markup import Markup, el, table
from dermimit.report.words import KINDS, pretty

Training = dict[str, int] | None


def class_table(answers: OneOf, training: Training) -> Markup:
    """Of a task with one right answer.

    Args:
        answers: to the task.
        training: training photographs of each class, where they are known.
    """
    names, draws = answers.names, draws_of(answers.rows)
    matrix = confusion(answers)
    f1 = f1_intervals(answers, draws)
    heads = [KINDS[answers.task][0], *(["in training"] if training is not None else []), "photographs"]
    heads += ["sensitivity, %", "precision, %", "F1, %", "most often taken for"]
    rows = []
    for c, name in enumerate(names):
        row: list[object] = [pretty(name), *([f"{training.get(name, 0):,}"] if training is not None else [])]
        of_class, found = answers.truth == c, answers.answer == c
        row += [f"{matrix[c].sum():,}", share(found, of_class, draws), share(of_class, found, draws)]
        rows.append([*row, f1[c].percent() if matrix[c].any() else NONE, mistaken(matrix[c], c, names)])
    caption = f"Each {KINDS[answers.task][0]}, with 95 % intervals: bootstrap of F1, Wilson's of the others, by patient"
    return table(caption, heads, rows, numbers=range(1, len(heads) - 1))


def confusion(answers: OneOf) -> np.ndarray:
    """Photographs by true class (rows) and answer (columns)."""
    size = len(answers.names)
    return np.bincount(answers.truth * size + answers.answer, minlength=size * size).reshape(size, size)


def share(hits: np.ndarray, among: np.ndarray, draws: Draws) -> str:
    """A share in per cent with its interval, see `share_of`; a dash where there is no photograph."""
    return share_of(hits, among, draws).percent() if among.any() else NONE


def mistaken(row: np.ndarray, own: int, names: tuple[str, ...]) -> str:
    """The commonest wrong answer to photographs of a class: `eczema (3 of 10)`."""
    wrong = row.copy()
    wrong[own] = 0
    if not wrong.any():
        return NONE
    best = int(wrong.argmax())
    also = int((wrong == wrong[best]).sum()) - 1
    return f"{pretty(names[best])} ({wrong[best]} of {row.sum()})" + (f", {also} more as often" if also else "")


def f1_intervals(answers: OneOf, draws: Draws) -> list[Estimate]:
    """F1 of each class with its bootstrap interval."""
    size, photos, right = len(answers.names), np.arange(len(answers.truth)), answers.right
    true, said = (draws.class_counts(c, photos, size) for c in (answers.truth, answers.answer))
    hits = draws.class_counts(answers.truth[right], photos[right], size)
    drawn = np.where(true + said > 0, 2 * hits / np.maximum(true + said, 1), np.nan)
    matrix = confusion(answers)
    sums = np.maximum(matrix.sum(0) + matrix.sum(1), 1)
    return [interval(value, line) for value, line in zip(2 * matrix.diagonal() / sums, drawn, strict=True)]


def label_table(answers: AnyOf, training: Training) -> Markup:
    """Of a task of which any number of classes may hold: average precision beside prevalence, and F1 at one half."""
    heads = [KINDS[answers.task][0], *(["in training"] if training is not None else []), "shown in", "prevalence, %"]
    heads += ["average precision, %", "sensitivity, %", "precision, %"]
    draws, rows = draws_of(answers.rows), []
    for name, target, p in zip(answers.names, answers.target.T, answers.probability.T, strict=True):
        known = ~np.isnan(target)
        true = target[known] == 1
        row: list[object] = [pretty(name), *([f"{training.get(name, 0):,}"] if training is not None else [])]
        row += [f"{true.sum():,} of {known.sum():,}", f"{100 * true.mean():.1f}" if known.any() else NONE]
        row += [average_precision(target, p, draws).percent()]
        present = np.where(known, target == 1, False)
        called = known & (p >= 0.5)
        rows.append([*row, share(called, present, draws), share(present, called, draws)])
    caption = (
        f"Each {KINDS[answers.task][0]}, with 95 % intervals: bootstrap of average precision, Wilson's by patient of "
        "sensitivity and precision, where a probability of one half or more counts as found"
    )
    return table(caption, heads, rows, numbers=range(1, len(heads)))


def average_precision(target: np.ndarray, p: np.ndarray, draws: Draws) -> Estimate:
    """Of one class, with its bootstrap interval; NaN where the photographs do not hold both truths."""
    value, known = attribute_metrics(target[:, None], p[:, None])["map"], ~np.isnan(target)
    if value != value:
        return Estimate(value, value, value)
    parts = [
        precision_draws(target[known] == 1, p[known], draws.weights[draws.patient[known], start : start + PART])
        for start in range(0, draws.weights.shape[1], PART)
    ]
    return centred_interval(value, np.concatenate(parts))


def classes_section(answers: list[OneOf | AnyOf], training: dict[str, dict[str, int]]) -> list[Markup]:
    """The tables of all tasks, each below a heading."""
    parts = []
    for task in answers:
        known = training.get(task.task)
        shown = class_table(task, known) if isinstance(task, OneOf) else label_table(task, known)
        parts += [el("h3", KINDS[task.task][1].capitalize()), shown]
    return parts
