"""The folder to host: the built book, a sitemap, a card for links in social media, and the PDFs where they are made.

Run: python workflow/scripts/host_book.py _build/synderm-quick/_build/html _build/site [https://example.org/dermimit]
"""

import os
import re
import shutil
import sys
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from urllib.parse import quote, urlsplit

CARD = "_static/card.png"
TITLE = "Does imitating dermatologists help? An open test of DermImitFormer"
ABOUT = "A multi-task vision transformer for skin diseases, rebuilt and tested part by part. For research and teaching."
LEFT_OUT = (".buildinfo", "genindex.html", "search.html")  # of the sitemap


def make(html: Path, out: Path, address: str = "", pdfs: tuple[Path, ...] = ()) -> int:
    """Make the folder; one that is there is replaced once the new one is whole.

    Args:
        html: folder of the built book.
        out: folder to make.
        address: where it will be served; empty: no sitemap and no card, which need it.
        pdfs: files to put beside the book.

    Returns:
        number of pages.

    Raises:
        FileNotFoundError: the folder holds no built book.
        ValueError: the address is no http or https address.
    """
    if not (html / "index.html").is_file():
        raise FileNotFoundError(f"{html}/index.html is missing: run `make book` first")
    if address and urlsplit(address).scheme not in ("http", "https"):
        raise ValueError(f"{address!r} is no web address: give one such as https://example.org/dermimit")
    draft = out.with_name(f".{out.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(html, draft, ignore=shutil.ignore_patterns(".buildinfo", ".doctrees"))
    for pdf in pdfs:
        shutil.copy2(pdf, draft / pdf.name)
    pages = sorted(path for path in draft.rglob("*.html") if "_static" not in path.relative_to(draft).parts)
    (draft / ".nojekyll").touch()  # hosts that leave out folders with an underscore
    if address:
        for page in pages:
            page.write_text(with_card(page.read_text(encoding="utf-8"), address.rstrip("/")), encoding="utf-8")
        (draft / "sitemap.xml").write_text(sitemap(draft, pages, address.rstrip("/")), encoding="utf-8")
        (draft / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address.rstrip('/')}/sitemap.xml\n")
        draw_card(draft / CARD)
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(draft, out)
    shutil.rmtree(old, ignore_errors=True)
    return len(pages)


def sitemap(root: Path, pages: list[Path], address: str) -> str:
    """The list of pages for search engines. Source: sitemaps.org, protocol 0.9."""
    today = datetime.now(UTC).date().isoformat()
    names = [page.relative_to(root).as_posix() for page in pages if page.name not in LEFT_OUT]
    lines = [f"<url><loc>{escape(f'{address}/{quote(name)}')}</loc><lastmod>{today}</lastmod></url>" for name in names]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return "\n".join([head, *lines, "</urlset>\n"])


def with_card(page: str, address: str) -> str:
    """A page with what a link to it shows elsewhere: title, description, picture."""
    title = re.search(r"<title>([^<]*)</title>", page)
    facts = {"og:type": "article", "og:site_name": "DermImit", "og:title": title[1].strip() if title else TITLE}
    facts |= {"og:description": ABOUT, "og:image": f"{address}/{CARD}", "twitter:card": "summary_large_image"}
    lines = "".join(f'    <meta property="{name}" content="{escape(value)}">\n' for name, value in facts.items())
    return page.replace("</head>", f"{lines}</head>", 1)


def draw_card(path: Path) -> None:
    """Draw the picture of 1200 by 630 pixels."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="#16324a")
    figure.text(
        0.06, 0.72, "Does imitating\ndermatologists help?", color="white", fontsize=54, weight="bold", va="center"
    )
    figure.text(0.06, 0.38, "An open test of DermImitFormer, part by part", color="#f3d36b", fontsize=27)
    figure.text(0.06, 0.1, "DermImit · for research and teaching · not a medical device", color="#c8d4de", fontsize=19)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor=figure.get_facecolor())
    plt.close(figure)


if __name__ == "__main__":
    html, out = Path(sys.argv[1]), Path(sys.argv[2])
    address = sys.argv[3] if len(sys.argv) > 3 else ""
    there = tuple(sorted(html.parents[1].glob("*.pdf")))
    try:
        pages = make(html, out, address, there)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{pages} pages and {len(there)} PDFs in {out}" + ("" if address else "; no sitemap: give SITE_URL"))
