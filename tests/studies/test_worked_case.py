"""The case that the book follows is the one that the pages describe."""

import numpy as np

from studies.shared.worked_case import picture, worked_case


def test_the_case_is_a_scaly_plaque_on_a_forearm():
    labels = worked_case().labels
    assert (labels.disease, labels.body_part) == ("plaque psoriasis", "forearm")
    assert set(labels.attributes) == {"plaque", "erythema", "scale"}


def test_a_picture_for_people_shows_the_same_lesion_as_the_one_for_the_model():
    large, small = picture(256), worked_case().image
    assert large.shape == (256, 256, 3) and large.dtype == np.uint8
    assert worked_case(256).labels == worked_case().labels
    reduced = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.corrcoef(reduced.ravel(), small.ravel())[0, 1] > 0.9
