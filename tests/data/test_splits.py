"""Splits: no patient in two of them, shares and classes as asked, the same each time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermimit.data.problems import ManifestError
from dermimit.data.splits import LeakageError, check_leakage, grouped_split, select


def patients(count: int, seed: int = 0) -> pd.DataFrame:
    """Patients with 1 to 4 photos and diseases of 60, 30 and 10 per cent."""
    rng = np.random.default_rng(seed)
    ids = np.repeat([f"P{i:03d}" for i in range(count)], rng.integers(1, 5, count))
    disease = rng.choice(["common", "less", "rare"], len(ids), p=[0.6, 0.3, 0.1])
    return pd.DataFrame({"image": [f"{i}.png" for i in range(len(ids))], "disease": disease, "patient_id": ids})


@settings(max_examples=25, deadline=None)
@given(count=st.integers(10, 80), data=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_no_patient_is_in_two_splits(count, data, seed):
    frame = grouped_split(patients(count, data), seed)
    assert frame.groupby("patient_id")["split"].nunique().max() == 1
    check_leakage(frame)


@pytest.mark.parametrize("fractions", [(0.7, 0.15, 0.15), (0.5, 0.2, 0.3)])
def test_each_split_has_its_share_of_each_disease(fractions):
    frame = grouped_split(patients(300), 0, fractions)
    shares = pd.crosstab(frame["disease"], frame["split"], normalize="index")[["train", "val", "test"]]
    np.testing.assert_allclose(shares, np.tile(fractions, (3, 1)), atol=0.03)


def test_the_seed_decides_the_split():
    frame = patients(60)
    pd.testing.assert_frame_equal(grouped_split(frame, 3), grouped_split(frame, 3))
    assert (grouped_split(frame, 3)["split"] != grouped_split(frame, 4)["split"]).any()
    assert "split" not in frame


def test_photos_with_the_same_index_order_but_other_labels_keep_their_rows():
    frame = patients(40)
    frame.index = frame.index[::-1] * 10
    split = grouped_split(frame, 1)
    assert split.index.equals(frame.index)
    assert split.groupby("patient_id")["split"].nunique().max() == 1


def test_without_patients_the_split_warns_and_goes_by_photo():
    frame = patients(40).drop(columns="patient_id")
    with pytest.warns(UserWarning, match="no patient_id"):
        split = grouped_split(frame, 0)
    assert split["split"].value_counts(normalize=True)["train"] == pytest.approx(0.7, abs=0.03)


def test_photos_without_a_patient_do_not_stick_together():
    frame = patients(40)
    frame.loc[:29, "patient_id"] = None
    with pytest.warns(UserWarning, match="30 of"):
        split = grouped_split(frame, 0)
    assert split.loc[:29, "split"].nunique() == 3
    check_leakage(split)


def test_a_leak_is_reported_with_the_patient_and_the_splits():
    frame = grouped_split(patients(40), 0)
    leaker = frame["patient_id"].value_counts().index[0]
    rows = frame.index[frame["patient_id"] == leaker]
    frame.loc[rows[0], "split"], frame.loc[rows[1:], "split"] = "test", "train"
    with pytest.raises(LeakageError, match=rf"1 patient_id in more than one split.*\n  {leaker}: train, test$"):
        check_leakage(frame)


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.7, 0.3, 0.0), (0.7, 0.2, 0.2)])
def test_wrong_fractions_are_refused(fractions):
    with pytest.raises(ManifestError, match="add up to 1"):
        grouped_split(patients(40), 0, fractions)


def test_too_few_patients_are_refused_rather_than_leaving_a_split_empty():
    with pytest.raises(ManifestError, match="would be empty"):
        grouped_split(patients(2), 0)


def test_an_empty_or_unknown_split_is_refused_when_asked_for():
    frame = patients(3).assign(split="train")
    assert len(select(frame, "train")) == len(frame)
    with pytest.raises(ManifestError, match=r"'test' has no rows \(column split: train"):
        select(frame, "test")
    with pytest.raises(ManifestError, match="did you mean 'val'"):
        select(frame, "valid")
