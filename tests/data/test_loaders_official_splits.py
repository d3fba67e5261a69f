"""DermaCon-IN and SD-198, the datasets with official splits: miniatures in the official layout, and broken ones."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.benchmark import benchmark
from dermimit.cli import main
from dermimit.data import LeakageError, ManifestError, dermacon_in, load, sd198
from dermimit.data.targets import encode_targets

PARTS = ("Arm", "Calves (Sural Region)", "Face")
DESCRIPTORS = ("Crust", "Scale")
MAIN = ("Infectious", "Inflammatory", "No Definite Diagnosis")
SHARED = Path(os.environ.get("DERMIMIT_SHARED_ROOT", Path(__file__).parents[2] / "../shared/data"))
NAMES = SHARED / "sd198_class_names.txt"


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4)).save(path)


def dermacon_row(i: int) -> dict:
    """Photo i of 60, three a subject, in the columns of the split tables."""
    main = i // 3 % 3
    row = {"Image_name": f"IMG_{i:04d}.jpg", "Subject_ID": f"SUB{i // 3:05d}", "Quality": "Image looks normal"}
    row |= {"Sex": "Female", "Age": "10 - 20", "Gradability": "Yes", "Confidence": "4"}
    row |= {"Fitzpatrick": f"FST {i % 6 + 1}" if i % 4 else "N/A", "Monk_skin_tone": "MST 3"}
    row |= {"Main_class": MAIN[main], "Sub_class": f"sub {main}", "Disease_label": f"disease {i // 3 % 6}"}
    row |= {f"Body_part_{p}": str(int(i % 5 > 0 and (i + j) % 3 < 2)) for j, p in enumerate(PARTS)}
    return row | {f"Descriptor_{d}": str(int(i % 3 == j)) for j, d in enumerate(DESCRIPTORS)}


def dermacon(root: Path) -> dict[str, pd.DataFrame]:
    """Sixty photos of 20 subjects, a fifth of them in the test table; the tables as written."""
    rows = [dermacon_row(i) for i in range(60)]
    for i, row in enumerate(rows):
        photo(root / f"DATASET_{i % 2}" / "DATASET" / row["Image_name"])
    table = pd.DataFrame(rows)
    test = table["Subject_ID"].str[-1].isin(["4", "9"])
    tables = {"train": table[~test], "test": table[test]}
    for split, part in tables.items():
        write(root, split, part)
    return tables


def write(root: Path, split: str, table: pd.DataFrame) -> Path:
    path = root / "METADATA" / f"{split}_split.csv"
    path.parent.mkdir(exist_ok=True)
    table.to_csv(path, index=False)
    return path


def sd(root: Path, classes: int = 4, photos: int = 24) -> list[str]:
    """The five folds of a few classes, photos every fifth in the val list; returns the names."""
    names = [f"Acne_{'abcdefgh'[c]}_(x)" for c in range(classes)]
    lines = [f"{name}/{name}_{i} .jpg {c}" for c, name in enumerate(names) for i in range(photos - 4 * (c == 1))]
    for line in lines:
        photo(root / "images" / line.rpartition(" ")[0])
    (root / "8_2_split").mkdir()
    for k in range(5):
        for name, chosen in (("train", False), ("val", True)):
            part = [line for n, line in enumerate(lines) if (n % 5 == k) == chosen]
            (root / "8_2_split" / f"{name}_{k}.txt").write_text("\n".join(part) + "\n")
    return names


def test_dermacon_keeps_its_split_and_carves_validation_by_subject(tmp_path):
    tables = dermacon(tmp_path)
    photos = load("dermacon_in", tmp_path, 16)
    frame, space = photos.frame, photos.label_space
    assert space.diseases == MAIN and space.body_parts == PARTS and space.attributes == DESCRIPTORS
    assert space.several_body_parts
    assert set(frame.loc[frame["split"] == "test", "patient_id"]) == set(tables["test"]["Subject_ID"])
    val = set(frame.loc[frame["split"] == "val", "patient_id"])
    assert val and not val & set(frame.loc[frame["split"] != "val", "patient_id"])
    pd.testing.assert_frame_equal(frame, load("dermacon_in", tmp_path, 16, seed=5).frame)
    row = frame[frame["image"].str.endswith("IMG_0001.jpg")].iloc[0]
    assert row["image"] == "DATASET_1/DATASET/IMG_0001.jpg"
    assert row["body_part"] == ["Arm", "Face"] and row["attributes"] == ["Scale"] and row["fitzpatrick"] == 2


def test_dermacon_photos_without_any_mark_are_unknown_not_negative(tmp_path):
    dermacon(tmp_path)
    frame, space = dermacon_in.load(tmp_path)
    targets = encode_targets(frame, space)
    number = frame["image"].str[-8:-4].astype(int).to_numpy()
    assert np.isnan(targets["body_part"][number % 5 == 0]).all()
    assert not np.isnan(targets["body_part"][number % 5 > 0]).any()
    assert np.isnan(targets["attributes"][number % 3 == 2]).all()
    assert frame["fitzpatrick"].isna().to_numpy().tolist() == (number % 4 == 0).tolist()


@pytest.mark.parametrize(("level", "classes"), [(8, 3), (19, 3), (245, 6)])
def test_dermacon_levels_and_the_class_of_no_diagnosis(tmp_path, level, classes):
    dermacon(tmp_path)
    frame, space = dermacon_in.load(tmp_path, level=level, validation=0.3)
    assert len(space.diseases) == classes and frame["disease"].notna().all()
    frame, space = dermacon_in.load(tmp_path, level=level, no_diagnosis="missing", validation=0.3)
    assert frame["disease"].isna().mean() == pytest.approx(1 / 3, abs=0.05)
    assert len(space.diseases) == {8: 2, 19: 2, 245: 4}[level]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="Subject_ID"), ["train_split.csv", "no column 'Subject_ID'"]),
        (lambda t: t.rename(columns=lambda c: c.replace("Body_part_", "Bodypart_")), ["begins with 'Body_part_'"]),
        (lambda t: t.drop(columns="Descriptor_Crust"), ["train_split.csv", "no column 'Descriptor_Crust'"]),
        (lambda t: t.assign(Descriptor_Crust="x"), ["row 2, column Descriptor_Crust", "'x'", "0 or 1"]),
        (lambda t: t.assign(Fitzpatrick="FST 7"), ["row 2, column Fitzpatrick", "FST 1 to FST 6"]),
        (lambda t: t.assign(Image_name="IMG_0001.jpg"), ["row 3, column image", "given twice"]),
        (lambda t: t.assign(Image_name="../IMG_0001.jpg"), ["row 2, column Image_name", "leaves the dataset's folder"]),
        (lambda t: t.assign(Image_name="IMG_9.jpg"), ["row 2, column Image_name", "no photo", "archives"]),
    ],
)
def test_dermacon_says_what_is_wrong(tmp_path, change, said):
    tables = dermacon(tmp_path)
    write(tmp_path, "train", change(tables["train"]))
    with pytest.raises(ManifestError) as caught:
        dermacon_in.load(tmp_path)
    for part in said:
        assert part in str(caught.value)


def test_dermacon_subject_in_both_splits_is_a_leak(tmp_path):
    tables = dermacon(tmp_path)
    subject = tables["train"]["Subject_ID"].iloc[0]
    write(tmp_path, "test", tables["test"].assign(Subject_ID=subject))
    with pytest.raises(LeakageError, match=subject):
        load("dermacon_in", tmp_path, 16)


def test_dermacon_windows_lines_blank_labels_and_further_columns_are_read(tmp_path):
    tables = dermacon(tmp_path)
    table = tables["train"].assign(note="x", Main_class=["", *tables["train"]["Main_class"].iloc[1:]])
    path = write(tmp_path, "train", table)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    frame, _ = dermacon_in.load(tmp_path)
    assert len(frame) == 60 and frame["disease"].isna().sum() == 1
    path.write_bytes("Image_name,Subject_ID\né,1\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="not UTF-8"):
        dermacon_in.load(tmp_path)
    path.write_text("")
    with pytest.raises(ManifestError, match="empty"):
        dermacon_in.load(tmp_path)


def test_dermacon_options_are_checked(tmp_path):
    with pytest.raises(ManifestError, match="level 7: give 8, 19, 245"):
        dermacon_in.load(tmp_path, level=7)
    with pytest.raises(ManifestError, match="'class' or 'missing'"):
        dermacon_in.load(tmp_path, no_diagnosis="drop")
    with pytest.raises(ManifestError, match=r"train_split\.csv: no such file"):
        dermacon_in.load(tmp_path)


@pytest.mark.parametrize("fold", range(5))
def test_sd198_reads_every_line_and_tests_on_the_official_val_list(tmp_path, fold):
    names = sd(tmp_path)
    photos = load("sd198", tmp_path, 16, fold=fold)
    frame = photos.frame
    lists = {s: (tmp_path / "8_2_split" / f"{s}_{fold}.txt").read_text().splitlines() for s in ("train", "val")}
    wanted = {f"images/{line.rpartition(' ')[0]}" for line in lists["val"]}
    assert set(frame.loc[frame["split"] == "test", "image"]) == wanted
    assert len(frame) == len(lists["train"]) + len(lists["val"]) == 92
    assert photos.label_space.diseases == tuple(names)
    share = (frame["split"] == "val").sum() / len(lists["train"])
    assert 0.05 < share < 0.2
    assert (pd.crosstab(frame["disease"], frame["split"]) > 0).all(axis=None)
    pd.testing.assert_frame_equal(frame, load("sd198", tmp_path, 16, seed=3, fold=fold).frame)


def test_sd128_is_the_classes_of_more_than_twenty_photos_or_a_file_of_names(tmp_path):
    names = sd(tmp_path)
    frame, space = sd198.load(tmp_path, classes=128)
    assert space.diseases == (names[0], *names[2:]) and space.name == "sd128"
    assert set(frame["disease"]) == set(space.diseases)
    listed = tmp_path / "names.txt"
    listed.write_text(f"{names[2].lower().replace('_', ' ')}\r\n{names[1]}\n\n")
    assert sd198.load(tmp_path, classes=listed)[1].diseases == (names[1], names[2])
    listed.write_text("acne z (x)\n")
    with pytest.raises(ManifestError, match="'acne z \\(x\\)': no class of the dataset; did you mean"):
        sd198.load(tmp_path, classes=str(listed))
    with pytest.raises(ManifestError, match="classes 100: give 198, 128"):
        sd198.load(tmp_path, classes=100)


def test_sd198_without_lists_takes_every_photo_and_leaves_the_split_open(tmp_path):
    sd(tmp_path)
    frame, _ = sd198.load(tmp_path, fold=None)
    assert len(frame) == 92 and frame["split"].isna().all()
    with pytest.warns(UserWarning, match="no patient_id"):
        assert set(load("sd198", tmp_path, 16, fold=None).frame["split"]) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: "path label\n" + t, ["train_0.txt", "line 1", "'path label'", "no header line: remove it"]),
        (lambda t: t.replace(" 0\n", " zero\n", 1), ["line 1", "whole number"]),
        (lambda t: t + "Acne_a_(x)/Acne_a_(x)_1 .jpg 3\n", ["listed twice", "label 3 is 'Acne_d_(x)' elsewhere"]),
        (lambda t: t + "../../secret/a.jpg 9\n", ["line 74", "leaves the dataset's folder"]),
        (lambda t: t + "Acne_a_(x)/none.jpg 0\n", ["line 74", "no such file"]),
        (lambda t: "\n\n", ["train_0.txt: empty"]),
    ],
)
def test_sd198_says_what_is_wrong(tmp_path, change, said):
    sd(tmp_path)
    path = tmp_path / "8_2_split" / "train_0.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(ManifestError) as caught:
        sd198.load(tmp_path)
    for part in said:
        assert part in str(caught.value)


def test_sd198_windows_lines_are_read_and_other_encodings_are_not(tmp_path):
    sd(tmp_path)
    path = tmp_path / "8_2_split" / "train_0.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(sd198.load(tmp_path)[0]) == 92
    path.write_bytes(path.read_bytes() + "naïve/a.jpg 1\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="not text in UTF-8"):
        sd198.load(tmp_path)
    with pytest.raises(ManifestError, match="fold 5: give 0 to 4"):
        sd198.load(tmp_path, fold=5)
    with pytest.raises(ManifestError, match=r"train_1\.txt: no such file"):
        (tmp_path / "8_2_split" / "train_1.txt").unlink()
        sd198.load(tmp_path, fold=1)


@pytest.mark.skipif(not NAMES.is_file(), reason="the SD-198 names are not here; set DERMIMIT_SHARED_ROOT")
def test_the_real_class_names_of_sd198_are_read(tmp_path):
    names = NAMES.read_text().split()
    lines = [f"{name}/{i}.jpg {label}" for label, name in enumerate(names) for i in range(3)]
    for line in lines:
        (tmp_path / "images" / line.split("/")[0]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / line.split(" ")[0]).touch()
    (tmp_path / "8_2_split").mkdir()
    (tmp_path / "8_2_split/train_0.txt").write_text("\n".join(x for x in lines if "/2.jpg" not in x))
    (tmp_path / "8_2_split/val_0.txt").write_text("\n".join(x for x in lines if "/2.jpg" in x))
    frame, space = sd198.load(tmp_path, classes=NAMES, validation=0.3)
    assert space.diseases == tuple(names) and len(space.diseases) == 198
    assert frame["split"].value_counts()["test"] == 198


def test_benchmarks_are_made_from_a_copy_and_its_answers_scored(tmp_path, capsys):
    tables, (copy, sd_copy) = dermacon(tmp_path / "d"), (tmp_path / "d", tmp_path / "s")
    to = benchmark("dermacon_in", copy)
    assert sorted(to.frame["image"]) == sorted(Path(name).stem for name in tables["test"]["Image_name"])
    assert to.body_parts == PARTS and to.attributes and len(to.sha256) == 64
    assert benchmark.__wrapped__("dermacon_in", copy).sha256 == to.sha256
    answers = pd.DataFrame(0.0, index=to.frame["image"], columns=list(to.diseases))
    for image, disease in zip(to.frame["image"], to.frame["disease"], strict=True):
        answers.loc[image, disease] = 1.0
    answers.to_csv(tmp_path / "answers.csv")
    assert main(["score", str(tmp_path / "answers.csv"), "--benchmark", "dermacon_in", "--root", str(copy)]) == 0
    assert "macro-F1                 1.000" in capsys.readouterr().out
    assert main(["benchmark", "verify", "dermacon_in", str(copy)]) == 1
    assert "images: 60 here, 5,450 officially" in capsys.readouterr().out
    assert main(["score", str(tmp_path / "answers.csv"), "--benchmark", "dermacon_in"]) == 2
    assert "give --root FOLDER" in capsys.readouterr().err
    sd(sd_copy)
    assert set(benchmark("sd198", sd_copy).frame["fold"]) == {0}


def test_photos_that_are_not_there_are_left_out_when_asked(tmp_path):
    tables, names = dermacon(tmp_path / "d"), sd(tmp_path / "s")
    gone = [next((tmp_path / "d").rglob(f"*{Path(tables['train']['Image_name'].iloc[0]).stem}*"))]
    gone.append(next((tmp_path / "s" / "images" / names[0]).iterdir()))
    for path in gone:
        path.unlink()
    with pytest.raises(ManifestError, match=r"unpack all archives of DATASET, or give the option missing='leave out'"):
        dermacon_in.load(tmp_path / "d")
    with pytest.raises(ManifestError, match="no such file"):
        sd198.load(tmp_path / "s")
    for module, folder, rows in ((dermacon_in, "d", 59), (sd198, "s", 91)):
        with pytest.warns(UserWarning, match="1 of [0-9]+ rows left out, their photos are not there"):
            frame, _ = module.load(tmp_path / folder, missing="leave out")
        assert len(frame) == rows and set(frame["split"]) == {"train", "val", "test"}
        with pytest.raises(ManifestError, match="give 'error' or 'leave out'"):
            module.load(tmp_path / folder, missing="skip")
