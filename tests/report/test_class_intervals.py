"""Intervals of a class in the report: by patient, since photographs of one patient are alike."""

import numpy as np
import pytest

from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.statistics import count_interval, share_interval
from dermimit.report.classes import share


def ends(text):
    return [float(x) / 100 for x in text.split("(")[1].rstrip(")").split(" to ")]


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (3, 11), (12, 12), (40, 200)])
def test_wilson_of_a_broken_number_is_that_of_scipy_at_whole_ones(hits, n):
    assert share_interval(hits / n, n) == pytest.approx(count_interval(hits, n), abs=1e-12)
    assert share_interval(hits / n, n + 0.5) != count_interval(hits, n)


def test_photographs_of_patients_of_their_own_have_the_usual_interval():
    hits = np.arange(200) % 5 > 0
    low, high = ends(share(hits, np.ones(200, bool), patient_draws(range(200), 1000)))
    assert (low, high) == pytest.approx(count_interval(160, 200), abs=0.01)


@pytest.mark.parametrize("photographs", [1, 15])
def test_the_interval_covers_the_truth_where_the_photographs_of_a_patient_agree(photographs):
    """20 patients whose photographs are all right or all wrong: Wilson over photographs covers .52 with 15 each."""
    rng, patients, inside = np.random.default_rng(0), np.repeat(np.arange(20), photographs), 0
    draws = patient_draws(patients, 400)
    for _ in range(300):
        hits = np.repeat(rng.random(20) < 0.7, photographs)
        low, high = ends(share(hits, np.ones(len(hits), bool), draws))
        inside += low <= 0.7 <= high
    assert inside / 300 > 0.91


def test_where_all_agree_patients_are_counted():
    patients = np.repeat(np.arange(4), 10)
    low, high = ends(share(np.ones(40, bool), np.ones(40, bool), patient_draws(patients, 100)))
    assert (low, high) == pytest.approx(count_interval(4, 4), abs=1e-3)
