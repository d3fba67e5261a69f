"""Several body parts in one photo, uncertain diseases, and tables as loaders read them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.data.label_space import LabelSpace
from dermimit.data.photo_files import find_photos
from dermimit.data.problems import ManifestError, collect_problems
from dermimit.data.schema import validate_manifest
from dermimit.data.splits import check_leakage, grouped_split
from dermimit.data.stored import load_dataset, save_dataset
from dermimit.data.tables import named, read_table
from dermimit.data.targets import encode_targets
from dermimit.evaluate.metrics import attribute_metrics, class_metrics, score
from dermimit.evaluate.predictions import probabilities
from dermimit.predict import describe, predict_photo
from dermimit.prediction import Prediction
from dermimit.train import TrainConfig, fit, load_run
from dermimit.train.losses import masked_bce, soft_cross_entropy, task_loss, task_objectives

ONE = LabelSpace("demo", ("melanoma", "naevus", "wart"), ("arm", "leg", "head"), ("itch", "bleed"))
SEVERAL = replace(ONE, several_body_parts=True)
NAN = np.nan
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def manifest(**columns) -> pd.DataFrame:
    rows = {"image": ["a.png", "b.png", "c.png", "d.png"], "disease": ["melanoma", "naevus", None, "wart"]}
    rows |= {"body_part": [["arm", "head"], ["leg"], None, []], "attributes": [["itch"], [], None, ["itch", "bleed"]]}
    return pd.DataFrame(rows | columns)


def test_which_tasks_are_multi_label():
    assert [ONE.multi_label(t) for t in ("disease", "body_part", "attributes")] == [False, False, True]
    assert [SEVERAL.multi_label(t) for t in ("disease", "body_part", "attributes")] == [False, True, True]
    with pytest.raises(ManifestError, match="did you mean 'body_part'"):
        SEVERAL.multi_label("body_parts")


def test_label_spaces_survive_json_and_old_files_are_read():
    for space in (ONE, SEVERAL):
        assert LabelSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    old = {"name": "demo", "diseases": list(ONE.diseases), "body_parts": list(ONE.body_parts)}
    old |= {"attributes": list(ONE.attributes)}
    assert LabelSpace.from_dict(old) == ONE and ONE.to_dict() == old
    assert SEVERAL.to_dict() == old | {"several_body_parts": True}


def test_several_body_parts_are_multi_hot_and_unknown_is_nan():
    targets = encode_targets(validate_manifest(manifest(), SEVERAL), SEVERAL)
    np.testing.assert_array_equal(targets["body_part"], [[1, 0, 1], [0, 1, 0], [NAN] * 3, [0, 0, 0]])
    assert targets["body_part"].dtype == np.float32


@pytest.mark.parametrize(
    ("space", "values", "said"),
    [
        (SEVERAL, [["arm", "hed"], None, None, None], ["row 2", "body_part", "'hed'", "did you mean 'head'?"]),
        (SEVERAL, [None, "arm", None, None], ["row 3", "body_part", "list of names"]),
        (SEVERAL, [None, None, ["arm", "arm"], None], ["row 4", "given twice"]),
        (ONE, [["arm"], "leg", None, None], ["row 2", "body_part", "unknown name"]),
    ],
)
def test_a_wrong_body_part_is_reported_with_its_row(space, values, said):
    with pytest.raises(ManifestError) as caught:
        validate_manifest(manifest(body_part=values), space, source="t.csv")
    assert all(part in str(caught.value) for part in ["t.csv", *said])


def test_a_saved_dataset_with_several_body_parts_and_weights_comes_back(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.png").touch()
    frame = manifest(disease_weights=[{"melanoma": 2, "wart": 1.0}, None, None, {"wart": 0.5}])
    save_dataset(tmp_path, frame, SEVERAL)
    loaded, space = load_dataset(tmp_path)
    assert space == SEVERAL
    assert loaded["body_part"].tolist() == [["arm", "head"], ["leg"], None, []]
    assert loaded["disease_weights"].tolist() == [{"melanoma": 2, "wart": 1}, None, None, {"wart": 0.5}]
    again = validate_manifest(loaded, SEVERAL)
    pd.testing.assert_frame_equal(again, loaded)


def test_weights_are_normalised_and_the_truth_is_the_heaviest():
    frame = manifest(disease_weights=[{"melanoma": 3, "wart": 1}, NAN, None, {"wart": 0.5, "naevus": 0.5}])
    frame = validate_manifest(frame, SEVERAL)
    wanted = [[0.75, 0, 0.25], [0, 1, 0], [NAN] * 3, [0, 0.5, 0.5]]
    np.testing.assert_allclose(encode_targets(frame, SEVERAL)["disease"], wanted)
    frame["disease_prob"] = [np.array([0.6, 0.1, 0.3]), np.array([0, 1, 0]), np.ones(3) / 3, np.array([0, 0.9, 0.1])]
    metrics = score(frame, SEVERAL)
    assert metrics["disease/accuracy"] == pytest.approx(2 / 3)
    hard = np.array([[1, 0, 0], [0, 1, 0], [NAN] * 3, [0, 0, 1]])
    assert metrics == {f"disease/{n}": v for n, v in class_metrics(hard, np.stack(frame["disease_prob"])).items()}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"melanomma": 1}, "did you mean 'melanoma'"),
        ({"melanoma": 0}, "weight 0 of 'melanoma': give a number above 0"),
        ({"melanoma": -1.5}, "above 0"),
        ({"melanoma": float("inf")}, "above 0"),
        ({"melanoma": "much"}, "above 0"),
        ({"melanoma": True}, "above 0"),
        ({}, "give weights by name"),
        ([0.5, 0.5], "give weights by name"),
        ({"melanoma": 0.2, "wart": 0.8}, r"column disease: 'melanoma': not the heaviest.*write 'wart'"),
    ],
)
def test_wrong_weights_are_reported_with_their_row(weights, said):
    with pytest.raises(ManifestError, match=rf"row 2, .*{said}"):
        validate_manifest(manifest(disease_weights=[weights, None, None, None]), SEVERAL)


def test_a_manifest_without_weights_has_no_such_column():
    assert "disease_weights" not in validate_manifest(manifest(), SEVERAL)
    with pytest.raises(ManifestError, match="did you mean 'disease_weights'"):
        validate_manifest(manifest().assign(disease_weight=None), SEVERAL)


def test_the_loss_of_several_body_parts_against_a_slow_reference():
    logits = torch.tensor([[0.5, -2.0, 1.0], [1.0, 3.0, 0.2]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0, 1.0], [NAN, NAN, NAN]], dtype=torch.float64)
    expected = 0.0
    for z, t in ((0.5, 1.0), (-2.0, 0.0), (1.0, 1.0)):
        p = 1 / (1 + math.exp(-z))
        expected -= t * math.log(p) + (1 - t) * math.log(1 - p)
    value = task_loss("body_part", logits, target, ["attributes", "body_part"])
    assert value.item() == pytest.approx(expected / 3, abs=1e-12)
    assert task_loss("attributes", logits, target) == masked_bce(logits, target)
    assert task_loss("body_part", logits, target) == soft_cross_entropy(logits, target)


def test_no_known_body_part_costs_nothing_and_a_perfect_answer_almost_nothing():
    logits = torch.randn(4, 3, requires_grad=True)
    value = task_loss("body_part", logits, torch.full((4, 3), NAN), ["body_part"])
    value.backward()
    assert value.item() == 0 and logits.grad.abs().sum() == 0
    target = torch.tensor([[1.0, 0.0, 1.0]])
    assert task_loss("body_part", (target - 0.5) * 60, target, ["body_part"]) < 1e-9


def test_both_sets_of_logits_take_the_tasks_kind_of_loss():
    target = {"body_part": torch.tensor([[1.0, 1.0, 0.0]])}
    logits, before = {"body_part": torch.randn(1, 3)}, {"body_part/logits_before": torch.randn(1, 3)}
    objectives, _ = task_objectives(logits, before, target, {"body_part": 2.0}, True, ("body_part",))
    total = objectives["body_part"]
    wanted = [masked_bce(z, target["body_part"]) for z in (logits["body_part"], before["body_part/logits_before"])]
    torch.testing.assert_close(total, 2 * sum(wanted))


def test_probabilities_of_several_body_parts_are_independent():
    logits = torch.tensor([[2.0, 2.0, -2.0]])
    torch.testing.assert_close(probabilities(logits, True), logits.sigmoid().half())
    torch.testing.assert_close(probabilities(logits, False), logits.softmax(1).half())


def test_several_body_parts_are_scored_as_attributes_are():
    frame = validate_manifest(manifest(), SEVERAL)
    frame["body_part_prob"] = list(np.random.default_rng(0).random((4, 3)))
    wanted = attribute_metrics(encode_targets(frame, SEVERAL)["body_part"], np.stack(frame["body_part_prob"]))
    assert score(frame, SEVERAL) == pytest.approx({f"body_part/{n}": v for n, v in wanted.items()}, nan_ok=True)


def test_a_split_can_be_balanced_by_several_body_parts():
    parts = [["arm"], ["leg", "arm"], ["arm", "leg"], None, []]
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(60)], "disease": "wart", "patient_id": range(60)})
    frame["body_part"] = [parts[i % 5] for i in range(60)]
    split = grouped_split(validate_manifest(frame, SEVERAL), 0, stratify="body_part")["split"]
    assert {split[frame["body_part"].map(str) == "['arm']"].nunique(), split.nunique()} == {3}


def test_a_description_lists_several_body_parts_from_one_half():
    answers = {"body_part": pd.Series({"arm": 0.9, "leg": 0.6, "head": 0.1})}
    several = Prediction(np.zeros((2, 2, 3), np.uint8), answers, {}, (1, 1), ("body_part",))
    assert [name in describe(several) for name in ("arm", "leg", "head")] == [True, True, False]
    unsure = replace(several, answers={"body_part": answers["body_part"] / 3})
    assert "arm" in describe(unsure) and "leg" not in describe(unsure)
    assert "leg" in describe(replace(unsure, multi_label=("attributes",)))


def test_a_run_with_several_body_parts_and_weights_from_end_to_end(tiny_photos, tmp_path):
    frame = tiny_photos.frame.assign(body_part=[[["arm"], ["leg", "arm"], None][i % 3] for i in range(12)])
    frame["disease_weights"] = [{d: 0.7, "acne": 0.3} if d not in (None, "acne") else None for d in frame["disease"]]
    save_dataset(tiny_photos.root, frame, replace(tiny_photos.label_space, several_body_parts=True))
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, model_kwargs=MODEL,
                         samples=8, epochs=2, batch_size=4)  # fmt: skip
    run = load_run(fit(config))
    assert run.label_space.several_body_parts
    assert {"body_part/map", "body_part/auroc", "disease/accuracy"} <= set(run.metrics["test"])
    assert "body_part/accuracy" not in run.metrics["test"]
    again = score(run.predictions[run.predictions["split"] == "test"], run.label_space)
    assert again == pytest.approx({k: NAN if v is None else v for k, v in run.metrics["test"].items()}, nan_ok=True)
    prediction = predict_photo(run, tiny_photos.root / "images" / "03.png")
    assert prediction.multi_label == ("body_part", "attributes") and "body part" in describe(prediction)


def test_problems_can_be_collected_instead_of_raised(tmp_path):
    (tmp_path / "a.png").touch()
    frame = manifest(disease=["melanoma", "nevus", None, "wart"], patient_id="P", split=["train", "test", "val", None])
    with collect_problems() as problems:
        checked = validate_manifest(frame, SEVERAL, tmp_path, source="t.csv")
        check_leakage(checked)
    assert len(checked) == 4 and len(problems) == 1 and "t.csv: row 3, column disease: 'nevus'" in problems[0]
    with pytest.raises(ManifestError, match=r"4 problem\(s\)"):
        validate_manifest(frame, SEVERAL, tmp_path)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_as_text_whatever_wrote_it(tmp_path, mark, end):
    lines = ["id,extra,name", '007,x," naïve, quoted "', "", "8,y", ",,", '9,"two', 'lines",NA', ""]
    table = read_table(written(tmp_path / "t.csv", mark + end.join(lines).encode()), ("name", "id"), "Demo")
    assert list(table) == ["name", "id"] and table.index.tolist() == [0, 2, 4]
    assert table["id"].tolist() == ["007", "8", "9"]
    assert table["name"].fillna("-").tolist() == ["naïve, quoted", "-", "NA"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        ("id,name\n", "no rows below the header"),
        ("id,nmae\n1,x\n", "no column 'name'; use the official file of Demo; did you mean 'nmae'"),
        ("id;name\n1;x\n", "separated by ';'"),
        ("id,name,name\n1,x,y\n", "'name' is given twice"),
        ("id,name\n1,x\n2,x,y\n", "row 3: 3 cells, more cells than the header's 2"),
        (b"id,name\n1,x\n2,\xe4\n", r"not UTF-8 \(line 3"),
        ('id,name\n1,"x\n', "not a table"),
        (b"id,name\n1,\0\n", "binary"),
        ("<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"PK\x03\x04", "a ZIP archive"),
        ("version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    ],
)
def test_what_is_not_the_table_is_explained(tmp_path, text, said):
    with pytest.raises(ManifestError, match=rf"t\.csv: .*{said}" if "row 3" not in said else rf"(?s)t\.csv.*{said}"):
        read_table(written(tmp_path / "t.csv", text), ("id", "name"), "Demo")


def test_an_absent_table_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"none\.csv: no such file; root must be the folder that holds none\.csv"):
        read_table(tmp_path / "none.csv", ("id",), "Demo")


def test_photos_are_found_by_name_in_any_folder(tmp_path):
    for name in ("b/x.JPG", "a/x.png", "y.jpeg", "masks/x.png", "a/masks/z.png", "n.txt", ".h/q.png", "a/._x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "y.jpg").touch()
    assert find_photos(tmp_path) == {"x": ["a/x.png", "b/x.JPG"], "y": ["y.jpeg"]}
    assert find_photos(tmp_path, exclude=("a",)) == {"x": ["b/x.JPG", "masks/x.png"], "y": ["y.jpeg"]}


def test_true_cells_become_names():
    cells = pd.DataFrame({"itch": [True, False], "bleed": [True, False]}, index=[3, 7])
    assert named(cells).to_dict() == {3: ["itch", "bleed"], 7: []}
