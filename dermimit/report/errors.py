"""The wrong answers that were given most surely: with photographs where these may be shown, else as a table."""

from dataclasses import dataclass

import numpy as np

from dermimit.report.answers import Answers, OneOf
from dermimit.report.markup import Markup, count, el, percent, section, table
from dermimit.report.pictures import Picture, Pictures, selected_of
from dermimit.report.record import Record, Scored
from dermimit.report.words import KINDS, pretty

SHOWN = 12


@dataclass(frozen=True)
class Mistake:
    """A wrong answer: the photograph, what is true, what was said, how surely, and the place of the truth."""

    image: str
    place: int
    answer: int
    truth: str
    said: str
    confidence: float
    rank: int | None


def worst(answers: Answers, most: int = SHOWN) -> list[Mistake]:
    """The surest wrong answers, one a photograph; of equally sure ones, the first."""
    if isinstance(answers, OneOf):
        wrong = np.flatnonzero(~answers.right)
        order = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:most]
        return [_of_class(answers, int(i)) for i in order]
    off = np.abs(answers.probability - answers.target)
    off = np.where(np.isnan(off) | (off <= 0.5), 0, off)
    order = np.argsort(-off.max(axis=1), kind="stable")[:most]
    return [_of_label(answers, int(i), int(off[i].argmax())) for i in order if off[i].any()]


def _of_class(answers: OneOf, i: int) -> Mistake:
    row, names = answers.rows.iloc[i], answers.names
    answer = int(answers.answer[i])
    return Mistake(
        str(row["image"]),
        int(row["place"]),
        answer,
        names[answers.truth[i]],
        names[answer],
        float(answers.confidence[i]),
        int(answers.rank[i]),
    )


def _of_label(answers: Answers, i: int, c: int) -> Mistake:
    row, name, p = answers.rows.iloc[i], answers.names[c], float(answers.probability[i, c])  # type: ignore[index]
    words = (f"no {name}", name) if p > 0.5 else (name, f"no {name}")
    return Mistake(str(row["image"]), int(row["place"]), c, *words, max(p, 1 - p), None)


def errors_section(record: Record, scored: Scored, answers: Answers, photographs: bool) -> tuple[Markup, bool]:
    """The section, and whether it holds photographs.

    Args:
        record: of the run.
        scored: the predictions.
        answers: to the task that is looked at.
        photographs: whether photographs, and the names of their files, may be passed on.
    """
    mistakes, kind = worst(answers), KINDS[answers.task][0]
    title = "Worst errors"
    if not mistakes:
        return section("errors", title, el("p", f"No prediction of the {kind} is wrong.")), False
    first = f"The most confident errors on the {kind}: {count(len(mistakes), 'wrong prediction')}."
    if not photographs or scored.root is None:
        why = (
            "Photographs and the names of their files were left out on request."
            if not photographs
            else ("The photographs are not on this machine, so none is shown.")
        )
        return section("errors", title, el("p", f"{first} {why}"), _table(mistakes, kind, photographs)), False
    pictures = Pictures(record, scored.root, answers.task)
    cards, any_shown = [], False
    for mistake in mistakes:
        made = pictures.of(mistake.image, selected_of(scored.frame, mistake.place), mistake.answer)
        any_shown = any_shown or isinstance(made, Picture)
        cards.append(_card(mistake, made))
    how = f" Right of each photograph: {pictures.how}." if pictures.how else ""
    if any_shown and not pictures.how:
        how = " The model's weights are not on this machine, so nothing is drawn over them."
    return section("errors", title, el("p", first + how), el("div", cards, class_="cards")), any_shown


def _card(mistake: Mistake, made: Picture | str) -> Markup:
    words = f"Photograph {mistake.image}: {pretty(mistake.truth)}, answered {pretty(mistake.said)}"
    if isinstance(made, str):
        shown: list[Markup] = [el("p", f"Not shown: {made}", class_="absent")]
    else:
        shown = [el("img", src=made.photo, alt=words, width=224, height=224)]
        if made.overlay:
            shown.append(el("img", src=made.overlay, alt="The same with what the answer used", width=224, height=224))
    rank = el("li", f"truth in place {mistake.rank}") if mistake.rank is not None else None
    lines = el(
        "ul",
        el("li", "answered ", el("b", pretty(mistake.said)), f", {percent(mistake.confidence)}"),
        el("li", "true is ", el("b", pretty(mistake.truth))),
        rank,
    )
    return el(
        "figure", el("div", shown, class_="pair"), el("figcaption", lines, el("code", mistake.image)), class_="card"
    )


def _table(mistakes: list[Mistake], kind: str, named: bool) -> Markup:
    heads = [
        "photograph" if named else "place among the worst",
        "truth",
        "answer",
        "stated probability",
        "place of truth",
    ]
    rows = [
        [m.image if named else place, pretty(m.truth), pretty(m.said), percent(m.confidence), m.rank or "–"]
        for place, m in enumerate(mistakes, start=1)
    ]
    return table(f"Most confident errors on the {kind}", heads, rows, numbers=(3, 4))
