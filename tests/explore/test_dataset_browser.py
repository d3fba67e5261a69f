"""The dataset browser: what it shows of any manifest, the kernel's side, and the built page."""

import base64
from functools import partial

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from test_ablation_explorer import pick
from test_ablation_explorer import shown as shown_by
from test_book import browser, severe_messages  # noqa: F401
from test_try import addresses, book, in_browser, opened  # noqa: F401

from dermimit import explore
from dermimit.data.problems import ManifestError
from dermimit.explore.cases import picture
from dermimit.explore.dataset_data import counts_table, dataset_data, some_of_each

shown = partial(shown_by, widget="dataset")


def test_labels_become_numbers_and_unknown_ones_stay_unknown(tiny_photos):
    data = dataset_data(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, 16)
    fields = {field["key"]: field for field in data["fields"]}
    assert data["photographs"] == 12 and data["pictures"] == {}
    for i, row in enumerate(tiny_photos.frame.itertuples()):
        disease = fields["disease"]["rows"][i]
        assert (fields["disease"]["names"][disease] if disease >= 0 else None) == row.disease
        signs = fields["attributes"]["rows"][i]
        names = None if signs is None else [fields["attributes"]["names"][k] for k in signs]
        assert names == (None if row.attributes is None else list(row.attributes))
        assert fields["skin"]["names"][fields["skin"]["rows"][i]] == ["I", "II", "III", "IV", "V", "VI"][i % 6]
        assert fields["split"]["names"][fields["split"]["rows"][i]] == row.split


def test_what_is_not_recorded_has_no_filter(tiny_photos):
    frame = tiny_photos.frame.assign(fitzpatrick=pd.NA, body_part=None)
    data = dataset_data(frame, tiny_photos.label_space, tiny_photos.root, 16)
    assert [field["key"] for field in data["fields"]] == ["disease", "attributes", "split"]


def test_thumbnails_are_of_as_many_diseases_as_can_be_and_look_like_the_photographs(tiny_photos):
    data = dataset_data(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, 16, embedded=3)
    rows = [int(row) for row in data["pictures"]]
    assert rows == sorted(rows) == some_of_each(tiny_photos.frame, 3)
    assert tiny_photos.frame["disease"].iloc[rows].nunique() == 3
    split, row = tiny_photos.frame["split"].iloc[rows[0]], rows[0]
    place = list(tiny_photos.photos(split).frame["image"]).index(tiny_photos.frame["image"].iloc[row])
    stored = (tiny_photos.photos(split)[place]["image"].permute(1, 2, 0).numpy() + 1) * 127.5
    assert split == "train" or np.abs(picture(data["pictures"][str(row)]).astype(float) - stored).mean() < 40


def test_counts_add_up(tiny_photos):
    table = counts_table(tiny_photos.frame, most=2)
    assert table["all"].sum() == 12 and table["disease"].iloc[-1].endswith("further diseases")
    assert (table[["train", "val", "test"]].sum(axis=1) == table["all"]).all()


def test_the_kernel_sends_thumbnails_and_says_what_is_missing(tiny_photos, monkeypatch):
    pytest.importorskip("anywidget")
    widget = explore.dataset_browser(tiny_photos.root, "synderm", image_size=16)
    sent = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append(content))
    (tiny_photos.root / tiny_photos.frame["image"].iloc[4]).unlink()
    widget._send_pictures(widget, {"rows": [0, 4]}, [])
    assert base64.b64decode(sent[0]["pictures"]["0"].split(",")[1])[:2] == b"\xff\xd8"
    assert sent[0]["pictures"]["4"].startswith("error: ") and "no such file" in sent[0]["pictures"]["4"]


def test_an_executed_notebook_holds_counts_and_no_photograph(tiny_photos):
    pytest.importorskip("anywidget")
    bundle, _ = explore.dataset_browser(tiny_photos.root, "synderm")._repr_mimebundle_()
    assert "<table" in bundle["text/html"] and "data:image" not in bundle["text/html"]
    assert '"kernel":false' in bundle["text/html"]


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestError):
        explore.dataset_browser(tmp_path)


@in_browser
def test_filters_and_pages(browser, book):  # noqa: F811
    severe_messages(browser), addresses(browser)
    opened(browser, book, "images")
    everything = shown(browser)
    data = browser.execute_script("return document.querySelector('[data-widget=dataset]').model.get('data')")
    assert everything["count"] == data["photographs"] and len(everything["rows"]) == 24
    assert len(browser.find_elements(By.CSS_SELECTOR, ".gallery img")) == 24
    fields = {field["key"]: field for field in data["fields"]}
    pick(browser, "skin", "5")
    dark = shown(browser, lambda s: s["count"] != everything["count"])
    assert dark["count"] == fields["skin"]["rows"].count(5)
    assert all(fields["skin"]["rows"][row] == 5 for row in dark["rows"])
    pick(browser, "attributes", "0")
    both = shown(browser, lambda s: s["count"] < dark["count"])
    pairs = zip(fields["skin"]["rows"], fields["attributes"]["rows"], strict=True)
    assert both["count"] == sum(skin == 5 and 0 in signs for skin, signs in pairs)
    browser.find_element(By.CSS_SELECTOR, "[data-widget=dataset] [name=reset]").click()
    browser.find_element(By.NAME, "next").click()
    second = shown(browser, lambda s: s["page"] == 1)
    assert not set(second["rows"]) & set(everything["rows"])
    assert severe_messages(browser) == []
    assert all(str(book) in url for url in addresses(browser))
