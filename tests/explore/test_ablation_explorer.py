"""The ablation explorer: subgroups and their scores against slow references, its record, and the built page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from sklearn.metrics import f1_score
from test_book import brightness, browser, severe_messages, too_wide  # noqa: F401
from test_try import addresses, book, in_browser, opened  # noqa: F401

from dermimit import explore
from dermimit.data.synderm import LABEL_SPACE
from dermimit.evaluate.runs import read_experiments, read_records
from dermimit.evaluate.subgroup_scores import COLUMNS, METRICS, subgroup_scores
from dermimit.evaluate.subgroups import ALL, FEWEST, THIRDS, groups_of, thirds
from dermimit.explain.style import row_colour
from dermimit.explore import ablation_static
from dermimit.explore.ablation_data import ablation_data, variant
from dermimit.explore.page import page_html

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "results/published"


@pytest.fixture(scope="module")
def experiments() -> pd.DataFrame:
    return read_experiments(ROOT / "workflow/experiments/ablation.csv")


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    return pd.read_parquet(PUBLISHED / "ablation_explorer/scores.parquet")


@pytest.fixture(scope="module")
def few() -> pd.DataFrame:
    """Two rows of two seeds."""
    records = read_records(PUBLISHED / "synderm")
    return records[records["row"].isin(["D", "full"]) & (records["seed"] < 2)]


@pytest.fixture(scope="module")
def scored(few, experiments) -> pd.DataFrame:
    return subgroup_scores(few, experiments, LABEL_SPACE, resamples=100)


@pytest.fixture(scope="module")
def test_split() -> pd.DataFrame:
    frame = pd.read_parquet(PUBLISHED / "synderm/full-seed0/predictions.parquet")
    return frame[frame["split"] == "test"].reset_index(drop=True)


def value(scores: pd.DataFrame, metric: str, group: str, row: str, other: str = "") -> pd.Series:
    where = (scores["metric"] == metric) & (scores["group"] == group)
    found = scores[where & (scores["row"] == row) & (scores["other"] == other)]
    assert len(found) == 1
    return found.iloc[0]


# ---------------------------------------------------------------- subgroups and scores


def test_subgroups_are_of_the_labels(test_split):
    frame = pd.read_parquet(PUBLISHED / "synderm/full-seed0/predictions.parquet")
    groups = groups_of(frame)
    assert set(groups) == {"skin", "region", "frequency"}
    assert groups["skin"]["skin type V"].sum() == (test_split["fitzpatrick"] == 5).sum()
    hand = test_split["body_part"].isin(["hand", "forearm", "upper_arm"]).to_numpy()
    assert (groups["region"]["arms and hands"] == hand).all()
    for kind in groups.values():
        assert np.sum(list(kind.values()), axis=0).max() == 1
    assert sum(g.sum() for g in groups["frequency"].values()) == len(test_split)


def test_thirds_go_by_frequency_and_small_groups_are_left_out(test_split):
    found = thirds(pd.Series([*"aaaabbbccdef"]))
    assert [found[name] for name in "abcdef"] == [THIRDS[i] for i in (0, 0, 1, 1, 2, 2)]
    assert list(groups_of(test_split.head(FEWEST - 1))) == []
    with pytest.raises(ValueError, match="2000 test photographs and facts of 3"):
        groups_of(test_split, pd.DataFrame({"blur": [1, 2, 3]}))


def test_scores_are_those_of_scikit_learn(scored, test_split):
    assert list(scored.columns) == COLUMNS
    skin = (test_split["fitzpatrick"] == 6).to_numpy()
    expected = []
    for seed in (0, 1):
        run = pd.read_parquet(PUBLISHED / f"synderm/full-seed{seed}/predictions.parquet")
        run = run[run["split"] == "test"][skin]
        said = np.array(LABEL_SPACE.diseases)[np.stack(run["disease_prob"].to_list()).argmax(1)]
        labels = sorted(set(run["disease"]))
        expected.append(f1_score(run["disease"], said, labels=labels, average="macro", zero_division=0))
    found = value(scored, "macro_f1", "skin type VI", "full")
    assert found["value"] == pytest.approx(np.mean(expected)) and found["photographs"] == skin.sum()
    assert found["seeds"] == 2


def test_a_difference_is_that_of_the_scores_and_reaches_the_record(scored, recorded):
    for scores in (scored, recorded):
        for metric, group in (("macro_f1", ALL), ("top3", "trunk")):
            full, alone = (value(scores, metric, group, row)["value"] for row in ("full", "D"))
            pair = value(scores, metric, group, "full", "D")
            assert pair["value"] == pytest.approx(full - alone) and pair["low"] < pair["value"] < pair["high"]
    assert "body_part" not in set(scored.loc[scored["row"] == "D", "metric"])


def test_the_record_agrees_with_the_published_metrics(recorded, experiments):
    records = read_records(PUBLISHED / "synderm")
    names = {"macro_f1": "disease/macro_f1", "accuracy": "disease/accuracy", "top3": "disease/top3_accuracy"}
    for metric, key in (names | {"body_part": "body_part/accuracy"}).items():
        rows = recorded[(recorded["metric"] == metric) & (recorded["group"] == ALL) & (recorded["other"] == "")]
        assert len(rows) == (9 if metric in names else 6)
        for line in rows.itertuples():
            runs = records.loc[records["row"] == line.row, f"test/{key}"]
            assert len(runs) == line.seeds == 5
            assert line.value == pytest.approx(runs.mean(), abs=2e-3)  # probabilities are stored in half precision
    provenance = json.loads((PUBLISHED / "ablation_explorer/provenance.json").read_text())
    assert provenance["dirty"] is False and provenance["resamples"] >= 1000


def test_wrong_input_is_explained(few, experiments, tmp_path):
    with pytest.raises(ValueError, match="at least 100"):
        subgroup_scores(few, experiments, LABEL_SPACE, resamples=10)
    with pytest.raises(ValueError, match="no run of the experiments has predictions"):
        subgroup_scores(few.assign(path=tmp_path), experiments, LABEL_SPACE)
    with pytest.raises(ValueError, match="no finished run"):
        explore.ablation_explorer(tmp_path, ROOT / "workflow/experiments/ablation.csv")


# ---------------------------------------------------------------- what the browser is given


def test_data_are_small_and_hold_every_number(recorded, experiments):
    data = ablation_data(recorded, experiments)
    assert len(json.dumps(data)) < 300_000
    rows = [row["row"] for row in data["rows"]]
    assert rows == list(experiments["row"]) and data["reference"] == "D"
    assert [row["colour"] for row in data["rows"]] == [row_colour(row, rows) for row in rows]
    groups = [name for kind in data["kinds"] for name, _ in kind["groups"]]
    assert groups[0] == ALL and len(groups) == len(set(groups)) == recorded["group"].nunique()
    pairs = [(i, j) for j in range(len(rows)) for i in range(j)]
    for metric in METRICS:
        for g, i, j in ((0, 0, 8), (3, 2, 6), (len(groups) - 1, 4, 8)):
            kept = recorded[(recorded["metric"] == metric) & (recorded["group"] == groups[g])]
            kept = kept[(kept["row"] == rows[j]) & (kept["other"] == rows[i])]
            expected = kept[["value", "low", "high"]].to_numpy().round(4).tolist() or [None]
            assert data["differences"][metric][g][pairs.index((i, j))] == expected[0]
    with pytest.raises(ValueError, match="reference 'E' was not scored"):
        ablation_data(recorded, experiments, "E")


def test_static_tables_say_the_same(recorded, experiments):
    table = ablation_static.scores_table(recorded, experiments)
    assert len(table) == 9 and table.iloc[0]["body-part accuracy"] == "–"


def test_variants_have_names_for_people_and_say_which_parts_they_have(experiments):
    names = ablation_static.names(experiments)
    assert (names["D"], names["D_B"], names["full"]) == ("Disease only", "+ body part", "Full model")
    assert len(set(names.values())) == len(names) and not [n for n in names.values() if re.search(r"\bD \+|LSM|CIM", n)]
    rows = {row["row"]: variant(row) for row in experiments.to_dict("records")}
    assert rows["D_B_A_CIM"]["parts"] == ["body part", "attributes"] and rows["full"]["joined"] == "cross-attention"
    assert variant({"settings": "lsm_k=4", "label": "four patches"}) == {"label": "four patches"}


def test_page_html_asks_for_nothing_and_cannot_be_broken_out_of():
    text = page_html("ablation", {"name": "</script><script>alert(1)</script>"})
    assert text.count("<script") == 2 and "alert(1)" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text) and "import " not in text and "fetch(" not in text
    beside = page_html("ablation", {}, assets="files/")
    assert '<script src="files/ablation.js" defer></script>' in beside and "querySelectorAll" not in beside
    packed = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S).group(1)
    assert json.loads(packed) == {"name": "</script><script>alert(1)</script>"}


def test_in_jupyter_the_widget_holds_a_page_for_those_without_a_kernel(recorded, experiments):
    pytest.importorskip("anywidget")
    explorer = explore.ablation_explorer(recorded, ROOT / "workflow/experiments/ablation.csv", reference="D_B")
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<table" in bundle["text/html"] and 'data-widget="ablation"' in bundle["text/html"]
    assert explorer.data["reference"] == "D_B" and explorer.get_state()["shown"] is None


def test_importing_the_package_is_cheap():
    code = "import sys, dermimit.explore; print([m for m in ('anywidget', 'pandas', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="attribute explorers"):
        explore.explorers  # noqa: B018


# ---------------------------------------------------------------- the built page, unpacked and opened from disk

SHOWN = "return document.querySelector(`.dermimit-widget[data-widget=${arguments[0]}]`).model?.get('shown')"


def shown(driver, until=lambda found: True, widget: str = "ablation") -> dict:
    """What a widget of the page says that it shows, as soon as it fits."""
    wait = WebDriverWait(driver, 30)
    return wait.until(lambda d: (found := d.execute_script(SHOWN, widget)) and until(found) and found)


def pick(driver, name: str, option: str) -> None:
    driver.find_element(
        By.CSS_SELECTOR, f"[role=tabpanel]:not([hidden]) select[name='{name}'] option[value='{option}']"
    ).click()


def labels(driver) -> list[str]:
    """The rows drawn in the figure."""
    return driver.execute_script("return [...document.querySelectorAll('.forest .line')].map(e => e.dataset.row)")


def same(lines: list[dict], scores: pd.DataFrame, metric: str, sign: float, other: str) -> None:
    """Every line of the page is the record's."""
    for line in lines:
        if sign > 0:
            found = value(scores, metric, line["group"], line["row"], other)
            expected = [found["value"], found["low"], found["high"]]
        else:
            found = value(scores, metric, line["group"], other, line["row"])
            expected = [-found["value"], -found["high"], -found["low"]]
        assert [line["value"], line["low"], line["high"]] == pytest.approx(expected, abs=1e-4)


