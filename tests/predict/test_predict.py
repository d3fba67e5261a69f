"""Many photographs answered at once: the same numbers, a table of them, and what could not be read."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import trained
from conftest import ATTRIBUTES, BODY_PARTS, DISEASES

import dermimit
from dermimit.cli import main
from dermimit.data.reading import PhotoError
from dermimit.predict import predict_photo, predict_photos
from dermimit.prediction import DISCLAIMER

folder, run = trained.folder, trained.run
CLASSES = [
    *(f"disease: {name}" for name in DISEASES),
    *(f"body_part: {name}" for name in BODY_PARTS),
    *(f"attributes: {name}" for name in ATTRIBUTES),
]


@pytest.fixture
def copies(folder, tmp_path):
    """24 photographs in a folder with a blank in its name, two folders deep."""
    for i in range(24):
        (tmp_path / "my photos" / str(i % 2)).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / f"tiny/images/{i % 12:02d}.png", tmp_path / "my photos" / str(i % 2) / f"ä {i}.png")
    return tmp_path / "my photos"


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_the_numbers_are_those_of_one_photograph_whatever_the_batch(run, folder, batch_size):
    table = predict_photos(run, [folder / "tiny/images"], batch_size=batch_size)
    assert len(table) == 12 and table["error"].isna().all()
    for _, row in table.iterrows():
        alone = predict_photo(run, row["file"])
        for task, series in alone.answers.items():
            for name, p in series.items():
                assert row[f"{task}: {name}"] == pytest.approx(p, abs=1e-5)
        assert list(alone.answers["disease"].index) == [row[f"disease_{k}"] for k in (1, 2, 3)]
        assert row["disease_1_probability"] == pytest.approx(alone.answers["disease"].iloc[0], abs=1e-5)
        found = [name for name in ATTRIBUTES if alone.answers["attributes"][name] >= 0.5]
        assert row["attributes_found"] == "; ".join(found)


def test_the_numbers_are_those_that_the_run_recorded(run, folder):
    recorded = run.predictions[run.predictions["split"] == "test"]
    table = predict_photos(run, [folder / "tiny" / name for name in recorded["image"]])
    for task, names in (("disease", DISEASES), ("body_part", BODY_PARTS), ("attributes", ATTRIBUTES)):
        now = table[[f"{task}: {name}" for name in names]].to_numpy()
        np.testing.assert_allclose(now, np.stack(recorded[f"{task}_prob"]), atol=1e-3)


def test_the_table_of_a_folder_survives_each_kind_of_file(folder, copies, tmp_path, capsys):
    expected = predict_photos(dermimit.load_run(folder / "run"), [copies], top=2)
    assert list(expected) == [
        *("file", "disease_1", "disease_1_probability", "disease_2", "disease_2_probability"),
        *("body_part_1", "body_part_1_probability", "body_part_2", "body_part_2_probability", "attributes_found"),
        *(*CLASSES, "error"),
    ]
    for suffix in ("csv", "parquet", "json"):
        out = tmp_path / "new" / f"answers.{suffix}"
        assert main(["predict", str(folder / "run"), str(copies), "--top", "2", "--out", str(out)]) == 0
        said = capsys.readouterr().out
        assert said.count(DISCLAIMER) == 1 and DISCLAIMER not in out.read_bytes().decode("utf-8", "replace")
        assert "differential" not in said and f"{out}: 24 photographs\n" in said
        counts = dict(re.findall(r"^  (\w+) +(\d+)$", said, re.MULTILINE))
        assert {name: int(n) for name, n in counts.items()} == expected["disease_1"].value_counts().to_dict()
    read = pd.read_csv(tmp_path / "new/answers.csv", encoding="utf-8")
    for frame in (read, pd.read_parquet(tmp_path / "new/answers.parquet")):
        assert list(frame["file"]) == list(expected["file"]) and list(frame) == list(expected)
        np.testing.assert_allclose(frame[CLASSES], expected[CLASSES], atol=1e-6)
    rows = json.loads((tmp_path / "new/answers.json").read_text("utf-8"))
    assert [row["file"] for row in rows] == list(expected["file"])
    assert rows[3]["disease"] == pytest.approx({n: expected.at[3, f"disease: {n}"] for n in DISEASES})
    assert set(rows[3]) == {name for name in expected if ": " not in name} | {"disease", "body_part", "attributes"}
    assert rows[3]["disease_1"] == expected.at[3, "disease_1"] and rows[3]["error"] is None


def test_few_photographs_are_printed_beside_their_table(folder, tmp_path, capsys):
    words = [str(folder / "tiny/images" / f"0{i}.png") for i in range(3)]
    assert main(["predict", str(folder / "run"), *words, words[0], "--out", str(tmp_path / "a.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.count("differential\n") == 3 and said.out.count(DISCLAIMER) == 1
    assert "1 named more than once, answered once" in said.err
    assert len(pd.read_csv(tmp_path / "a.csv")) == 3


def test_a_broken_photograph_is_named_and_the_others_are_answered(folder, copies, tmp_path, capsys):
    (copies / "0" / "bad.jpg").write_bytes((copies / "0" / "ä 0.png").read_bytes()[:300])
    (copies / "0" / "empty.png").write_bytes(b"")
    (copies / "notes.md").write_text("x")
    words = ["predict", str(folder / "run"), str(copies), str(tmp_path / "none.png"), "--batch-size", "4"]
    for suffix in ("csv", "json"):
        assert main([*words, "--out", str(tmp_path / f"a.{suffix}")]) == 1
        said = capsys.readouterr()
        assert f"passed over: {copies}: 1 .md" in said.err
        assert "3 of 27 photographs could not be read" in said.err
        assert f"{tmp_path / 'none.png'}: no such file" in said.err and "bad.jpg: cannot be read" in said.err
        assert not re.search(r"\b(row|manifest)\b", said.err)
        assert "a." + suffix + ": 27 photographs, 3 without an answer" in said.out
    table = pd.read_csv(tmp_path / "a.csv")
    broken = table[table["error"].notna()]
    assert len(table) == 27 and [name.split("/")[-1] for name in broken["file"]] == ["bad.jpg", "empty.png", "none.png"]
    assert broken.drop(columns=["file", "error"]).isna().all().all()
    assert table[table["error"].isna()].drop(columns=["error", "attributes_found"]).notna().all().all()
    rows = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert rows[-1]["error"] == "no such file" and rows[-1]["disease"] is None


def test_where_nothing_can_be_read_the_exit_code_is_two(folder, tmp_path, capsys):
    (tmp_path / "bad.jpg").write_bytes(b"x")
    assert main(["predict", str(folder / "run"), str(tmp_path / "bad.jpg"), "--out", str(tmp_path / "a.csv")]) == 2
    said = capsys.readouterr()
    assert DISCLAIMER not in said.out and "bad.jpg: cannot be read" in said.err
    assert list(pd.read_csv(tmp_path / "a.csv")) == ["file", "error"]


def test_mistakes_are_refused_before_anything_is_computed(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for words, said in (
        (
            ["x.png", "--out", str(tmp_path / "a.xlsx")],
            "unknown kind of table '.xlsx'; known are .csv, .parquet, .json",
        ),
        ([str(tmp_path / "photos"), "--out", str(tmp_path / "a.csv")], "no photographs in this folder"),
        (["x.png", "--maps", "rollout"], "name a folder for them"),
        ([], "name at least one"),
    ):
        assert main(["predict", str(tmp_path / "no run"), *words]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


def test_from_a_program_what_is_passed_over_is_a_warning_and_one_photograph_has_no_row(run, copies):
    (copies / "notes.md").write_text("x")
    with pytest.warns(UserWarning, match=r"passed over: .*1 \.md"):
        assert len(predict_photos(run, [copies])) == 24
    with pytest.raises(PhotoError, match=r"none\.png: no such file$"):
        predict_photo(run, copies / "none.png")
    with pytest.raises(ValueError, match="top 0"):
        predict_photos(run, [copies], top=0)
    with pytest.raises(ValueError, match="batch size 0"):
        predict_photos(run, [copies / "0"], batch_size=0)


def test_a_run_that_selects_by_lesion_maps_says_that_it_needs_them(run, folder):
    given = replace(run, config=replace(run.config, lesion_map="mask"))
    with pytest.raises(ValueError, match="selects by lesion maps"):
        predict_photo(given, folder / "tiny/images/00.png")


def test_figures_that_cannot_be_written_are_refused_before_anything_is_predicted(run, folder, tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    out = tmp_path / "p.csv"
    for words in (["--figure", str(tmp_path / "f.xyz")], ["--figures", str(tmp_path / "taken")]):
        assert main(["predict", str(run.path), str(folder), "--out", str(out), *words]) == 2
        assert "name a f" in capsys.readouterr().err and not out.exists()
