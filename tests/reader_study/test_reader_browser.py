"""The reading page in a real browser: simulated readers answer by keyboard, the server is killed, the study goes on."""

import re
import shutil
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pandas as pd
import pytest
from reading import offered
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_book import browser, hosts_asked, needs_browser, severe_messages, too_wide  # noqa: F401

from dermimit.cli import main
from dermimit.data import load
from dermimit.data.synderm import write
from dermimit.reader_study import analysis as reader_analysis
from dermimit.reader_study.design import WITH, WITHOUT
from dermimit.reader_study.kept import answers_of
from dermimit.reader_study.session import Sessions
from dermimit.reader_study.simulation import Assumptions, readers_of
from dermimit.reader_study.study import Settings, load_study, prepare
from dermimit.records import read_json, write_json
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
HOSTILE = "<img src=x onerror=alert(1)>"
pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_browser]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A study of four drawn cases and two readers, without washout."""
    folder = tmp_path_factory.mktemp("study")
    write(folder / "data", {"train": 8, "val": 4, "test": 12}, image_size=96)
    run = load_run(fit(TrainConfig(data_root=folder / "data", out=folder / "run", image_size=32, model_kwargs=MODEL,
                                   samples=4, epochs=1, batch_size=4)))  # fmt: skip
    photos = load("synderm", folder / "data", 32)
    return prepare(photos, run, folder / "study", Settings(cases=4, readers=2, washout_days=0, title=HOSTILE))


@pytest.fixture
def study(prepared, tmp_path):
    """A copy without answers."""
    shutil.copytree(prepared.folder, tmp_path / "study")
    return load_study(tmp_path / "study")


class Program:
    """`dermimit reader-study serve` as a process of its own."""

    def __init__(self, study, port=0):
        words = [sys.executable, "-c", "import sys; from dermimit.cli import main; sys.exit(main())"]
        words += ["reader-study", "serve", str(study.folder), "--port", str(port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"http://\S+", self.process.stdout.readline())[0]
        self.port = urlsplit(self.address).port

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def programs():
    started = []
    yield started
    for program in started:
        if program.process.poll() is None:
            program.kill()


def keys(browser, *pressed):  # noqa: F811
    ActionChains(browser).send_keys(*pressed).perform()


def tab_to(browser, name):  # noqa: F811
    """Press Tab until the element with this id, or a radio button of this name, has the focus."""
    for _ in range(40):
        found = browser.switch_to.active_element
        if name in (found.get_attribute("id"), found.get_attribute("name")):
            return found
        keys(browser, Keys.TAB)
    raise AssertionError(f"{name} cannot be reached with Tab")


def chosen(browser, field):  # noqa: F811
    return [e.text for e in browser.find_elements(By.CSS_SELECTOR, f"#{field} .chosen span")]


def enter_names(browser, field, names):  # noqa: F811
    """Make a list hold these names, by keyboard alone; whatever else is there is taken back first."""
    tab_to(browser, f"{field}-input")
    for _ in chosen(browser, field):
        keys(browser, Keys.BACKSPACE)
    for name in names:
        keys(browser, name.replace("_", " "), Keys.ENTER)
    assert chosen(browser, field) == [name.replace("_", " ") for name in names]


def enter(browser, answer):  # noqa: F811
    enter_names(browser, "body_part", [answer["body_part"] or "cannot tell"])
    enter_names(browser, "attributes", answer["attributes"] or ["none of these"])
    enter_names(browser, "differential", answer["differential"])
    radio = tab_to(browser, "confidence")
    if not browser.find_elements(By.CSS_SELECTOR, "[name=confidence]:checked"):
        keys(browser, Keys.SPACE)
        radio = browser.switch_to.active_element
    at = int(radio.get_attribute("value"))
    arrow = Keys.ARROW_RIGHT if answer["confidence"] > at else Keys.ARROW_LEFT
    keys(browser, *[arrow] * (abs(answer["confidence"] - at) // 10))


def step_shown(browser):  # noqa: F811
    """The step on the screen, as the page knows it; waits for the photograph."""
    WebDriverWait(browser, 20).until(
        lambda d: d.execute_script(
            "return due && (due.state !== 'answer' || (started && !document.getElementById('case').hidden"
            " && document.getElementById('photo').naturalWidth > 0 && clock.since !== null));"
        )
    )
    return browser.execute_script("return due")


def leave(browser):  # noqa: F811
    """A blank page, really there: chromedriver may go on before it is, and hang at the next address."""
    browser.get("about:blank")
    WebDriverWait(browser, 20).until(lambda d: d.current_url == "about:blank")


def begin(browser, address, reader):  # noqa: F811
    """Type the reader's code and start."""
    leave(browser)
    browser.get(address)
    WebDriverWait(browser, 20).until(lambda d: d.find_element(By.ID, "code").is_displayed())
    tab_to(browser, "code")
    keys(browser, reader.lower(), Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda d: d.find_element(By.ID, "start").is_displayed())
    tab_to(browser, "start")
    keys(browser, Keys.ENTER)
    return step_shown(browser)


