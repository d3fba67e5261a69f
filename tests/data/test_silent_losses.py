"""Nothing of people's data is lost, joined or mistaken without a word: names, quotes, marks, copies, guesses."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_import import manifest, photographs, refused

from dermimit.cli import main
from dermimit.data import ManifestError, folder, load
from dermimit.data.changes import holds_photographs
from dermimit.data.check import check
from dermimit.data.duplicates import Look, find_doubles
from dermimit.data.importing.run import import_table
from dermimit.data.measurable import SmallDataWarning
from dermimit.data.photo_files import find_photos, survey
from dermimit.data.problems import suggest
from dermimit.data.quarantine import leave_out, write_quarantine
from dermimit.data.splits import check_leakage, grouped_split
from dermimit.evaluate.seen import telling

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*no patient_id", "ignore:.*not in the table", f"ignore::{SmallDataWarning.__module__}.SmallDataWarning"
)


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8)).save(path)
    return path


def tree(root, n=12):
    for disease in "ab":
        for i in range(n):
            picture(root / disease / f"{i}.png", seed=100 * ord(disease) + i)
    return root


def test_a_name_that_is_not_utf_8_is_told_and_the_others_are_read(tmp_path):
    root = tree(tmp_path / "photos", 6)
    shutil.copy(root / "a/0.png", os.fsencode(root / "a") + b"/bad\xff.png")
    os.mkdir(os.fsencode(root) + b"/\xe9czema")
    shutil.copy(root / "a/1.png", os.fsencode(root) + b"/\xe9czema/1.png")
    (kind, told), *_ = survey(root).unread.items()
    assert kind[0] == "names that are not UTF-8" and len(told) == 2 and all("\ufffd" in name for name in told)
    assert len(survey(root).photos) == sum(map(len, find_photos(root).values())) == 12
    with pytest.warns(UserWarning, match=r"2 file\(s\) not read, names that are not UTF-8: .*; rename them"):
        assert len(load("folder", root, 8).frame) == 12
    assert len(check("folder", root).unread["names that are not UTF-8"]) == 2


def test_two_stray_quotes_do_not_make_one_cell_of_the_rows_between_them(tmp_path):
    rows = [f"{i}.jpg,{'ab'[i % 2]},{i} mm" for i in range(8)]
    rows[2], rows[6] = '2.jpg,a,"5 mm', '6.jpg,a,8 mm"'
    photographs(tmp_path, *[f"{i}.jpg" for i in range(8)])
    (tmp_path / "manifest.csv").write_text("\n".join(["image,disease,size", *rows]))
    with pytest.raises(ManifestError, match=r"manifest.csv: row 4, column size: a quote .* one cell of it and 4"):
        folder.load(tmp_path)
    note = '0.jpg,a,"red, scaly\nsince May"\n1.jpg,b,"fourth\nfirst, second, third"\n'
    (tmp_path / "manifest.csv").write_text(f"image,disease,note\n{note}")
    assert folder.load(tmp_path)[0]["note"].tolist() == ["red, scaly\nsince May", "fourth\nfirst, second, third"]


@pytest.mark.filterwarnings("default:.*not in the table")
def test_photographs_that_no_row_names_and_rows_without_a_disease_are_counted(tmp_path):
    photographs(tmp_path, *[f"{i}.jpg" for i in range(6)])
    (tmp_path / "manifest.csv").write_text("image,disease\n0.jpg,a\n1.jpg,b\n2.jpg,\n")
    with pytest.warns(UserWarning) as said:
        folder.load(tmp_path)
    text = " ".join(str(w.message) for w in said)
    assert "3 photograph(s) of the folder are not in the table" in text
    assert "1 of 3 photographs have no disease" in text
    assert check("folder", tmp_path).counts["images without disease"] == 1


def test_the_check_speaks_of_the_split_of_the_run(tmp_path, capsys):
    root = tree(tmp_path / "photos")
    photos = [load("folder", root, 8, seed=seed).frame.set_index("image")["split"] for seed in (0, 3)]
    assert (photos[0] != photos[1]).any()
    for seed, split in zip((0, 3), photos, strict=True):
        found = check("folder", root, split_seed=seed).splits
        assert found == {name: int((split == name).sum()) for name in ("train", "val", "test")}
    apart = next(image for image in photos[1].index if photos[0][image] == "train" != photos[1][image])
    assert main(["data", "check", str(root), "--dataset", "folder", "--split-seed", "3"]) == 0, apart
    assert "split train" in capsys.readouterr().out


def test_contradicting_copies_are_a_fault(tmp_path):
    root = tree(tmp_path / "photos", 4)
    shutil.copy(root / "a/0.png", root / "b/copy.png")
    assert "duplicates of different diseases" in check("folder", root).faults()


@pytest.mark.parametrize(
    "name", ["#9.jpg", 'say "x".jpg', '"x.jpg', "tab\tin.jpg", "line\nend.jpg", "next\x85.jpg", " a.jpg"]
)
def test_any_name_can_be_left_out(tmp_path, name):
    write_quarantine({name: "cut\nshort", "b.jpg": "cut"}, tmp_path / "list.txt")
    frame = pd.DataFrame({"image": [name, "b.jpg", "c.jpg"]})
    assert leave_out(frame, tmp_path / "list.txt")["image"].tolist() == ["c.jpg"]
    assert len((tmp_path / "list.txt").read_text().split("\n")) == 4  # remark, two photographs, the end


@pytest.mark.parametrize("mark", ["anonymous", "n.a.", "-1", "."])
def test_what_stands_for_no_patient_is_no_patient(tmp_path, mark):
    photographs(tmp_path, *[f"{i}.jpg" for i in range(6)])
    rows = [f"{i}.jpg,{'ab'[i % 2]},{mark if i < 4 else f'P{i}'}" for i in range(6)]
    (tmp_path / "manifest.csv").write_text("\n".join(["image,disease,patient_id", *rows]))
    with pytest.warns(UserWarning, match=f"column patient_id: read as missing: '{mark}' 4"):
        assert folder.load(tmp_path)[0]["patient_id"].isna().sum() == 4


def test_a_patient_with_far_more_photographs_than_others_is_named(tmp_path):
    photographs(tmp_path, *[f"{i}.jpg" for i in range(40)])
    rows = [f"{i}.jpg,{'ab'[i % 2]},{0 if i < 15 else i}" for i in range(40)]
    (tmp_path / "manifest.csv").write_text("\n".join(["image,disease,patient_id", *rows]))
    with pytest.warns(UserWarning, match="column patient_id: '0' has 15 of 40 photographs; empty these cells if"):
        folder.load(tmp_path)


def test_columns_of_sex_or_side_are_no_diseases(tmp_path):
    names = [f"{i}.jpg" for i in range(6)]
    photos = photographs(tmp_path / "photos", *names)
    table = pd.DataFrame({"image": names, "male": [1, 0] * 3, "female": [0, 1] * 3, "pathology": ["acne", "wart"] * 3})
    table.to_csv(tmp_path / "t.csv", index=False)
    assert "which column holds the disease?" in refused(tmp_path / "t.csv", photos, tmp_path / "out")
    table.rename(columns={"male": "MEL", "female": "NV"}).to_csv(tmp_path / "t.csv", index=False)
    assert "--map disease=pathology or --map disease=MEL+NV" in refused(tmp_path / "t.csv", photos, tmp_path / "out")
    table.to_csv(photos / "manifest.csv", index=False)
    with pytest.raises(ManifestError, match="'pathology' holds words: name the one that is the disease"):
        folder.load(photos)
    table.drop(columns="pathology").to_csv(photos / "manifest.csv", index=False)
    with pytest.raises(ManifestError, match="no column 'disease'"):
        folder.load(photos)


@pytest.mark.parametrize(("column", "values"), [("set", "AB"), ("skin_type", ("oily", "dry")), ("partition", "xy")])
def test_a_column_that_cannot_be_what_its_name_says_is_left_and_said(tmp_path, column, values):
    names = [f"{i}.jpg" for i in range(6)]
    photos = photographs(tmp_path / "photos", *names)
    pd.DataFrame({"image": names, "dx": ["acne", "wart"] * 3, column: list(values) * 3}).to_csv(
        tmp_path / "t.csv", index=False
    )
    text = import_table(tmp_path / "t.csv", photos, tmp_path / "out")
    assert column in text.split("not used", 1)[1].split("\n")[0]
    assert manifest(tmp_path / "out")["disease"].tolist() == ["acne", "wart"] * 3


def test_an_exact_name_is_preferred_to_one_in_another_letter_case(tmp_path):
    names = [f"{i}.jpg" for i in range(4)]
    photos = photographs(tmp_path / "photos", *names)
    table = {"image": names, "Disease": ["x"] * 4, "disease": ["acne", "wart"] * 2}
    pd.DataFrame(table).to_csv(tmp_path / "t.csv", index=False)
    import_table(tmp_path / "t.csv", photos, tmp_path / "out")
    assert set(manifest(tmp_path / "out")["disease"]) == {"acne", "wart"}


def test_patients_that_may_share_a_lesion_are_dealt_to_one_split():
    rng = np.random.default_rng(0)
    for seed in range(40):
        frame = pd.DataFrame({"image": [f"{i}.jpg" for i in range(30)], "disease": rng.choice(["a", "b"], 30)})
        frame["patient_id"] = [f"P{i % 12}" for i in range(30)]
        frame["lesion_id"] = [f"L{i}" for i in range(30)]
        frame.loc[[0, 1, 2], "lesion_id"] = "L0"  # of P0, P1 and of nobody that is known
        frame.loc[2, "patient_id"] = None
        frame["patient_id"] = frame["patient_id"].astype(object)
        split = grouped_split(frame, seed)
        check_leakage(split)
        assert split.loc[[0, 1, 2], "split"].nunique() == 1


@pytest.mark.parametrize("seed", range(4))
def test_copies_of_which_one_names_its_lesion_are_dealt_to_one_split(tmp_path, seed):
    root, rows = tree(tmp_path / "photos", 8), []
    for path in sorted(root.glob("*/*.png")):
        shutil.copy(path, path.with_stem(f"{path.stem}x"))
        rows += [f"{path.relative_to(root)},{path.parent.name},L{len(rows)}"]
        rows += [f"{path.with_stem(f'{path.stem}x').relative_to(root)},{path.parent.name},"]
    (root / "manifest.csv").write_text("\n".join(["image,disease,lesion_id", *rows]))
    frame = load("folder", root, 8, seed=seed).frame
    first = frame["image"].str.replace("x.png", ".png")
    assert (frame.groupby(first)["split"].nunique() == 1).all()


def test_near_duplicates_of_many_equal_pictures_are_one_group():
    """Blank ones have one hash: they are not compared two by two."""
    looks = {f"{i}.png": Look(None, str(i), 7, 9) for i in range(3000)}
    looks |= {"near.png": Look(None, "n", 6, 9), "far.png": Look(None, "f", 2**63 - 1, 0)}
    frame = pd.DataFrame({"image": list(looks)}).assign(split="train", patient_id=None, disease="x")
    copies, near = find_doubles(looks, frame)
    assert not copies and len(near) == 1
    assert len(near[0].images) == 3001 and "far.png" not in near[0].images


def test_a_size_that_many_files_have_tells_nothing():
    assert not telling(pd.Series([1254] * 40)).any()
    assert telling(pd.Series([*range(100, 140), 100])).sum() >= 39


def test_a_folder_of_other_photographs_is_not_that_of_the_run(tmp_path):
    root, other = tree(tmp_path / "one", 2), tmp_path / "two"
    images = [path.relative_to(root).as_posix() for path in sorted(root.glob("*/*.png"))]
    run = tmp_path / "run"
    run.mkdir()
    sizes = [(root / image).stat().st_size for image in images]
    pd.DataFrame({"image": images, "split": "train", "bytes": sizes}).to_parquet(run / "photographs.parquet")
    for image in images:
        (other / image).parent.mkdir(parents=True, exist_ok=True)
        (other / image).write_bytes(b"x")
    assert holds_photographs(run, root) and not holds_photographs(run, other)


def test_names_that_are_asked_for_again_and_again_are_looked_up_once():
    known = tuple(f"disease number {i}" for i in range(200))
    suggest("diseas nmber 7", known)
    before = suggest.__globals__["_suggest"].cache_info().hits
    for _ in range(50):
        assert "disease number 7" in suggest("diseas nmber 7", known)
    assert suggest.__globals__["_suggest"].cache_info().hits == before + 50


def test_a_lone_split_train_is_split_at_random_and_said(tmp_path):
    tree(tmp_path / "train", 8)
    with pytest.warns(UserWarning, match="a split train alone; train, validation and test are drawn from it"):
        frame = load("folder", tmp_path, 8).frame
    assert set(frame["split"]) == {"train", "val", "test"}


def test_a_table_is_not_imported_into_the_folder_that_one_is_in(tmp_path, monkeypatch):
    photos = photographs(tmp_path / "photos", "0.jpg", "1.jpg")
    (tmp_path / "t.csv").write_text("image,disease\n0.jpg,a\n1.jpg,b\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for out in (".", tmp_path / "link"):
        with pytest.raises(ManifestError, match="cannot be replaced; name a new folder"):
            import_table(tmp_path / "t.csv", photos, Path(out))


def test_names_that_a_parquet_file_holds_as_bytes_are_text(tmp_path):
    photographs(tmp_path, "0.jpg", "1.jpg")
    table = pd.DataFrame({"image": ["0.jpg", "1.jpg"], "disease": [b"acne", "wört".encode()]})
    table.to_parquet(tmp_path / "manifest.parquet")
    assert folder.load(tmp_path)[0]["disease"].tolist() == ["acne", "wört"]


@pytest.mark.filterwarnings("ignore:.*is not used; if it is")
@pytest.mark.parametrize(
    ("column", "words"), [("sex", ["male", "female"]), ("eye", ["left", "right"]), ("site", ["arm", "leg"])]
)
def test_what_else_is_said_of_a_photograph_does_not_stand_in_the_way_of_one_hot_diseases(tmp_path, column, words):
    names = [f"{i}.jpg" for i in range(6)]
    photos = photographs(tmp_path / "photos", *names)
    table = pd.DataFrame({"image": names, "MEL": [1, 0] * 3, "NV": [0, 1] * 3, column: words * 3})
    table.to_csv(tmp_path / "t.csv", index=False)
    import_table(tmp_path / "t.csv", photos, tmp_path / "out")
    assert manifest(tmp_path / "out")["disease"].tolist() == ["MEL", "NV"] * 3
    table.to_csv(photos / "manifest.csv", index=False)
    with pytest.warns(UserWarning, match="read from the one-hot columns MEL, NV"):
        assert folder.load(photos)[0]["disease"].tolist() == ["MEL", "NV"] * 3
