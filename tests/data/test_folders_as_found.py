"""Folders as people have them: spellings of splits, other kinds of files, links, wrappers, names nearly the same."""

import json
import unicodedata
import warnings
from pathlib import Path

import pytest
from PIL import Image

from dermimit.cli import main
from dermimit.data import ManifestError, folder, load
from dermimit.data.check import check
from dermimit.data.names import nearly_equal, split_of
from dermimit.data.photo_files import DOCUMENTS, NOT_READ, PHOTO_SUFFIXES, find_photos, read_suffixes, survey


def photos(folder: Path, n: int = 4, suffix: str = ".png", start: int = 0) -> None:
    """Small photographs, each of a colour of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + n):
        Image.effect_noise((12, 9), 40 + i).convert("RGB").save(folder / f"{i}{suffix}")


def read(root: Path):
    """The manifest, the label space and the notes."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = load("folder", root, 16)
    return found.frame, found.label_space, "\n".join(str(w.message) for w in said)


SPELLINGS = {
    "train": ("train", "Train", "TRAINING", "train_set", "train-set", "Training data", "trainset", "01_train"),
    "val": ("val", "Valid", "VALIDATION", "dev", "val_images", "validation-set"),
    "test": ("test", "TEST", "Testing", "tests", "test_set", "Test Set", "holdout"),
}


@pytest.mark.parametrize(("split", "name"), [(s, name) for s, names in SPELLINGS.items() for name in names])
def test_a_split_is_known_in_every_spelling(split, name):
    assert split_of(name) == split


@pytest.mark.parametrize("name", ["acne", "trainer", "testosterone rash", "2019", "images", "set", "", "data", "valve"])
def test_a_name_that_only_resembles_a_split_is_none(name):
    assert split_of(name) is None


@pytest.mark.parametrize(
    "names", [("Train", "Val", "TEST"), ("Training", "validation", "Testing"), ("train_set", "dev", "test-set")]
)
@pytest.mark.parametrize("order", ["split first", "disease first", "below images", "twice"])
def test_splits_of_every_spelling_and_place_are_read(tmp_path, names, order):
    for split in names:
        for disease in ("acne", "eczema"):
            parts = {"split first": (split, disease), "disease first": (disease, split)}
            parts |= {"below images": ("images", split, disease), "twice": (split, split, disease)}
            photos(tmp_path.joinpath(*parts[order]))
    frame, space, notes = read(tmp_path)
    assert space.diseases == ("acne", "eczema")
    assert frame.groupby(["split", "disease"]).size().tolist() == [4] * 6
    assert frame.loc[frame["image"].str.contains(names[2]), "split"].eq("test").all()
    assert "read as splits" in notes and repr(names[2]) in notes


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("Train/acne", "eczema"), "'eczema' stands beside folders of splits"),
        (("acne/train", "acne/test", "wart"), "not in a folder of a split"),
        (("train/acne", "train/wart/test"), "'test' names a split below"),
        (("train/acne", "train/test"), "'test' names a split below"),
        (("collection/acne", "collection/wart"), "one level too deep"),
        (("train", "test/acne"), "not in a folder of a disease"),
    ],
)
def test_a_folder_with_two_readings_is_refused_with_what_to_do(tmp_path, folders, said):
    for name in folders:
        photos(tmp_path / name)
    with pytest.raises(ManifestError, match=said) as caught, warnings.catch_warnings(action="ignore"):
        folder.load(tmp_path)
    assert any(word in str(caught.value) for word in ("use ", "move ", "give "))


def test_a_lone_folder_of_a_usual_name_is_passed_through_and_deeper_ones_are_named(tmp_path):
    for name in ("acne/2019", "acne/2020", "wart"):
        photos(tmp_path / "data" / "images" / name)
    frame, space, notes = read(tmp_path)
    assert space.diseases == ("acne", "wart") and len(frame) == 12
    assert "8 photo(s) lie deeper" in notes and "acne/2019 (4)" in notes and "acne/2020 (4)" in notes


def test_the_two_forms_of_an_accent_are_one_disease_and_paths_stay(tmp_path):
    name = "érythème"
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    for split, form in zip(("train", "test"), forms, strict=True):
        photos(tmp_path / split / form)
        photos(tmp_path / split / "acne")
    frame, space, _ = read(tmp_path)
    assert space.diseases == ("acne", forms[0])
    assert sum(forms[1] in image for image in frame["image"]) == 4


def test_names_that_are_nearly_the_same_are_named_and_stay_apart(tmp_path):
    names = ("Acne", "acne", "acne ", "basal-cell", "basal  cell", "Basal_Cell", "wart")
    for name in names:
        photos(tmp_path / name, 5)
    _, space, notes = read(tmp_path)
    assert set(space.diseases) == set(names)
    told = [line for line in notes.splitlines() if "differ only in letter case" in line]
    assert len(told) == 2 and "'acne '" in told[0] and "wart" not in "".join(told)
    assert nearly_equal(["a", "b", "A "]) == [["a", "A "]] and nearly_equal(["-", "_"]) == []


