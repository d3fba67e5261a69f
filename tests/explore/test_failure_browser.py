"""The failure browser: what it says of wrong answers, its record, and the built page."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_ablation_explorer import pick
from test_ablation_explorer import shown as shown_by
from test_book import browser, severe_messages  # noqa: F401
from test_try import addresses, book, in_browser, opened  # noqa: F401

from dermimit import explore
from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.evaluate.error_types import CASE_TAGS, ERROR_TAGS, TAG_LABELS
from dermimit.explore import failure_static
from dermimit.explore.failure_data import (
    answer_tags,
    browser_data,
    case_records,
    cases_table,
    columns_for,
    maps_in_patches,
    sheet,
    stratified_sample,
)
from dermimit.records import read_json

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "results/published/failures"
shown = partial(shown_by, widget="failures")


@pytest.fixture(scope="module")
def record() -> dict:
    return read_json(FOLDER / "browser.json")


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    frame = pd.read_parquet(ROOT / "results/published/synderm/full-seed0/predictions.parquet")
    return frame[frame["split"] == "test"].reset_index(drop=True)


# ---------------------------------------------------------------- the record


def test_the_record_says_what_the_published_run_answered(record, answers):
    assert record["photographs"] == len(answers) == 2000 and record["provenance"]["dirty"] is False
    probability = np.stack(answers["disease_prob"].to_list()).astype(float)
    said = np.array(LABEL_SPACE.diseases)[probability.argmax(1)]
    assert record["wrong"] == (said != answers["disease"]).sum()
    cases = SynDerm(2000, record["split_seed"], record["size"])
    for case in record["cases"]:
        row = answers.iloc[case["index"]]
        assert (case["truth"], case["skin"], case["part"]) == (row["disease"], row["fitzpatrick"], row["body_part"])
        assert case["said"][0][0] == said[case["index"]] != case["truth"]
        assert case["confidence"] == pytest.approx(probability[case["index"]].max(), abs=1e-3)
        assert case["truth"] == cases.labels(case["index"]).disease
        assert {len(text) for text in case["maps"].values()} == {2 * 64} and len(case["selected"]) == 12
        text = case["maps"]["lsm_score"]
        scores = [int(text[2 * p : 2 * p + 2]) for p in range(64)]
        least = min(scores[p] for p in case["selected"])
        assert scores[case["selected"][0]] == 99 and sum(score > least for score in scores) < 12


def test_error_types_are_those_of_the_taxonomy(record, answers):
    assert [tag["key"] for tag in record["tags"]] == [*CASE_TAGS, *ERROR_TAGS]
    place = {tag["key"]: k for k, tag in enumerate(record["tags"])}
    own = answer_tags(answers, LABEL_SPACE)
    for name in ("dark", "body_wrong", "attributes_mostly", "second"):
        assert record["tags"][place[name]]["count"] == own.loc[own["wrong"], name].sum()
        for case in record["cases"]:
            assert (place[name] in case["tags"]) == own[name][case["index"]]
    counts = pd.Series([case["skin"] for case in record["cases"]]).value_counts()
    assert len(record["cases"]) == 180 and set(counts) == {30}


def test_the_sheet_shows_the_drawn_cases_and_is_small(record):
    assert (FOLDER / "browser.webp").stat().st_size + (FOLDER / "browser.json").stat().st_size < 1e6
    pictures = failure_static.pictures_of(record, (FOLDER / "browser.webp").read_bytes())
    cases = SynDerm(2000, record["split_seed"], record["size"])
    for i in (0, 77, 179):
        drawn = cases[record["cases"][i]["index"]].image.astype(float)
        assert np.abs(pictures[i] - drawn).mean() < 6  # stored with loss
    data = browser_data(record, (FOLDER / "browser.webp").read_bytes())
    assert len(json.dumps(data)) < 1e6 and "provenance" not in data
    assert [tag["count"] for tag in data["tags"]] == [tag["count"] for tag in record["tags"]]
    assert all(tag["label"] == TAG_LABELS[tag["key"]].removeprefix("· ") for tag in data["tags"])


def test_tables_on_paper_say_the_same(record):
    table = cases_table(record, 5)
    sure = sorted((case["confidence"] for case in record["cases"]), reverse=True)
    assert list(table["confidence"]) == [f"{100 * p:.0f}\u00a0%" for p in sure[:5]]


# ---------------------------------------------------------------- any run


def test_the_sample_is_even_over_skin_types_and_takes_wrong_answers_only():
    wrong, skin = np.arange(100) % 2 == 0, [*([1] * 80), *([6] * 10), *([None] * 10)]
    rows = stratified_sample(wrong, skin, 15)
    assert len(rows) == 15 == len(set(rows)) and wrong[rows].all() and rows == sorted(rows)
    assert pd.Series([skin[i] for i in rows]).fillna(0).value_counts().to_dict() == {0: 5, 1: 5, 6: 5}
    assert stratified_sample(wrong, skin, 15) == rows != stratified_sample(wrong, skin, 15, seed=1)
    assert stratified_sample(wrong, skin, 500) == np.flatnonzero(wrong).tolist()


def test_cases_without_other_tasks_say_less(answers):
    alone = answers.drop(columns=["body_part_prob", "attributes_prob"]).head(40)
    tags = answer_tags(alone, LABEL_SPACE)
    assert set(tags) == {"truth", "answer", "wrong", "dark", "second"}
    (case,) = case_records(alone, [3], tags, LABEL_SPACE)
    assert "saidPart" not in case and case["part"] == alone["body_part"][3]


def test_a_sheet_is_read_back_where_it_was_put():
    pictures = [np.full((8, 8, 3), 20 * i, np.uint8) for i in range(5)]
    record = {"cases": [None] * 5, "size": 8, "columns": 3}
    found = failure_static.pictures_of(record, sheet(pictures, columns=3))
    assert [int(p.mean().round()) // 10 for p in found] == [int(p.mean()) // 10 for p in pictures]


@pytest.mark.parametrize(("count", "size", "columns"), [(5, 64, 15), (1200, 224, 17), (900, 518, 30), (1, 17_000, 0)])
def test_a_sheet_is_as_wide_as_a_webp_needs_it(count, size, columns):
    if not columns:
        with pytest.raises(ValueError, match=r"give fewer with `most`"):
            columns_for(count, size)
        return
    assert columns_for(count, size) == columns and -(-count // columns) * size <= 16_383 >= columns * size


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small run on SynDerm, with its photographs."""
    from dermimit.data import load, synderm
    from dermimit.train import TrainConfig, fit, load_run

    root = tmp_path_factory.mktemp("data_of_run")
    synderm.write(root / "data", 30, image_size=16)
    kwargs = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    config = TrainConfig(data_root=root / "data", out=root / "run", image_size=16, model_kwargs=kwargs, samples=8,
                         epochs=1, batch_size=4, optimizer="adamw", lr=0.01)  # fmt: skip
    return load_run(fit(config)), load("synderm", root / "data", 16)


