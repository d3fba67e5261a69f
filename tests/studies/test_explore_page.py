"""The page Explore: the patch choices over the test set, larger pictures, and what the prose quotes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermimit.data import load, synderm
from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.explore.cases import picture
from dermimit.records import read_json
from studies.explore.images import drawn_again, failures_sheet
from studies.explore.measure_patch_choices import centre_scores, measure, share_of_lesion, summary
from studies.explore.numbers import choices_table, page_numbers, with_disease_only

PUBLISHED = Path(__file__).resolve().parents[2] / "results/published"


@pytest.fixture(scope="module")
def choices() -> dict:
    return read_json(PUBLISHED / "explorer/patch_choices.json")


def test_the_share_of_lesion_and_the_distance_from_the_centre_are_counted_by_hand():
    mask = np.zeros((4, 4), bool)
    mask[0, :3] = True
    assert share_of_lesion(mask, np.array([0, 1]), (2, 2)) == pytest.approx((2 / 4 + 1 / 4) / 2)
    np.testing.assert_allclose(centre_scores((1, 3)), [-1, 0, -1])


def test_the_summary_pairs_the_cases():
    rows = [(case, name, right, "a" if right else "b", 0.5) for case in range(40)
            for name, right in (("attention", case < 30), ("random", case < 20))]  # fmt: skip
    found = summary(pd.DataFrame(rows, columns=["case", "patches", "right", "predicted", "lesion"]), resamples=200)
    assert found["attention"]["accuracy"][0] == 0.75 and found["random"]["difference"][0] == pytest.approx(-0.25)
    assert found["attention"]["difference"] == [0, 0, 0] and found["random"]["changed"] == 0.25
    _, low, high = found["random"]["difference"]
    assert -0.45 < low < -0.25 < high < -0.05


def test_the_record_is_of_the_shipped_model_and_the_published_test_set(choices):
    pytest.importorskip("onnxruntime")
    from dermimit.explore.onnx_model import OnnxModel

    accuracy = read_json(PUBLISHED / "explorer/accuracy.json")
    assert choices["provenance"]["dirty"] is False and choices["cases"] == accuracy["photographs"] == 2000
    attention = choices["patches"]["attention"]
    assert attention["accuracy"][0] == pytest.approx(accuracy["file"]["accuracy"][0], abs=0.005)  # one image at a time
    frame = measure(OnnxModel(PUBLISHED / "explorer/model.onnx"), SynDerm(3, synderm.split_seed(0, "test"), 64))
    assert list(frame["patches"].unique()) == list(choices["patches"]) and len(frame) == 12
    assert frame.loc[frame["patches"] == "all", "lesion"].isna().all() and (frame["lesion"].dropna() <= 1).all()


def test_the_table_and_the_prose_say_what_the_record_says(choices):
    table = choices_table(choices)
    assert table.shape == (4, 5) and table["difference in points"][0] == "–"
    accuracy, ceiling, failures = (
        read_json(PUBLISHED / name)
        for name in ("explorer/accuracy.json", "synderm/ceiling.json", "failures/browser.json")
    )
    numbers = page_numbers(choices, accuracy, ceiling, failures)
    value, low, high = choices["patches"]["random"]["difference"]
    assert (numbers["lost"], numbers["lost_least"], numbers["lost_most"]) == (-100 * value, -100 * high, -100 * low)
    assert high < 0  # the page says "lose"
    assert numbers["correct"] < numbers["best"] and numbers["shown"] < numbers["wrong"] < numbers["tested"]


def test_cases_that_the_disease_alone_predicts_correctly_are_marked():
    diseases = ("a", "b")
    predictions = pd.DataFrame({"disease": ["a", "b"], "disease_prob": [[0.9, 0.1], [0.8, 0.2]]})
    data = {"tags": [{"key": "x"}], "cases": [{"index": i, "truth": t, "tags": [0]} for i, t in enumerate("ab")]}
    marked = with_disease_only(data, predictions, diseases)
    assert [case["tags"] for case in marked["cases"]] == [[0, 1], [0]] and marked["tags"][1]["key"] == "disease_only"
    with pytest.raises(ValueError, match="different images"):
        with_disease_only(data, predictions[::-1].reset_index(drop=True), diseases)


def test_cases_are_drawn_again_larger(tmp_path):
    root = synderm.write(tmp_path / "data", 10, image_size=32, fitzpatrick=[2, 5])
    frame = load("synderm", root, 32).frame
    again = drawn_again(root, frame, [0, 9], size=64)
    for row, address in again.items():
        own = picture(address).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        file = np.array(synderm_picture(root / frame["image"].iloc[int(row)]), float)
        assert np.abs(own - file).mean() < 20 < np.abs(own[::-1] - file).mean()


def synderm_picture(path: Path) -> np.ndarray:
    from PIL import Image

    return np.array(Image.open(path).convert("RGB"))


def test_the_failures_are_drawn_again_in_their_order():
    from dermimit.explore.failure_static import pictures_of

    record = read_json(PUBLISHED / "failures/browser.json")
    few = record | {"cases": record["cases"][:4]}
    large = pictures_of(few | {"size": 96}, failures_sheet(few, 96))
    case = SynDerm(2000, record["split_seed"], 96)[few["cases"][3]["index"]]
    assert np.abs(large[3] - case.image.astype(float)).mean() < 8
    assert case.disease == few["cases"][3]["truth"] in LABEL_SPACE.diseases


def test_a_file_without_given_scores_gets_them_and_nothing_else_changes():
    onnx = pytest.importorskip("onnx")
    from studies.model_card.add_patch_scores import NAME, with_scores

    program = onnx.load(PUBLISHED / "explorer/model.onnx")
    assert NAME in [value.name for value in program.graph.input]
    with pytest.raises(ValueError, match="has the input override_scores already"):
        with_scores(program, 64)
    program.graph.input.remove(next(value for value in program.graph.input if value.name == NAME))
    with pytest.raises(ValueError, match="expected over"):
        with_scores(program, 64)  # its TopK read what was put before them
