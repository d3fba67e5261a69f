"""A content security policy in every page of the built book: it loads its own files, and runs its own scripts, alone.

Scripts that the theme writes into a page are allowed by their SHA-256. Scripts inside the article are not, since an
article shows data: what slipped through from a label or a file name would not run. Source: W3C, CSP level 3.
"""

import base64
import hashlib
import re
from html import escape, unescape
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
ARTICLE = re.compile(r"<article.*?</article>", re.DOTALL)
HANDLER = re.compile(r"<button[^>]*\sonclick=\"([^\"]*)\"")
OF_THE_THEME = ("kernelName = 'python3'",)  # what it writes into articles
BUTTONS = ("toggleFullScreen()", "window.print()")  # the search parses other pages, buttons included
POLICY = (
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval' 'unsafe-hashes' {hashes}; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; form-action 'self'; base-uri 'self'"
)
log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("build-finished", add_policies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_policies(app: Sphinx, error: Exception | None) -> None:
    """Put the policy into every page that was written, except the files that themes bring along."""
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        if "_static" not in path.relative_to(app.outdir).parts:
            page = path.read_text(encoding="utf-8")
            for script in foreign_scripts(page):
                log.warning("%s: a script in the article will not run: %s", path.name, script[:80])
            path.write_text(with_policy(page), encoding="utf-8")


def with_policy(page: str) -> str:
    """The page with the policy as the first thing in its head; unchanged if it is there or there is no head."""
    if 'http-equiv="Content-Security-Policy"' in page:
        return page
    meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(page))}">'
    return re.sub(r"(<head[^>]*>)", lambda found: f"{found[1]}\n    {meta}", page, count=1)


def policy(page: str) -> str:
    """The policy's text, with the hashes of the scripts and of the buttons' handlers outside the article."""
    outside = ARTICLE.sub("", page)
    known = [script for _, script in inline(outside)] + [unescape(text) for text in HANDLER.findall(page)]
    hashes = sorted({sha256(text) for text in (*known, *OF_THE_THEME, *BUTTONS)})
    return POLICY.format(hashes=" ".join(hashes))


def foreign_scripts(page: str) -> list[str]:
    """Scripts inside the article that are neither files nor the theme's, and no data."""
    article = ARTICLE.search(page)
    scripts = inline(article[0]) if article else []
    return [text for kind, text in scripts if text not in OF_THE_THEME and "type=" not in kind]


def inline(html: str) -> list[tuple[str, str]]:
    """Attributes and text of each script that is no file of its own."""
    return [(kind, text) for kind, text in SCRIPT.findall(html) if "src=" not in kind]


def sha256(text: str) -> str:
    """A script's hash as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