UNREAD = {
    "x.cr2": "camera raw",
    "x.DNG": "camera raw",
    "x.dcm": "DICOM",
    "x.gif": "GIF",
    "x.JP2": "JPEG 2000",
    "x.pdf": "drawing program",
    "x.svg": "drawing program",
    "x.psd": "drawing program",
    "clip.MOV": "videos",
    "more.zip": "archives",
    "x.ppm": "other picture formats",
    "IMG_0001": "without a suffix",
    "x.jpg_large": "unknown suffix",
}


@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize("where", ["acne", "acne/deep/er", "elsewhere"])
def test_a_file_that_is_not_read_is_counted_with_a_remedy(tmp_path, name, where):
    for disease in ("acne", "wart"):
        photos(tmp_path / disease)
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    (tmp_path / where / name).write_bytes(b"1")
    notes = read(tmp_path)[2]
    (line,) = [line for line in notes.splitlines() if f"{where}/{name}" in line]
    assert UNREAD[name] in line and "1 file(s) not read" in line and ";" in line
    report = check("folder", tmp_path)
    assert [path for paths in report.unread.values() for path in paths] == [f"{where}/{name}"]
    assert any(UNREAD[name] in note for note in report.notes) and not report.faults()


def test_files_beside_a_table_and_of_stored_datasets_are_counted_too(tiny_photos):
    (tiny_photos.root / "images" / "x.dcm").write_bytes(b"1")
    with pytest.warns(UserWarning, match=r"1 file\(s\) not read, DICOM: images/x\.dcm"):
        load("synderm", tiny_photos.root, 16)


def test_no_suffix_is_of_two_kinds():
    others = [s for suffixes in NOT_READ.values() for s in suffixes.split()]
    everything = [*PHOTO_SUFFIXES, *others, *DOCUMENTS.split()]
    assert len(everything) == len(set(everything)) and all(s == s.lower() and s[0] == "." for s in everything)


def test_what_systems_leave_and_documents_are_no_photographs_and_need_no_word(tmp_path):
    photos(tmp_path / "acne"), photos(tmp_path / "wart")
    for name in (".DS_Store", "acne/.DS_Store", "acne/._0.png", "acne/Thumbs.db", "acne/desktop.ini", "acne/list.csv"):
        (tmp_path / name).write_bytes(b"1")
    for name in ("__MACOSX/acne", ".ipynb_checkpoints", "@eaDir"):
        photos(tmp_path / name)
    (tmp_path / "LICENSE").touch(), (tmp_path / "README.md").touch()
    found = survey(tmp_path)
    assert len(found.photos) == 8 and found.folders == ["acne", "wart"]
    assert not found.notes() and not found.broken


@pytest.mark.parametrize("suffix", [".JPG", ".JPEG", ".jpe", ".jfif", ".PNG", ".Tiff", ".bmp", ".WebP"])
def test_every_suffix_of_a_photograph_is_found(tmp_path, suffix):
    (tmp_path / f"a{suffix}").touch()
    assert find_photos(tmp_path) == {"a": [f"a{suffix}"]}


