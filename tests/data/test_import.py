"""`dermimit data import`: tables of other projects and photographs in any folders become a dataset "folder"."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.cli import main
from dermimit.data import ManifestError, folder, load
from dermimit.data.importing.run import import_table

pytestmark = pytest.mark.filterwarnings("ignore:.*no patient_id", "ignore:.*lesion")


def photographs(root: Path, *names: str) -> Path:
    """Files that differ in content; nobody opens them here."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"photograph %d" % i)
    return root


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def manifest(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "manifest.csv", dtype=str, keep_default_na=False)


def refused(table: Path, photos: Path, out: Path, *words: str, **options) -> str:
    with pytest.raises(ManifestError) as caught:
        import_table(table, photos, out, words, **options)
    assert not out.exists() and not [path for path in out.parent.iterdir() if path.name.startswith(".")]
    return str(caught.value)


HAM = (
    "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
    "HAM_1,ISIC_0000001,nv,histo,45.0,male,back\n"
    "HAM_1,ISIC_0000002,nv,histo,45.0,male,unknown\n"
    "HAM_2,ISIC_0000003,mel,histo,60.0,female,scalp\n"
    "HAM_3,ISIC_0000009,bkl,consensus,,unknown,back\n"
)


@pytest.fixture
def ham(tmp_path):
    names = (
        "part_1/ISIC_0000001.JPG",
        "part_1/deep/ISIC_0000002.jpg",
        "part_2/ISIC_0000003.jpeg",
        "x/ISIC_0000005.jpg",
    )
    return written(tmp_path / "ham.csv", HAM), photographs(tmp_path / "photos", *names), tmp_path / "out"


def test_a_table_like_ham10000(ham):
    table, photos, out = ham
    text = import_table(table, photos, out)
    assert manifest(out).to_dict("list") == {
        "image": ["part_1/ISIC_0000001.JPG", "part_1/deep/ISIC_0000002.jpg", "part_2/ISIC_0000003.jpeg"],
        "disease": ["nv", "nv", "mel"],
        "body_part": ["back", "", "scalp"],
        "lesion_id": ["HAM_1", "HAM_1", "HAM_2"],
        "dx_type": ["histo"] * 3,
        "age": ["45.0", "45.0", "60.0"],
        "sex": ["male", "male", "female"],
    }
    space = json.loads((out / "label_space.json").read_text(encoding="utf-8"))
    assert space == {"name": "out", "diseases": ["mel", "nv"], "body_parts": ["back", "scalp"], "attributes": []}
    left = pd.read_csv(out / "not_imported.csv", dtype=str, keep_default_na=False).to_numpy().tolist()
    assert left == [
        ["5", "ISIC_0000009", "no photograph of this name", "part_1/ISIC_0000001.JPG"],
        ["", "x/ISIC_0000005.jpg", "no row of the table", ""],
    ]
    for line in (
        "disease      <- dx (guessed): 4 filled, such as nv, mel, bkl",
        "not used, kept as they are: dx_type, age, sex",
        "column body_part: read as missing: 'unknown' 1",
        "rows not imported: 1",
        "row 5: ISIC_0000009: no photograph of this name; nearest: part_1/ISIC_0000001.JPG",
        "photographs without a row: 1",
        f"dermimit data check {out} --dataset folder",
        f"dermimit train --dataset folder --data-root {out} --out {Path('runs/out')}",
    ):
        assert line in text
    frame, space = folder.load(out)
    assert frame["lesion_id"].tolist() == ["HAM_1", "HAM_1", "HAM_2"] and space.diseases == ("mel", "nv")


def test_photographs_are_linked_or_copied_and_a_folder_that_holds_something_is_refused(ham):
    table, photos, out = ham
    assert "3 as hard links" in import_table(table, photos, out)
    source = photos / "part_1" / "ISIC_0000001.JPG"
    assert os.path.samefile(source, out / "part_1" / "ISIC_0000001.JPG")
    before = sorted(out.rglob("*"))
    with pytest.raises(ManifestError, match="is there already and not empty"):
        import_table(table, photos, out)
    assert sorted(out.rglob("*")) == before
    (out.parent / "copies").mkdir()
    assert "3 as copies" in import_table(table, photos, out.parent / "copies", photographs="copy")
    copy = out.parent / "copies" / "part_1" / "ISIC_0000001.JPG"
    assert copy.read_bytes() == source.read_bytes() and not os.path.samefile(source, copy)


