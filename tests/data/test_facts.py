"""What is said of the datasets: in a table, on a terminal and as datasheets."""

import html
import re
from dataclasses import asdict

import pytest

from dermimit.data import DATASETS, ManifestError, options_of
from dermimit.data.facts import MODULES, facts_sheet, facts_table, info, print_info


def test_every_dataset_has_its_facts():
    assert set(MODULES) == set(DATASETS)
    facts = facts_table()
    assert facts.loc["dermacon_in", ["images", "patients", "body_parts"]].tolist() == [5450, 3002, 49]
    assert facts.loc["pad_ufes_20", ["images", "diseases", "licence"]].tolist() == [2298, 6, "CC BY 4.0"]
    assert facts["lesions"].dropna().to_dict() == {"pad_ufes_20": 1641}
    for name in DATASETS:
        text = print_info(name)
        assert info(name).licence in " ".join(text.split()) and max(map(len, text.splitlines())) <= 100
    with pytest.raises(ManifestError, match="did you mean 'ddi'"):
        print_info("dd1")


def test_the_facts_name_the_options_of_the_loader():
    assert "\nOptions:    fold=0, classes=198, validation=0.1, missing='error'\n" in print_info("sd198")
    assert "\nOptions:    none\n" in print_info("synderm")
    for name in DATASETS:
        text = print_info(name)
        assert all(f"{option}=" in text for option in options_of(name))


@pytest.mark.parametrize("name", DATASETS)
def test_a_datasheet_in_markdown_says_everything_that_is_known(name):
    markdown = pytest.importorskip("markdown_it").MarkdownIt()
    sheet, known = facts_sheet(name), info(name)
    title, empty, *lines = sheet.splitlines()
    assert title == f"**{known.title}** (`{name}`)" and empty == ""
    assert all(line.startswith(("- *", "  - ")) for line in lines)
    shown = html.unescape(re.sub("<[^>]*>", "", markdown.render(sheet)))
    facts = asdict(known)
    for text in (*facts.pop("faults"), *(v for v in facts.values() if isinstance(v, str))):
        assert text.replace("`", "") in shown
    for option, default in options_of(name).items():
        assert f"{option}={default!r}" in shown


def test_a_datasheet_counts_and_an_unknown_dataset_has_none():
    sheet = facts_sheet("pad_ufes_20")
    assert "lesions 1,641; diseases 6 (ACK 730, BCC 845, MEL 52, NEV 244, SCC 192, SEK 235); body parts 14" in sheet
    assert "not counted" in facts_sheet("folder")
    with pytest.raises(ManifestError, match="did you mean 'ddi'"):
        facts_sheet("dd1")
