"""The first thing read: the scores with their intervals beside chance."""

from dermimit.evaluate.estimate import NONE
from dermimit.report.answers import AnyOf, OneOf
from dermimit.report.markup import Markup, el, joined, percent, table, with_interval
from dermimit.report.markup import count as counted
from dermimit.report.scores import MEANING, Score, class_scores, label_scores
from dermimit.report.words import KINDS, TASK_LABELS

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
        [
            s.name,
            s.value.percent(),
            *(f"{100 * s.chance[k]:.1f}" if k in s.chance else NONE for k in levels),
            VERDICTS[s.verdict] or NONE,
            MEANING[s.name],
        ]
        for s in scores
    ]
    heads = ["score", "value, % (95 % interval)", *(f"{name}, %" for name in levels), "verdict", "meaning"]
    caption = f"{TASK_LABELS[task.task].capitalize()}: scores beside what chance gives"
    return el("div", table(caption, heads, rows, numbers=range(1, 2 + len(levels))), class_="wide")


def sentences(task: OneOf | AnyOf, scores: list[Score]) -> list[str]:
    """What the main numbers of a task say."""
    kind, texts = KINDS[task.task], []
    if isinstance(task, AnyOf):
        mean = scores[0]
        words = {
            "above": "That is above what a random order would give",
            "below": "That is below a random order's",
            "unclear": "That cannot be told from a random order's",
            "": "A random order would give",
        }
        value = f"{words[mean.verdict]}{',' if mean.verdict else ''} {percent(mean.chance['random order'])}."
        return [f"The mean average precision (mAP) over {kind[1]} is {with_interval(mean.value)}. {value}"]
    if len(task.names) == 1:
        return [f"There is one {kind[0]}, so every prediction is correct and the scores say nothing."]
    by_name = {s.name: s for s in scores}
    accuracy, top3 = by_name["accuracy"], by_name.get("top-3 accuracy")
    n, right = len(task.truth), int(task.right.sum())
    verdict = {
        "above": "more often than by chance",
        "below": "less often than by chance",
        "unclear": "which cannot be told from chance",
        "": "",
    }[accuracy.verdict]
    texts.append(
        f"The most probable {kind[0]} is the true one in {right:,} of {counted(n, 'photograph')}, "
        f"{with_interval(accuracy.value)}{', ' + verdict if verdict else ''}; always answering the most frequent one "
        f"would be right in {percent(accuracy.chance['most frequent class'])}."
    )
    if top3 is not None:
        texts.append(
            f"The true {kind[0]} is among the three most probable in {with_interval(top3.value)}; the three "
            f"most frequent ones make up {percent(top3.chance['most frequent class'])}."
        )
    return texts