def test_heic_is_found_where_its_library_is_and_counted_where_not(tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif")
    photos(tmp_path / "acne")
    photos(tmp_path / "eczema")
    (tmp_path / "wart").mkdir()
    (tmp_path / "wart" / "IMG_1.HEIC").write_bytes(b"1")
    assert "IMG_1" in find_photos(tmp_path) and ".heic" in read_suffixes()
    monkeypatch.setattr("dermimit.data.photo_files.find_spec", lambda name: None)
    assert "IMG_1" not in find_photos(tmp_path)
    _, space, notes = read(tmp_path)
    assert space.diseases == ("acne", "eczema")
    assert '1 file(s) not read, HEIC: wart/IMG_1.HEIC; pip install "dermimit[heic]"' in notes
    assert "wart (1 HEIC)" in notes and "without a photograph that is read" in notes
    for name in ("acne", "eczema"):
        for path in (tmp_path / name).iterdir():
            path.unlink()
    with pytest.raises(ManifestError, match=r"no photos and no table.*1 file\(s\) not read, HEIC"):
        folder.load(tmp_path)


def test_links_are_not_followed_and_empty_folders_are_named(tmp_path):
    root = tmp_path / "d"
    photos(root / "acne"), photos(root / "wart"), photos(tmp_path / "other")
    (root / "psoriasis").mkdir()
    try:
        (root / "eczema").symlink_to(tmp_path / "other", target_is_directory=True)
        (root / "naevus").symlink_to(tmp_path / "nowhere")
    except OSError:
        pytest.skip("this system allows no links")
    _, space, notes = read(root)
    assert space.diseases == ("acne", "wart")
    assert "1 linked folder(s) not read: eczema; a link is not followed; copy the folder inside" in notes
    assert "1 link(s) lead nowhere: naevus" in notes and "psoriasis (empty)" in notes


def test_tables_that_are_not_read_are_named_with_the_command_that_reads_them(tmp_path):
    for name in ("labels.csv", "images/List.XLSX", ".hidden.csv", "notes.txt"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / name).write_text("image,disease\n")
    photos(tmp_path / "images" / "acne"), photos(tmp_path / "images" / "wart")
    _, space, notes = read(tmp_path)
    assert space.diseases == ("acne", "wart") and ".hidden" not in notes
    assert (
        f"2 table(s) not read: labels.csv, images/List.XLSX; if one has the labels: dermimit data import {tmp_path}"
        in notes
    )
    for path in (tmp_path / "images").glob("*/*"):
        path.rename(tmp_path / path.name)
    with pytest.raises(ManifestError, match=r"not in a folder of a disease(?s:.*)2 table\(s\) not read: labels\.csv"):
        folder.load(tmp_path)


def test_diseases_that_differ_in_a_split_or_join_others_are_named(tmp_path):
    for name in ("acne_train", "Test acne", "wart", "scar", "wart and scar", "trainer"):
        photos(tmp_path / name, 5)
    _, space, notes = read(tmp_path)
    assert len(space.diseases) == 6
    (split,) = [line for line in notes.splitlines() if "differ only in the name of a split" in line]
    assert "'Test acne', 'acne_train'" in split and "trainer" not in split
    assert "disease names 'wart and scar' join others of them" in notes


def test_folders_that_hold_the_same_folders_may_not_be_the_diseases(tmp_path):
    for name in ("Entrenamiento", "Prueba"):
        photos(tmp_path / name / "acne"), photos(tmp_path / name / "wart")
    notes = read(tmp_path)[2]
    assert "Entrenamiento, Prueba hold the same folders, acne, wart; if those are the diseases" in notes
    photos(tmp_path / "Prueba" / "naevus")
    assert "hold the same folders" not in read(tmp_path)[2]


def test_the_report_counts_diseases_by_split_and_ends_with_the_next_step(tmp_path, capsys):
    for split, n in (("train", 3), ("val", 1), ("test", 2)):
        for disease in ("acne", "wart"):
            photos(tmp_path / split / disease, n, start=ord(split[1]))
    assert main(["data", "check", str(tmp_path), "--dataset", "folder", "--json"]) in (0, 1)
    found = json.loads(capsys.readouterr().out)
    assert found["classes_by_split"] == {name: {"train": 3, "val": 1, "test": 2} for name in ("acne", "wart")}
    report = check("folder", tmp_path)
    report.duplicates.clear()
    rows = [line.split() for line in report.table().splitlines()]
    assert ["photographs", "of", "a", "disease", "train", "val", "test", "all"] in rows
    assert ["acne", "3", "1", "2", "6"] in rows
    assert report.table().endswith(f"next: dermimit train --dataset folder --data-root {tmp_path} --out runs/mine")
    report.options["missing"] = "leave out"
    assert report.table().endswith("--out runs/mine --data-options missing 'leave out'")
    report.absent.append("x.jpg")
    assert 'go on without them: --options missing "leave out"' in report.table()
    report.problems.append("x")
    assert "next: mend the faults" in report.table()


def test_deep_photographs_are_counted_by_the_check(tmp_path):
    import numpy as np

    photos(tmp_path / "acne"), photos(tmp_path / "wart")
    Image.fromarray(np.arange(99, dtype=np.uint16).reshape(9, 11) * 40).save(tmp_path / "acne" / "deep.png")
    report = check("folder", tmp_path)
    assert list(report.converted.values()) == [["acne/deep.png"]]
    assert "note: 1 photograph(s) had fewer bits" in report.table()


def test_a_note_on_the_command_line_is_one_line_said_once(tmp_path, capsys, monkeypatch):
    def says(*_: object, **__: object) -> int:
        for _ in range(2):
            warnings.warn_explicit("two\n  lines", UserWarning, folder.__file__, 1, registry={})
        warnings.warn_explicit("of another library", UserWarning, "/elsewhere/x.py", 1, registry={})
        return 0

    others: list[str] = []
    monkeypatch.setattr("tyro.extras.SubcommandApp.cli", says)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda message, *_: others.append(str(message)))
        assert main(["x"]) == 0
    assert capsys.readouterr().err == "dermimit: note: two lines\n" and others == ["of another library"]
