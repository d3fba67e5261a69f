"""The typology angle: colours whose angle is known, skin found outside the outline, agreement on made-up types."""

import itertools

import numpy as np
import pytest

from dermimit.data.synderm import SynDerm
from dermimit.data.synderm.colour import ANGLE_OF_TYPE
from dermimit.data.synderm.colour import typology_angle as drawn_angle
from studies.skin_tone import angle as typology


@pytest.mark.parametrize(
    ("lightness", "b", "angle"), [(60, 10, 45), (50, 15, 0), (40, 10, -45), (70, 0, 90), (50 + 3**0.5 * 10, 10, 60)]
)
def test_known_angles(lightness, b, angle):
    assert typology.typology_angle(np.array([float(lightness), 7.0, float(b)])) == pytest.approx(angle)


def test_the_library_s_colours_give_the_angle_that_the_drawing_has():
    photo = np.array([[[224, 190, 170], [120, 80, 60]]], np.uint8)
    encoded = photo / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    own = typology.typology_angle(typology.rgb2lab(photo))
    np.testing.assert_allclose(own, drawn_angle(linear), atol=0.2)


def test_classes_are_those_that_the_drawn_types_cover():
    for kind, (low, high) in ANGLE_OF_TYPE.items():
        inside = np.array([low + 0.1, (low + high) / 2, high - 0.1])
        assert (typology.typology_class(inside) == kind - 1).all()
    assert typology.typology_class(np.array([55.0, 41.0, -30.0])).tolist() == [1, 2, 5]


def test_skin_is_measured_round_the_outline_and_nothing_else_counts():
    photo, lesion = np.full((60, 60, 3), (224, 190, 170), np.uint8), np.zeros((60, 60), bool)
    lesion[24:36, 24:36] = True
    plain = typology.skin_angle(photo, lesion)
    photo[23:37, 23:37] = (60, 10, 10)  # the lesion and a pixel beyond its outline
    photo[:10] = (150, 150, 150)  # a wall, far away
    photo[20:23] = (40, 60, 160)  # a line of ink
    assert typology.skin_angle(photo, lesion) == pytest.approx(plain)
    assert np.isnan(typology.skin_angle(photo, np.ones((60, 60), bool)))
    assert np.isnan(typology.skin_angle(photo, np.zeros((60, 60), bool)))


def test_darker_skin_of_the_same_case_has_a_smaller_angle():
    cases = SynDerm(2, seed=3, image_size=48, confounders=False)
    drawn = [cases.counterfactual(1, fitzpatrick=kind) for kind in range(1, 7)]
    angles = [typology.skin_angle(case.image, case.mask) for case in drawn]
    assert all(a > b for a, b in itertools.pairwise(angles))


def test_agreement_counts_what_it_says():
    kinds, angles = [1, 2, 3, 4, 5, 6, np.nan, 2], [60, 50, 20, 20, 0, -40, 10, np.nan]
    found = typology.agreement(kinds, angles, [f"p{i}" for i in range(8)], resamples=50)
    assert (found["photographs"], found["exact"], found["near"]) == (6, pytest.approx(5 / 6), 1.0)
    assert found["spearman"] == pytest.approx(0.9856, abs=1e-3)  # one tie
    assert np.trace(found["table"]) == 5 and found["table"][2][3] == 1
    assert [line["median"] for line in found["by_type"]] == [60, 50, 20, 20, 0, -40]
    with pytest.raises(ValueError, match="2 photographs have a type and an angle"):
        typology.agreement([1, 2], [50, 40], ["a", "b"])


def test_alike_is_the_share_of_the_variance_that_patients_explain():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(400), rng.integers(2, 5, 400))
    own = rng.normal(30, 15, 400)[patients]
    found = typology.alike(own + rng.normal(0, 15, len(own)), patients.astype(str), resamples=100)
    assert found["alike"] == pytest.approx(0.5, abs=0.08) and found["within"] == pytest.approx(15, rel=0.05)
    assert found["alike_low"] < found["alike"] < found["alike_high"] and found["alike_patients"] == 400
    assert typology.alike(own, patients.astype(str), resamples=5)["alike"] == pytest.approx(1)
    with pytest.raises(ValueError, match="0 patients have several photographs"):
        typology.alike([1.0, 2.0], ["a", "b"])