def simulated(study, readers, reader, due):
    arm = dict(study.plans[reader].periods[due["period"] - 1])[due["case"]]
    return readers.answer(reader, due["period"], due["case"], arm, due["step"], offered(study))


def save(browser, before):  # noqa: F811
    """Ctrl+Enter, and wait for the next step."""
    ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    WebDriverWait(browser, 20).until(lambda d: d.execute_script("return due") != before)
    return step_shown(browser)


def test_simulated_readers_by_keyboard_with_the_server_killed_in_the_middle(study, programs, browser, tmp_path):  # noqa: F811
    severe_messages(browser), hosts_asked(browser)
    readers = readers_of(study.key, study.plans, Assumptions(accuracy=0.5), trust=0.8, seed=1)
    programs.append(Program(study))
    for number, reader in enumerate(study.plans):
        due, steps = begin(browser, programs[-1].address, reader), 0
        while due["state"] == "answer":
            enter(browser, simulated(study, readers, reader, due))
            if (number, steps) == (0, 5):  # a revised answer is on the screen, five are on the disk
                programs[-1].kill()
                ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
                problem = browser.find_element(By.ID, "problem")
                WebDriverWait(browser, 20).until(lambda d, p=problem: "cannot be reached" in p.text)
                assert len(answers_of(study, reader).records) == 5
                programs.append(Program(study, programs[-1].port))
            if (number, steps) == (0, 6):  # and the page is closed as well: a draft of the first answer comes back
                programs[-1].kill()
                with open(study.answers(reader), "ab") as file:
                    file.write(b'{"reader": "torn')
                programs.append(Program(study, programs[-1].port))
                was = due
                due = begin(browser, programs[-1].address, reader)
                assert due == was and chosen(browser, "differential")
            due, steps = save(browser, due), steps + 1
        assert due == {"state": "done"} and "Thank you" in browser.find_element(By.ID, "message").text
    assert all("ERR_CONNECTION_REFUSED" in text for text in severe_messages(browser))
    assert hosts_asked(browser) <= {"127.0.0.1"}
    check_export(study, readers, tmp_path / "answers.parquet")


def check_export(study, readers, path):
    """Every answer is what the simulated reader meant, and the analysis runs on it."""
    assert main(["reader-study", "export", str(study.folder), "--out", str(path)]) == 0
    frame = pd.read_parquet(path)
    assert len(frame) == 2 * 2 * 4 * 2 and not frame.duplicated(["reader", "period", "case", "step"]).any()
    for row in frame.itertuples():
        meant = readers.answer(row.reader, row.period, row.case, row.arm, row.step, offered(study))
        assert list(row.differential) == meant["differential"] and row.confidence == meant["confidence"]
        assert list(row.attributes) == meant["attributes"] and row.body_part == meant["body_part"]
        assert 0 < row.seconds < 120
    assert frame["interruptions"].max() >= 1
    found = reader_analysis.gain(frame)
    assert found["n"] == 8 and found["low"] <= found["value"] <= found["high"]
    wide = {arm: frame[(frame["arm"] == arm) & (frame["step"] == "revised")]["right"].mean() for arm in (WITH, WITHOUT)}
    assert found["value"] == pytest.approx(wide[WITH] - wide[WITHOUT])


def answered_until(study, enough):
    """Put a reader's answers on the disk until a step is `enough`; return the reader."""
    readers, sessions = readers_of(study.key, study.plans, Assumptions(), 0.5, seed=0), Sessions(study)
    reader = next(iter(study.plans))
    while not enough(due := sessions.next_step(reader)):
        place = {name: due[name] for name in ("period", "case", "step")}
        sessions.save({"reader": reader} | place | simulated(study, readers, reader, due))
    return reader


