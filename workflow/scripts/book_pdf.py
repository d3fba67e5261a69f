"""The main text as one PDF, and a summary of two pages, printed by Chromium from the built book.

Run: python workflow/scripts/book_pdf.py _build/synderm-quick/_build/html _build/synderm-quick/dermimit.pdf
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MAIN_PARTS = 4  # of the table of contents; the rest are for reading on a screen
SUMMARY = ("results/pages/10_results",)
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--virtual-time-budget=30000",
    "--run-all-compositor-stages-before-draw", "--no-pdf-header-footer",
)  # fmt: skip
STYLE = """
@page { size: A4; margin: 18mm 17mm 20mm; }
html { font-size: 12.5px; --pst-color-background: #fff; }
body { display: block; padding: 0; } article { break-before: page; } article:first-of-type { break-before: auto; }
h1, h2, h3, figcaption { break-after: avoid; } figure, table.claims tr, .admonition { break-inside: avoid; }
.bd-article-container { display: block; max-width: none; padding: 0; } .bd-article-container p.chips { display: block; }
.headerlink, .dermimit-widget, .dermimit-explorer, .sd-stretched-link, p.full-table { display: none !important; }
figure img { max-height: 200mm; }
details > summary { list-style: none; } .pst-scrollable-table-container { overflow: visible; }
"""
TWO_PAGES = """
html { font-size: 9.8px; } h1 { font-size: 1.9rem; margin: 0; } h2 { font-size: 1.3rem; margin: 0.6rem 0 0.2rem; }
table.claims :is(td, th) { padding: 0.2rem 0.4rem !important; } svg.interval { height: 1rem; }
"""


def main_pages() -> list[str]:
    """The pages of the main text in order, the cover first."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter["file"] for part in contents["parts"][:MAIN_PARTS] for chapter in part["chapters"]]
    return [contents["root"], *chapters]


def joined(html: Path, pages: list[str], style: str) -> str:
    """One page that holds the articles of several; a link between them leads within it.

    Args:
        html: folder of the built book, in which the page must be placed.
        pages: their names, without .html.
        style: more rules for print.

    Raises:
        FileNotFoundError: a page is not built.
    """
    if missing := [page for page in pages if not (html / f"{page}.html").is_file()]:
        raise FileNotFoundError(f"{html / missing[0]}.html is missing: run `make book` first")
    texts = {page: (html / f"{page}.html").read_text(encoding="utf-8") for page in pages}
    head = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", texts[pages[0]].split("</head>")[0])
    head = moved(head, pages[0], pages)
    body = "".join(moved(article(text), page, pages, page) for page, text in texts.items())
    opening = '<body data-default-mode="light"><main class="bd-main"><div class="bd-article-container">'
    return f"{head}<style>{STYLE}{style}</style></head>{opening}{body}</div></main></body></html>"


def article(text: str) -> str:
    """The article of a page, with nothing that only a screen can use."""
    return re.search(r'<article class="bd-article".*?</article>', text, re.DOTALL)[0]


def moved(text: str, page: str, pages: list[str], anchor: str = "") -> str:
    """Markup of a page as it must read in the folder of the book: files found, anchors made unique."""
    folder = Path(page).parent

    def link(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if re.match(r"[a-z]+:|//", value):
            return found[0]
        path, _, fragment = value.partition("#")
        target = os.path.normpath(folder / path) if path else f"{page}.html"
        here = target.removesuffix(".html")
        if name == "href" and target.endswith(".html"):
            return f'href="#{key(here, fragment)}"' if here in pages else f'title="{target}"'
        return f'{name}="{target}"'

    text = re.sub(r'\b(href|src)="([^"]*)"', link, text)
    if not anchor:
        return text
    text = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{key(page, found[1])}"', text)
    return text.replace("<article", f'<article id="{key(page, "")}"', 1)


def key(page: str, fragment: str) -> str:
    """The anchor of a place within the joined page."""
    return f"{page.replace('/', '-')}--{fragment}"


def print_pdf(html: Path, pages: list[str], out: Path, style: str = "") -> None:
    """Print pages of a built book into a PDF.

    Raises:
        RuntimeError: there is no Chromium, or it printed nothing.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if browser is None:
        raise RuntimeError("no Chromium: on Debian and Ubuntu, sudo apt-get install chromium")
    page = html / "print-all.html"
    page.write_text(joined(html, pages, style), encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as profile:
            draft = Path(profile) / "book.pdf"
            command = [browser, *FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={draft}", page.as_uri()]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if not draft.is_file() or not draft.read_bytes().startswith(b"%PDF"):
                raise RuntimeError(f"Chromium printed no PDF: {done.stderr.strip()[-500:]}")
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(draft, out)
    finally:
        page.unlink()


if __name__ == "__main__":
    html, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    try:
        print_pdf(html, main_pages(), out)
        print_pdf(html, list(SUMMARY), out.with_stem(f"{out.stem}-summary"), TWO_PAGES)
    except (FileNotFoundError, RuntimeError) as error:
        sys.exit(f"error: {error}")
