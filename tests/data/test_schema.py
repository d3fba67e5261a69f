"""The manifest: what is accepted, how a wrong value is reported, and what the targets are."""

import json

import numpy as np
import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.schema import validate_manifest
from dermimit.data.stored import load_dataset, save_dataset
from dermimit.data.targets import encode_targets

SPACE = LabelSpace("demo", ("melanoma", "naevus"), ("arm", "leg"), ("itch", "bleed", "scale"))


def manifest(**columns) -> pd.DataFrame:
    """Three valid rows, some columns replaced."""
    rows = {
        "image": ["a.png", "b.png", "c.png"],
        "disease": ["melanoma", None, "naevus"],
        "body_part": ["arm", "leg", None],
    }
    rows |= {"attributes": [["itch"], [], None], "attributes_unknown": [["scale"], None, None]}
    return pd.DataFrame(rows | columns)


def test_unknown_labels_are_nan_and_known_ones_are_not():
    targets = encode_targets(validate_manifest(manifest(), SPACE), SPACE)
    nan = np.nan
    np.testing.assert_array_equal(targets["disease"], [[1, 0], [nan, nan], [0, 1]])
    np.testing.assert_array_equal(targets["body_part"], [[1, 0], [0, 1], [nan, nan]])
    np.testing.assert_array_equal(targets["attributes"], [[1, 0, nan], [0, 0, 0], [nan, nan, nan]])
    assert {t.dtype for t in targets.values()} == {np.dtype("float32")}


def test_a_task_without_classes_has_no_targets():
    space = LabelSpace("plain", ("melanoma", "naevus"))
    frame = validate_manifest(pd.DataFrame({"image": ["a.png"], "disease": ["naevus"]}), space)
    assert list(encode_targets(frame, space)) == ["disease"] == list(space.num_classes)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_every_way_of_saying_missing_becomes_none(missing):
    frame = validate_manifest(manifest(disease=["naevus", missing, missing], patient_id=[7.0, missing, "x"]), SPACE)
    assert frame["disease"].tolist() == ["naevus", None, None]
    assert frame["patient_id"].tolist() == ["7", None, "x"]


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("disease", ["melanoma", "Melanomma", None], ["row 3", "disease", "'Melanomma'", "did you mean 'melanoma'?"]),
        ("disease", ["melanoma", "xyz", None], ["row 3", "known: melanoma, naevus"]),
        ("body_part", ["arm", "arm", "lge"], ["row 4", "body_part", "did you mean 'leg'?"]),
        ("attributes", [["itch"], ["ich"], []], ["row 3", "attributes", "'ich'", "did you mean 'itch'?"]),
        ("attributes", ["itch", [], []], ["row 2", "attributes", "list of names"]),
        ("attributes", [["bleed", "bleed"], [], []], ["row 2", "given twice"]),
        ("attributes_unknown", [["itch"], [], []], ["row 2", "attributes_unknown", "'itch'", "one of the two"]),
        ("fitzpatrick", [1, 6, 7], ["row 4", "fitzpatrick", "7", "1 to 6"]),
        ("fitzpatrick", [1, "II", 3], ["row 3", "fitzpatrick", "'II'", "whole number"]),
        ("visit", [1, 1.5, None], ["row 3", "visit", "1.5", "whole number"]),
        ("split", ["train", "test", "valid"], ["row 4", "split", "did you mean 'val'?"]),
        ("image", ["a.png", "a.png", "c.png"], ["row 3", "image", "'a.png'", "given twice"]),
        ("image", ["a.png", None, "c.png"], ["row 3", "image", "name the photo"]),
        ("image", ["a.png", "../b.png", "c.png"], ["row 3", "leaves the dataset's folder"]),
        ("mask", ["/etc/mask.png", None, None], ["row 2", "mask", "relative"]),
        ("image", ["a.png", "images\\b.png", "c.png"], ["row 3", "forward slashes"]),
        ("image", ["a.png", "C:/b.png", "c.png"], ["row 3", "relative"]),
        ("atributes", [[], [], []], ["'atributes'", "did you mean 'attributes'?"]),
    ],
)
def test_a_wrong_value_is_reported_with_file_row_column_and_remedy(column, values, said):
    with pytest.raises(ManifestError) as caught:
        validate_manifest(manifest(**{column: values}), SPACE, source="labels.csv")
    for part in ["labels.csv", *said]:
        assert part in str(caught.value)


def test_every_problem_is_reported_at_once_and_long_lists_are_cut():
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(30)], "disease": "nevus", "fitzpatrick": 9})
    with pytest.raises(ManifestError, match=r"60 problem\(s\)") as caught:
        validate_manifest(frame, SPACE)
    assert "and 50 more" in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "said"), [(manifest().drop(columns="disease"), "disease"), (manifest()[:0], "no rows")]
)
def test_a_table_without_what_is_needed_is_refused(frame, said):
    with pytest.raises(ManifestError, match=said):
        validate_manifest(frame, SPACE)


def test_validation_leaves_the_callers_frame_alone_and_changes_nothing_the_second_time():
    frame = manifest()
    before = frame.copy(deep=True)
    once = validate_manifest(frame, SPACE)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(validate_manifest(once, SPACE), once)


def test_files_must_exist_inside_the_root(tmp_path):
    root, outside = tmp_path / "data", tmp_path / "outside.png"
    root.mkdir()
    outside.touch()
    for name in ("a.png", "b.png"):
        (root / name).touch()
    with pytest.raises(ManifestError, match=r"row 4, column image: 'c.png': no such file"):
        validate_manifest(manifest(), SPACE, root)
    (root / "c.png").symlink_to(outside)
    with pytest.raises(ManifestError, match="a link leads out"):
        validate_manifest(manifest(), SPACE, root)


def test_a_saved_dataset_comes_back_the_same(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").touch()
    frame = manifest(fitzpatrick=[1, None, 6], split=["train", "val", "test"], extra=[0.5, 1.5, 2.5])
    save_dataset(tmp_path, frame, SPACE)
    loaded, space = load_dataset(tmp_path)
    assert space == SPACE
    pd.testing.assert_frame_equal(loaded, validate_manifest(frame, SPACE), check_column_type=False)


def test_a_refused_dataset_leaves_the_saved_one_alone(tiny_photos):
    before = {p.name: p.read_bytes() for p in tiny_photos.root.iterdir() if p.is_file()}
    wrong = tiny_photos.frame.assign(disease="unheard of")
    with pytest.raises(ManifestError):
        save_dataset(tiny_photos.root, wrong, tiny_photos.label_space)
    assert {p.name: p.read_bytes() for p in tiny_photos.root.iterdir() if p.is_file()} == before


@pytest.mark.parametrize("name", ["manifest.parquet", "label_space.json"])
def test_an_absent_or_broken_file_is_named(tiny_photos, name):
    (tiny_photos.root / name).write_text("{")
    with pytest.raises(ManifestError, match=name):
        load_dataset(tiny_photos.root)
    (tiny_photos.root / name).unlink()
    with pytest.raises(ManifestError, match=f"{name}: no such file"):
        load_dataset(tiny_photos.root)


def test_a_label_space_survives_json_and_refuses_bad_names():
    assert LabelSpace.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE
    with pytest.raises(ManifestError, match="'itch' is empty or given twice"):
        LabelSpace("demo", ("melanoma",), attributes=("itch", "itch"))
    with pytest.raises(ManifestError, match="at least one disease"):
        LabelSpace("demo", ())
    with pytest.raises(ManifestError, match="did you mean 'disease'"):
        SPACE.classes("diseases")
