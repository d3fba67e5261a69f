"""The page on the two datasets: its numbers come from the records, and its captions say what the records hold."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from dermimit.data.synderm import process, read_regime
from dermimit.records import read_json
from studies.datasets import charts, numbers, sheet

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "synderm_checks": ("ceilings", "shortcuts_plain", "reached_plain", "realism", "realism_plain", "cases"),
    "real_checks": ("counts", "missingness", "leakage"),
}


@pytest.fixture(scope="module")
def records():
    published = ROOT / "results/published"
    return {name: read_json(published / f"{folder}/{name}.json") for folder, names in NAMES.items() for name in names}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def gains(*rows):
    lines = [dict(zip(("model", "several", "value", "low", "high"), row, strict=True)) for row in rows]
    return pd.DataFrame(lines)


def test_the_sentence_on_leakage_follows_the_intervals():
    told = numbers.leakage_sentence(
        gains(
            ("a", False, 4.4, 1.6, 7.5), ("b", False, -3.0, -5.0, -1.0), ("c", False, -1, -4, 1), ("a", True, 9, 8, 9)
        )
    )
    assert told == (
        "The score of the a rises by 4.4 points (95 % CI 1.6 to 7.5). "
        "The score of the b falls by 3.0 points (95 % CI −5.0 to −1.0). For the c the change is inconclusive."
    )
    assert "inconclusive" not in numbers.leakage_sentence(gains(("a", False, 4.4, 1.6, 7.5)))


def test_what_the_captions_say_of_the_records_is_so(records):
    shares = numbers.missing_shares(records["missingness"])
    assert list(shares.values())[:3] == [0, 0, 0] and min(list(shares.values())[3:]) > 50
    leaked = numbers.leakage_gains(records["leakage"]).set_index(["model", "several"])
    assert leaked.loc[("nearest thumbnail", False), "low"] > 0
    assert (leaked.loc[["colour model", "small network"], "low"] < 0).all()
    assert (leaked.loc[["colour model", "small network"], "high"] > 0).all()
    apart = numbers.apart_table(records["realism"], records["realism_plain"]).set_index("set")
    assert apart.loc["real from real", "low"] < 50 < apart.loc["real from real", "high"]
    assert 50 < apart.loc["version 4 from real", "value"] < apart.loc["version 3 from real", "value"]
    steps = numbers.ladder_table(records["ceilings"], records["shortcuts_plain"], records["reached_plain"])
    assert steps["value"].is_monotonic_increasing and (steps.loc[steps["kind"] == "shortcut", "high"] < 5).all()
    assert not records["reached_plain"]["flat"]  # "its curve was still rising"
    assert "simulated" in " ".join(read_page()) and records["ceilings"]["table"][1]["exact"]["n"] == 100_000
    photos = numbers.photographs_table(records["counts"])
    assert photos.index[-1] == "melanoma" and photos["V and VI"].sum() < 10
    assert (photos.loc[[numbers.DISEASES[code] for code in numbers.CANCERS], "not recorded"] == 0).all()


def read_page():
    cells = read_json(ROOT / "notebooks/27_datasets.ipynb")["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def test_quoted_numbers_are_percent_and_points_of_the_records(records):
    told = numbers.of_page(records)
    plain = next(row for row in records["ceilings"]["table"] if row["regime"] == "plain")
    assert told["best"] == pytest.approx(100 * plain["exact"]["macro_f1"])
    assert told["joint"] > told["additive"] > 50 and told["small_area"] < told["plain_area"]
    assert told["photographs"] == numbers.photographs_table(records["counts"]).to_numpy().sum()
    assert told["melanoma_step"] == pytest.approx(100 / told["melanomas"])
    shown = numbers.compared(records["counts"], told["best"])
    assert shown.shape[1] <= 5 and f"{told['best']:.1f} %" in shown.to_string()
    assert len(numbers.leakage_full(records["leakage"])) == len(records["leakage"]["table"])


def test_the_contact_sheet_has_the_commonest_diseases_on_every_skin_type():
    cases = sheet.contact_sheet(6, size=16)
    prior = process(read_regime("plain")).prior
    diseases = process(read_regime("plain")).diseases
    shares = [prior[diseases.index(case.disease)] for case in cases]
    assert shares == sorted(prior, reverse=True)[:6] and [c.fitzpatrick for c in cases] == [1, 2, 3, 4, 5, 6]
    assert sheet.caption(cases[0]).count("\n") == 1


def test_a_contact_sheet_of_too_few_cases_says_so(monkeypatch):
    monkeypatch.setattr(sheet, "LOOKED_AT", 3)
    with pytest.raises(ValueError, match=r"no case of .* among 3; look at more"):
        sheet.contact_sheet(6, size=16)


def test_figures_can_be_drawn_and_read(records):
    drawn = [
        charts.ladder(numbers.ladder_table(records["ceilings"], records["shortcuts_plain"], records["reached_plain"])),
        charts.told_apart(numbers.apart_table(records["realism"], records["realism_plain"])),
        charts.photographs(numbers.photographs_table(records["counts"])),
        charts.traps(numbers.missing_shares(records["missingness"]), numbers.leakage_gains(records["leakage"])),
    ]
    for figure in drawn:
        figure.canvas.draw()
        texts = [t for t in figure.findobj(plt.Text) if t.get_text().strip() and t.get_visible()]
        assert texts and min(t.get_fontsize() for t in texts) >= 8
        assert figure.get_size_inches()[0] <= charts.WIDTH
