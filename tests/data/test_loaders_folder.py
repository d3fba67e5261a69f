"""Folders of your own, folds, and loading by name."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.data import LeakageError, ManifestError, check_leakage, folder, load, pad_ufes_20
from dermimit.data.folds import carve_validation, fold_split, folds
from dermimit.data.label_space import LabelSpace
from dermimit.data.schema import validate_manifest

PAD = Path(os.environ.get("DERMIMIT_PAD_ROOT", Path(__file__).parents[2] / "../shared/data/pad-ufes-20"))
NO_PATIENT = pytest.mark.filterwarnings("ignore:.*no patient_id")


def photo(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), tuple(zlib.crc32(str(path).encode()).to_bytes(4)[:3])).save(path)  # all differ
    return path.name


def table(root: Path, **columns: list) -> pd.DataFrame:
    """Twenty-four photos of twelve patients and two diseases, as manifest.csv; the table as written."""
    rows = {"image": [photo(root / f"{i}.jpg") for i in range(24)], "disease": ["acne", "eczema"] * 12}
    rows |= {"patient_id": [f"P{i // 2}" for i in range(24)]} | columns
    frame = pd.DataFrame(rows)
    frame.to_csv(root / "manifest.csv", index=False)
    return frame


def people(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """A manifest of 3 n photos of n patients with three diseases, one of them rare."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n), 3)
    diseases = np.array(["a", "b", "c"])[np.repeat(rng.choice(3, n, p=[0.5, 0.35, 0.15]), 3)]
    frame = pd.DataFrame({"image": [f"{i}.jpg" for i in range(3 * n)], "disease": diseases, "patient_id": patients})
    return validate_manifest(frame, LabelSpace("x", ("a", "b", "c")))


def test_a_table_with_names_separated_by_semicolons(tmp_path):
    attributes = ["papule; scale", ";", "", "scale"] * 6
    weights = [json.dumps({"acne": 0.7, "eczema": 0.3}), "", "", ""] * 6
    table(tmp_path, attributes=attributes, body_part=["arm;leg", "arm", "", "leg"] * 6, disease_weights=weights)
    photos = load("folder", tmp_path, 16)
    frame, space = photos.frame, photos.label_space
    assert space.attributes == ("papule", "scale") and space.body_parts == ("arm", "leg") and space.several_body_parts
    assert frame["attributes"].iloc[:4].tolist() == [["papule", "scale"], [], None, ["scale"]]
    assert frame["body_part"].iloc[:3].tolist() == [["arm", "leg"], ["arm"], None]
    assert frame["disease_weights"].iloc[0] == {"acne": 0.7, "eczema": 0.3}
    assert set(frame["split"]) == {"train", "val", "test"}
    check_leakage(frame)


def test_a_parquet_table_and_a_label_space_of_ones_own(tmp_path):
    frame = table(tmp_path).assign(attributes=[["scale"], None] * 12, split=["train"] * 16 + ["test"] * 8)
    (tmp_path / "manifest.csv").unlink()
    frame.to_parquet(tmp_path / "manifest.parquet")
    space = LabelSpace("mine", ("eczema", "acne", "psoriasis"), (), ("scale", "crust"))
    (tmp_path / "label_space.json").write_text(json.dumps(space.to_dict()))
    photos = load("folder", tmp_path, 16, validation=0.3)
    assert photos.label_space == space
    assert (photos.frame["split"] == "test").sum() == 8 and (photos.frame["split"] == "val").any()
    (tmp_path / "label_space.json").write_text("[1]")
    with pytest.raises(ManifestError, match=r"label_space.json: not a label space"):
        folder.load(tmp_path)
    (tmp_path / "manifest.csv").touch()
    with pytest.raises(ManifestError, match="keep one"):
        folder.load(tmp_path)