def test_any_run_can_be_browsed_with_its_photographs(trained):
    pytest.importorskip("anywidget")
    run, photos = trained
    widget = explore.failure_browser(run, photos, most=3)
    data = widget.data
    assert len(data["cases"]) == min(3, data["wrong"]) and data["grid"] == [4, 4] and not data["drawn"]
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "<table" in bundle["text/html"]
    image = photos.photos("test")[data["cases"][0]["index"]]["image"]
    maps = maps_in_patches(run, image[None], [0])
    assert {"lsm_score", "integrated_gradients"} == set(maps) == {m["key"] for m in data["maps"]}
    with torch.no_grad():
        scores = run.model(image[None])[1]["disease/scores"][0]
    assert int(scores.argmax()) == max(range(16), key=lambda p: int(maps["lsm_score"][0][2 * p : 2 * p + 2]))


def test_photographs_of_another_dataset_are_refused(trained):
    run, photos = trained
    other = type(photos)("synderm", photos.frame.iloc[:3], photos.label_space, photos.root, 16)
    with pytest.raises(ValueError, match="which the run was tested on: give its dataset"):
        explore.failure_browser(run, other)


# ---------------------------------------------------------------- the built page, unpacked and opened from disk


def slide(driver, name: str, *keys: str) -> None:
    driver.find_element(By.NAME, name).send_keys(*keys)


