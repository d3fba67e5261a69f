"""Labels of other photographs told in the names that a run knows."""

import unicodedata
from dataclasses import replace

import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.evaluate.classes import match_classes

TASKS = ("body_part", "attributes", "disease")
RUN = LabelSpace("ours", ("acne", "bécema", "lichen planus"), ("arm", "leg"), ("scale", "crust"))


def labelled(disease, body_part=None, attributes=None, unknown=None):
    n = len(disease)
    columns = {"disease": disease, "body_part": body_part or ["arm"] * n, "attributes": attributes or [None] * n}
    frame = pd.DataFrame(columns | {"attributes_unknown": unknown or [None] * n}, index=range(5, 5 + n), dtype=object)
    parts = tuple(dict.fromkeys(frame["body_part"]))
    names = tuple({name: 0 for cell in frame["attributes"] if cell for name in cell})
    return LabelSpace("theirs", tuple(dict.fromkeys(disease)), parts, names), frame


def test_names_are_the_same_but_for_case_blanks_and_unicode_form():
    other = [unicodedata.normalize("NFD", "Bécema"), " ACNE", "Lichen_Planus", "lichen  planus", "acne"]
    space, frame = labelled(other, ["Leg", "arm", "arm", "arm", "arm"])
    found = match_classes(RUN, space, frame, TASKS)
    assert list(found.frame["disease"]) == ["bécema", "acne", "lichen planus", "lichen planus", "acne"]
    assert list(found.frame["body_part"]) == ["leg", "arm", "arm", "arm", "arm"]
    assert found.renamed["body_part"] == {"Leg": "leg"} and "acne" not in found.renamed["disease"]
    assert len(found.renamed["disease"]) == 4 and found.absent == {} and found.unknown == {}
    assert found.space == replace(RUN, name="theirs", attributes=())
    assert len(found.notes()) == 5


def test_a_name_that_could_be_two_classes_is_neither():
    space, frame = labelled(["ACNE", "Acne"])
    run = replace(RUN, diseases=("acne", "Acne"))
    with pytest.raises(ManifestError, match=r"does not know 'ACNE' \(1\) of theirs"):
        match_classes(run, space, frame, TASKS)


def test_unknown_classes_are_counted_named_and_left_out_if_asked():
    disease = ["acne", "acnes", "acnes", "naevus", "acne"]
    attributes = [["scale", "blue"], None, None, None, []]
    space, frame = labelled(disease, ["arm", "arm", "arm", "arm", "ear"], attributes)
    with pytest.raises(ManifestError, match=r"^body_part: the run does not know 'ear' \(1\) of theirs: correct the"):
        match_classes(RUN, space, frame, TASKS)
    with pytest.raises(ManifestError, match=r"'acnes' \(2\), 'naevus' \(1\).*photographs out.*did you mean 'acne'\?"):
        match_classes(RUN, space, frame, ("disease",))
    found = match_classes(RUN, space, frame, TASKS, leave_out_unknown=True)
    assert list(found.frame.index) == [5, 9]  # photographs of unknown diseases
    assert list(found.frame["attributes"]) == [["scale"], []] and list(found.frame["body_part"]) == ["arm", None]
    assert found.unknown == {"body_part": {"ear": 1}, "attributes": {"blue": 1}, "disease": {"acnes": 2, "naevus": 1}}
    assert found.absent == {
        "body_part": ["leg"],
        "attributes": ["crust"],
        "disease": ["bécema", "lichen planus"],
    }
    gone, rows = labelled(["acne", "naevus"], ["arm", "leg"], [["scale"], ["crust"]])
    absent = match_classes(RUN, gone, rows, TASKS, leave_out_unknown=True).absent  # of the photographs that are left
    assert absent["body_part"] == ["leg"] and absent["attributes"] == ["crust"]
    assert "disease: 3 photographs of unknown classes left out: 'acnes' (2), 'naevus' (1)" in found.notes()
    with pytest.raises(ManifestError, match="no photograph is left"):
        match_classes(RUN, *labelled(["x"]), ("disease",), leave_out_unknown=True)


def test_a_class_of_their_label_space_without_a_photograph_is_no_fault():
    space, frame = labelled(["acne"])
    assert match_classes(RUN, replace(space, diseases=("acne", "naevus")), frame, TASKS).unknown == {}


def test_tasks_must_be_shared_and_of_one_kind():
    space, frame = labelled(["acne"])
    with pytest.raises(ManifestError, match=r"body_part: the run was trained with one class a photograph"):
        match_classes(RUN, replace(RUN, several_body_parts=True), frame, TASKS)
    with pytest.raises(ManifestError, match=r"no labels for what the run was trained on: attributes"):
        match_classes(RUN, space, frame, ("attributes",))
    other = LabelSpace("theirs", ("x", "y"), ("leg", "arm"), ("scale",))
    assert match_classes(RUN, other, frame, ("body_part",)).space == replace(other, body_parts=("arm", "leg"))
