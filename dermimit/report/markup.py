"""HTML from Python: everything that is not marked as HTML is escaped, and numbers are printed in one way."""

from collections.abc import Iterable, Sequence
from html import escape

from dermimit.evaluate.estimate import NONE, Estimate, minus
from dermimit.shown import shown_text

VOID = ("meta", "img", "br", "hr", "line", "rect", "circle", "path", "polyline")
NBSP = "\N{NO-BREAK SPACE}"


class Markup(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def el(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element; children that are no `Markup` are escaped, None is left out, lists are taken apart.

    Args:
        name: of the element.
        children: text, numbers, `Markup`, or lists of these.
        attributes: `class_` is class, `_` elsewhere is `-`; those that are None are left out.
    """
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opened = name + "".join(f' {key}="{escape(shown_text(str(value)))}"' for key, value in pairs)
    if name in VOID:
        return Markup(f"<{opened}>" if name in VOID[:4] else f"<{opened}/>")
    return Markup(f"<{opened}>{joined(children)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after the other, as `el` takes them."""
    text: list[str] = []
    for part in parts:
        if isinstance(part, list | tuple):
            text.append(joined(part))
        elif part is not None:
            text.append(part if isinstance(part, Markup) else escape(shown_text(str(part))))
    return Markup("".join(text))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], numbers: Sequence[int] = ()) -> Markup:
    """A table in a box that scrolls by itself where the page is narrow; the first cell of a row is its heading.

    Args:
        caption: what the table shows.
        heads: of the columns.
        rows: cells as `el` takes them.
        numbers: columns that are aligned right.
    """
    kinds = ["n" if column in numbers else None for column in range(len(heads))]
    head = [el("th", name, scope="col", class_=kind) for name, kind in zip(heads, kinds, strict=True)]
    body = [
        el(
            "tr",
            el("th", row[0], scope="row"),
            [el("td", c, class_=k) for c, k in zip(row[1:], kinds[1:], strict=True)],
        )
        for row in rows
    ]
    inner = el("table", el("caption", el("span", caption)), el("thead", el("tr", head)), el("tbody", body))
    return el("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def section(identity: str, title: str, *content: object) -> Markup:
    """A part of the page, with its heading."""
    return el("section", el("h2", title), *content, id=identity)


def paragraphs(texts: Iterable[object]) -> list[Markup]:
    """A paragraph a text."""
    return [el("p", text) for text in texts]


def bullets(texts: Iterable[object]) -> Markup:
    """A list, an item a text."""
    return el("ul", [el("li", text) for text in texts])


def percent(share: float) -> str:
    """`41.2 %`, or a dash where there is no number."""
    return NONE if share != share else minus(f"{100 * share:.1f}{NBSP}%")


def with_interval(value: Estimate) -> str:
    """`41.2 % (95 % interval 30.0 to 52.1)`; without an interval the value alone."""
    if value.low != value.low:
        return percent(value.value)
    low, high = minus(f"{100 * value.low:.1f}"), minus(f"{100 * value.high:.1f}")
    return f"{percent(value.value)} (95{NBSP}% interval {low} to {high})"


def count(number: int, one: str, many: str = "") -> str:
    """`1 photograph`, `1,200 photographs`."""
    return f"{number:,}{NBSP}{one if number == 1 else many or one + 's'}"


def listed(names: Iterable[object], most: int = 8) -> str:
    """`a, b, c and 4 more`."""
    words = [str(name) for name in names]
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")
