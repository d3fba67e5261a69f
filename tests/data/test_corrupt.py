"""Labels harmed on purpose: only the training split, the wanted share, nested, the frequencies kept."""

from collections import Counter

import pandas as pd
import pytest

from dermimit.data.corrupt import hide_attributes, shuffle_attributes, thin_out


@pytest.fixture
def frame():
    rows = [
        {
            "image": f"{i}.png",
            "split": "test" if i % 5 == 0 else "train",
            "patient_id": f"p{i // 2}",
            "attributes": [f"a{i}"],
            "disease": "x",
        }
        for i in range(200)
    ]
    return pd.DataFrame(rows)


def test_shuffled_attributes_keep_their_frequencies_and_lose_their_photographs(frame):
    out = shuffle_attributes(frame, 1.0)
    train = frame["split"] == "train"
    assert Counter(out["attributes"].explode()) == Counter(frame["attributes"].explode())
    assert (out.loc[~train, "attributes"] == frame.loc[~train, "attributes"]).all()
    same = (out.loc[train, "attributes"] == frame.loc[train, "attributes"]).sum()
    assert same < 8  # one photograph in a random dealing keeps its own, on average
    assert out.drop(columns="attributes").equals(frame.drop(columns="attributes"))


def test_hidden_attributes_are_the_wanted_share_and_nested(frame):
    half, more = hide_attributes(frame, 0.5), hide_attributes(frame, 0.75)
    hidden, hidden_more = (set(f.index[f["attributes"].isna()]) for f in (half, more))
    assert len(hidden) == 80
    assert hidden < hidden_more
    assert (frame.loc[list(hidden_more), "split"] == "train").all()
    assert frame["attributes"].notna().all()  # the argument is left as it was


def test_thinned_training_keeps_patients_whole_and_the_test_split_untouched(frame):
    some, more = thin_out(frame, 0.25), thin_out(frame, 0.5)
    assert set(some["image"]) < set(more["image"])
    kept = set(some.loc[some["split"] == "train", "patient_id"])
    assert set(frame.loc[(frame["split"] == "train") & frame["patient_id"].isin(kept), "image"]) <= set(some["image"])
    assert (some["split"] == "test").sum() == 40
    assert len(kept) == round(0.25 * frame.loc[frame["split"] == "train", "patient_id"].nunique())


def test_thinning_without_patients_goes_by_photograph(frame):
    out = thin_out(frame.assign(patient_id=None), 0.1)
    assert (out["split"] == "train").sum() == 16


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_its_range_is_refused(frame, share):
    for harm in (shuffle_attributes, hide_attributes, thin_out):
        with pytest.raises(ValueError, match="share"):
            harm(frame, share)
