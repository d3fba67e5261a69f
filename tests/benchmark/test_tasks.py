"""Scores of attributes by hand, and what they are of resamples that lack an attribute."""

import numpy as np
import pytest

from dermimit.benchmark.tasks import several_of
from dermimit.evaluate.chance import random_order
from dermimit.evaluate.resampling import patient_draws


def test_a_resample_without_an_attribute_is_scored_on_the_others():
    truth = np.zeros((40, 2))
    truth[::2, 0], truth[0, 1] = 1, 1  # the second one in a single patient
    value, drawn = several_of(truth, truth, patient_draws(range(40), 200))["macro_f1"]
    assert value == 1 and (drawn == 1).all()


def test_chance_is_over_the_attributes_that_the_score_is_over():
    rng = np.random.default_rng(0)
    truth = np.stack([np.ones(500), rng.random(500) < 0.2], axis=1).astype(float)  # all show the first
    scores = [several_of(truth, rng.random((500, 2)), patient_draws(range(500), 2))["map"][0] for _ in range(30)]
    assert np.mean(scores) == pytest.approx(random_order(truth), abs=0.01)
