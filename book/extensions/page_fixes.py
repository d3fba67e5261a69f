"""Corrections to every page that the theme writes: no code on a server elsewhere, and links that open the notebook."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

LIVE_CODE = re.compile(
    r"[ \t]*<script>const THEBE_JS_URL\b[^<]*</script>\n?|[ \t]*<script[^>]*/sphinx-thebe\.js[^>]*></script>\n?"
)
SEARCH = re.compile(r'(<button class="[^"]*search-button-field[^"]*"[^>]*?) aria-label="Search"')
ICON = re.compile(r'(<i class="theme-switch [^>]*?)\s+title="[^"]*"')
SUMMARY = re.compile(r'<summary aria-label="[^"]*">')
CITATIONS = re.compile(r'<div role="list" class="citation-list">')
EXECUTED = re.compile(r"(urlpath=[\w/]*?tree/)results/pages/")
MINUS = re.compile(r'(<span class="pasted-text">)-(?=\d)')
PAGES = ("book", "results/pages")
CODE = re.compile(r"(<(script|style|pre|code|textarea)\b.*?</\2>)", re.DOTALL)
PER_CENT = re.compile(r"(\d(?:</span>)?) %")
BEFORE_THE_POLICY = 400


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("config-inited", buttons)
    app.connect("build-finished", correct, priority=BEFORE_THE_POLICY)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def buttons(app: Sphinx, config: Config) -> None:
    """Buttons to the repository and to Binder where the repository is known; else none, which the theme cannot bear."""
    options = config.html_theme_options
    if options.get("repository_url"):
        options["use_repository_button"] = True
    else:
        options.pop("launch_buttons", None)


def correct(app: Sphinx, error: Exception | None) -> None:
    """Correct every page that was written, except the files that themes bring along; remove those of former pages."""
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        page = path.relative_to(app.outdir).with_suffix("")
        if page.parent.as_posix() in PAGES and page.as_posix() not in app.env.found_docs:
            path.unlink()  # of an earlier edition: nothing leads there, and its figures have the numbers of others
        elif "_static" not in path.relative_to(app.outdir).parts:
            page = path.read_text(encoding="utf-8")
            path.write_text(readable(with_notebooks(without_live_code(page))), encoding="utf-8")


def without_live_code(page: str) -> str:
    """The page without the scripts that would run its code on a server elsewhere; the theme writes them twice."""
    return LIVE_CODE.sub("", page)


def readable(page: str) -> str:
    """The page with the theme's slips in roles and names mended, which a screen reader would stumble over."""
    page = ICON.sub(r"\1", SUMMARY.sub("<summary>", SEARCH.sub(r"\1", page)))
    parts = CODE.split(page)  # text, code, its tag, text, ...
    parts[::3] = [PER_CENT.sub(r"\1&nbsp;%", text) for text in parts[::3]]
    del parts[2::3]
    page = "".join(parts)
    page = MINUS.sub("\\1−", page)  # formats of numbers in the text give a hyphen
    return CITATIONS.sub('<div class="citation-list">', page)


def with_notebooks(page: str) -> str:
    """The page with launch links to the notebooks of the repository: executed pages are not in it."""
    return EXECUTED.sub(r"\1notebooks/", page)
