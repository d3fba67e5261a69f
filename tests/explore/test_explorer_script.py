"""The explorer's script: its sentences and addresses in node, and its page in a browser over a made-up kernel."""

import base64
import json
import shutil
import subprocess

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_book import browser, needs_browser, severe_messages  # noqa: F401

from dermimit.explore.bundle import classic, module, source
from dermimit.explore.cases import png_address

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
                  "body_part=a.b", "body_part=%zz", "with=toString", "with=%", "cover=1.2", "%", "case=1"):  # fmt: skip
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


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><div></div>
<script>SCRIPT</script><script>
  const files = { "facts.json": FACTS, "cases.json": CASES }, answer = ANSWER, heard = [], shown = {};
  const bytes = (file) => new Blob([JSON.stringify(file)]).stream().pipeThrough(new CompressionStream("gzip"));
  const tell = (message, buffers) => heard.forEach((f) => f(message, buffers));
  const model = {
    get: (name) => ({ in_kernel: true, case: 0 })[name], set: (name, value) => { shown[name] = value; },
    save_changes() {}, on: (_, f) => heard.push(f),
    async send({ asset, ask }) {
      if (asset) tell({ asset }, [new DataView(await new Response(bytes(files[asset])).arrayBuffer())]);
      else tell({ reply: ask, found: answer });
    },
  };
  dermimitExplorer.render({ model, el: document.querySelector("div") });
</script>"""
FACTS = {"name": "run", "image_size": [16, 16], "interpolation": "bilinear", "grid": [2, 2], "k": 0, "num_patches": 4}
FACTS |= {"controls": False, "selecting": [], "baselines": []}


def drawn(grey):
    """An even photograph."""
    return {"0": png_address(np.full((16, 16, 3), grey, np.uint8))}


def opened(browser, folder, cases, answer, **facts):  # noqa: F811
    """Open the explorer over a kernel that gives one answer to every question, and wait for it."""
    facts = FACTS | {"methods": {task: [] for task in facts["classes"]}} | facts
    text = PAGE.replace("SCRIPT", classic(module("explorer.js")))
    for name, value in (("FACTS", facts), ("CASES", {"cases": cases}), ("ANSWER", answer)):
        text = text.replace(name, json.dumps(value), 1)
    (folder / "explorer.html").write_text(text, encoding="utf-8")
    severe_messages(browser)
    browser.get((folder / "explorer.html").as_uri())
    shown(browser, cases[0]["name"])


def shown(browser, name):  # noqa: F811
    """Wait until the canvas is labelled so; what else is said of it comes after a comma."""
    label = "return document.querySelector('canvas')?.ariaLabel?.split(',')[0]"
    WebDriverWait(browser, 20).until(lambda d: d.execute_script(label) == name)


def said(browser, *parts):  # noqa: F811
    """The sentence under the predictions, as soon as it holds these words."""
    text = lambda d: " ".join(d.find_element(By.CSS_SELECTOR, ".story").text.split())  # noqa: E731
    return WebDriverWait(browser, 20).until(lambda d: all(part in text(d) for part in parts) and text(d))


SLOWLY = """
  const [address, steps, done] = arguments, decode = HTMLImageElement.prototype.decode, waiting = [];
  HTMLImageElement.prototype.decode = async function () {
    if (this.src === address) await new Promise((go) => waiting.push(go));
    return decode.call(this);
  };
  const pause = () => new Promise((go) => setTimeout(go, 50));
  (async () => {
    for (const step of steps) { document.querySelector(step).click(); await pause(); }
    while (waiting.length) { waiting.shift()(); await pause(); }
    HTMLImageElement.prototype.decode = decode;
    done();
  })();