def to_evidence(browser, study, programs):  # noqa: F811
    """Open the page where the model is shown."""
    reader = answered_until(study, lambda due: due.get("arm") == WITH)
    programs.append(Program(study))
    return begin(browser, programs[-1].address, reader)


def test_names_from_data_are_text_and_never_html(study, programs, browser):  # noqa: F811
    facts = read_json(study.folder / "study.json")
    facts["label_space"]["diseases"][0] = HOSTILE
    write_json(study.folder / "study.json", facts)
    for path in (study.folder / "evidence").glob("*.json"):
        said = read_json(path)
        write_json(path, said | {"disease": [[HOSTILE, 0.9], *said["disease"][1:]]})
    due = to_evidence(browser, load_study(study.folder), programs)
    assert due["evidence"]["disease"][0][0] == HOSTILE
    assert HOSTILE in browser.find_element(By.ID, "said").text
    assert browser.find_element(By.ID, "title").text == HOSTILE == browser.title
    tab_to(browser, "differential-input")
    keys(browser, "<img")
    assert HOSTILE in browser.find_element(By.CSS_SELECTOR, "#differential [role=listbox]").text
    assert browser.find_elements(By.CSS_SELECTOR, "img[src=x]") == []


def test_the_map_is_shown_on_request_and_the_disclaimer_always(study, programs, browser):  # noqa: F811
    to_evidence(browser, study, programs)
    assert "not a medical device" in browser.find_element(By.TAG_NAME, "footer").text
    assert "not a medical device" in browser.find_element(By.CSS_SELECTOR, "#evidence .warning").text
    image, button = browser.find_element(By.ID, "photo"), tab_to(browser, "map-button")
    assert "/photo/" in image.get_attribute("src")
    keys(browser, Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda d: "/map/" in image.get_attribute("src") and image.get_property("complete"))
    assert image.get_property("naturalWidth") == 96 and button.get_attribute("aria-pressed") == "true"
    keys(browser, Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda d: "/photo/" in image.get_attribute("src"))


def test_what_is_missing_is_said_and_an_unknown_code_can_be_mended(study, programs, browser):  # noqa: F811
    programs.append(Program(study))
    leave(browser)
    browser.get(f"{programs[-1].address}#NOBODY")
    WebDriverWait(browser, 10).until(lambda d: "no such reader" in d.find_element(By.ID, "message").text)
    browser.find_element(By.ID, "other").click()
    WebDriverWait(browser, 10).until(lambda d: d.find_element(By.ID, "code").is_displayed())
    due = begin(browser, programs[-1].address, next(iter(study.plans)))
    for field, names, message in (
        ("body_part", ["hand"], "Choose a body part"),
        ("attributes", ["scale"], "Choose what you see"),
        ("differential", ["melanoma"], "Name at least one disease"),
    ):
        ActionChains(browser).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
        assert message in browser.find_element(By.ID, "problem").text
        assert browser.switch_to.active_element.get_attribute("id") == f"{field}-input"
        enter_names(browser, field, names)
    browser.find_element(By.ID, "save").click()
    assert "how sure" in browser.find_element(By.ID, "problem").text
    assert browser.execute_script("return due") == due and not study.answers(next(iter(study.plans))).exists()


def test_time_runs_only_while_the_page_is_in_sight(study, programs, browser):  # noqa: F811
    programs.append(Program(study))
    begin(browser, programs[-1].address, next(iter(study.plans)))
    spent = "return clock.seconds + running()"
    browser.execute_script("Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
                           "document.dispatchEvent(new Event('visibilitychange'));")  # fmt: skip
    before = browser.execute_script(spent)
    time.sleep(0.4)
    assert browser.execute_script(spent) == before
    browser.execute_script("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'));")
    time.sleep(0.2)
    assert browser.execute_script(spent) > before + 0.1 and browser.execute_script("return clock.interruptions") == 1


