"""Which photographs are meant, by files, folders, patterns and tables of paths."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from dermimit.data.problems import ManifestError
from dermimit.predict import find_photographs


def photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (200, 160, 140)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "deep/in it/Ünï 1.JPG", "a.png"):
        photo(tmp_path / "q" / name)
    photo(tmp_path / "q" / "masks" / "a.png")
    for name in ("notes.txt", "x.pdf", "y.PDF", ".hidden.pdf", "Thumbs.db"):
        (tmp_path / "q" / name).write_text("x")
    return tmp_path / "q"


def names(found, root):
    return [path.relative_to(root).as_posix() for path in found.files]


def test_a_folder_is_searched_to_any_depth_and_what_is_passed_over_is_counted_by_kind(folder):
    found = find_photographs([folder])
    assert names(found, folder) == ["a.png", "b.jpg", "deep/in it/Ünï 1.JPG"]
    pdf = "2 file(s) not read, files of a drawing program: x.pdf, y.PDF; export them as PNG"
    assert found.passed_over == [f"{folder}: {pdf}", f"{folder}: 1 .txt, 1 in folders 'masks'"]


def test_a_folder_without_photographs_and_a_pattern_that_fits_none_are_errors(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.pdf").write_text("x")
    with pytest.raises(ValueError, match=r"empty: no photographs in this folder, it is empty"):
        find_photographs([tmp_path / "empty"])
    with pytest.raises(
        ValueError, match=r"papers: no photographs in this folder, only 1 file\(s\) not read.*a\.pdf; export"
    ):
        find_photographs([tmp_path / "papers"])
    with pytest.raises(ValueError, match=r"\*\.tif: no photograph fits this pattern, it fits nothing"):
        find_photographs([folder / "*.tif"])
    with pytest.raises(ValueError, match=r"\*\.pdf: no photograph fits this pattern, it fits only 1 \.pdf"):
        find_photographs([folder / "*.pdf"])
    with pytest.raises(ValueError, match="name at least one"):
        find_photographs([])
    with pytest.raises(ValueError, match="one of the paths is empty"):
        find_photographs([""])


def test_patterns_are_expanded_and_a_file_that_looks_like_one_is_a_file(folder):
    assert names(find_photographs([folder / "?.*"]), folder) == ["a.png", "b.jpg"]
    assert names(find_photographs([str(folder / "**" / "*.JPG")]), folder) == ["deep/in it/Ünï 1.JPG"]
    assert names(find_photographs([folder / "de*"]), folder) == ["deep/in it/Ünï 1.JPG"]  # a folder that it fits
    everything = find_photographs([folder / "**"])
    assert len(everything.files) == 4 and everything.passed_over == [f"{folder / '**'}: 2 .pdf, 1 .db, 1 .txt"]
    bracket = photo(folder / "c[1].jpg")
    assert find_photographs([bracket]).files == [bracket]


def test_each_photograph_is_answered_once_whatever_names_it(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "link.jpg").symlink_to(folder / "b.jpg")
    found = find_photographs(["b.jpg", folder / "b.jpg", "./deep/../b.jpg", "*.jpg", "a.png"])
    assert [str(path) for path in found.files] == ["b.jpg", "link.jpg", "a.png"]  # a link is another name
    assert found.repeated == 3


@pytest.mark.parametrize(
    "text",
    [
        "image,age\nb.jpg,3\ndeep/in it/Ünï 1.JPG,4\n",
        "age;Image Path\r\n3;b.jpg\r\n4;deep\\in it\\Ünï 1.JPG\r\n",
        "﻿FILE\tage\nb.jpg\t3\n\ndeep/in it/Ünï 1.JPG\t4\n",
        'image\n"b.jpg"\ndeep/in it/Ünï 1.JPG\n',
        "b.jpg\ndeep/in it/Ünï 1.JPG\n",
        "image_id,age\nb,3\ndeep/in it/Ünï 1,4\n",
        "img_name|age\nb.jpg|3\ndeep/in it/Ünï 1.JPG|4\n",
        "sep=;\r\nimage;age\r\nb.jpg;3\r\ndeep/in it/Ünï 1.JPG;4\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_paths_in_the_ways_that_people_write_them(folder, text, encoding):
    table = folder / "list.csv"
    table.write_bytes(text.removeprefix("\ufeff").encode(encoding))
    assert names(find_photographs([table]), folder) == ["b.jpg", "deep/in it/Ünï 1.JPG"]


def test_a_text_file_has_one_path_a_line_with_commas_if_it_must(folder):
    photo(folder / "a, b.jpg")
    (folder / "list.txt").write_text("a, b.jpg\nb.jpg\n")
    assert names(find_photographs([folder / "list.txt"]), folder) == ["a, b.jpg", "b.jpg"]


def test_parquet_and_rows_without_a_path(folder):
    pd.DataFrame({"n": [1, 2, 3], "path": ["b.jpg", None, "a.png"]}).to_parquet(folder / "list.parquet")
    found = find_photographs([folder / "list.parquet"])
    assert names(found, folder) == ["b.jpg", "a.png"]
    assert found.passed_over == [f"{folder / 'list.parquet'}: rows without a path: 1"]


def test_paths_are_beside_the_table_or_in_the_working_folder_and_another_unicode_form_will_do(
    folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(folder)
    elsewhere = tmp_path / "lists" / "list.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_text(f"file\nb.jpg\n{unicodedata.normalize('NFD', 'deep/in it/Ünï 1.JPG')}\nnone.jpg\n", "utf-8")
    assert [path.as_posix() for path in find_photographs([elsewhere]).files] == [
        "b.jpg",
        "deep/in it/Ünï 1.JPG",
        "none.jpg",  # named when it is read
    ]


def test_tables_that_name_no_photograph_are_errors(tmp_path):
    table = tmp_path / "list.csv"
    for text, said in (
        ("", "empty"),
        ("age,sex\n3,f\n", "no column of paths; it has 'age', 'sex'"),
        ("image,age\n,3\n", "names no photograph"),
        ("image\n", "names no photograph"),
    ):
        table.write_text(text)
        with pytest.raises(ManifestError, match=said):
            find_photographs([table])
    table.write_bytes("image\nÜ.jpg\n".encode("cp1252"))
    assert find_photographs([table]).files == [Path("Ü.jpg")]  # Windows-1252
    table.write_bytes(b"image\n\x81\x8d.jpg\n")
    with pytest.raises(ManifestError, match="not UTF-8"):
        find_photographs([table])
    (tmp_path / "list.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"list\.xlsx: a workbook; save its sheet of paths as CSV"):
        find_photographs([tmp_path / "list.xlsx"])


def test_a_quote_that_is_not_closed_in_a_list_is_an_error(folder):
    for text in ('image\tsize\nb.jpg\t"5 in\na.png\t4 in\n', 'image,size\nb.jpg,"5 in\na.png,4 in\n'):
        (folder / "list.csv").write_text(text)
        with pytest.raises(ManifestError, match=r"list.csv: not a table of separated values"):
            find_photographs([folder / "list.csv"])


def test_a_name_without_suffix_that_several_files_have_is_an_error(folder):
    photo(folder / "a.jpg")
    (folder / "list.csv").write_text("image\na\n")
    with pytest.raises(ManifestError, match=r"list.csv: 'a', entry 1: found a.jpg and a.png; give the suffix"):
        find_photographs([folder / "list.csv"])


def test_names_in_another_letter_case_and_numbers_of_a_spreadsheet_are_found(folder):
    photo(folder / "7.jpg")
    (folder / "list.csv").write_text("image\nB.JPG\n7.0\nA\n")
    assert names(find_photographs([folder / "list.csv"]), folder) == ["b.jpg", "7.jpg", "a.png"]


def test_two_links_to_one_file_are_two_photographs(folder, tmp_path):
    store = photo(tmp_path / "store" / "blob.jpg")
    links = tmp_path / "links"
    links.mkdir()
    for name in ("left.jpg", "right.jpg"):
        (links / name).symlink_to(store)
    found = find_photographs([links])
    assert names(found, links) == ["left.jpg", "right.jpg"] and found.repeated == 0