"""
DISEASES = ["acne", "eczema"]


def two_cases(**both):
    greys = {"first": 99, "second": 9}
    return [{"name": name, "truth": {"disease": "acne"}, "photos": drawn(grey)} | both for name, grey in greys.items()]


def slowly(browser, case, *steps):  # noqa: F811
    """Click these elements, the later ones before the picture of a case is read; wait for all."""
    browser.execute_async_script(SLOWLY, case["photos"]["0"], steps)


@pytest.mark.browser
@needs_browser
def test_a_picture_that_is_read_slowly_does_not_follow_a_later_choice(browser, tmp_path):  # noqa: F811
    cases = two_cases()
    opened(browser, tmp_path, cases, {"disease": [0.4, 0.6]}, classes={"disease": DISEASES})
    for places in ([1, 0, 1], [0, 1, 0, 1], [1, 0]):
        slowly(browser, cases[0], *(f".thumbs [value='{place}']" for place in places))
        shown(browser, cases[places[-1]]["name"])
        assert browser.execute_script("return shown.answer.photo") == cases[places[-1]]["name"]
        assert browser.find_element(By.CSS_SELECTOR, ".thumbs :checked").get_attribute("value") == str(places[-1])
    assert severe_messages(browser) == []


@pytest.mark.browser
@needs_browser
def test_an_own_photograph_and_a_case_follow_each_other_as_they_were_chosen(browser, tmp_path):  # noqa: F811
    cases = two_cases()
    opened(browser, tmp_path, cases, {"disease": [0.4, 0.6]}, classes={"disease": DISEASES})
    browser.execute_script(
        """const own = Object.assign(document.createElement("button"), { id: "own", onclick: () => {
             const given = new DataTransfer(), input = document.querySelector("[name=photo]");
             given.items.add(new File([own.bytes], "own.png"));
             input.files = given.files;
             input.dispatchEvent(new Event("change"));
           } });
           own.bytes = Uint8Array.from(atob(arguments[0].split(",")[1]), (c) => c.charCodeAt(0));
           document.body.append(own);""",
        cases[1]["photos"]["0"],
    )
    slowly(browser, cases[0], ".thumbs [value='1']", ".thumbs [value='0']", "#own")
    shown(browser, "Your photograph own.png")
    assert not browser.find_elements(By.CSS_SELECTOR, ".thumbs :checked")
    browser.execute_script("own.bytes = 'no picture'")
    browser.find_element(By.CSS_SELECTOR, ".thumbs [value='1']").click()
    shown(browser, "second")
    slowly(browser, cases[0], ".thumbs [value='0']", "#own")
    said(browser, "own.png cannot be read as a photograph")
    shown(browser, "second")
    assert browser.find_element(By.CSS_SELECTOR, ".thumbs :checked").get_attribute("value") == "1"
    assert severe_messages(browser) == []


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("key", ["cover", "body"])
def test_an_experiment_that_is_left_says_nothing_of_the_next_case(browser, tmp_path, key):  # noqa: F811
    cases = two_cases(lesion=base64.b64encode(bytes(30) + b"\xff\xff").decode())
    classes = {"disease": DISEASES, "body_part": ["arm", "leg"], "attributes": ["scale"]}
    answer = {"disease": [0.4, 0.6], "body_part": [0.3, 0.7], "attributes": [0.2]}
    for task in ("disease", "attributes"):
        answer |= {f"{task}_ranked": [0, 1, 2, 3], f"{task}_scores": [0.4, 0.3, 0.2, 0.1]}
    facts = {"classes": classes, "controls": True, "selecting": ["disease", "attributes"], "k": 2}
    opened(browser, tmp_path, cases, answer, **facts)
    browser.find_element(By.NAME, f"try-{key}").click()
    said(browser, "We ", "stays eczema")
    slowly(browser, cases[0], f"[name=try-{key}]", ".thumbs [value='1']")
    shown(browser, "second")
    said(browser, "Predicted disease: eczema", "★ True: acne")
    found = browser.execute_script("return shown.answer")
    assert found["photo"] == "second" and found["covered"] is None and found["body_told"] is None
    assert severe_messages(browser) == []


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("tasks", [("body_part", "attributes"), ("attributes",)])
def test_a_run_without_the_disease_shows_its_other_predictions(browser, tiny_photos, tmp_path, tasks):  # noqa: F811
    pytest.importorskip("anywidget")
    from test_torch_explorer import first_photo, trained

    from dermimit.explore import explore

    widget = explore(trained(tiny_photos, tmp_path / "run", tasks=tasks, fusion="none"), n=2)
    facts, answer = widget.model.facts, widget.model(first_photo(widget))
    opened(browser, tmp_path, widget._cases, answer, **facts)
    best = facts["classes"][tasks[0]][int(np.argmax(answer[tasks[0]]))].replace("_", " ")
    named = {"body_part": "Predicted body part", "attributes": "Most probable attribute"}
    said(browser, f"{named[tasks[0]]}: {best} ", "★ True: ")
    titles = {"body_part": "Body part", "attributes": "Attributes"}
    headings = [heading.text for heading in browser.find_elements(By.CSS_SELECTOR, ".told h3")]
    assert headings == [titles[task] for task in tasks]
    for task in tasks:
        answered = dict(zip(facts["classes"][task], answer[task], strict=True))
        assert browser.execute_script("return shown.answer")[task] == answered
        bars = browser.find_elements(By.CSS_SELECTOR, f".told [aria-label='{titles[task]}'] li")
        assert len(bars) == min(len(answered), 4 if task == "attributes" else 3)
    for name in ("guess", "reveal", "try-cover", "try-random", "try-body", "try-skin"):
        assert not any(button.is_displayed() for button in browser.find_elements(By.NAME, name)), name
    browser.find_element(By.CSS_SELECTOR, ".photo").send_keys(Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda d: d.execute_script("return shown.answer.covered"))
    browser.find_element(By.NAME, "reset").click()
    browser.find_element(By.CSS_SELECTOR, ".thumbs [value='1']").click()
    shown(browser, widget._cases[1]["name"])
    assert severe_messages(browser) == []


@pytest.mark.browser
@needs_browser
def test_only_a_case_with_a_recorded_disease_is_to_be_guessed(browser, tmp_path):  # noqa: F811
    diseases = {"first": "acne", "second": None, "third": "eczema", "fourth": None}
    cases = [{"name": name, "truth": {"body_part": "arm"} | ({"disease": disease} if disease else {}),
              "photos": drawn(50 * i)} for i, (name, disease) in enumerate(diseases.items())]  # fmt: skip
    opened(browser, tmp_path, cases, {"disease": [0.4, 0.6]}, classes={"disease": DISEASES})
    told, guess = browser.find_element(By.CSS_SELECTOR, ".told"), browser.find_element(By.NAME, "guess")

    def reveal(disease):
        WebDriverWait(browser, 20).until(lambda d: d.switch_to.active_element.get_attribute("name") == "guessed")
        browser.find_element(By.CSS_SELECTOR, f"[name=guessed] [value='{disease}']").click()
        browser.find_element(By.NAME, "reveal").click()

    guess.click()
    shown(browser, "third")
    assert not told.is_displayed()
    reveal("eczema")
    assert "Correct so far, of 1: you 1, the model 1." in said(browser, "The true disease is eczema.")
    browser.find_element(By.CSS_SELECTOR, ".thumbs [value='3']").click()
    shown(browser, "fourth")
    guess.click()
    shown(browser, "first")
    WebDriverWait(browser, 20).until(lambda d: d.switch_to.active_element.get_attribute("name") == "guessed")
    browser.find_element(By.CSS_SELECTOR, ".thumbs [value='1']").click()
    shown(browser, "second")
    browser.find_element(By.NAME, "guessed").click()
    reveal("acne")
    said(browser, "Predicted disease: eczema", "★ True: arm.")
    assert told.is_displayed()
    guess.click()
    shown(browser, "third")
    reveal("acne")
    assert "Correct so far, of 2: you 1, the model 2." in said(browser, "The true disease is eczema.")
    assert severe_messages(browser) == []


@pytest.mark.browser
@needs_browser
def test_where_no_disease_is_recorded_nothing_is_to_be_guessed(browser, tmp_path):  # noqa: F811
    cases = [{"name": "first", "truth": {"disease": "another"}, "photos": drawn(9)}]
    opened(browser, tmp_path, cases, {"disease": [0.4, 0.6]}, classes={"disease": DISEASES})
    said(browser, "Predicted disease: eczema")
    assert not browser.find_element(By.NAME, "guess").is_displayed()


@pytest.mark.browser
@needs_browser
def test_a_guess_is_judged_by_the_prediction_of_its_own_case(browser, tmp_path):  # noqa: F811
    opened(browser, tmp_path, two_cases(), {"disease": [0.4, 0.6]}, classes={"disease": DISEASES})
    browser.execute_script(
        """model.send = async ({ ask }) => {
          await new Promise((go) => { shown.go = go; });
          tell({ reply: ask, found: { disease: [0.9, 0.1] } });
        };"""
    )
    browser.find_element(By.NAME, "guess").click()
    WebDriverWait(browser, 20).until(lambda d: d.switch_to.active_element.get_attribute("name") == "guessed" or
                                     d.execute_script("return shown.go !== undefined"))  # fmt: skip
    browser.find_element(By.CSS_SELECTOR, "[name=guessed] [value='acne']").click()
    browser.find_element(By.NAME, "reveal").click()
    browser.execute_script("setInterval(() => { const go = shown.go; delete shown.go; go?.(); }, 100)")
    assert "The model predicts acne (90 %): correct." in said(browser, "The true disease is acne.")
    assert severe_messages(browser) == []