@in_browser
def test_choices_redraw_the_figure_with_python_s_numbers(browser, book, recorded):  # noqa: F811
    severe_messages(browser), addresses(browser)
    opened(browser, book, "compare")
    apart = shown(browser, lambda s: s["reference"] == "D")
    same(apart["lines"], recorded, "macro_f1", 1, "D")
    assert "D" not in labels(browser) and len(labels(browser)) == 8
    browser.find_element(By.NAME, "difference").click()
    first = shown(browser, lambda s: not s["reference"])
    assert len(first["lines"]) == len(labels(browser)) == 9
    same(first["lines"], recorded, "macro_f1", 1, "")
    browser.find_element(By.NAME, "difference").click()
    pick(browser, "reference", "full")
    behind = shown(browser, lambda s: s["reference"] == "full")
    same(behind["lines"], recorded, "macro_f1", -1, "full")
    pick(browser, "metric", "top3")
    pick(browser, "group", "skin")
    few = shown(browser, lambda s: s["photographs"] == "skin" and s["metric"] == "top3")
    assert {line["row"] for line in few["lines"]} == {"D"}  # beside the reference, one variant
    browser.find_element(By.NAME, "all").click()
    skin = shown(browser, lambda s: len(s["lines"]) == 48)
    assert {line["group"] for line in skin["lines"]} == {f"skin type {t}" for t in ("I", "II", "III", "IV", "V", "VI")}
    same(skin["lines"], recorded, "top3", -1, "full")
    browser.find_element(By.CSS_SELECTOR, "[data-widget=ablation] summary").click()
    table = browser.find_elements(By.CSS_SELECTOR, "[data-widget=ablation] tr.line")
    assert len(table) == len(skin["lines"]) == len(labels(browser)) == 48
    last = f"{abs(100 * skin['lines'][-1]['value']):.1f}"
    caption = browser.find_element(By.CSS_SELECTOR, "[data-widget=ablation] caption").text
    assert last in table[-1].text and "top-3" in caption and "in points" in caption
    browser.find_element(By.NAME, "none").click()
    shown(browser, lambda s: s["lines"] == [])
    assert "Nothing to draw" in browser.find_element(By.CSS_SELECTOR, ".dermimit [role=status]").text
    assert severe_messages(browser) == []
    assert all(str(book) in url for url in addresses(browser))


@in_browser
def test_rows_are_chosen_by_keyboard_alone(browser, book):  # noqa: F811
    opened(browser, book, "compare")
    shown(browser)
    browser.execute_script("document.querySelector('[name=metric]').focus()")
    passed = []
    for _ in range(6):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        passed.append(browser.switch_to.active_element.get_attribute("name"))
    assert passed == ["group", "difference", "reference", "row-D", "row-D_LSM", "row-D_B"]
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    ActionChains(browser).send_keys(Keys.SPACE).perform()
    assert "D_B" not in {line["row"] for line in shown(browser, lambda s: len(s["lines"]) == 7)["lines"]}
