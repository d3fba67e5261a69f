"""Risk against coverage: by hand, against the slow definition, and at its ends."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermimit.evaluate import selective
from dermimit.evaluate.differential import Differential


def answers(confidence, right):
    """Two diseases, the first always said."""
    confidence, right = np.array(confidence), np.array(right)
    probability = np.stack([confidence, 1 - confidence], axis=1)
    none = pd.Series([None] * len(right))
    return Differential(np.where(right, 0, 1), probability, none, none)


def area(confidence, right):
    return float(selective.aurc(selective.levels(np.array(confidence), np.array(right, bool)))[0])


def test_the_area_by_hand():
    # errors among the first k: 0/1, 0/2, 1/3, 1/4
    assert area([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]) == pytest.approx((1 / 3 + 1 / 4) / 4)
    # two of equal confidence, one of them wrong: both orders, 1/2 (0 + 1/2) and 1/2 (1 + 1/2)
    assert area([0.6, 0.6], [1, 0]) == pytest.approx((0.25 + 0.75) / 2)


def test_equal_confidence_is_the_mean_over_orders():
    rng = np.random.default_rng(0)
    confidence, right = rng.integers(1, 5, 40) / 5, rng.random(40) < 0.6
    ordered = [area(confidence + 1e-6 * rng.random(40), right) for _ in range(3000)]
    assert area(confidence, right) == pytest.approx(np.mean(ordered), abs=2e-3)


def test_a_perfect_ranker_has_no_excess():
    # Geifman et al. (2019): AURC* = r + (1 - r) ln(1 - r) for many photos
    right = np.arange(5000) < 3500
    counts = selective.levels(1 - np.arange(5000) / 1e4, right)
    assert selective.aurc(counts) == pytest.approx(selective.best_aurc(counts))
    assert selective.best_aurc(counts)[0] == pytest.approx(0.3 + 0.7 * np.log(0.7), abs=2e-4)
    worst = selective.levels(np.arange(5000) / 1e4, right)
    assert selective.aurc(worst) > 2 * selective.best_aurc(worst)


def test_a_ranker_that_knows_nothing_has_the_error_rate():
    assert area([0.5] * 10, [1] * 7 + [0] * 3) == pytest.approx(0.3)
    assert area([0.5] * 3, [1, 1, 1]) == 0
    assert area([0.5] * 3, [0, 0, 0]) == pytest.approx(1)


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.5, 0.8]), st.booleans()), min_size=1, max_size=20))
def test_the_area_lies_between_the_best_and_one(photos):
    confidence, right = map(np.array, zip(*photos, strict=True))
    counts = selective.levels(confidence, right)
    assert selective.best_aurc(counts)[0] - 1e-9 <= selective.aurc(counts)[0] <= 1 + 1e-9


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.4, 0.8]), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12))
def test_weights_are_copies(photos):
    confidence, right, weights = map(np.array, zip(*photos, strict=True))
    if weights.sum():
        weighted = selective.levels(confidence, right, weights[:, None].astype(float))
        copied = selective.levels(np.repeat(confidence, weights), np.repeat(right, weights))
        assert selective.aurc(weighted) == pytest.approx(selective.aurc(copied))
        assert selective.coverage_at(weighted, 0.3) == pytest.approx(selective.coverage_at(copied, 0.3))


def test_the_curve_and_the_coverage_by_hand():
    photos = answers([0.9, 0.8, 0.8, 0.7, 0.6], [1, 1, 0, 1, 0])
    curve = selective.risk_coverage(photos)
    assert curve["threshold"].tolist() == [0.9, 0.8, 0.7, 0.6]
    assert curve["photos"].tolist() == [1, 3, 4, 5]
    assert curve["coverage"].tolist() == pytest.approx([0.2, 0.6, 0.8, 1])
    assert curve["risk"].tolist() == pytest.approx([0, 1 / 3, 1 / 4, 2 / 5])
    counts = selective.levels(photos.confidence, photos.right)
    wanted = {0: 0.2, 0.25: 0.8, 0.3: 0.8, 0.4: 1.0}
    assert {risk: selective.coverage_at(counts, risk)[0] for risk in wanted} == pytest.approx(wanted)
    assert selective.coverage_at(selective.levels(np.array([0.9]), np.array([False])), 0.5)[0] == 0
