"""The main text keeps to book/STYLE.md: words, budgets, figure text, answer boxes."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from test_book import BUILD, needs_build

ROOT = Path(__file__).parents[1]
MAIN_PARTS = ("Start", "I · Understand", "II · Does it work?", "III · For whom does it fail?")
PROSE = {"book/how_to_read", "book/idea"}  # pages that report no finding, and need no answer box
WORDS, FIGURES, TABLES, COLUMNS, NUMBERS, SMALLEST = 1500, 5, 2, 5, 40, 9.0
ANSWER_WORDS = 60
SHOWN = 672  # pixels of a figure as displayed beside the contents


def main_pages():
    """The pages of the main text, in order, as the table of contents names them."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = [part for part in contents["parts"] if part["caption"] in MAIN_PARTS]
    assert [part["caption"] for part in parts] == list(MAIN_PARTS)
    return [contents["root"], *(chapter["file"] for part in parts for chapter in part["chapters"])]


def source(page):
    """The file of a page: a Markdown file, or the notebook that makes it."""
    if page.startswith("results/pages/"):
        return ROOT / "notebooks" / f"{Path(page).name}.ipynb"
    return ROOT / f"{page}.md"


def prose_of(path):
    """What a reader reads of a file: Markdown, captions and alternative texts."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    notebook, parts = nbformat.read(path, as_version=4), []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        drawing = cell.metadata.get("mystnb", {})
        parts += [drawing.get("figure", {}).get("caption", ""), drawing.get("image", {}).get("alt", "")]
    return "\n\n".join(parts)


def words_to_avoid():
    """Left column of the table in STYLE.md."""
    section = (ROOT / "book/STYLE.md").read_text(encoding="utf-8").split("## Words")[1].split("\n\n")[1]
    return [line.split("|")[1].strip() for line in section.splitlines()[2:]]


def test_the_main_text_is_the_cover_and_twelve_pages():
    assert len(main_pages()) == 13
    assert all(source(page).is_file() for page in main_pages())


def test_words_to_avoid_are_read_from_the_style_guide():
    assert "by lot" in words_to_avoid() and len(words_to_avoid()) > 25


TEXTS = [ROOT / "README.md", *sorted((ROOT / "book").glob("[a-z]*.md")), *sorted((ROOT / "notebooks").glob("*.ipynb"))]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_no_word_to_avoid(path):
    text = re.sub(r"\s+", " ", prose_of(path)).lower()
    assert [word for word in words_to_avoid() if re.search(rf"\b{re.escape(word.lower())}\b", text)] == []


KEYS = {"dermimit/data/synderm/retake.py": {"photographed again"}}  # names in stored records
CODE = sorted(path for part in ("dermimit", "studies") for path in (ROOT / part).rglob("*.py"))


def said_by(path):
    """The texts that code may show: strings of two words and more, f-strings in their parts, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen
    ]


@pytest.mark.parametrize("part", ["dermimit", "studies"])
def test_code_says_no_word_to_avoid(part):
    avoided = re.compile("|".join(rf"\b{re.escape(word.lower())}\b" for word in words_to_avoid()))
    found = [
        f"{name}: {text}"
        for path in CODE
        if (name := path.relative_to(ROOT).as_posix()).startswith(part)
        for text in said_by(path)
        if " " in text and avoided.search(text.lower()) and text not in KEYS.get(name, ())
    ]
    assert found == []


@pytest.mark.parametrize("page", main_pages()[1:])
def test_a_page_opens_with_its_answer(page):
    if page in PROSE:
        return
    text = prose_of(source(page))
    box = re.search(r":::\{admonition\} [^\n]+\n:class: answer\n(.*?)\n:::", text, flags=re.DOTALL)
    assert box, "no answer box"
    assert text.index(box[0]) < 300, "the answer box comes right after the title"
    assert len(box[1].split()) <= ANSWER_WORDS


@pytest.mark.parametrize("page", main_pages()[1:])
def test_no_bars_of_code(page):
    path = source(page)
    if path.suffix == ".ipynb":
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        allowed = {"parameters", "remove-input", "show-code"}  # the model is told in code: a few lines at a time
        assert [c.source[:60] for c in cells if not allowed & set(c.metadata.get("tags", []))] == []