@pytest.mark.parametrize("width", [390, 820])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_fits_telephone_and_tablet_by_touch(study, programs, browser, width, scheme):  # noqa: F811
    screen = {"width": width, "height": 1100, "deviceScaleFactor": 1, "mobile": True}
    to_evidence(browser, study, programs)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, too_wide(browser)
        small = browser.execute_script(
            """return [...document.querySelectorAll('#case :is(button, .picker input, .radios label)')].filter((e) => {
                 const box = e.getBoundingClientRect(); return box.width && Math.min(box.width, box.height) < 43.5;
               }).map((e) => e.outerHTML.slice(0, 80));"""
        )
        assert small == []
        nameless = browser.execute_script(
            """return [...document.querySelectorAll(':is(input, button, [role=listbox])')].filter((e) =>
                 !e.ariaLabel && !e.labels?.length && !e.textContent.trim()).map((e) => e.outerHTML.slice(0, 80));"""
        )
        assert nameless == []
        contrast = browser.execute_script(
            """const light = (name) => { const c = getComputedStyle(document.body)[name].match(/\\d+/g).slice(0, 3)
                 .map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                 return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
               const [a, b] = [light('color'), light('backgroundColor')].sort((x, y) => y - x);
               return (a + 0.05) / (b + 0.05);"""
        )
        assert contrast > 7
        browser.find_element(By.ID, "differential-input").click()
        option = browser.find_element(By.CSS_SELECTOR, "#differential [role=option]")
        name = option.text
        option.click()
        assert chosen(browser, "differential")[-1] == name
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_washout_is_kept(study, programs, browser):  # noqa: F811
    facts = read_json(study.folder / "study.json")
    facts["settings"] |= {"washout_days": 28.0}
    write_json(study.folder / "study.json", facts)
    study = load_study(study.folder)
    reader = answered_until(study, lambda due: due.get("position") == 4 and due["step"] == "revised")
    programs.append(Program(study))
    due = save(browser, begin(browser, programs[-1].address, reader))
    assert due["state"] == "washout" and "second session opens" in browser.find_element(By.ID, "message").text


def test_an_answer_that_took_days_is_sent_as_one_of_a_day(study, programs, browser):  # noqa: F811
    reader = next(iter(study.plans))
    programs.append(Program(study))
    due = begin(browser, programs[-1].address, reader)
    enter(browser, simulated(study, readers_of(study.key, study.plans, Assumptions(), 0.5, seed=0), reader, due))
    browser.execute_script(
        """const old = fetch;
           fetch = (path, options) => {
             if (options.body) globalThis.sent = JSON.parse(options.body);
             return old(path, options);
           };
           clock.seconds = 300000;"""
    )
    save(browser, due)
    assert browser.execute_script("return sent.seconds") == 86_400
    (answer,) = answers_of(study, reader).records
    assert answer["seconds"] == 86_400


def test_quick_changes_to_the_map_and_back_are_no_failure(study, programs, browser):  # noqa: F811
    to_evidence(browser, study, programs)
    problem, image = browser.find_element(By.ID, "problem"), browser.find_element(By.ID, "photo")
    for clicks, kind in ((2, "/photo/"), (3, "/map/"), (4, "/map/")):
        browser.execute_async_script(
            """const [clicks, done] = arguments, button = document.getElementById("map-button");
               for (let i = 0; i < clicks; i++) button.click();
               document.getElementById("photo").decode().finally(() => setTimeout(done, 100));""",
            clicks,
        )
        assert kind in image.get_attribute("src") and image.get_property("naturalWidth") > 0
        assert problem.text == ""
    browser.execute_script("picture('nothing', '')")
    WebDriverWait(browser, 10).until(lambda d: "did not load" in problem.text)


HIDDEN = """
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
"""
SEEN = 'delete document.hidden; document.dispatchEvent(new Event("visibilitychange"));'
HELD = """
  const decode = HTMLImageElement.prototype.decode;
  HTMLImageElement.prototype.decode = async function () {
    await new Promise((go) => { globalThis.release = go; });
    return decode.call(this);
  };
"""


def test_the_time_of_a_case_starts_with_its_photograph_and_goes_on_with_the_map(study, programs, browser):  # noqa: F811
    spent, stands = "return clock.seconds + running()", "return clock.since === null"
    due = to_evidence(browser, study, programs)
    browser.execute_script(f"{HELD} show(due);")
    for script in (HIDDEN, SEEN):
        browser.execute_script(script)
        assert browser.execute_script(stands)
    browser.execute_script("release()")
    step_shown(browser)
    tab_to(browser, "map-button").click()
    browser.execute_script(HIDDEN)
    assert browser.execute_script(stands)
    browser.execute_script(SEEN)
    before = browser.execute_script(spent)
    time.sleep(0.3)
    assert browser.execute_script(spent) > before + 0.2 and browser.execute_script("return due") == due
    browser.execute_script("release()")
    assert browser.find_element(By.ID, "problem").text == ""
