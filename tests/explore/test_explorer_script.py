"""The explorer's script: its sentences and addresses in node, and its page in a browser over a made-up kernel."""

import json
import shutil
import subprocess

import pytest
from selenium.webdriver.common.by import By
from test_book import browser, needs_browser, severe_messages  # noqa: F401

from dermimit.explore.bundle import source

ODD = ["head & neck", "a.b", "1 + 1", "50%", "no.%2E", "#3", "x=y", "lower leg", "naïve?", "constructor"]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def in_node(expression, folder):
    """The value of an expression over what the explorer says and how it names a state in the page's address."""
    script = "\n".join(source(name) for name in ("common.js", "steer.js", "tell.js"))
    (folder / "said.mjs").write_text(f"{script}\nconsole.log(JSON.stringify({expression}));\n", encoding="utf-8")
    words = ["node", str(folder / "said.mjs")]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@needs_node
def test_the_two_most_probable_diseases_are_named_or_the_only_one(tmp_path):
    said = in_node('[predictionOf([1], ["acne"]), predictionOf([0.1, 0.6, 0.3], ["acne", "eczema", "lichen_planus"])]',
                   tmp_path)  # fmt: skip
    assert said == ["Predicted disease: acne 100.0\xa0%.",
                    "Predicted disease: eczema 60.0\xa0%, then lichen planus 30.0\xa0%."]  # fmt: skip


STATE = """(() => {
  const usual = () => ({ k: 4, patches: "attention", draw: 1, cim: true, attributes: {}, body_part: {}, cover: null });
  const facts = { num_patches: 16, classes: { body_part: NAMES, attributes: NAMES } };
  const cases = [{ photos: { 1: "" } }, { photos: { 3: "", 6: "" } }];
  const read = (hash) => fromFragment(hash, { cases, facts, usual, size: 64 });
  const written = (state) => toFragment({ usual: usual(), ...state });
  return VALUE;
})()""".replace("NAMES", json.dumps(ODD))


@needs_node
def test_a_state_with_names_of_any_letters_is_read_as_it_was_written(tmp_path):
    state = {"number": 1, "skin": 6, "looks": "model"}
    choice = {"k": 3, "patches": "random", "draw": 2, "cim": False, "cover": {"x": 8, "y": 8, "w": 16, "h": 16}}
    for part in ODD:
        told = {"attributes": {name: int(name < part) for name in ODD if name != part}, "body_part": {part: 1}}
        wanted = state | {"choice": choice | told}
        written = in_node(STATE.replace("VALUE", f"written({json.dumps(wanted)})"), tmp_path)
        assert in_node(STATE.replace("VALUE", f"read({json.dumps(written)})"), tmp_path) == wanted


@needs_node
def test_an_address_of_plain_names_is_read_as_before_and_a_wrong_one_changes_nothing(tmp_path):
    def read(given):
        return in_node(STATE.replace("VALUE", f"read({json.dumps(f'#try?case=2{given}')})"), tmp_path)

    start = {"number": 1, "skin": None, "looks": "eye"}
    usual = {"k": 4, "patches": "attention", "draw": 1, "cim": True, "attributes": {}, "body_part": {}, "cover": None}
    for space in (" ", "%20", "+"):
        found = read(f"&body_part=lower{space}leg&with=constructor.x=y&without=lower{space}leg")
        told = {"attributes": {"constructor": 1, "x=y": 1, "lower leg": 0}, "body_part": {"lower leg": 1}}
        assert found == start | {"choice": usual | told}
    for wrong in ("skin=constructor", "skin=toString", "skin=2", "patches=toString", "patches=__proto__", "k=", "view",
                  "body_part=a.b", "body_part=%zz", "with=toString", "with=%", "cover=1.2", "%"):  # fmt: skip
        assert read(f"&{wrong}") == start | {"choice": usual}, wrong


@pytest.mark.browser
@needs_browser
def test_a_stray_per_cent_in_the_address_leaves_the_tabs_as_they_are(browser, tmp_path):  # noqa: F811
    page, section = tmp_path / "tabs.html", '<section id="of-{0}"><span id="{0}"></span><h2>{0}</h2></section>'
    tabs = '<!doctype html><div class="dermimit-tabs" data-tabs="images try"></div>'
    sections = "".join(map(section.format, ("images", "try")))
    page.write_text(f"{tabs}{sections}<script>{source('tabs.js')}</script>", encoding="utf-8")
    severe_messages(browser)
    browser.get(f"{page.as_uri()}#try?body_part=50%")
    chosen = lambda: browser.find_element(By.CSS_SELECTOR, "[role=tab][aria-selected=true]").text  # noqa: E731
    assert chosen() == "try"
    browser.execute_script("location.hash = '#%'")
    assert chosen() == "try"
    browser.execute_script("location.hash = '#images?%zz'")
    browser.execute_async_script("setTimeout(arguments[0])")
    assert chosen() == "images" and severe_messages(browser) == []
