"""A page as one HTML file that loads nothing."""

from pathlib import Path

from dermimit.report.markup import Markup, el

CSS = Path(__file__).with_name("page.css")


def document(title: str, body: Markup) -> str:
    """A whole HTML document with its style inside."""
    style = Markup(CSS.read_text(encoding="utf-8"))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", style),
    )
    return f"<!doctype html>\n{el('html', head, el('body', el('main', body)), lang='en')}\n"
