"""Manifests in the spellings of other programs: read where there is one meaning, else refused with the remedy."""

import json
import unicodedata
import warnings
from pathlib import Path

import pandas as pd
import pytest

from dermimit.data import ManifestError, folder
from dermimit.data.problems import collect_problems

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*no patient_id"),
    pytest.mark.filterwarnings("ignore:.*of the folder are not in the table"),
]
EXPECTED = ("patient_id, so", "of the folder are not in the table")  # of most tables of this file
NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def photographs(root: Path, names=NAMES) -> Path:
    """Files that a table can name; none is opened by the reader of tables."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def read(root: Path, table: str | bytes, name: str = "manifest.csv", names=NAMES):
    """The manifest, label space and notes of a folder with a table."""
    photographs(root, names)
    (root / name).write_bytes(table if isinstance(table, bytes) else table.encode())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        frame, space = folder.load(root)
    return frame, space, [str(w.message) for w in said if not any(part in str(w.message) for part in EXPECTED)]


def refused(root: Path, table: str | bytes, name: str = "manifest.csv", names=NAMES) -> str:
    with pytest.raises(ManifestError) as caught:
        read(root, table, name, names)
    assert name in str(caught.value)
    return str(caught.value)


ROWS = [["image", "disease", "visit"], ["a.jpg", "acné", "1"], ["b.jpg", "wart", "2"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_encodings_and_line_ends(tmp_path, separator, encoding, end):
    frame, space, said = read(tmp_path, end.join(map(separator.join, ROWS)).encode(encoding))
    assert frame["image"].tolist() == ["a.jpg", "b.jpg"] and space.diseases == ("acné", "wart")
    assert frame["visit"].tolist() == [1, 2] and not said


def test_the_line_by_which_excel_names_its_separator_and_a_table_with_tabs(tmp_path):
    frame, _, _ = read(tmp_path, "sep=;\r\nimage;disease\r\na.jpg;x, mild\r\nb.jpg;y\r\n", "manifest.tsv")
    assert frame["disease"].tolist() == ["x, mild", "y"] and frame.index.tolist() == [0, 1]
    (tmp_path / "manifest.csv").write_text("image,disease\na.jpg,x\n")
    with pytest.raises(ManifestError, match=r"manifest.csv and manifest.tsv; keep one"):
        folder.load(tmp_path)


def test_a_header_that_holds_another_separator_is_told_by_our_names(tmp_path):
    frame, _, said = read(tmp_path, 'image;"disease";age, in years|approx\na.jpg;x;3\n')
    assert frame["disease"].tolist() == ["x"] and not said
    assert "separated by commas or semicolons?" in refused(tmp_path, "p,q;r\n1,2;3\n")


def test_windows_1252_is_read_and_said_and_another_code_page_is_not_guessed(tmp_path):
    frame, _, said = read(tmp_path, "image;disease\na.jpg;Röschenflechte\n".encode("cp1252"))
    assert frame["disease"].tolist() == ["Röschenflechte"]
    assert "read as Windows-1252 (cp1252), as in 'Röschenflechte'" in said[0]
    for code_page in ("cp1251", "mac_roman"):
        word = "псориаз" if code_page == "cp1251" else "rosacée"
        assert "not UTF-8 (line 2" in refused(tmp_path, f"image;disease\na.jpg;{word}\n".encode(code_page))


def test_column_names_in_another_letter_case_and_blanks_around(tmp_path):
    frame, _, said = read(tmp_path, " Image ,DISEASE,Patient_ID,Body Part,Lesion-ID\na.jpg , x ,P1, arm ,7\n")
    assert frame[["image", "disease", "patient_id", "body_part", "lesion_id"]].iloc[0].tolist() == [
        "a.jpg", "x", "P1", "arm", "7",
    ]  # fmt: skip
    assert not said
    assert "'Image' and 'IMAGE' both read as 'image'" in refused(tmp_path, "Image,IMAGE,disease\na.jpg,a.jpg,x\n")
    assert "'Image' is not known; did you mean 'image'" in refused(tmp_path, "image,Image,disease\na.jpg,b.jpg,x\n")


def test_splits_in_other_spellings(tmp_path):
    table = "image,disease,split\na.jpg,x,Training\nb.jpg,y,TEST\nc.jpg,x,validation\nd.jpg,y,Dev\n"
    assert read(tmp_path, table)[0]["split"].tolist() == ["train", "test", "val", "val"]
    said = refused(tmp_path, table.replace("TEST", "extra"))
    assert "row 3, column split: 'extra'" in said and "allowed: train, val, test" in said


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ("ISX_07", "ISX_07.jpg"),
        ("ISX_07", "part 1/deep/ISX_07.JPG"),
        ("isx_07.JPG", "ISX_07.jpg"),
        ("ISX_07.jpg", "images/ISX_07.jpg"),
        ("acne/ISX_07", "images/Acne/ISX_07.png"),
        ("acne\\ISX_07.jpg", "acne/ISX_07.jpg"),
        ("./ISX_07.jpg", "ISX_07.jpg"),
        ("IMG.2020.07", "IMG.2020.07.jpeg"),
        (unicodedata.normalize("NFC", "naïf"), unicodedata.normalize("NFD", "naïf.jpg")),
    ],
)
def test_an_image_is_found_by_the_one_name_it_can_mean(tmp_path, given, there):
    frame, _, said = read(tmp_path, f"image,disease\n{given},x\na.jpg,y\n", names=(there, "a.jpg"))
    assert frame["image"].tolist() == [there, "a.jpg"]
    assert (
        given.startswith("./")
        or f"1 images are not named by their path; the one photograph of that name is taken, such as {there!r}"
        in said[0]
    )


@pytest.mark.parametrize(
    ("given", "there", "said"),
    [
        ("a", ("a.jpg", "a.png"), "found a.jpg and a.png"),
        ("a.jpg", ("x/a.jpg", "y/a.jpg"), "found x/a.jpg and y/a.jpg"),
        ("a.jpg", ("a.png",), "the nearest is 'a.png'"),
        ("acne/007.jpg", ("wart/007.jpg",), "no such file"),  # another photograph
        ("ISX_0010", ("ISX_0011.jpg", "other.jpg"), "the nearest is 'ISX_0011.jpg'"),
        ("C:\\Users\\me\\a.jpg", ("a.jpg",), "relative to the dataset's folder, with forward slashes, such as 'a.jpg'"),
        ("/home/me/a.jpg", ("a.jpg",), "dermimit data import"),
        ("img\\a.jpg", ("a.jpg",), "relative to the dataset's folder"),
        ("../a.jpg", ("a.jpg",), "leaves the dataset's folder"),
        ("..\\a.jpg", ("a.jpg",), "with forward slashes"),
    ],
)
def test_an_image_that_could_be_another_is_refused_by_row(tmp_path, given, there, said):
    text = refused(tmp_path, f"image,disease\n{given},x\n", names=there)
    assert "row 2, column image" in text and said in text


def test_a_check_names_the_nearest_file_of_what_is_absent(tmp_path):
    with collect_problems():
        _, _, said = read(tmp_path, "image,disease,camera\nISX_0010,x,k\nb.jpg,y,k\n", names=("ISX_0011.jpg", "b.jpg"))
    assert any("1 images are not there: 'ISX_0010' (nearest: 'ISX_0011.jpg')" in note for note in said)
    assert any(note.endswith("columns not used: camera") for note in said)


def test_a_file_outside_is_not_read_by_a_mask_or_an_image(tmp_path):
    photographs(tmp_path, ("d/a.jpg", "secret.jpg"))
    for column in ("image", "mask"):
        row = {"image": "a.jpg", "disease": "x", column: "..\\secret.jpg"}
        pd.DataFrame([row]).to_csv(tmp_path / "d" / "manifest.csv", index=False)
        with pytest.raises(ManifestError, match=rf"row 2, column {column}"):
            folder.load(tmp_path / "d")


def test_one_hot_diseases_are_read_where_each_row_has_one(tmp_path):
    frame, space, said = read(tmp_path, "image,MEL,NV,UNK\na,1.0,0.0,0.0\nb,0.0,1.0,0.0\nc,1.0,0.0,0.0\n")
    assert frame["disease"].tolist() == ["MEL", "NV", "MEL"] and space.diseases == ("MEL", "NV")
    assert "read from the one-hot columns MEL, NV, UNK; no photograph of UNK" in said[0]
    text = refused(tmp_path, "image,MEL,NV\na,1,1\nb,0,1\n")
    assert "dermimit data import" in text and f"--out {tmp_path}-imported --map image=image disease=MEL+NV" in text
    assert "no column 'disease'" in refused(tmp_path, "image,age\na,40\nb,31\n")
    assert "--map disease=dx" in refused(tmp_path, "image,dx\na,x\nb,y\n")
    assert "rename 'image_id' so" in refused(tmp_path, "image_id,dx\na,x\nb,y\n")


ONE_HOT = {
    "yes and no": ("yes,no", "no,yes"),
    "capital letters": ("Y,N", "N,Y"),
    "crosses": ("x,", ",X"),
    "ones and empty cells": ("1,", ",1"),
    "true and false": ("True,False", "FALSE,TRUE"),
}


@pytest.mark.parametrize("rows", ONE_HOT.values(), ids=list(ONE_HOT))
def test_one_hot_diseases_in_other_words(tmp_path, rows):
    frame, _, said = read(tmp_path, f"image,MEL,NV\na,{rows[0]}\nb,{rows[1]}\nc,{rows[1]}\n")
    assert frame["disease"].tolist() == ["MEL", "NV", "NV"] and "one-hot columns MEL, NV" in said[0]
    mark = rows[0].split(",")[0]
    text = refused(tmp_path, f"image,MEL,NV\na,{rows[0]}\nb,{rows[1]}\nc,{mark},{mark}\n")
    assert "do not have 1 in exactly one of them" in text


def test_numbers_that_add_up_to_one_are_no_names_of_diseases(tmp_path):
    for table in ("image,mel,nv\na,0.3,0.7\nb,0.9,0.1\n", "image;mel;nv\na;0,3;0,7\nb;0,9;0,1\n"):
        text = refused(tmp_path, table)
        assert "mel, nv add up to 1 in each row, like probabilities" in text and "disease_weights" in text


@pytest.mark.parametrize("column", ["image,disease", "image,dx"])
def test_a_table_without_a_header_is_told_so(tmp_path, column):
    text = refused(tmp_path, "a.jpg,acne\nb.jpg,wart\n")
    assert "its first row seems to be a photograph (a.jpg); put a header above it: image,disease" in text


def test_addresses_are_named_by_row_with_the_command_that_reads_their_names(tmp_path):
    for start, end in (("https://example.org/p/", "?size=1"), ("file:///data/p/", "")):
        rows = "".join(f"{start}{name}{end},{'xy'[i % 2]}\n" for i, name in enumerate(NAMES))
        text = refused(tmp_path, f"image,disease\n{rows}")
        assert "row 2, column image" in text and "such as 'a.jpg'; this writes such a table: dermimit data" in text
    with collect_problems() as problems, warnings.catch_warnings(action="ignore"):
        folder.load(tmp_path)
    assert len(problems) == 4 and "row 2, column image: 'file:///data/p/a.jpg': an address is not read" in problems[0]


def test_numbers_of_a_spreadsheet_name_photographs(tmp_path):
    frame, _, said = read(tmp_path, "image,disease\n100.0,x\n101.0,y\n", names=("100.jpg", "101.jpg"))
    assert frame["image"].tolist() == ["100.jpg", "101.jpg"] and "'100.jpg' for '100.0'" in said[0]


def test_the_table_may_be_named_in_capitals(tmp_path):
    frame, _, _ = read(tmp_path, "image,disease\na.jpg,x\nb.jpg,y\n", name="Manifest.CSV")
    assert frame["disease"].tolist() == ["x", "y"]


def test_a_check_says_what_may_mean_unknown_and_numbers_in_place_of_names(tmp_path):
    read(tmp_path, "image,disease,body_part\na.jpg,0,unknown\nb.jpg,1,arm\n")
    with collect_problems() as problems, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        folder.load(tmp_path)
    text = "\n".join(str(w.message) for w in said)
    assert not problems and "column disease: numbers, not names, such as '0'" in text
    assert "column body_part: kept as names: 'unknown' 1; empty the cells if they mean unknown" in text


def test_rows_without_a_photograph_are_left_out_when_asked(tmp_path):
    table = "image,disease\na.jpg,x\nb.jpg,y\nz.jpg,x\n"
    assert "row 4, column image: 'z.jpg'" in (text := refused(tmp_path, table)) and "missing='leave out'" in text
    with pytest.warns(UserWarning, match="1 of 3 rows left out, their photos are not there"):
        frame, _ = folder.load(tmp_path, missing="leave out")
    assert frame["image"].tolist() == ["a.jpg", "b.jpg"]
    (tmp_path / "manifest.csv").write_text("image,disease\n../a.jpg,x\nb.jpg,y\n")
    with pytest.raises(ManifestError, match="the path leaves the dataset's folder"):
        folder.load(tmp_path, missing="leave out")


def test_a_table_of_nothing(tmp_path):
    for content in (b"", b"\n\n", b"\xff\xfe", b"\xef\xbb\xbf\r\n"):
        assert "empty; add a header and a row for each image" in refused(tmp_path, content)
    assert "no rows below the header" in refused(tmp_path, "image,disease\n")
    assert "binary data" in refused(tmp_path, b"image,disease\na.jpg,\0\n")


def test_one_hot_attributes_are_named_with_the_command_that_reads_them(tmp_path):
    _, _, said = read(tmp_path, "image,disease,scale,crust,age\na.jpg,x,1,0,33\nb.jpg,y,1,1,52\n")
    assert "columns not used: scale, crust, age" in said[0] and "--map attributes=scale+crust" in said[0]


def test_a_column_that_may_be_the_patient_is_named(tmp_path):
    _, _, said = read(tmp_path, "image,disease,Patient\na.jpg,x,7\nb.jpg,y,7\n")
    assert "column 'Patient' is not used; if it is 'patient_id', rename it so" in said[0]


def attributes(root: Path, cells: list[str], space: dict | None = None):
    if space:
        (root / "label_space.json").write_text(json.dumps({"name": "s", "diseases": ["x"]} | space))
    rows = pd.DataFrame({"image": NAMES[: len(cells)], "disease": "x", "attributes": cells})
    frame, space, said = read(root, rows.to_csv(index=False))
    return frame["attributes"].tolist(), space, said


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (["scale; crust", ";", "", "[]"], [["scale", "crust"], [], None, []]),
        (["scale|crust", "scale", "", ";"], [["scale", "crust"], ["scale"], None, []]),
        (["scale,crust", "scale", "", ";"], [["scale", "crust"], ["scale"], None, []]),
        (["scale, crust", "crust", "scale", "[]"], [["scale", "crust"], ["crust"], ["scale"], []]),
        (["scale\ncrust", "scale", "", ""], [["scale", "crust"], ["scale"], None, None]),
        (["['scale', 'crust']", "[]", "", "['it\\'s']"], [["scale", "crust"], [], None, ["it's"]]),
        (['["scale", "erythema, mild"]', "[]", "", '["\\u00e9"]'], [["scale", "erythema, mild"], [], None, ["é"]]),
        (["['scale' 'crust']", "['crust']", "", "[]"], [["scale", "crust"], ["crust"], None, []]),  # as NumPy prints
        (["('scale', 'crust')", "{'crust'}", "", "[scale, crust]"],
         [["scale", "crust"], ["crust"], None, ["scale", "crust"]]),
        (["erythema, mild; scale", "scale", "", ";"], [["erythema, mild", "scale"], ["scale"], None, []]),
        (["{'scale': 1, 'crust': 1}", "{'scale': 0, 'crust': True}", "", "{}"],
         [["scale", "crust"], ["crust"], None, []]),
        (['{"scale": true, "crust": 1}', '{"scale": false, "crust": true}', "", "[]"],
         [["scale", "crust"], ["crust"], None, []]),
        (["None", "NA", "nan", "null"], [["None"], ["NA"], ["nan"], ["null"]]),
        (["papule/plaque", "scale", "", ""], [["papule/plaque"], ["scale"], None, None]),
    ],
)  # fmt: skip
def test_lists_of_attributes(tmp_path, cells, wanted):
    found, _, said = attributes(tmp_path, cells)
    assert found == wanted
    other = cells[0][0] not in "[({" and ";" not in cells[0] and any(mark in cells[0] for mark in ("|", "\n", ","))
    said = [note for note in said if "is read as a name" not in note]
    assert bool(said) == other and all(
        "2 names: 'scale', 'crust'" in n or "2 names: 'crust', 'scale'" in n for n in said
    )


def test_names_that_may_mean_several_or_none_are_said(tmp_path):
    found, _, said = attributes(tmp_path, ["scale/crust", "scale", "crust", "none"])
    assert found == [["scale/crust"], ["scale"], ["crust"], ["none"]]
    assert "'scale/crust' is read as one name" in said[0] and "'none' is read as a name; write ';'" in said[1]
    for joined in ("scale and crust", "scale crust", "scale + crust"):
        _, _, said = attributes(tmp_path, [joined, "scale", "crust"])
        assert f"{joined!r} is read as one name" in said[0]
    _, _, said = attributes(tmp_path, ["dry scale", "scale", "crust"])
    assert not said


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        (["erythema, mild", "scale", "erythema, severe"], 2),
        (["scale; crust", "scale, crust", "crust"], 3),
        (["['scale']", "scale", ""], 3),
        (["['scale']", "['scale', None]", ""], 3),
        (["{'scale': 0.4}", "{'scale': 0.6}", ""], 2),
        (["scale|crust", "scale,crust", ""], 3),
    ],
)
def test_a_list_with_two_readings_is_refused_with_a_row_and_how_to_write_it(tmp_path, cells, row):
    with pytest.raises(ManifestError, match=rf"manifest.csv: row {row}, column attributes: .*separated by ';', as in"):
        attributes(tmp_path, cells)


def test_the_label_space_knows_which_comma_is_part_of_a_name(tmp_path):
    space = {"attributes": ["erythema, mild", "scale", "head/neck"]}
    cells = ["erythema, mild", "scale, erythema, mild", "erythema, mild,scale", ";"]
    found, _, _ = attributes(tmp_path, cells, space)
    assert found == [["erythema, mild"], ["scale", "erythema, mild"], ["erythema, mild", "scale"], []]
    with pytest.raises(ManifestError, match=r"row 2, column attributes.*unknown name 'scalp'; did you mean 'scale'"):
        attributes(tmp_path, ["scalp, scale", "", "", ""])


def test_body_parts_are_lists_only_where_several_are_meant(tmp_path):
    table = "image,disease,body_part\na.jpg,x,{}\nb.jpg,x,arm\n"
    assert read(tmp_path, table.format('"trunk, anterior"'))[0]["body_part"].tolist() == ["trunk, anterior", "arm"]
    assert read(tmp_path, table.format("head/neck"))[0]["body_part"].tolist() == ["head/neck", "arm"]
    frame, space, _ = read(tmp_path, table.format("leg|arm"))
    assert frame["body_part"].tolist() == [["leg", "arm"], ["arm"]] and space.several_body_parts


def test_names_that_differ_in_unicode_form_are_one(tmp_path):
    one, two = (unicodedata.normalize(form, "naïve") for form in ("NFC", "NFD"))
    space = {"name": "s", "diseases": [two]}
    table = f"image,disease,attributes\na.jpg,{one},{two};x\nb.jpg,{two},{one}\n"
    found = read(tmp_path, table)[1]
    assert found.diseases == (one,) and found.attributes == (one, "x")
    (tmp_path / "label_space.json").write_text(json.dumps(space | {"attributes": [two, "x"]}, ensure_ascii=False))
    assert read(tmp_path, table)[0]["disease"].tolist() == [one, one]
    (tmp_path / "label_space.json").write_text(json.dumps(space | {"attributes": [two, "x"]}))  # escaped
    assert read(tmp_path, table)[1].diseases == (one,)


def test_labels_spelt_as_missing_are_names(tmp_path):
    table = "image,disease\n" + "".join(f"{n},{d}\n" for n, d in zip(NAMES, ("None", "NA", "nan", "null"), strict=True))
    assert read(tmp_path, table)[1].diseases == ("NA", "None", "nan", "null")


def test_whole_numbers_with_a_decimal_comma_and_roman_skin_types(tmp_path):
    table = "image;disease;visit;fitzpatrick\na.jpg;x;3,0;IV\nb.jpg;y;;2,0\n"
    frame, _, _ = read(tmp_path, table)
    assert frame["visit"].iloc[0] == 3 and frame["fitzpatrick"].tolist() == [4, 2]
    for spelt in ("FST 4", "Type IV", "fitzpatrick skin type 4", "fst-4", "4.0"):
        assert read(tmp_path, table.replace("IV", spelt))[0]["fitzpatrick"].tolist() == [4, 2]
    assert "row 2, column fitzpatrick: 'Type VII'" in refused(tmp_path, table.replace("IV", "Type VII"))
    for wrong in ("3,5", "3,000"):
        assert f"row 2, column visit: {wrong!r}" in refused(tmp_path, table.replace("3,0;", f"{wrong};"))


def test_a_parquet_table_has_the_same_spellings(tmp_path):
    photographs(tmp_path)
    rows = {"Image": ["a", "b"], "Disease": ["x", "x"], "attributes": ["scale|crust", ";"], "split": ["Train", "VAL"]}
    pd.DataFrame(rows).to_parquet(tmp_path / "manifest.parquet")
    with pytest.warns(UserWarning, match=r"lists separated by|not named by their path"):
        frame, _ = folder.load(tmp_path)
    assert frame["attributes"].tolist() == [["scale", "crust"], []] and frame["split"].tolist() == ["train", "val"]
    assert frame["image"].tolist() == ["a.jpg", "b.jpg"]
