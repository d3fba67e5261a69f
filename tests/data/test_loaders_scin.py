"""SCIN: the two tables and the folder of photos in miniature, and broken ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.benchmark.benchmarks import rule_of
from dermimit.benchmark.rules import table_of
from dermimit.data import ManifestError, check_leakage, load, scin
from dermimit.data.targets import encode_targets

FIRST = ["case_id", "source", "release", "year", "age_group", "sex_at_birth", "fitzpatrick_skin_type"]
COLUMNS = [*FIRST, "race_ethnicity_asian", *scin.BOXES, "other_symptoms_fever", "related_category", *scin.PATHS]
COLUMNS += ["image_1_shot_type", "combined_race"]
LABELS = {
    0: "{'Eczema': 0.7, 'Psoriasis': 0.2, 'Rare thing': 0.1}",
    1: "{'Psoriasis': 0.67, 'Eczema': 0.33}",
    2: "{'Urticaria': 1.0}",
    3: "{}",
}


def miniature(root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forty cases of one to three photos, long and partly negative ids; the two tables as written."""
    cases, labels = [], []
    for i in range(40):
        case = str((-1) ** i * (5156441036700827000 + i))
        row = dict.fromkeys(COLUMNS, "") | {"case_id": case, "source": "SCIN", "release": "1.0.0", "year": "2023"}
        row["fitzpatrick_skin_type"] = ("FST1", "FST6", "NONE_SELECTED", "")[i % 4]
        row |= {"body_parts_arm": "YES", "body_parts_leg": "YES"} if i % 5 else {}
        row |= {"textures_flat": "YES"} if i % 3 == 0 else {}
        row |= {"condition_symptoms_itching": "YES"} if i % 3 == 1 else {}
        row |= {"condition_symptoms_no_relevant_experience": "YES"} if i % 3 == 2 else {}
        for j in range(1 + i % 3):
            row[f"image_{j + 1}_path"] = f"dataset/images/-{i}{j}.png"
            path = root / row[f"image_{j + 1}_path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (6, 4)).save(path)
        cases.append(row)
        labels.append({"case_id": case, "dermatologist_gradable_for_skin_condition_1": "DEFAULT_YES_IMAGE_QUALITY"})
        labels[-1]["weighted_skin_condition_label"] = LABELS[i % 4]
    tables = pd.DataFrame(cases, columns=COLUMNS), pd.DataFrame(labels[::-1])
    write(root, *tables)
    return tables


def write(root: Path, cases: pd.DataFrame, labels: pd.DataFrame) -> None:
    cases.to_csv(root / "dataset" / "scin_cases.csv", index=False)
    labels.to_csv(root / "dataset" / "scin_labels.csv", index=False)


def test_each_photo_is_a_row_with_the_labels_of_its_case(tmp_path):
    cases, _ = miniature(tmp_path)
    frame, space = scin.load(tmp_path, min_cases=10)
    assert space.diseases == ("Eczema", "Psoriasis", "Urticaria") and space.several_body_parts
    assert len(space.body_parts) == 12 and len(space.attributes) == 11
    assert len(frame) == sum(1 + i % 3 for i in range(40))
    assert set(frame["patient_id"]) == set(cases["case_id"])
    second = frame[frame["image"] == "dataset/images/-11.png"].iloc[0]
    assert second["patient_id"] == cases["case_id"][1] and second["disease"] == "Psoriasis"
    assert second["body_part"] == ["arm", "leg"] and second["attributes"] == ["itching"] and second["fitzpatrick"] == 6
    assert frame["fitzpatrick"].isna().sum() == sum(1 + i % 3 for i in range(40) if i % 4 > 1)


def test_the_differential_is_kept_over_the_conditions_kept(tmp_path):
    miniature(tmp_path)
    frame, space = scin.load(tmp_path, min_cases=10)
    first = frame[frame["image"] == "dataset/images/-00.png"].iloc[0]
    assert first["disease"] == "Eczema"
    assert first["disease_weights"] == pytest.approx({"Eczema": 7 / 9, "Psoriasis": 2 / 9})
    none = frame[frame["image"] == "dataset/images/-30.png"].iloc[0]
    assert none["disease"] is None and none["disease_weights"] is None
    targets = encode_targets(frame, space)["disease"]
    np.testing.assert_allclose(np.nansum(targets, 1), frame["disease"].notna(), atol=1e-6)


def test_what_nobody_ticked_is_unknown_not_absent(tmp_path):
    miniature(tmp_path)
    frame, space = scin.load(tmp_path, min_cases=10)
    targets = encode_targets(frame, space)
    case = frame["image"].str.extract(r"-(\d+)\d\.png")[0].astype(int).to_numpy()
    assert (np.isnan(targets["body_part"]).all(1) == (case % 5 == 0)).all()
    textures, symptoms = targets["attributes"][:, :4], targets["attributes"][:, 4:]
    assert (np.isnan(textures).all(1) == (case % 3 != 0)).all()
    assert (np.isnan(symptoms).all(1) == (case % 3 == 0)).all()
    assert (symptoms[case % 3 == 2] == 0).all() and (np.nansum(symptoms[case % 3 == 1], 1) == 1).all()


def test_conditions_of_few_cases_are_no_classes(tmp_path):
    _, labels = miniature(tmp_path)
    labels.loc[
        labels["weighted_skin_condition_label"].str.contains("Urt").to_numpy().nonzero()[0][0], labels.columns[2]
    ] = ""
    write(tmp_path, pd.read_csv(tmp_path / "dataset/scin_cases.csv", dtype=str), labels)
    frame, space = scin.load(tmp_path, min_cases=10)
    assert space.diseases == ("Eczema", "Psoriasis")
    assert set(frame["disease"].dropna()) == {"Eczema", "Psoriasis"}
    with pytest.raises(ManifestError, match="no condition has 11 cases"):
        scin.load(tmp_path, min_cases=11)


def test_loading_by_name_keeps_cases_together_and_takes_the_folder_itself(tmp_path):
    miniature(tmp_path)
    frame = load("scin", tmp_path, 16, min_cases=5).frame
    check_leakage(frame)
    assert set(frame["split"]) == {"train", "val", "test"}
    inner = load("scin", tmp_path / "dataset", 16, min_cases=5).frame
    assert ("dataset/" + inner["image"]).tolist() == frame["image"].tolist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda c: c.rename(columns=lambda n: n.replace("parts_arm", "parts_ARM")),
            ["no column 'body_parts_arm'", "ARM"],
        ),
        (
            lambda c: c.assign(body_parts_arm="True"),
            ["row 2, column body_parts_arm", "'True'", "YES or leave it empty"],
        ),
        (lambda c: c.assign(fitzpatrick_skin_type="FST7"), ["row 2, column fitzpatrick_skin_type", "FST1 to FST6"]),
        (lambda c: pd.concat([c, c[:1]]), ["row 42, column case_id", "given twice"]),
        (lambda c: c.assign(case_id=["", *c["case_id"][1:]]), ["row 2, column case_id", "name the case"]),
        (
            lambda c: c.assign(image_1_path=["no.png", *c["image_1_path"][1:]]),
            ["2, column image_1_path", "no such file"],
        ),
        (
            lambda c: c.assign(image_1_path=["../x.png", *c["image_1_path"][1:]]),
            ["image_1_path", "leaves the dataset's"],
        ),
        (lambda c: c[1:], ["scin_labels.csv: case '5156441036700827000' is not in scin_cases.csv"]),
    ],
)
def test_a_wrong_table_of_cases_is_reported(tmp_path, change, said):
    cases, labels = miniature(tmp_path)
    write(tmp_path, change(cases), labels)
    with pytest.raises(ManifestError) as caught:
        scin.load(tmp_path, min_cases=5)
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "cell", ["__import__('os').getcwd()", "['Eczema']", "{'Eczema': 'much'}", "{'Eczema': -1}", "{"]
)
def test_a_label_that_cannot_be_read_is_none_with_a_warning(tmp_path, cell):
    cases, labels = miniature(tmp_path)
    write(tmp_path, cases, labels.assign(weighted_skin_condition_label=[cell, *labels.iloc[1:, 2]]))
    with pytest.warns(UserWarning, match="1 cases count as unlabelled; row 2, column weighted_skin_condition_label"):
        scin.load(tmp_path, min_cases=5)


