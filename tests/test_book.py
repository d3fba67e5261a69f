"""The built book: works in a real browser with no network, in light and dark, wide and narrow."""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "extensions"))
import content_policy  # noqa: E402
import page_fixes  # noqa: E402

CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip
LOCAL = ("localhost", "127.0.0.1")


def newest_build() -> Path | None:
    """Folder of the book that was built last, or None."""
    built = [p.parent for p in ROOT.glob("_build/*/_build/html/book/index.html")]
    return max(built, key=lambda p: p.stat().st_mtime).parent if built else None


BUILD = newest_build()
PAGES = sorted(p.relative_to(BUILD).as_posix() for p in BUILD.glob("[br]*/**/*.html")) if BUILD else []
needs_build = pytest.mark.skipif(BUILD is None, reason="no built book under _build: run `make book` first")
needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")), reason="chromium or chromedriver is not installed"
)
each_page = pytest.mark.parametrize("page", PAGES or [""])


class Links(HTMLParser):
    """What a page loads, where it points, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if "id" in values:
            self.ids.add(values["id"])
        if tag in ("script", "img", "iframe", "source", "video", "audio") and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev", "search", "index", "genindex"):
            self.loaded.append(values.get("href", ""))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


def read(path: Path) -> Links:
    """Parse one page."""
    parser = Links()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.built
@needs_build
@each_page
def test_page_loads_nothing_from_elsewhere_and_its_links_exist(page: str) -> None:
    parsed = read(BUILD / page)
    assert [url for url in parsed.loaded if urlsplit(url).netloc] == []
    broken = []
    for link in parsed.links:
        url = urlsplit(link)
        if url.scheme or url.netloc:
            continue
        target = (BUILD / page).parent / unquote(url.path) if url.path else BUILD / page
        anchors = read(target).ids if url.fragment and target.suffix == ".html" and target.is_file() else None
        anchor = unquote(url.fragment).partition("?")[0]  # after it, the state of a widget
        if not target.exists() or (anchors is not None and anchor not in anchors):
            broken.append(link)
    assert broken == []


PAGE = """<html><head><meta charset="utf-8"></head><body><script src="a.js"></script><script>let a = 1;</script>
<article class="bd-article"><td>{cell}</td><script>kernelName = 'python3'</script></article>
<button class="b" onclick="window.print()">print</button></body></html>"""


def test_the_policy_allows_the_theme_s_scripts_and_no_script_in_an_article() -> None:
    page = PAGE.format(cell='<script>steal()</script><script type="application/json">{}</script>')
    policy = content_policy.policy(page)
    assert all(
        content_policy.sha256(text) in policy for text in ("let a = 1;", "kernelName = 'python3'", "window.print()")
    )
    assert content_policy.sha256("steal()") not in policy and "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0] and "unsafe-eval'" not in policy.replace(
        "'wasm-unsafe-eval'", ""
    )
    assert content_policy.foreign_scripts(page) == ["steal()"]
    once = content_policy.with_policy(page)
    assert once.index("Content-Security-Policy") < once.index("<meta charset")
    assert content_policy.with_policy(once) == once


@pytest.mark.built
@needs_build
@each_page
def test_page_has_its_policy_and_no_script_of_its_own(page: str) -> None:
    text = (BUILD / page).read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text.split("<script")[0]
    assert content_policy.foreign_scripts(text) == []


def test_no_page_offers_to_run_its_code_on_a_server() -> None:
    live = '<script>const THEBE_JS_URL = "https://x/y.js"; const a = ".b"</script>\n'
    script = '<script async="async" src="../_static/sphinx-thebe.js?v=1"></script>\n'
    page = f"<head>{live}{script}{live}<script>let a;</script>"
    assert page_fixes.without_live_code(page) == "<head><script>let a;</script>"


def test_a_launch_link_opens_the_notebook_of_the_repository() -> None:
    link = 'href="https://mybinder.org/v2/gh/a/b/main?urlpath=lab/tree/{}/03_train.ipynb"'
    assert page_fixes.with_notebooks(link.format("results/pages")) == link.format("notebooks")


def test_a_number_has_a_minus_sign_and_keeps_its_per_cent_but_code_stays() -> None:
    pasted = '<p>6.9 % and <span class="pasted-text">-4.0</span> % <code>10 % -3</code> <script>5 % 2</script> 8 %</p>'
    assert page_fixes.readable(pasted) == (
        '<p>6.9&nbsp;% and <span class="pasted-text">−4.0</span>&nbsp;% <code>10 % -3</code> '
        "<script>5 % 2</script> 8&nbsp;%</p>"
    )


def test_a_page_of_a_former_edition_is_removed_and_no_other_file(tmp_path) -> None:
    names = ("book/idea.html", "book/gone.html", "results/pages/gone.html", "index.html", "_static/a/old.html")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("<p></p>")
    env, builder = SimpleNamespace(found_docs={"book/idea"}), SimpleNamespace(format="html")
    page_fixes.correct(SimpleNamespace(outdir=tmp_path, env=env, builder=builder), None)
    assert {n for n in names if not (tmp_path / n).exists()} == {"book/gone.html", "results/pages/gone.html"}


def test_a_button_is_called_what_it_shows_and_a_list_holds_items() -> None:
    page = (
        '<button class="btn search-button-field pst-js-only" title="Search" aria-label="Search" x="y">Search</button>'
    )
    other = '<button class="btn search-button pst-js-only" aria-label="Search"></button><div role="list" class="{}">'
    fixed = page_fixes.readable(page + other.format("citation-list"))
    assert fixed.count("aria-label") == 1 and 'title="Search" x="y"' in fixed and "role=" not in fixed
    assert page_fixes.readable(other.format("menu")) == other.format("menu")
    icon = (
        '<button aria-label="Color mode"><i class="theme-switch fa-sun" data-mode="light" title="Light"></i></button>'
    )
    assert page_fixes.readable(icon) == icon.replace(' title="Light"', "")
    assert page_fixes.readable('<summary aria-label="Toggle hidden content"><p>Show</p>') == "<summary><p>Show</p>"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep the test output readable."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(BUILD)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in CHROMIUM_FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(30)
    yield driver
    driver.quit()


def visit(browser: webdriver.Chrome, url: str) -> None:
    """Open a page and wait until its mathematics is set and its pictures are there."""
    browser.get(url)
    browser.execute_async_script(
        """const done = arguments[0];
        const pictures = [...document.images].map(i => { i.loading = 'eager'; return i.decode().catch(() => null); });
        const maths = window.MathJax && MathJax.startup ? MathJax.startup.promise : null;
        Promise.all([...pictures, maths]).then(() => done());"""
    )


def unseen(browser: webdriver.Chrome) -> list[str]:
    """Sources of the article's pictures that are not there, read at once: live widgets exchange theirs."""
    return browser.execute_script(
        """return [...document.querySelectorAll('article img')]
          .filter(i => i.hasAttribute('src') && !(i.complete && i.naturalWidth)).map(i => i.src.slice(0, 100));"""
    )