@NO_PATIENT
@pytest.mark.filterwarnings("ignore:.*(deeper than|read as splits)")
@pytest.mark.parametrize("splits", [(), ("train", "test"), ("train", "valid", "test")])
def test_a_tree_of_folders(tmp_path, splits):
    for split in splits or ("",):
        for disease in ("acne", "eczema"):
            for i in range(20):
                photo(tmp_path / split / disease / "sub" / f"{i}.JPG")
    (tmp_path / ".hidden").mkdir()
    frame, space = folder.load(tmp_path)
    assert space.diseases == ("acne", "eczema") and len(frame) == 40 * max(1, len(splits))
    counts = frame["split"].value_counts()
    assert set(counts.index) == ({"train", "val", "test"} if splits else set())
    if splits:
        assert counts["test"] == 40
    assert set(load("folder", tmp_path, 16).frame["split"]) == {"train", "val", "test"}


def test_without_patients_there_is_a_warning(tmp_path):
    frame = table(tmp_path).drop(columns="patient_id")
    for given in (frame, frame.assign(split=["train", "val", "test"] * 8)):
        given.to_csv(tmp_path / "manifest.csv", index=False)
        with pytest.warns(UserWarning, match="24 of 24 photographs have no patient_id") as said:
            load("folder", tmp_path, 16)
        assert sum("no patient_id" in str(w.message) for w in said) == 1


@NO_PATIENT
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="disease"), ["no column 'disease'"]),
        (lambda t: t.rename(columns={"patient_id": "patientid"}), ["'patientid' is not known", "'patient_id'"]),
        (lambda t: t.assign(disease=""), ["no row has a disease"]),
        (lambda t: t.assign(image=["0.jpg", "0.jpg", *t["image"][2:]]), ["row 3, column image", "given twice"]),
        (
            lambda t: t.assign(image=["../0.jpg", *t["image"][1:]]),
            ["row 2, column image", "leaves the dataset's folder"],
        ),
        (lambda t: t.assign(image=["none.jpg", *t["image"][1:]]), ["row 2, column image", "no such file"]),
        (lambda t: t.assign(split=["train", *[""] * 23]), ["row 3, column split", "to every row, or to none"]),
        (lambda t: t.assign(split="fold1"), ["row 2, column split", "'fold1'"]),
        (lambda t: t.assign(disease_weights="acne 0.7"), ["row 2, column disease_weights", "not JSON"]),
        (lambda t: t[:0], ["no rows"]),
    ],
)
def test_a_wrong_table_is_reported(tmp_path, change, said):
    change(table(tmp_path)).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(ManifestError) as caught:
        folder.load(tmp_path)
    for part in ["manifest.csv", *said]:
        assert part in str(caught.value)


