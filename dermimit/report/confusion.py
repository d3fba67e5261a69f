"""The confusion matrix as a table: rows are the truth, columns the answer, shades the share of the row."""

import numpy as np

from dermimit.report.answers import OneOf
from dermimit.report.classes import confusion
from dermimit.report.markup import Markup, el
from dermimit.report.words import KINDS, pretty

MOST = 60
"""Classes in a matrix; of more, the rarest are put together."""


def confusion_table(answers: OneOf) -> Markup:
    """The matrix of a task with one right answer; classes that neither occur nor are answered are left out."""
    counts = confusion(answers)
    names, matrix, right = gathered([pretty(name) for name in answers.names], counts)
    size = "large" if len(names) <= 8 else "middle" if len(names) <= 20 else "small"
    head = [el("th", el("span", name), scope="col", title=name) for name in names]
    rows = [
        el("tr", el("th", name, scope="row", title=name), _cells(i, names, matrix, right, size))
        for i, name in enumerate(names)
    ]
    kind = KINDS[answers.task][0]
    caption = f"Confusion matrix of {kind}: truth in rows, answer in columns, {_cell_words(size)}"
    corner = el("td", "truth ↓ answer →", class_="corner")
    inner = el(
        "table",
        el("caption", el("span", caption)),
        el("thead", el("tr", corner, head, el("th", el("span", "photographs"), scope="col"))),
        el("tbody", rows),
        class_=f"matrix {size}",
    )
    return el("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def gathered(names: list[str], matrix: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The classes that occur as truth or answer, the rarest beyond `MOST` as one.

    Returns:
        names, matrix, and how many photographs of each row are right: of the rarest fewer than its place in the
        diagonal, which holds those that are taken for another of them too.
    """
    used = np.flatnonzero(matrix.sum(0) + matrix.sum(1))
    names, matrix = [names[i] for i in used], matrix[np.ix_(used, used)]
    if len(names) <= MOST:
        return names, matrix, matrix.diagonal()
    order = np.argsort(-matrix.sum(1), kind="stable")
    kept, rest = np.sort(order[: MOST - 1]), order[MOST - 1 :]
    groups = [*([i] for i in kept), list(rest)]
    small = np.array([[matrix[np.ix_(a, b)].sum() for b in groups] for a in groups])
    right = np.array([matrix.diagonal()[group].sum() for group in groups])
    return [*(names[i] for i in kept), f"{len(rest)} rarer classes"], small, right


def _cells(i: int, names: list[str], matrix: np.ndarray, right: np.ndarray, size: str) -> list[Markup]:
    total, cells = matrix[i].sum(), []
    for j, n in enumerate(matrix[i]):
        if not n:
            cells.append(el("td"))
            continue
        words = f"{names[i]}, answered {names[j]}: {n} of {total}"
        kind = "hit" if i == j and n == right[i] else "miss"
        words += f", {right[i]} of them correct" if i == j and n != right[i] else ""
        inner: list[object] = [f"{n:,}"]
        inner += [el("small", f"{100 * n / total:.0f} %")] if size == "large" else []
        cells.append(el("td", inner, class_=kind, style=f"--v:{n / total:.2f}", title=words))
    return [*cells, el("td", f"{total:,}", class_="total")]


def _cell_words(size: str) -> str:
    return (
        "photographs and share of the row"
        if size == "large"
        else "photographs; the darker, the larger the share of the row"
    )
