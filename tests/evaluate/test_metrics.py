"""Metrics against values computed by hand."""

import numpy as np
import pytest

from dermimit.evaluate.metrics import attribute_metrics, class_metrics, expected_calibration_error

NAN = np.nan


def test_class_metrics_by_hand():
    target = np.eye(4)[[0, 0, 1, 2, 2]].astype(float)
    probability = np.array(
        [[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.1, 0.6, 0.2, 0.1], [0.3, 0.2, 0.1, 0.4], [0.1, 0.2, 0.6, 0.1]]
    )
    unknown = np.full((1, 4), NAN)
    metrics = class_metrics(np.vstack([target, unknown]), np.vstack([probability, probability[:1]]))
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["balanced_accuracy"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 2 / 3) / 3)  # class 3 never occurs: left out
    assert metrics["top3_accuracy"] == pytest.approx(4 / 5)  # row 4's truth is the least probable


def test_attribute_metrics_leave_unknown_entries_out():
    target = np.array([[1, 0], [0, NAN], [1, 1], [0, 0]], dtype=float)
    probability = np.array([[0.9, 0.2], [0.1, 0.99], [0.4, 0.8], [0.6, 0.1]])
    metrics = attribute_metrics(target, probability)
    assert metrics["map"] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    assert metrics["auroc"] == pytest.approx((3 / 4 + 1) / 2)
    assert metrics["macro_f1"] == pytest.approx((0.5 + 1) / 2)


def test_no_known_photograph_gives_nan_not_zero():
    metrics = class_metrics(np.full((2, 3), NAN), np.full((2, 3), 1 / 3))
    assert all(np.isnan(value) for value in metrics.values())


def test_calibration_error_by_hand():
    correct, confidence = np.array([True, False, True, True]), np.array([0.95, 0.95, 0.55, 0.55])
    assert expected_calibration_error(correct, confidence) == pytest.approx((2 * 0.45 + 2 * 0.45) / 4)
