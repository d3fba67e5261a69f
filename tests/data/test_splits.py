"""Splits: no patient in two of them, shares and classes as asked, the same each time."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermimit.data.folds import carve_validation, folds
from dermimit.data.groups import divided_lesions, groups_of
from dermimit.data.label_space import LabelSpace
from dermimit.data.measurable import class_counts, notes_on_measures
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


# ---------------------------------------------------------------- lesions, few photographs, and what can be measured

NO_PATIENT = pytest.mark.filterwarnings("ignore:.*no patient_id")


def digest(values: pd.Series) -> str:
    return hashlib.sha256("".join(str(v)[:2] for v in values).encode()).hexdigest()[:12]


PUBLISHED = {  # splits, folds and validation parts as they were before lesions and small datasets were thought of
    "all known": ("cd781f116f46", "315ac0d41c6a", "9ab87b586c34"),
    "a third unknown": ("d7b99ce383cc", "eb3f5e66ed87", "d295275b80d4"),
    "none known": ("92c4f212b232", "bb2a636c1f4a", "f7a4dc0d4c92"),
}


@NO_PATIENT
@pytest.mark.parametrize("kind", PUBLISHED)
def test_splits_that_were_published_do_not_move_by_a_photograph(kind):
    frame = patients(60)
    known = {"all known": frame.index >= 0, "a third unknown": frame.index % 3 > 0, "none known": frame.index < 0}[kind]
    frame = frame.assign(patient_id=frame["patient_id"].where(known, None))
    train = ["train", "train", "test"] * (len(frame) // 3) + ["train"] * (len(frame) % 3)
    made = grouped_split(frame, 3)["split"], folds(frame), carve_validation(frame.assign(split=train), 0.2)["split"]
    assert tuple(map(digest, made)) == PUBLISHED[kind]


def lesions(photos: int = 3, count: int = 20) -> pd.DataFrame:
    """Lesions of unknown patients with some photographs each."""
    ids = np.repeat([f"L{i}" for i in range(count)], photos)
    disease = np.repeat(["acne", "wart"], photos).tolist() * (count // 2)
    images = [f"{i}.png" for i in range(len(ids))]
    return pd.DataFrame({"image": images, "disease": disease, "patient_id": None, "lesion_id": ids})


@pytest.mark.parametrize("how", ["split", "folds", "validation"])
def test_a_lesion_is_not_divided_where_patients_are_unknown(how):
    frame = lesions()
    if how == "validation":
        frame = frame.assign(split=["train"] * 45 + ["test"] * 15)
    part = {"split": lambda: grouped_split(frame, 0)["split"], "folds": lambda: folds(frame)}
    part |= {"validation": lambda: carve_validation(frame, 0.2)["split"]}
    made = part[how]()
    assert made.groupby(frame["lesion_id"]).nunique().max() == 1 and made.nunique() > 1


def test_a_lesion_with_one_known_patient_goes_with_that_patient():
    frame = pd.DataFrame({"patient_id": ["A", None, "A", None, None], "lesion_id": ["1", "1", "2", "3", None]})
    with pytest.warns(UserWarning, match="3 of 5 photographs have no patient_id, 2 of them kept together by lesion_id"):
        groups = groups_of(frame, "patient_id", "splits")
    assert groups.tolist() == ["group A", "group A", "group A", "lesion 3", "row 4"]


@NO_PATIENT
def test_lesions_counted_anew_for_each_patient_join_nobody():
    frame = pd.DataFrame({"patient_id": ["A", "B", "A", "B", None], "lesion_id": ["1", "1", "2", "2", "1"]})
    assert groups_of(frame, "patient_id", "splits").tolist()[-1] == "lesion 1"
    assert not divided_lesions(frame.assign(split=["train", "test", "train", "test", "val"]))


def test_a_lesion_in_two_splits_is_a_leak_unless_its_patient_explains_it():
    frame = pd.DataFrame({"patient_id": [None, None, "A", "A"], "lesion_id": ["1", "1", "2", "3"]})
    frame = frame.assign(split=["train", "test", "train", "train"])
    assert divided_lesions(frame) == {"1": ["train", "test"]}
    with pytest.raises(LeakageError, match=r"1 lesion_id in more than one split.*\n  1: train, test"):
        check_leakage(frame)
    two = pd.DataFrame({"patient_id": ["A", "B", "C"], "lesion_id": ["1", "1", "2"], "split": ["train", "test", "val"]})
    more = pd.concat([two, pd.DataFrame({"patient_id": ["C"], "lesion_id": ["3"], "split": ["val"]})])
    assert divided_lesions(more) == {"1": ["train", "test"]} and not divided_lesions(more, patients_differ=False)
    check_leakage(more)


def few(**photos: int) -> pd.DataFrame:
    names = [name for name, n in photos.items() for _ in range(n)]
    return pd.DataFrame({"image": [f"{i}.png" for i in range(len(names))], "disease": names})


@NO_PATIENT
@pytest.mark.parametrize(
    ("photos", "wanted"),
    [  # for each disease its photographs in train, val, test; a set where the seed decides which disease it is
        ({"a": 3, "b": 3, "c": 3}, [(1, 1, 1)] * 3),
        ({"a": 2, "b": 2}, [(1, 0, 1), (1, 1, 0)]),
        ({"a": 2, "b": 2, "c": 2}, [(1, 0, 1), (1, 0, 1), (1, 1, 0)]),
        ({"a": 2, "b": 1}, [(1, 0, 1), (0, 1, 0)]),
        ({"a": 3}, [(1, 1, 1)]),
        ({"a": 3, "b": 1}, [(1, 1, 1), (1, 0, 0)]),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_few_photographs_are_dealt_so_that_each_disease_can_be_learnt_and_then_tested(photos, wanted, seed):
    frame = grouped_split(few(**photos), seed)
    table = pd.crosstab(frame["disease"], frame["split"]).reindex(columns=["train", "val", "test"], fill_value=0)
    assert sorted(map(tuple, table.to_numpy().tolist())) == sorted(wanted)


@NO_PATIENT
def test_one_photograph_a_disease_is_split_too():
    for photos, wanted in ((dict(a=1, b=1, c=1), [1, 1, 1]), (dict(a=1, b=1, c=1, d=1), [2, 1, 1])):
        counts = grouped_split(few(**photos), 0)["split"].value_counts()
        assert [counts[split] for split in ("train", "val", "test")] == wanted


@NO_PATIENT
@pytest.mark.parametrize("photos", [{"a": 2}, {"a": 1, "b": 1}])
def test_what_cannot_be_split_is_refused_in_terms_of_photographs(photos):
    n = sum(photos.values())
    with pytest.raises(ManifestError, match=rf"^{n} photographs are too few.*add photographs") as caught:
        grouped_split(few(**photos), 0)
    assert "patient" not in str(caught.value)


@NO_PATIENT
def test_validation_is_carved_from_few_photographs_or_refused():
    frame = few(a=2, b=2).assign(split="train")
    carved = carve_validation(frame, 0.15)
    assert carved["split"].value_counts().to_dict() == {"train": 2, "val": 2}
    assert carved[carved["split"] == "train"]["disease"].tolist() == ["a", "b"]
    with pytest.raises(ManifestError, match="2 photographs in train are too few for validation"):
        carve_validation(few(a=1, b=1).assign(split="train"), 0.15)


def test_what_cannot_be_measured_is_said_by_name():
    frame = few(a=6, b=2, c=1, d=1)
    frame = frame.assign(split=["train"] * 3 + ["val"] + ["test"] * 2 + ["train"] * 2 + ["test", "train"])
    space = LabelSpace("x", ("a", "b", "c", "d", "e"))
    notes = "\n".join(notes_on_measures(frame, space))
    assert "1 of 5 diseases have no photograph: e" in notes
    assert "1 of 4 diseases have no training photograph: c; the model cannot learn them" in notes
    assert "2 of 4 diseases have no test photograph: b, d; no score" in notes
    assert "3 of 4 diseases have fewer than 3 photographs: b (2), c (1), d (1)" in notes
    assert "test: 3 photograph(s) of 2 disease(s): an accuracy can be 0, 33, 67 or 100 % only" in notes
    assert "one disease" not in notes and class_counts(frame, space)["a"] == {"train": 3, "val": 1, "test": 2}
    assert "one disease only, 'a'" in notes_on_measures(few(a=9).assign(split="train"), LabelSpace("x", ("a",)))[0]
    eight = few(a=4, b=4).assign(split="test")
    assert any("8 photograph(s) of 2 disease(s): an accuracy goes in steps of 12 points" in n
               for n in notes_on_measures(eight, LabelSpace("x", ("a", "b"))))  # fmt: skip


def test_a_large_dataset_in_full_splits_needs_no_word():
    frame = few(a=60, b=60).assign(split=(["train"] * 4 + ["val", "test"]) * 20)
    assert not notes_on_measures(frame, LabelSpace("x", ("a", "b")))