class Reading(HTMLParser):
    """Words and numbers in the prose of an article, its figures, and its tables with their columns."""

    SKIPPED = ("table", "script", "style", "svg", "pre", "mjx-container", "nav", "figure")
    VOID = ("img", "br", "hr", "input", "meta", "link", "source", "wbr", "col")

    def __init__(self):
        super().__init__()
        self.stack, self.text = [], []
        self.figures = self.tables = self.columns = self.widest = 0

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        classes = (values.get("class") or "").split()
        inside = "ARTICLE" in self.stack
        if inside and tag == "figure":
            self.figures += 1
        if inside and tag == "table" and not self._hidden():
            self.tables += 1
        if inside and tag in ("th", "td"):
            self.columns += 1
        if tag == "tr":
            self.columns = 0
        if tag in self.VOID:
            return
        name = "ARTICLE" if tag == "article" and "bd-article" in classes else tag
        quiet = {"page-footer", "math", "prev-next-area", "dermimit-widget", "dermimit-explorer", "chips", "full-table"}
        self.stack.append("SKIP" if quiet & set(classes) else name)

    def handle_endtag(self, tag):
        if tag == "tr":
            self.widest = max(self.widest, self.columns)
        if tag not in self.VOID and self.stack:
            self.stack.pop()

    def handle_data(self, data):
        if "ARTICLE" in self.stack and not self._hidden():
            self.text.append(data)

    def _hidden(self):
        return any(name in self.SKIPPED or name == "SKIP" for name in self.stack)


def reading(page):
    parser = Reading()
    parser.feed((BUILD / f"{page}.html").read_text(encoding="utf-8"))
    return parser


@pytest.mark.built
@needs_build
@pytest.mark.parametrize("page", main_pages())
def test_a_page_keeps_to_its_budgets(page):
    read = reading(page)
    text = " ".join(read.text)
    numbers = re.findall(r"(?<![\w.])[−+-]?\d[\d,.]*", text)
    used = {"words": len(text.split()), "figures": read.figures, "tables": read.tables, "numbers": len(numbers)}
    used["columns"] = read.widest
    most = {"words": WORDS, "figures": FIGURES, "tables": TABLES, "numbers": NUMBERS, "columns": COLUMNS}
    assert {name: n for name, n in used.items() if n > most[name]} == {}


@pytest.mark.built
@needs_build
@pytest.mark.parametrize("page", main_pages())
def test_figure_text_can_be_read(page):
    sizes = {}
    for image in re.findall(r'src="([^"]+\.svg)"', (BUILD / f"{page}.html").read_text(encoding="utf-8")):
        path = (BUILD / page).parent / image
        if "_images" not in image or not path.is_file():
            continue
        svg = path.read_text(encoding="utf-8")
        box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ', svg)
        width = re.search(r'<svg[^>]*\bwidth="([\d.]+)pt"', svg)
        if not (box and width):  # not of matplotlib
            continue
        scale = min(SHOWN, float(width[1]) * 4 / 3) / float(box[1])
        found = [100 * float(size) * scale for size in re.findall(r"scale\((0\.\d+) -0\.\d+\)", svg)]
        if found and min(found) < SMALLEST:
            sizes[image.rpartition("/")[2]] = round(min(found), 1)
    assert sizes == {}


def shares_left(page):
    """Columns of a page's tables that are named after a share and hold numbers from 0 to 1."""
    found = []
    for table in BeautifulSoup(page, "html.parser").select("article table"):
        head, *rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table("tr")]
        for name, *cells in zip(head, *rows, strict=False):
            if re.search(r"macro-F1|accuracy|sensitivity", name) and any(re.match(r"[+−]?0?\.\d\d", c) for c in cells):
                found.append(name)
    return found


def test_a_share_from_0_to_1_is_found():
    row = "<article><table><tr><th>model</th><th>{}</th></tr><tr><td>D</td><td>{}</td></tr></table></article>"
    assert shares_left(row.format("macro-F1 (95 %)", "−0.02 (−0.04 to 0.01)")) == ["macro-F1 (95 %)"]
    assert shares_left(row.format("macro-F1, %", "24.5")) == shares_left(row.format("AUROC", "0.91")) == []


@pytest.mark.built
@needs_build
def test_tables_show_shares_in_per_cent():
    pages = sorted((BUILD / "results/pages").glob("*.html"))
    left = {page.stem: shares_left(page.read_text(encoding="utf-8")) for page in pages}
    assert len(left) > 20 and {page: names for page, names in left.items() if names} == {}
