"""The first thing read: the scores with their intervals beside chance, and what to bear in mind."""

from typing import Any

import numpy as np

from dermimit.evaluate.estimate import NONE
from dermimit.report.answers import AnyOf, OneOf
from dermimit.report.draws import units_of
from dermimit.report.markup import Markup, el, joined, listed, percent, table, with_interval
from dermimit.report.markup import count as counted
from dermimit.report.scores import MEANING, Score, class_scores, label_scores
from dermimit.report.words import KINDS, TASK_LABELS, pretty

FEW = 10
"""Photographs of a class below which its numbers say little."""
WIDE = 0.2
"""Width of an interval from which n is called small."""
VERDICTS = {"above": "above chance", "below": "below chance", "unclear": "cannot be told from chance", "": ""}


def scores_of(answers: OneOf | AnyOf) -> list[Score]:
    """The scores of a task."""
    return class_scores(answers) if isinstance(answers, OneOf) else label_scores(answers)


def tiles(task: OneOf | AnyOf, scores: list[Score]) -> Markup:
    """The main task's scores, large."""
    cards = [
        el(
            "div",
            el("p", s.name, class_="name"),
            el("p", percent(s.value.value), class_="value"),
            el("p", _interval(s), class_="interval"),
            el("p", _chance(s), class_="muted"),
            el("p", VERDICTS[s.verdict], class_=f"verdict {s.verdict}") if s.verdict else None,
            class_="tile",
        )
        for s in scores
    ]
    return joined([el("h3", TASK_LABELS[task.task].capitalize()), el("div", cards, class_="tiles")])


def _interval(score: Score) -> str:
    if score.value.low != score.value.low:
        return "no interval"
    return f"95\N{NO-BREAK SPACE}%: {score.value.percent().split('(')[1].rstrip(')')}"


def _chance(score: Score) -> str:
    return "; ".join(f"{name} {percent(value)}" for name, value in score.chance.items())


def score_table(task: OneOf | AnyOf, scores: list[Score]) -> Markup:
    """All scores of a task, with what they mean."""
    levels = list(dict.fromkeys(name for s in scores for name in s.chance))
    rows = [
        [s.name, s.value.percent(), *(f"{100 * s.chance[k]:.1f}" if k in s.chance else NONE for k in levels),
         VERDICTS[s.verdict] or NONE, MEANING[s.name]]
        for s in scores
    ]  # fmt: skip
    heads = ["score", "value, % (95 % interval)", *(f"{name}, %" for name in levels), "verdict", "meaning"]
    caption = f"{TASK_LABELS[task.task].capitalize()}: scores beside what chance gives"
    return el("div", table(caption, heads, rows, numbers=range(1, 2 + len(levels))), class_="wide")


def sentences(task: OneOf | AnyOf, scores: list[Score]) -> list[str]:
    """What the main numbers of a task say."""
    kind, texts = KINDS[task.task], []
    if isinstance(task, AnyOf):
        mean = scores[0]
        words = {"above": "That is above what a random order would give", "below": "That is below a random order's",
                 "unclear": "That cannot be told from a random order's", "": "A random order would give"}  # fmt: skip
        value = f"{words[mean.verdict]}{',' if mean.verdict else ''} {percent(mean.chance['random order'])}."
        return [f"The mean average precision (mAP) over {kind[1]} is {with_interval(mean.value)}. {value}"]
    by_name = {s.name: s for s in scores}
    accuracy, top3 = by_name["accuracy"], by_name.get("top-3 accuracy")
    n, right = len(task.truth), int(task.right.sum())
    verdict = {"above": "more often than by chance", "below": "less often than by chance",
               "unclear": "which cannot be told from chance", "": ""}[accuracy.verdict]  # fmt: skip
    texts.append(
        f"The most probable {kind[0]} is the true one in {right:,} of {counted(n, 'photograph')}, "
        f"{with_interval(accuracy.value)}{', ' + verdict if verdict else ''}; always answering the most frequent one "
        f"would be right in {percent(accuracy.chance['most frequent class'])}."
    )
    if top3 is not None:
        texts.append(f"The true {kind[0]} is among the three most probable in {with_interval(top3.value)}; the three "
                     f"most frequent ones make up {percent(top3.chance['most frequent class'])}.")  # fmt: skip
    return texts


def caveats(scored: list[tuple[OneOf | AnyOf, list[Score]]], facts: dict[str, Any] | None) -> list[str]:
    """What limits the numbers, each where it holds."""
    texts = []
    if facts is not None:
        seen = facts.get("saw_in_training")
        texts.append("These photographs are other data than those of the training: the scores say how well the model "
                     "carries over." if seen is None else "These photographs are of the data that the run was trained "
                     "on" + (", and some of them were trained on: the scores are too good." if seen else "."))  # fmt: skip
        if facts.get("left_out"):
            texts.append(f"{counted(facts['left_out'], 'photograph')} left out by the quarantine.")
    for task, scores in scored:
        texts += _of_task(task, scores)
    if scored:
        texts.append(f"Intervals are 95 % bootstrap intervals drawn {units_of(scored[0][0].rows)}. A score is called "
                     "above chance where its interval lies above a uniform guess and its gain over the most frequent class, "
                     "on the same resamples, above zero; these verdicts are not corrected for their number.")  # fmt: skip
    texts.append("This is one run with one seed: the intervals hold the luck of the photographs, not that of training.")
    return texts


def _of_task(task: OneOf | AnyOf, scores: list[Score]) -> list[str]:
    one, many = KINDS[task.task]
    label, counts, texts = TASK_LABELS[task.task], task.photographs, []
    if len(task.names) == 1 and isinstance(task, OneOf):
        texts.append(f"There is one {one}, so every answer is right and the scores say nothing.")
    absent = [pretty(name) for name, n in zip(task.names, counts, strict=True) if n == 0]
    if absent:
        texts.append(f"{counted(len(absent), one, many)} without a photograph here, so that nothing is known of them: {listed(absent)}.")
    few = int(((counts > 0) & (counts < FEW)).sum())
    wide = max((s.value.high - s.value.low for s in scores if s.value.low == s.value.low), default=0.0)
    reasons = [f"{few} of {counted(len(counts), one, many)} have fewer than {FEW} photographs"] if few else []
    reasons += [f"the widest interval spans {100 * wide:.0f} points"] if wide >= WIDE else []
    if reasons:
        texts.append(f"n is small for {label}: {'; '.join(reasons)}.")
    if isinstance(task, OneOf) and task.right.all() and len(task.names) > 1:
        texts.append(f"All answers about the {label} are right, so that most of its scores have no bootstrap interval.")
    if task.unlabelled:
        texts.append(f"{counted(task.unlabelled, 'photograph')} without a label for {label} left out.")
    if task.foreign:
        names = [f"{pretty(name)} ({n})" for name, n in task.foreign.items()]
        texts.append(f"{counted(int(np.sum(list(task.foreign.values()))), 'photograph')} left out for {label}, of classes "
                     f"that the run does not know: {listed(names)}.")  # fmt: skip
    return texts