def severe_messages(browser: webdriver.Chrome) -> list[str]:
    """Errors on the console."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def refused_by_policy(browser: webdriver.Chrome) -> list[str]:
    """What the content security policy of the page kept from happening, as the console says since the last call."""
    return [e["message"] for e in browser.get_log("browser") if "Content Security Policy" in e["message"]]


def hosts_asked(browser: webdriver.Chrome) -> set[str]:
    """Hosts to which the page sent a request."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).hostname for url in urls if url.startswith(("http", "ws"))}


@pytest.mark.browser
@pytest.mark.slow
@needs_build
@needs_browser
@each_page
def test_page_works_without_network(browser: webdriver.Chrome, address: str, page: str) -> None:
    hosts_asked(browser), severe_messages(browser)  # forget the page before
    visit(browser, f"{address}/{page}")
    try:
        WebDriverWait(browser, 20).until(lambda b: not unseen(b))  # a widget's pictures come after the page
    except TimeoutException:
        pytest.fail(f"did not load: {unseen(browser)}")
    silent = "return [...document.querySelectorAll('article img')].filter(i => !i.hidden && !i.alt).map(i => i.src)"
    assert browser.execute_script(silent) == [], "no alternative text"
    assert severe_messages(browser) == []
    assert hosts_asked(browser) <= set(LOCAL)
    if browser.find_elements(By.CSS_SELECTOR, ".math.notranslate"):
        assert browser.find_elements(By.CSS_SELECTOR, "mjx-container"), "mathematics was not set"
        assert not browser.find_elements(By.CSS_SELECTOR, "mjx-merror"), "an equation has an error"