def test_windows_lines_and_further_columns_are_read_and_other_encodings_are_not(tmp_path):
    cases, _ = miniature(tmp_path)
    path = tmp_path / "dataset" / "scin_cases.csv"
    cases.assign(more="é").to_csv(path, index=False, lineterminator="\r\n")
    assert len(scin.load(tmp_path, min_cases=5)[0]) == 79
    path.write_bytes("case_id\né\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="not UTF-8"):
        scin.load(tmp_path)
    path.write_text("")
    with pytest.raises(ManifestError, match="empty"):
        scin.load(tmp_path)
    with pytest.raises(ManifestError, match="min_cases 0"):
        scin.load(tmp_path, min_cases=0)


def test_a_benchmark_is_made_from_a_copy_by_case(tmp_path):
    miniature(tmp_path)
    rule = rule_of("scin") | {"options": {"min_cases": 10}}
    table, facts = table_of(tmp_path, rule, "scin")
    loaded, _ = scin.load(tmp_path, min_cases=10)
    assert table.groupby("patient_id")["fold"].nunique().max() == 1 and set(table["fold"]) == set(range(5))
    assert list(facts["classes"]) == ["Eczema", "Psoriasis", "Urticaria"] and facts["several_body_parts"]
    assert len(table) == loaded["disease"].notna().sum() and facts["left_out"] == {
        "without a disease": loaded["disease"].isna().sum()
    }


def test_photos_that_are_not_there_are_left_out_when_asked(tmp_path):
    miniature(tmp_path)
    for name in ("-00.png", "-11.png"):
        (tmp_path / "dataset" / "images" / name).unlink()
    with pytest.raises(ManifestError, match="2 problem"):
        scin.load(tmp_path, min_cases=5)
    with pytest.warns(UserWarning, match="2 of 79 rows left out, their photos are not there"):
        frame, _ = scin.load(tmp_path, min_cases=5, missing="leave out")
    assert len(frame) == 77 and not frame["image"].str.endswith("-00.png").any()