@in_browser
def test_filters_leave_what_python_leaves(browser, book, record):  # noqa: F811
    severe_messages(browser), addresses(browser)
    opened(browser, book, "failures")
    cases, place = record["cases"], {tag["key"]: k for k, tag in enumerate(record["tags"])}
    assert shown(browser)["count"] == len(cases)
    pick(browser, "tag", str(place["body_wrong"]))
    first = shown(browser, lambda s: s["tag"] == "body_wrong")
    assert set(first["indices"]) == {c["index"] for c in cases if place["body_wrong"] in c["tags"]}
    browser.find_element(By.NAME, "skin-1").click()
    slide(browser, "least", Keys.HOME, *([Keys.ARROW_RIGHT] * 25))
    kept = [c for c in cases if place["body_wrong"] in c["tags"] and c["skin"] != 1 and c["confidence"] >= 0.25]
    found = shown(browser, lambda s: s["count"] == len(kept))
    ordered = sorted(kept, key=lambda c: -c["confidence"])
    assert found["indices"] == [c["index"] for c in ordered] and found["index"] in found["indices"]
    rows = browser.find_elements(By.CSS_SELECTOR, ".failures tbody tr")
    assert len(rows) == len(kept) and ordered[0]["truth"] in rows[0].text
    assert f"{len(kept)} of 180" in browser.find_element(By.CSS_SELECTOR, ".failures .list [role=status]").text
    slide(browser, "most", Keys.HOME)
    none = shown(browser, lambda s: s["count"] == 0)
    assert none["index"] is None
    browser.find_element(By.CSS_SELECTOR, ".failures [name=reset]").click()
    shown(browser, lambda s: s["count"] == len(cases))
    assert severe_messages(browser) == []
    assert all(str(book) in url for url in addresses(browser))


@in_browser
def test_arrow_keys_move_table_and_photograph_together(browser, book, record):  # noqa: F811
    opened(browser, book, "failures")
    first = shown(browser)
    browser.execute_script("document.querySelector('.failures [name=reset]').focus()")
    ActionChains(browser).send_keys(Keys.TAB).perform()  # the chosen row alone is in the order of tabs
    for _ in range(3):
        ActionChains(browser).send_keys(Keys.ARROW_DOWN).perform()
    here = shown(browser, lambda s: s["index"] == first["indices"][3])
    focused = browser.switch_to.active_element
    assert focused.get_attribute("aria-selected") == "true"
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    case = next(c for c in record["cases"] if c["index"] == here["index"])
    picture = browser.find_element(By.CSS_SELECTOR, ".dermimit svg.picture")
    assert f"{case['truth']}, predicted as {case['said'][0][0]}" in picture.get_attribute("aria-label")
    place = record["cases"].index(case)
    image = picture.find_element(By.CSS_SELECTOR, "image")
    assert [float(image.get_attribute(a)) for a in "xy"] == [-64.0 * (place % 15), -64.0 * (place // 15)]
    ActionChains(browser).send_keys(Keys.END).perform()
    shown(browser, lambda s: s["index"] == first["indices"][-1])
    browser.find_elements(By.CSS_SELECTOR, ".failures tbody tr")[-2].click()
    shown(browser, lambda s: s["index"] == first["indices"][-2])


@in_browser
def test_maps_are_laid_on_the_photograph(browser, book, record):  # noqa: F811
    opened(browser, book, "failures")
    case = next(c for c in record["cases"] if c["index"] == shown(browser)["index"])
    count = "return document.querySelectorAll('.dermimit svg.picture .patch').length"
    assert browser.execute_script(count) == 0
    pick(browser, "map", "selected")
    assert browser.execute_script(count) == 2 * len(case["selected"])  # dark under light
    pick(browser, "map", "lsm_score")
    assert browser.execute_script(count) == 64
    strong = browser.execute_script("return [...document.querySelectorAll('.dermimit svg.picture .patch')]"
                                    ".map(e => Number(e.getAttribute('fill-opacity')))")  # fmt: skip
    assert strong[case["selected"][0]] == max(strong) == pytest.approx(0.75)