@pytest.mark.browser
@pytest.mark.slow
@needs_build
@needs_browser
@each_page
def test_page_fits_a_telephone_in_the_dark(browser: webdriver.Chrome, address: str, page: str) -> None:
    choose_dark = {"source": "localStorage.setItem('mode', 'dark')"}  # before the page's own scripts read it
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", choose_dark)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        visit(browser, f"{address}/{page}")
        assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
        assert brightness(browser, "body", "backgroundColor") < 80 < 170 < brightness(browser, "article p", "color")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, too_wide(browser)
        assert too_wide(browser) == []
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
        browser.execute_script("localStorage.setItem('mode', 'light')")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.browser
@pytest.mark.slow
@needs_build
@needs_browser
def test_a_figure_is_enlarged_until_its_text_can_be_read_on_a_telephone(
    browser: webdriver.Chrome, address: str
) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        visit(browser, f"{address}/results/pages/12_selection.html")
        figures = browser.find_elements(By.CSS_SELECTOR, "article figure img")
        buttons = browser.find_elements(By.CSS_SELECTOR, "button.enlarge")
        assert len(buttons) == len(figures) > 2
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", buttons[0])
        buttons[0].send_keys(Keys.ENTER)
        shown = browser.find_element(By.CSS_SELECTOR, "dialog[open] img")
        assert shown.get_attribute("src") == figures[0].get_attribute("src")
        assert shown.size["width"] >= 672 > 390 > figures[0].size["width"]  # the width at which text has 9 pixels
        assert browser.switch_to.active_element.text == "Close"
        browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        assert not browser.find_elements(By.CSS_SELECTOR, "dialog[open]")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def brightness(browser: webdriver.Chrome, selector: str, style: str) -> float:
    """Mean of red, green and blue, 0 to 255, of a colour of the first element that matches."""
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]].match(/[0-9.]+/g).slice(0, 3)"
    return sum(map(float, browser.execute_script(script, selector, style))) / 3


def too_wide(browser: webdriver.Chrome) -> list[str]:
    """Elements of the article that stick out of the window and cannot be scrolled to."""
    return browser.execute_script(
        """const scrolls = e => e && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX)
             || (e.tagName !== 'ARTICLE' && scrolls(e.parentElement)));
        return [...document.querySelectorAll('article *')]
          .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
          .slice(0, 5).map(e => e.outerHTML.slice(0, 120));"""
    )


@pytest.mark.browser
@pytest.mark.slow
@needs_build
@needs_browser
def test_search_finds_a_chapter(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/search.html?q=mutual")
    found = WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#search-results li a"))
    WebDriverWait(browser, 20).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, "#search-results li p")
    )  # other pages read
    assert refused_by_policy(browser) == []
    assert any("results/pages/02_model.html" in link.get_attribute("href") for link in found)


@pytest.mark.browser
@pytest.mark.slow
@needs_build
@needs_browser
@pytest.mark.parametrize("from_disk", [False, True], ids=["served", "from disk"])
def test_what_data_brings_along_does_not_run(
    browser: webdriver.Chrome, address: str, tmp_path: Path, from_disk
) -> None:
    text = (BUILD / "book/glossary.html").read_text(encoding="utf-8")
    planted = (
        "<script>window.ran = 1</script><img src=x alt=x onerror='window.ran = 1'><p id=planted>there</p></article>"
    )
    page = BUILD / "book/planted-for-a-test.html"
    page.write_text(text.replace("</article>", planted), encoding="utf-8")
    try:
        refused_by_policy(browser)
        browser.get(page.as_uri() if from_disk else f"{address}/book/planted-for-a-test.html")
        assert browser.find_element(By.ID, "planted").text == "there"
        assert browser.execute_script("return window.ran === undefined")
        assert len(refused_by_policy(browser)) == 2
        assert browser.execute_script("return document.documentElement.dataset.theme") in ("light", "dark")
    finally:
        page.unlink()
