"""Output is text: a name from data moves no cursor, turns no line around, is no markup and no formula."""

import io
import re
import shutil
import unicodedata
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from conftest import ATTRIBUTES, BODY_PARTS, draw_tiny, tiny_row
from hypothesis import given
from hypothesis import strategies as st

from dermimit.cli import main
from dermimit.data import folder as folder_loader
from dermimit.data.label_space import LabelSpace
from dermimit.data.stored import save_dataset
from dermimit.data.text_table import read_text_table
from dermimit.report.markup import el
from dermimit.shown import Shown, shown, shown_text
from dermimit.spreadsheets import as_cell, for_spreadsheets, of_cell
from dermimit.train import TrainConfig, fit

ESCAPE, OVERRIDE = "\x1b[31mred\x1b[2J\x1b]0;title\x07", "safe\u202egpj.exe"
EVIL = (ESCAPE, OVERRIDE, "=cmd|' /C calc'!A0\r\nsecond\x9b31m")
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose three diseases have such names, beside its photographs."""
    root = tmp_path_factory.mktemp("evil")
    rows = []
    for i in range(12):
        draw_tiny(root / "tiny", i)
        row = tiny_row(i)
        names = dict(zip(("acne", "eczema", "psoriasis"), EVIL, strict=True))
        rows.append(row | {"disease": names.get(row["disease"])})
    space = LabelSpace("tiny", EVIL, BODY_PARTS, ATTRIBUTES)
    save_dataset(root / "tiny", pd.DataFrame(rows), space)
    return fit(TrainConfig(data_root=root / "tiny", out=root / "run", image_size=16, model_kwargs=MODEL, samples=4,
                           epochs=1, batch_size=4, tracker="none"))  # fmt: skip


def test_what_a_terminal_obeys_is_written_out():
    assert shown(ESCAPE) == "\\x1b[31mred\\x1b[2J\\x1b]0;title\\x07"
    assert shown(OVERRIDE) == "safe\\u202egpj.exe"
    assert shown("a\nb\tc\rd") == "a\\x0ab\\x09c\\x0dd" and shown_text("a\nb\tc\rd") == "a\nb\tc\\x0dd"
    plain = "Ärger, naïve café – 皮膚 जलन 👩‍⚕️ ‘x’"
    assert shown(plain) == shown_text(plain) == plain


@given(st.text())
def test_no_text_holds_anything_that_a_terminal_obeys(text):
    assert not BAD.search(shown_text(text)) and not BAD.search(shown(text)) and "\n" not in shown(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown(text))


def test_a_progress_bar_moves_as_before():
    stream = io.StringIO()
    out = Shown(stream)
    for text in ("\r 50%|███     |", "\n", "\x1b[A", "\r\x1b[31mno", "name\x1b[A\n"):
        out.write(text)
    assert stream.getvalue() == "\r 50%|███     |\n\x1b[A\\x0d\\x1b[31mnoname\\x1b[A\n"
    assert out.getvalue() == stream.getvalue()


COMMANDS = {
    "predict": lambda root, out: ["predict", f"{root}/run", f"{root}/tiny/images", "--out", f"{out}/a.csv"],
    "evaluate": lambda root, out: ["evaluate", f"{root}/run", "--dataset", "synderm", "--root", f"{root}/tiny",
                                      "--out", out],
    "check": lambda root, out: ["data", "check", f"{root}/tiny", "--dataset", "synderm"],
    "export": lambda root, out: ["export", f"{root}/run", "--onnx", f"{out}/a.onnx"],
    "report": lambda root, out: ["report", f"{root}/run", "--out", f"{out}/a.html"],
    "train": lambda root, out: ["train", "--data-root", f"{root}/tiny", "--out", f"{out}/again", "--image-size", "64",
                                "--samples", "4", "--epochs", "1", "--batch-size", "4"],
    "a wrong name": lambda root, out: ["predict", f"{root}/run", f"{ESCAPE}\u202e.png"],
    "a wrong run": lambda root, out: ["predict", f"{root}/{ESCAPE}/run", "x.png"],
    "a wrong dataset": lambda root, out: ["data", "check", f"{root}/{OVERRIDE}", "--dataset", "folder"],
}  # fmt: skip


@pytest.mark.parametrize("command", [pytest.param(c, marks=[pytest.mark.slow][: c == "export"]) for c in COMMANDS])
def test_no_command_prints_what_a_terminal_obeys(run, tmp_path, capsys, command):
    shutil.copy(run.parent / "tiny/images/00.png", run.parent / f"tiny/images/{ESCAPE.replace('/', '')}.png")
    try:
        main(COMMANDS[command](str(run.parent), str(tmp_path)))
    finally:
        (run.parent / f"tiny/images/{ESCAPE.replace('/', '')}.png").unlink()
    out, err = capsys.readouterr()
    assert out + err
    for line in (out + err).replace("\r", "\n").split("\n"):
        assert not BAD.search(line), line
    if command == "predict":
        assert "\\x1b[31mred" in out and "\\u202egpj.exe" in out and "\\x0d\\x0asecond" in out


def test_a_name_in_a_page_or_a_figure_turns_nothing_around(run, tmp_path):
    assert main(["report", str(run), "--out", str(tmp_path / "a.html")]) == 0
    page = (tmp_path / "a.html").read_text()
    assert not BAD.search(page) and "\\u202egpj.exe" in page and "\\x1b[31mred" in page
    assert str(el("p", OVERRIDE, title=ESCAPE)) == (
        '<p title="\\x1b[31mred\\x1b[2J\\x1b]0;title\\x07">safe\\u202egpj.exe</p>'
    )
    photo = str(run.parent / "tiny/images/03.png")
    assert main(["predict", str(run), photo, "--figure", str(tmp_path / "a.svg")]) == 0
    text = (tmp_path / "a.svg").read_text()
    ET.fromstring(text)
    assert not BAD.search(text)


def test_a_table_in_a_notebook_turns_nothing_around(monkeypatch):
    from studies.shared.show import show_table, show_text

    outputs = []
    monkeypatch.setattr("studies.shared.show.display", lambda data, **more: outputs.append(data))
    show_table(pd.DataFrame({OVERRIDE: [ESCAPE]}))
    show_text(f"**{OVERRIDE}**\n\n{ESCAPE}")
    assert not any(BAD.search(text) for data in outputs for text in data.values())


# ---------------------------------------------------------------- spreadsheets


FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "'=1", "''"]


@given(st.text())
def test_what_is_marked_as_text_is_read_as_it_was(text):
    assert of_cell(as_cell(text)) == text
    assert not as_cell(text).startswith(("=", "+", "-", "@", "\t", "\r")) or re.fullmatch(r"[-+][\d.,eE+-]+", text)


@pytest.mark.parametrize("text", ["-73.5", "-4", "-0,25", "1e-7", "-1.5E+3"])
def test_a_negative_number_stays_a_number(text):
    assert as_cell(text) == text


@pytest.mark.parametrize("text", ["+4", "-2+3", "-A1", "+1-1", "=4", "-", "-1.", "-1\n", "-٣", "@1", "--1"])
def test_what_only_begins_like_a_number_is_marked(text):
    assert as_cell(text) == "'" + text


def test_numbers_stay_numbers():
    table = pd.DataFrame({"=name": FORMULAS, "n": np.arange(9) - 4, "f": np.arange(9) / -2, "b": [True] * 9})
    safe = for_spreadsheets(table)
    assert list(safe) == ["'=name", "n", "f", "b"]
    pd.testing.assert_frame_equal(safe[["n", "f", "b"]], table[["n", "f", "b"]])
    assert all(cell.startswith("'") for cell in safe["'=name"])


@pytest.mark.parametrize("name", ["-a.png", "=b.png", "+c.png", "@d.png", "e.png"])
def test_the_table_of_answers_holds_no_formula(run, tmp_path, name, monkeypatch):
    shutil.copy(run.parent / "tiny/images/00.png", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["predict", str(run), ".", "--out", "answers.csv"]) == 0
    for row in pd.read_csv("answers.csv", header=None, dtype=str, keep_default_na=False).to_numpy():
        for cell in row:
            assert not re.match(r"[=+@\t\r]|-(?!\d)", cell), cell


def test_an_imported_table_holds_no_formula_and_loses_no_name(tmp_path):
    (tmp_path / "photos").mkdir()
    for i, stem in enumerate(("=a", "-b", "+c", "@d", "e")):
        draw_tiny(tmp_path / "drawn", i)
        shutil.copy(tmp_path / f"drawn/images/{i:02d}.png", tmp_path / f"photos/{stem}.png")
    names = {"=a.png": "=1+1", "-b.png": "-minus", "+c.png": "+plus", "@d.png": "@at", "e.png": "plain"}
    pd.DataFrame({"image": names.keys(), "disease": names.values()}).to_csv(tmp_path / "table.csv", index=False)
    words = ["data", "import", str(tmp_path / "table.csv"), str(tmp_path / "photos"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    text = (tmp_path / "out/manifest.csv").read_text()
    cells = [cell for line in text.splitlines() for cell in line.replace('"', "").split(",")]
    assert not [cell for cell in cells if re.match(r"[=+@-]", cell)], text
    frame = read_text_table(tmp_path / "out/manifest.csv").frame
    assert dict(zip(frame["image"], frame["disease"], strict=True)) == names
    assert set(folder_loader.load(tmp_path / "out")[0]["disease"]) == set(names.values())
