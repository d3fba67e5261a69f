"""Tables as other programs and people leave them: what is read, what is refused, and that nothing is lost unsaid."""

import io
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from test_import import manifest, photographs, refused, written

from dermimit.data import folder, load
from dermimit.data.importing.run import import_table

openpyxl = pytest.importorskip("openpyxl")
pytestmark = pytest.mark.filterwarnings("ignore:.*no patient_id", "ignore:.*lesion", "ignore:.*identifiers")
NAMES = [f"{i}.jpg" for i in range(6)]


def workbook(path: Path, rows, change=lambda sheet: None, dimension: str = "") -> Path:
    """A workbook of one sheet; `dimension` is what the file says of its size, right or wrong."""
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    change(book.active)
    book.save(content)
    with zipfile.ZipFile(content) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            if dimension and name.endswith("sheet1.xml"):
                data = re.sub(rb'<dimension ref="[^"]*"', f'<dimension ref="{dimension}"'.encode(), data)
            after.writestr(name, data)
    return path


def table(patients=None, diseases=None):
    columns = zip(
        NAMES, diseases or ["acne", "eczema"] * 3, patients or ["P1", "P1", "P2", "P2", "P3", "P3"], strict=True
    )
    return [("image", "diagnosis", "patient_id"), *columns]


@pytest.mark.parametrize(
    "names",
    [
        ["head/neck", "palms/soles", "anterior torso"],
        ["trunk, posterior", "head", "trunk"],
        ["arm + left", "arm", "leg"],
        ['the "back"', "[chest]", "leg"],
    ],
)
def test_names_with_separators_are_the_same_after_the_import(tmp_path, names):
    frame = pd.DataFrame({"image": NAMES, "dx": ["acne", "eczema"] * 3, "body_part": names * 2, "patient_id": NAMES})
    frame["attributes"] = [[name] for name in names * 2]
    frame.to_parquet(tmp_path / "t.parquet")
    import_table(tmp_path / "t.parquet", photographs(tmp_path / "photos", *NAMES), tmp_path / "out")
    photos = load("folder", tmp_path / "out", 16)
    assert set(photos.label_space.body_parts) == set(photos.label_space.attributes) == set(names)
    read = photos.frame.set_index("image")
    assert read.loc[NAMES, "body_part"].tolist() == names * 2
    assert read.loc[NAMES, "attributes"].tolist() == [[name] for name in names * 2]


@pytest.mark.parametrize("dimension", ["A1:B7", "A1:C3", "A1"])
def test_a_workbook_that_is_larger_than_it_says_is_read_whole(tmp_path, dimension):
    path = workbook(tmp_path / "t.xlsx", table(), dimension=dimension)
    import_table(path, photographs(tmp_path / "photos", *NAMES), tmp_path / "out")
    assert manifest(tmp_path / "out")["patient_id"].tolist() == ["P1", "P1", "P2", "P2", "P3", "P3"]


def test_merged_cells_are_the_value_of_each_of_their_rows(tmp_path):
    def merge(sheet):
        for first in (2, 4, 6):
            sheet.merge_cells(f"C{first}:C{first + 1}")

    path = workbook(tmp_path / "t.xlsx", table(), merge)
    said = import_table(path, photographs(tmp_path / "photos", *NAMES), tmp_path / "out")
    assert manifest(tmp_path / "out")["patient_id"].tolist() == ["P1", "P1", "P2", "P2", "P3", "P3"]
    assert "3 merged cells are read as their value in each row: C2:C3, C4:C5, C6:C7" in said


def test_formulas_without_stored_values_are_refused_by_cell(tmp_path):
    path = workbook(tmp_path / "t.xlsx", table([f'=CONCATENATE("P",{i})' for i in range(6)]))
    said = refused(path, photographs(tmp_path / "photos", *NAMES), tmp_path / "out")
    assert "t.xlsx: sheet 'Sheet' has 6 formulas whose values are not stored, such as in C2; open it" in said


def test_failed_formulas_and_unknown_patients_are_missing_and_counted(tmp_path):
    rows = table(
        ["unknown", "unknown", "missing", "#N/A", "P3", "P3"], ["acne", "eczema", "#N/A", "acne", "acne", "eczema"]
    )
    said = import_table(workbook(tmp_path / "t.xlsx", rows), photographs(tmp_path / "photos", *NAMES), tmp_path / "out")
    assert "column disease: read as missing: '#N/A' 1" in said
    assert "column patient_id: read as missing: 'unknown' 2, 'missing' 1" in said
    assert manifest(tmp_path / "out")["patient_id"].tolist() == [
        "",
        "",
        "",
        "P3",
        "P3",
    ]  # a row without a label is left out
    text = "image,disease,patient_id\n" + "".join(f"{n},{d},{p}\n" for n, d, p in rows[1:])
    root = photographs(tmp_path / "own", *NAMES)
    written(root / "manifest.csv", text.replace("#N/A,", "acne,", 1))
    with pytest.warns(UserWarning, match="column patient_id: read as missing: 'unknown' 2"):
        frame, _ = folder.load(root)
    assert frame["patient_id"].isna().sum() == 4