def test_unknown_diseases_blank_labels_further_columns_and_windows_lines(tmp_path):
    frame = table(tmp_path).assign(camera="x").assign(disease=["", *["acne", "eczema"] * 11, "acne"])
    frame.to_csv(tmp_path / "manifest.csv", lineterminator="\r\n")
    with pytest.warns(UserWarning, match="1 of 24 photographs have no disease"):
        loaded, _ = folder.load(tmp_path)
    assert loaded["disease"].iloc[0] is None and (loaded["camera"] == "x").all()
    (tmp_path / "label_space.json").write_text(json.dumps({"name": "x", "diseases": ["acne"]}))
    with pytest.raises(ManifestError, match=r"row 4, column disease: 'eczema': unknown name"):
        folder.load(tmp_path)
    (tmp_path / "manifest.csv").write_bytes("image,disease\né,1\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="not UTF-8"):
        folder.load(tmp_path)


def test_a_patient_in_two_splits_is_a_leak(tmp_path):
    table(tmp_path, split=["train", "val", "test"] * 8)
    with pytest.raises(LeakageError, match="P0: train, val"):
        load("folder", tmp_path, 16)


@NO_PATIENT
def test_a_wrong_tree_is_reported(tmp_path):
    with pytest.raises(ManifestError, match="no photos and no table"):
        folder.load(tmp_path)
    photo(tmp_path / "a.jpg")
    with pytest.raises(ManifestError, match=r"a.jpg: not in a folder of a disease"):
        folder.load(tmp_path)
    (tmp_path / "a.jpg").unlink()
    photo(tmp_path / "train" / "acne" / "a.jpg")
    photo(tmp_path / "eczema" / "x" / "a.jpg")
    with pytest.raises(ManifestError, match="'eczema' stands beside folders of splits"):
        folder.load(tmp_path)


def test_folds_part_the_photos_by_patient_and_balance_the_diseases():
    frame = people()
    fold = folds(frame)
    assert sorted(fold.unique()) == list(range(5))
    assert frame.assign(fold=fold).groupby("patient_id")["fold"].nunique().max() == 1
    shares = pd.crosstab(frame["disease"], fold, normalize="index")
    np.testing.assert_allclose(shares, 0.2, atol=0.1)
    pd.testing.assert_series_equal(fold, folds(frame))
    assert (fold != folds(frame, seed=1)).any()
    with pytest.raises(ManifestError, match="61 folds: give 2 to 60"):
        folds(frame, k=61)
    with pytest.raises(ManifestError, match=r"5 folds: give 2 to 4 .*at most 4 photographs of one disease"):
        folds(frame.groupby("disease").head(4).assign(patient_id=list("abcdefghijkl")), k=5)
    with pytest.raises(ManifestError, match="all photographs are of one patient_id group"):
        folds(frame.assign(patient_id="one"))
    with pytest.raises(ManifestError, match="no column 'patient'"):
        folds(frame, group="patient")
    with pytest.warns(UserWarning, match="180 of 180 photographs have no patient_id"):
        folds(frame.assign(patient_id=None))


def test_every_fold_is_the_test_split_once():
    frame = people()
    parts = [fold_split(frame, k) for k in range(5)]
    for part in parts:
        check_leakage(part)
        assert 0.1 < (part["split"] == "val").sum() / (part["split"] != "test").sum() < 0.2
    assert (sum((part["split"] == "test").astype(int) for part in parts) == 1).all()
    with pytest.raises(ManifestError, match="fold 5: give 0 to 4"):
        fold_split(frame, 5)


def test_a_validation_part_is_carved_from_training_only():
    frame = people().assign(split=["train"] * 120 + ["test"] * 60)
    carved = carve_validation(frame, 0.2)
    check_leakage(carved)
    assert ((carved["split"] == "test") == (frame["split"] == "test")).all()
    assert (carved["split"] == "val").sum() == pytest.approx(24, abs=9)
    with pytest.raises(ManifestError, match="has a validation split already"):
        carve_validation(carved, 0.2)
    with pytest.raises(ManifestError, match="validation 1: give a share"):
        carve_validation(frame, 1)
    with pytest.raises(ManifestError, match=r"3 photographs in 1 group.*by patient_id.*validation would be empty"):
        carve_validation(frame[117:], 0.2)


def test_an_unknown_dataset_or_option_is_reported_with_the_known_ones(tmp_path):
    with pytest.raises(ManifestError, match="dataset scin has no option 'level'; its options: min_cases"):
        load("scin", tmp_path, 16, level=3)
    with pytest.raises(ManifestError, match="synderm has no option 'fold'; its options: none"):
        load("synderm", tmp_path, 16, fold=3)
    with pytest.raises(ManifestError, match=r"unknown dataset 'scim'.*did you mean 'scin'"):
        load("scim", tmp_path, 16)


@pytest.mark.skipif(not (PAD / "metadata.csv").is_file(), reason="PAD-UFES-20 is not here; set DERMIMIT_PAD_ROOT")
def test_the_real_rows_of_pad_ufes_20_in_folds_of_whole_patients():
    frame = load("pad_ufes_20", PAD, 16, fold=2).frame
    check_leakage(frame)
    assert (frame["split"] == "test").sum() == pytest.approx(len(frame) / 5, rel=0.1)
    assert (pd.crosstab(frame["disease"], frame["split"]) > 0).all(axis=None)
    whole = pd.read_csv(PAD / "metadata.csv")
    assert pd.api.types.is_integer_dtype(whole["lesion_id"])  # the trap: a number, not text
    assert frame["lesion_id"].map(type).eq(str).all() and frame["lesion_id"].nunique() == whole["lesion_id"].nunique()
    pd.testing.assert_series_equal(frame["split"] == "test", folds(pad_ufes_20.load(PAD)[0]) == 2, check_names=False)
