"""What the SynDerm chapter picks and makes."""

import numpy as np
import pytest

from dermimit.data.synderm import SynDerm
from dermimit.data.synderm.colour import ANGLE_OF_TYPE
from studies.synderm_checks import gallery

DATA = SynDerm(300, seed=1, image_size=32)


def test_the_first_case_that_fits():
    index = gallery.first(DATA, lambda labels: labels.body_part == "face")
    assert DATA.labels(index).body_part == "face"
    assert all(DATA.labels(i).body_part != "face" for i in range(index))
    with pytest.raises(ValueError, match="draw more"):
        gallery.first(DATA, lambda labels: False)


def test_pairs_differ_in_the_attribute_only():
    pairs = gallery.attribute_pairs(seed=1, size=64)
    assert len(pairs) == 27
    for without, with_it in pairs:
        assert without.shape == with_it.shape == (64, 64, 3)
        assert 0 < (np.abs(without.astype(int) - with_it.astype(int)).max(axis=2) > 20).mean() < 0.7


def test_measured_angles_are_those_of_the_types():
    angles = gallery.typology_angles(seed=1, n=30)
    for row, (low, high) in zip(angles.itertuples(index=False), ANGLE_OF_TYPE.values(), strict=True):
        assert low <= row[1] <= high


def test_each_kind_of_course_is_shown_four_times():
    series = gallery.courses(seed=1, size=16)
    assert len(series) == 20
    assert all(series[i][1] == 0 for i in range(0, 20, 4))


def test_maps_become_pictures():
    case = DATA.counterfactual(0, add=("scale",))
    maps = gallery.truth_maps(case)
    assert set(maps) == {"image", "lesions", "scale", "causes"}
    assert all(m.shape == (32, 32, 3) and m.dtype == np.uint8 for m in maps.values())
    assert not gallery.coloured(np.zeros((2, 2), np.uint8)).any()