@pytest.mark.parametrize("unknown", ["-1", "-1.0", "-1,0", "0", "0.0"])
def test_a_skin_type_of_minus_one_is_missing_and_not_type_one(tmp_path, unknown):
    cell = f'"{unknown}"' if "," in unknown else unknown
    rows = "".join(f"{name},acne,{5 if i % 2 else cell}\n" for i, name in enumerate(NAMES))
    root = photographs(tmp_path / "own", *NAMES)
    written(root / "manifest.csv", "image,disease,fitzpatrick\n" + rows)
    with pytest.warns(UserWarning, match="column fitzpatrick: 3 cells of -1 or 0 are read as missing"):
        frame, _ = folder.load(root)
    assert frame["fitzpatrick"].dropna().tolist() == [5, 5, 5]
    said = import_table(written(tmp_path / "t.csv", "image,dx,fst\n" + rows), photographs(tmp_path / "p", *NAMES),
                        tmp_path / "out")  # fmt: skip
    assert manifest(tmp_path / "out")["fitzpatrick"].tolist() == ["", "5"] * 3 and "3 cells of -1 or 0" in said


def test_identifiers_with_and_without_a_point_are_one_patient(tmp_path):
    rows = "".join(f"{name},acne,{i % 3}{'.0' if i < 3 else ''},{s}\n" for i, (name, s) in
                   enumerate(zip(NAMES, ["train"] * 3 + ["test"] * 3, strict=True)))  # fmt: skip
    root = photographs(tmp_path / "own", *NAMES)
    written(root / "manifest.csv", "image,disease,patient_id,split\n" + rows)
    with pytest.raises(ValueError, match="patient_id"):
        load("folder", root, 16)
    written(root / "manifest.csv", "image,disease,patient_id\n" + rows.replace(",train", "").replace(",test", ""))
    assert folder.load(root)[0]["patient_id"].tolist() == ["0", "1", "2"] * 2
    written(root / "manifest.csv", "image,disease,patient_id\n" + "".join(f"{n},acne,{p}\n" for n, p in
            zip(NAMES, ["P1", "p1", "P 1", "P2", "P3", "P4"], strict=True)))  # fmt: skip
    with pytest.warns(UserWarning, match="1 identifiers are written in several ways, such as P1, p1, P 1"):
        folder.load(root)


def test_files_that_have_become_of_another_kind_are_found(tmp_path):
    photos = photographs(tmp_path / "photos", *[f"{i}.png" for i in range(6)])
    said = import_table(written(tmp_path / "t.csv", "image,dx\n" + "".join(f"{n},acne\n" for n in NAMES)), photos,
                        tmp_path / "out")  # fmt: skip
    assert manifest(tmp_path / "out")["image"].tolist() == [f"{i}.png" for i in range(6)]
    assert "6 files have another extension than in the table and are taken, such as '0.png' for '0.jpg'" in said


def test_a_path_that_is_there_means_itself(tmp_path):
    photos = photographs(tmp_path / "photos", "a.jpg", "sub/a.jpg", "x/sub/a.jpg", "b.jpg")
    rows = "sub/a.jpg,acne\n./a.jpg,eczema\nb.jpg,acne\n"
    import_table(written(tmp_path / "t.csv", f"image,dx\n{rows}"), photos, tmp_path / "out")
    assert manifest(tmp_path / "out")["image"].tolist() == ["sub/a.jpg", "a.jpg", "b.jpg"]
    said = import_table(written(tmp_path / "u.csv", f"image,dx\n{rows}a.jpg,acne\n"), photos, tmp_path / "more")
    assert "row 5: a.jpg: found" in re.sub(r"\s+", " ", said) and "./a.jpg for the first" in said


def test_words_are_no_identifiers_and_sexes_no_diseases(tmp_path):
    photos = photographs(tmp_path / "photos", *NAMES)
    rows = "".join(f"{n},acne,{w}\n" for n, w in zip(NAMES, ["papule", "plaque", "scale"] * 2, strict=True))
    import_table(written(tmp_path / "t.csv", f"image,dx,lesion\n{rows}"), photos, tmp_path / "out")
    assert "lesion_id" not in manifest(tmp_path / "out")
    assert manifest(tmp_path / "out")["source lesion"].tolist() == ["papule", "plaque", "scale"] * 2
    rows = "".join(f"{n},{i % 2},{1 - i % 2},acne\n" for i, n in enumerate(NAMES))
    said = refused(written(tmp_path / "u.csv", f"image,male,female,Dx_final\n{rows}"), photos, tmp_path / "no")
    assert "which column holds the disease?" in said and "Dx_final" in said


def test_masks_among_the_photographs_are_named(tmp_path):
    root = photographs(tmp_path / "own", *[f"{d}/{d}{i}{end}.png" for d in ("acne", "eczema") for i in range(3)
                                           for end in ("", "_lesion_mask")], "Masks/acne0.png")  # fmt: skip
    with pytest.warns(UserWarning, match=r"6 file\(s\) are named like masks of others: acne/acne0_lesion_mask\.png"):
        frame, space = folder.load(root)
    assert space.diseases == ("acne", "eczema") and len(frame) == 12
