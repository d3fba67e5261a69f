"""What holds for every manifest, split and mixture, looked for by hypothesis among thousands of odd ones."""

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dermimit.data.columns import SPLITS
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.rules import path_problem
from dermimit.data.schema import validate_manifest
from dermimit.data.splits import check_leakage, grouped_split
from dermimit.data.stored import load_dataset, save_dataset
from dermimit.data.targets import encode_targets
from dermimit.data.transforms import CutMix

SPACE = LabelSpace("it", ("acne", "eczema", "<script>"), ("arm", "leg"), ("crust", "scale"))
odd = st.one_of(st.none(), st.text(max_size=6), st.integers(), st.floats(), st.lists(st.text(max_size=3), max_size=2))


def maybe(values):
    """One of the values, or missing."""
    return st.one_of(st.none(), values)


names = st.lists(st.sampled_from(SPACE.attributes), unique=True, max_size=2)
row = st.fixed_dictionaries(
    {"disease": maybe(st.sampled_from(SPACE.diseases)), "body_part": maybe(st.sampled_from(SPACE.body_parts)),
     "attributes": maybe(names), "patient_id": maybe(st.sampled_from("PQRSTUV")), "visit": maybe(st.integers(0, 5)),
     "fitzpatrick": maybe(st.integers(1, 6)), "split": maybe(st.sampled_from(SPLITS))}
)  # fmt: skip


def manifest(rows):
    """A frame of the rows with an image each."""
    return pd.DataFrame([{"image": f"{i}.png"} | values for i, values in enumerate(rows)])


@settings(max_examples=60, deadline=None)
@given(st.lists(row, min_size=1, max_size=8))
def test_a_checked_manifest_stays_as_it_is_and_its_targets_say_the_same(rows):
    once = validate_manifest(manifest(rows), SPACE)
    pd.testing.assert_frame_equal(validate_manifest(once, SPACE), once)
    targets = encode_targets(once, SPACE)
    for i, values in enumerate(rows):
        disease = targets["disease"][i]
        assert pd.isna(disease).all() if values["disease"] is None else disease.sum() == 1
        given_names = values["attributes"]
        assert pd.isna(targets["attributes"][i]).all() if given_names is None else (
            {n for n, v in zip(SPACE.attributes, targets["attributes"][i], strict=True) if v} == set(given_names)
        )  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(row, min_size=1, max_size=5))
def test_a_manifest_that_was_written_is_read_as_it_was(tmp_path, rows):
    for i in range(len(rows)):
        (tmp_path / f"{i}.png").touch()
    frame = validate_manifest(manifest(rows), SPACE)
    save_dataset(tmp_path, frame, SPACE)
    again, space = load_dataset(tmp_path)
    assert space == SPACE
    pd.testing.assert_frame_equal(again, frame)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(row, st.sampled_from(["disease", "attributes", "fitzpatrick", "split", "image"]), odd),
                min_size=1, max_size=4))  # fmt: skip
def test_any_value_is_taken_or_refused_by_row_and_column(rows):
    frame = manifest([values for values, *_ in rows]).astype(object)
    for i, (_, column, value) in enumerate(rows):
        frame.at[i, column] = value
    try:
        checked = validate_manifest(frame, SPACE)
    except ManifestError as error:
        assert "row" in str(error) or "column" in str(error)
    else:
        assert set(checked["disease"].dropna()) <= set(SPACE.diseases)
        assert checked["fitzpatrick"].dropna().between(1, 6).all()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["..", ".", "a", "b.png", "/", "\\", "C:", "", " ", "é"]), min_size=1, max_size=5))
def test_a_path_that_is_taken_stays_inside(tmp_path, parts):
    path = "/".join(parts)
    if path_problem(path, None) is None:
        assert (tmp_path / path).resolve().is_relative_to(tmp_path.resolve())


@pytest.mark.filterwarnings("ignore:.*photographs have no patient_id")
@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=40), st.integers(0, 1000))
def test_a_split_keeps_every_row_and_no_patient_twice_or_says_that_one_would_be_empty(rows, seed):
    frame = validate_manifest(manifest(rows), SPACE)
    groups = frame["patient_id"].fillna(pd.Series([f"row {i}" for i in frame.index], frame.index)).nunique()
    try:
        split = grouped_split(frame, seed)
    except ManifestError as error:  # a class gives its first three patients to train and val
        assert "would be empty" in str(error) and groups <= 3 * frame["disease"].fillna("").nunique()
        return
    check_leakage(split)
    pd.testing.assert_frame_equal(split.drop(columns="split"), frame.drop(columns="split"))
    assert set(split["split"]) == set(SPLITS)
    pd.testing.assert_series_equal(split["split"], grouped_split(frame, seed)["split"])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12), st.floats(0.05, 5), st.integers(0, 10**6))
def test_cutmix_keeps_mass_and_pastes_as_much_as_it_says(batch, height, width, alpha, seed):
    draw = torch.Generator().manual_seed(seed)
    images = torch.arange(batch, dtype=torch.float32).view(-1, 1, 1, 1).expand(batch, 3, height, width).contiguous()
    targets = {"disease": torch.eye(batch), "attributes": torch.rand(batch, 2, generator=draw)}
    mixed, mixture = CutMix(alpha, 1.0, torch.Generator().manual_seed(seed))(images, targets)
    torch.testing.assert_close(mixture["disease"].sum(dim=1), torch.ones(batch))
    assert ((mixture["attributes"] >= 0) & (mixture["attributes"] <= 1)).all()
    for i in range(batch):
        share = (mixed[i, 0] == i).float().mean()
        torch.testing.assert_close(mixture["disease"][i, i], share, atol=1e-5, rtol=0)
    assert torch.equal(images[:, 0, 0, 0], torch.arange(batch, dtype=torch.float32))