def test_where_no_link_can_be_made_there_are_copies(ham, monkeypatch):
    def no_link(*_):
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", no_link)
    assert "3 as copies" in import_table(*ham)


def test_a_failure_leaves_nothing(ham, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space"):
        import_table(*ham)
    assert sorted(path.name for path in ham[2].parent.iterdir()) == ["ham.csv", "photos"]


def test_a_dry_run_says_the_same_and_writes_nothing(ham):
    table, photos, out = ham
    text = import_table(table, photos, out, dry_run=True)
    assert not out.exists() and text.endswith("dry run: nothing was written")
    assert import_table(table, photos, out).startswith(text.removesuffix("dry run: nothing was written"))


def test_one_hot_diseases_like_isic_2019(tmp_path):
    rows = ["image,MEL,NV,BCC,UNK", "ISIC_1,1.0,0.0,0.0,0.0", "ISIC_2_downsampled,0.0,1.0,0.0,0.0", "ISIC_3,0,0,1,0"]
    photos = photographs(tmp_path / "p", "ISIC_1.jpg", "ISIC_2_downsampled.jpg", "ISIC_3.jpg")
    text = import_table(written(tmp_path / "t.csv", "\n".join(rows)), photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["disease"].tolist() == ["MEL", "NV", "BCC"]
    assert (
        "disease      <- MEL + NV + BCC + UNK (columns of 0 and 1, guessed)" in text and "no row has 1 in UNK" in text
    )
    two = written(tmp_path / "two.csv", "image,MEL,NV\nISIC_1,1,1\nISIC_3,0,1\n")
    assert "--map disease=MEL+NV" in refused(two, photos, tmp_path / "q")
    assert "row 2, column MEL+NV: 'MEL and NV'" in refused(two, photos, tmp_path / "q", "disease=MEL+NV")
    odd = written(tmp_path / "odd.csv", "image,MEL,NV\nISIC_1,0.7,0.3\nISIC_3,0,1\n")
    assert "row 2, column MEL: '0.7': give 0 or 1" in refused(odd, photos, tmp_path / "q", "disease=MEL+NV")


def test_one_hot_attributes_keep_what_is_unknown(tmp_path):
    rows = "name;label;scale;crust;bulla\na;x;1;0;0\nb;x;0;0;0\nc;y;1;;0\nd;y;;;\n"
    photos = photographs(tmp_path / "p", "a.png", "b.png", "c.png", "d.png")
    table = written(tmp_path / "t.csv", rows)
    assert (
        "scale, crust, bulla hold 0 and 1; if they are attributes: --map attributes=scale+crust+bulla"
        in import_table(table, photos, tmp_path / "o1", ["image=name"])
    )
    text = import_table(table, photos, tmp_path / "o", ["image=name", "attributes=scale+crust+bulla"])
    frame, space = folder.load(tmp_path / "o")
    assert space.attributes == ("scale",) and "crust" not in manifest(tmp_path / "o")
    assert frame["attributes"].tolist() == [["scale"], [], ["scale"], None]
    assert "attributes that no photograph is known to show are left out: bulla, crust" in text


def test_a_european_workbook_as_text_and_a_unicode_text_of_excel(tmp_path):
    rows = "Bild;Diagnosis;Site;Visit;Skin type;Set\r\n"
    rows += "Ä1;Röschenflechte;Arm;1,0;III;Train\r\nb;Krätze;–;2,0;type 4;TEST\r\n"
    photos = photographs(tmp_path / "p", "Ä1.jpg", "b.jpg")
    tables = [written(tmp_path / "1.csv", rows.encode("utf-8-sig"))]
    tables += [written(tmp_path / "2.txt", rows.replace(";", "\t").encode("utf-16"))]
    tables += [written(tmp_path / "3.csv", rows.encode("cp1252"))]
    for table in tables:
        out = tmp_path / f"out-{table.stem}"
        text = import_table(table, photos, out, ["image=bild"])
        found = manifest(out)
        assert found["image"].tolist() == ["Ä1.jpg", "b.jpg"] and found["disease"].tolist() == [
            "Röschenflechte",
            "Krätze",
        ]
        assert found[["visit", "fitzpatrick", "split"]].to_numpy().tolist() == [["1", "3", "train"], ["2", "4", "test"]]
        assert ("read as Windows-1252" in text) == (table.stem == "3")


def test_a_workbook(tmp_path):
    photos = photographs(tmp_path / "p", "12.jpg", "b.jpg")
    frame = pd.DataFrame(
        {"img_id": [12, "b"], "dx": ["x", "y"], "visit": [1.0, np.nan], "seen": pd.Timestamp("2024-05-06")}
    )
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        frame.to_excel(book, sheet_name="labels", index=False)
        frame.to_excel(book, sheet_name="notes", index=False)
    text = import_table(tmp_path / "t.xlsx", photos, tmp_path / "o")
    assert manifest(tmp_path / "o").to_numpy().tolist() == [
        ["12.jpg", "x", "1", "2024-05-06T00:00:00"],
        ["b.jpg", "y", "", "2024-05-06T00:00:00"],
    ]
    assert "sheet 'labels' is read, not 'notes'" in text
    with pytest.raises(ManifestError, match=r"old\.xls: a workbook of an old kind"):
        import_table(written(tmp_path / "old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1"), photos, tmp_path / "o2")
    with pytest.raises(ManifestError, match=r"a\.zip: a ZIP archive"):
        import_table(written(tmp_path / "a.zip", b"PK\x03\x04"), photos, tmp_path / "o2")


def test_parquet_and_json_lines(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg")
    frame = pd.DataFrame({"image_id": ["a", "b"], "dx": ["x", "y"], "concepts": [["s; t", "u"], []]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for table in ("t.parquet", "t.jsonl"):
        out = tmp_path / f"out-{table}"
        import_table(tmp_path / table, photos, out)
        assert manifest(out)["attributes"].tolist() == ['["s; t", "u"]', "[]"]
        frame, space = folder.load(out)
        assert frame["attributes"].tolist() == [["s; t", "u"], []] and space.attributes == ("s; t", "u")


def test_what_two_rows_say_of_a_photograph(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg")
    rows = "image,dx,site,reader\na,x,arm,1\nb,y,leg,1\na.jpg,x,arm,2\n"
    text = import_table(written(tmp_path / "t.csv", rows), photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["image"].tolist() == ["a.jpg", "b.jpg"] and "1 rows say the same" in text
    other = written(tmp_path / "u.csv", rows.replace("a.jpg,x", "a.jpg,z"))
    said = refused(other, photos, tmp_path / "q")
    assert "row 4, column image: 'a.jpg': row 2 says something else of this photograph (disease)" in said


def test_a_name_in_two_folders_is_ambiguous_unless_the_files_are_the_same(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "x/a.jpg", "b.jpg", "c/d.jpg")
    (photos / "x" / "b.jpg").write_bytes((photos / "b.jpg").read_bytes())
    table = written(tmp_path / "t.csv", "image,dx\na.jpg,x\nb,y\nc/d,x\n")
    text = import_table(table, photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["image"].tolist() == ["b.jpg", "c/d.jpg"]
    left = pd.read_csv(tmp_path / "o" / "not_imported.csv")
    assert left["image"].tolist() == ["a.jpg", "x/b.jpg"] and left["row"].tolist()[0] == 2
    assert left["reason"][0].startswith("found a.jpg and x/a.jpg; give its path")
    assert left["reason"][1] == "the same file as b.jpg" and "1 photographs are there more than once" in text


def test_rows_without_a_disease_are_kept_where_they_have_another_label(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg", "c.jpg")
    table = written(tmp_path / "t.csv", "image,dx,site\na,x,arm\nb,,leg\nc,,NA\n")
    import_table(table, photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["disease"].tolist() == ["x", ""]
    left = pd.read_csv(tmp_path / "o" / "not_imported.csv")
    assert left[["row", "image", "reason"]].to_numpy().tolist() == [[4, "c", "no disease, body part or attributes"]]


def test_what_may_mean_unknown_is_counted(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg", "c.jpg")
    table = written(tmp_path / "t.csv", "image,dx,site,patient\na,unknown,None,NA\nb,NA,other,P1\nc,x,-,unknown\n")
    text = import_table(table, photos, tmp_path / "o")
    found = manifest(tmp_path / "o")
    assert found["disease"].tolist() == ["unknown", "NA", "x"] and found["body_part"].tolist() == ["", "other", ""]
    assert found["patient_id"].tolist() == ["", "P1", ""]
    assert (
        "column disease: kept as names: 'unknown' 1, 'NA' 1" in text
        and "column body_part: kept as names: 'other' 1" in text
    )
    assert "column patient_id: read as missing: 'NA' 1, 'unknown' 1" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("disease",), "write OURS=THEIRS"),
        (("diseas=dx",), "no column 'diseas' of a manifest; did you mean 'disease'"),
        (("disease=dxx",), "has no column 'dxx'; did you mean 'dx'"),
        (("disease=dx", "disease=sex"), "'disease' is given twice"),
        (("disease=dx", "body_part=dx"), "column 'dx' is given as disease and as body_part"),
        (("lesion_id=dx+sex",), "only disease, body_part, attributes can be several columns"),
        (("image=",), "which column names the images? Give --map image=COLUMN; columns: lesion_id, image_id, dx"),
        (("disease=", "body_part="), "which column holds the disease?"),
        (("image=sex",), "none of its 4 images is below"),
        (("fitzpatrick=age",), "row 2, column fitzpatrick: 45"),
        (("split=sex",), "row 2, column split: 'male'"),
    ],
)
def test_a_wrong_mapping_is_refused(ham, words, said):
    assert said in refused(*ham, *words)


def test_a_given_mapping_goes_before_the_guess_and_clashing_names_are_changed(ham):
    table, photos, out = ham
    import_table(table, photos, out, ["disease=DX_type", "body_part=", "patient_id=lesion_id"])
    found = manifest(out)
    assert list(found) == ["image", "disease", "patient_id", "dx", "age", "sex", "localization"]
    assert set(found["disease"]) == {"histo"}
    written(table, HAM.replace("dx_type", "Diseases").replace("sex", "Split "))
    import_table(table, photos, out.parent / "two", ["split="])
    assert {"source Diseases", "source Split"} <= set(manifest(out.parent / "two"))
    folder.load(out.parent / "two")


def test_folders_that_cannot_be_meant(ham, tmp_path):
    table, photos, out = ham
    assert "unpack it first" in refused(table, written(tmp_path / "p.zip", b"PK"), out)
    assert "no such folder; name that of the photographs" in refused(table, tmp_path / "none", out)
    assert "no such file; name the table" in refused(tmp_path / "none.csv", photos, out)
    assert f"inside {photos}" in refused(table, photos, photos / "out")
    assert "no photographs; name the folder that holds those of" in refused(
        table, (tmp_path / "e").mkdir() or tmp_path / "e", out
    )
    (photos / "part_2" / "ISIC_0000009.jpg").symlink_to(written(tmp_path / "secret.jpg", "secret"))
    assert "ISIC_0000009: a link leads out of the folder" in import_table(table, photos, out)
    assert not (out / "part_2" / "ISIC_0000009.jpg").exists()


def test_absolute_paths_of_another_computer(tmp_path):
    photos = photographs(tmp_path / "p", "acne/1.jpg", "wart/1.jpg", "wart/2.jpg")
    rows = (
        "image,dx\nC:\\Users\\me\\acne\\1.jpg,acne\nC:\\Users\\me\\wart\\1.jpg,wart\nC:\\Users\\me\\acne\\2.jpg,acne\n"
    )
    text = import_table(written(tmp_path / "t.csv", rows), photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["image"].tolist() == ["acne/1.jpg", "wart/1.jpg"]  # acne/2 is not wart/2
    assert f"2 absolute paths: 'C:/Users/me' is read as {str(photos)!r}" in text


def test_masks_go_with_their_photographs(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "masks/a.png", "b.jpg")
    table = written(tmp_path / "t.csv", "image,dx,mask\na,x,masks/a.png\nb,y,\n")
    import_table(table, photos, tmp_path / "o")
    assert manifest(tmp_path / "o")["mask"].tolist() == ["masks/a.png", ""]
    assert (tmp_path / "o" / "masks" / "a.png").read_bytes() == (photos / "masks" / "a.png").read_bytes()
    written(table, "image,dx,mask\na,x,masks/a.png\nb,y,../t.csv\n")
    assert "row 3, column mask: '../t.csv': no such file below" in refused(table, photos, tmp_path / "q")
    import_table(table, photos, tmp_path / "r", ["mask="])
    assert manifest(tmp_path / "r").columns.tolist() == ["image", "disease", "source mask"]


def test_numbers_in_place_of_names_and_a_table_of_no_use(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg")
    text = import_table(written(tmp_path / "t.csv", "image,dx\na,0\nb,3\n"), photos, tmp_path / "o")
    assert "column disease: numbers, not names, such as '0'" in text
    empty = written(tmp_path / "u.csv", "image,dx\na,\n")
    assert "row 2, 'a': no disease, body part or attributes" in refused(empty, photos, tmp_path / "q")
    parts = written(tmp_path / "v.csv", "image,dx,site\na,,arm\n")
    assert "v.csv: no row with a photograph has a disease" in refused(parts, photos, tmp_path / "q")
    broken = written(tmp_path / "t.jsonl", '{"image": "a"\n')
    assert "t.jsonl: not JSON with one object a line" in refused(broken, photos, tmp_path / "q")


def test_attributes_with_a_comma_need_a_word(tmp_path):
    photos = photographs(tmp_path / "p", "a.jpg", "b.jpg")
    table = written(tmp_path / "t.csv", 'image,dx,attributes\na,x,"scale, crust"\nb,y,bulla\n')
    assert "row 2, column attributes: 'scale, crust'" in refused(table, photos, tmp_path / "o")
    import_table(table, photos, tmp_path / "o", separator=",")
    assert manifest(tmp_path / "o")["attributes"].tolist() == ["scale; crust", "bulla"]


def test_addresses_numbers_and_crosses(tmp_path):
    photos = photographs(tmp_path / "p", "1.jpg", "2.jpg", "3.jpg")
    rows = "https://example.org/i/1.jpg?w=9,x,\nhttps://example.org/i/2.jpg?w=9,,x\nhttps://example.org/i/3.jpg,x,\n"
    table = written(tmp_path / "t.csv", f"photo,mel,nv\n{rows}")
    text = import_table(table, photos, tmp_path / "a")
    assert "mel + nv (columns of 0 and 1, guessed)" in text and "3 absolute paths: '/i' is read as" in text
    assert manifest(tmp_path / "a")["disease"].tolist() == ["mel", "nv", "mel"]
    import_table(written(tmp_path / "u.csv", "img_name,dx\n1.0,a\n2.0,b\n3.0,a\n"), photos, tmp_path / "b")
    assert manifest(tmp_path / "b")["image"].tolist() == ["1.jpg", "2.jpg", "3.jpg"]
    assert "its first row seems to be a photograph (1.jpg)" in refused(
        written(tmp_path / "v.csv", "1.jpg,a\n2.jpg,b\n"), photos, tmp_path / "c"
    )


def test_from_the_command_line_to_a_dataset_that_loads(tmp_path, capsys):
    rows = ["image_id,dx,localization,lesion_id"]
    for i in range(60):
        path = tmp_path / "photos" / f"part {i % 2}" / f"ID_{i:03d}.JPG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i, 2 * i, 90)).save(path, format="JPEG")
        rows.append(f"ID_{i:03d},{('nv', 'mel')[i // 2 % 2]},back,L{i // 2}")
    table, out = written(tmp_path / "t.csv", "\n".join(rows)), tmp_path / "out"
    words = ["data", "import", str(table), str(tmp_path / "photos"), "--out", str(out)]
    assert main([*words, "--map", "image=image_id", "disease=dxx"]) == 2
    assert "no column 'dxx'; did you mean 'dx'" in capsys.readouterr().err
    assert main([*words, "--dry-run"]) == 0 and not out.exists()
    assert main([*words, "--map", "image=dx", "--map", "disease=image_id"]) == 2  # both are heard
    assert "none of its 60 images is below" in capsys.readouterr().err
    assert main([*words, "--map", "image=image_id", "--map=disease=dx", "--photographs", "copy"]) == 0
    assert "60 photographs (60 as copies)" in capsys.readouterr().out
    photos = load("folder", out, 16)
    assert len(photos.frame) == 60 and photos.photos("train")[0]["image"].shape == (3, 16, 16)
