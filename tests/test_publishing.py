"""The book as a PDF and as a folder to host, from a book of two pages made here."""

import shutil
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow/scripts"))
import book_pdf  # noqa: E402
import host_book  # noqa: E402

PAGE = """<html><head><meta http-equiv="Content-Security-Policy" content="x"><title>{title}</title>
<link href="../_static/a.css"></head><body><article class="bd-article" role="main"><h1 id="top">{title}</h1>
<p>{text} <a href="{link}">on</a> <a href="https://example.org/x">away</a> <a href="#top">up</a></p>
<img src="../_images/a.svg"></article></body></html>"""


@pytest.fixture
def html(tmp_path):
    """A built book of two pages and a third that is no page of the main text."""
    html = tmp_path / "_build" / "html"
    for name, link in (("book/one", "two.html#top"), ("book/two", "../other.html")):
        path = html / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PAGE.format(title=f"Page {name[5:]}", text="A lesion.", link=link))
    (html / "index.html").write_text("<html><head><title>Home</title></head><body></body></html>")
    (html / "_static").mkdir()
    (html / "_static" / "part.html").write_text("<p></p>")
    return html


def test_pages_are_joined_with_links_that_stay_within(html):
    joined = book_pdf.joined(html, ["book/one", "book/two"], "")
    assert joined.count("<article") == 2 and "Content-Security-Policy" not in joined
    assert 'href="#book-two--top"' in joined and 'id="book-two--top"' in joined
    assert 'src="_images/a.svg"' in joined and 'href="_static/a.css"' in joined
    assert 'title="other.html"' in joined and 'href="https://example.org/x"' in joined
    assert 'href="#book-one--top"' in joined


def test_a_page_that_is_not_built_is_named(html):
    with pytest.raises(FileNotFoundError, match=r"three\.html is missing: run `make book` first"):
        book_pdf.joined(html, ["book/one", "book/three"], "")


def test_the_main_text_is_printed_in_the_order_of_the_contents():
    pages = book_pdf.main_pages()
    assert pages[0] == "book/index" and pages[1] == "results/pages/10_results" and len(pages) == 13


def test_without_a_browser_it_says_what_is_missing(html, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="no Chromium"):
        book_pdf.print_pdf(html, ["book/one"], tmp_path / "x.pdf")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_pdf_is_printed_and_nothing_is_left_behind(html, tmp_path):
    book_pdf.print_pdf(html, ["book/one", "book/two"], tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
    assert not list(html.glob("print-all*"))


def test_the_folder_to_host_has_a_sitemap_of_its_pages(html, tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    out = tmp_path / "site"
    assert host_book.make(html, out, "https://example.org/b/", (tmp_path / "a.pdf",)) == 3
    found = [e.text for e in ElementTree.parse(out / "sitemap.xml").iter() if e.tag.endswith("loc")]
    assert found == [f"https://example.org/b/{name}.html" for name in ("book/one", "book/two", "index")]
    assert 'content="https://example.org/b/_static/card.png"' in (out / "book/one.html").read_text()
    assert (out / "_static/card.png").read_bytes()[1:4] == b"PNG" and (out / "a.pdf").is_file()
    assert (out / ".nojekyll").is_file() and "sitemap.xml" in (out / "robots.txt").read_text()


def test_a_site_is_replaced_whole_and_the_book_is_left_as_it_was(html, tmp_path):
    before, out = (html / "index.html").read_text(), tmp_path / "site"
    out.mkdir()
    (out / "stale.html").touch()
    host_book.make(html, out, "https://example.org")
    assert not (out / "stale.html").exists() and (html / "index.html").read_text() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".site")]


def test_without_an_address_there_is_no_sitemap_and_a_wrong_one_is_refused(html, tmp_path):
    host_book.make(html, tmp_path / "site")
    assert not (tmp_path / "site/sitemap.xml").exists()
    with pytest.raises(ValueError, match="no web address"):
        host_book.make(html, tmp_path / "other", "ftp://x")
    with pytest.raises(FileNotFoundError, match="run `make book` first"):
        host_book.make(tmp_path / "none", tmp_path / "other")
