"""Shares in per cent and points: numbers, texts with intervals, and what is no share."""

import numpy as np
import pandas as pd
import pytest

from dermimit.evaluate.estimate import NONE
from studies.shared.units import in_per_cent, metrics_table


def test_numbers_and_texts_are_shown_in_per_cent_with_the_unit_in_the_name():
    table = pd.DataFrame(
        {
            "model": ["ViT 0.5", "CNN"],
            "accuracy": [0.245, np.nan],
            "macro-F1 (95 %)": ["0.512 (0.489 to 0.530)", "not run yet"],
            "spread": ["0.151 ± 0.017", "1.000 ± 0.000"],
        }
    )
    shown = in_per_cent(table, ("accuracy", "macro-F1 (95 %)", "spread"))
    assert list(shown.columns) == ["model", "accuracy, %", "macro-F1, % (95 %)", "spread, %"]
    assert shown["model"].tolist() == ["ViT 0.5", "CNN"]
    assert shown["accuracy, %"][0] == "24.5" and pd.isna(shown["accuracy, %"][1])
    assert shown["macro-F1, % (95 %)"].tolist() == ["51.2 (48.9 to 53.0)", "not run yet"]
    assert shown["spread, %"].tolist() == ["15.1 ± 1.7", "100.0 ± 0.0"]
    assert table["accuracy"][0] == 0.245  # what is written as CSV stays


def test_a_difference_is_in_points():
    table = pd.DataFrame({"gain (95 %)": ["–", "−0.022 (−0.042 to +0.003)"], "floats": [-0.02, 0.5]})
    shown = in_per_cent(table, table.columns)
    assert shown["gain, points (95 %)"].tolist() == ["–", "−2.2 (−4.2 to +0.3)"]
    assert shown.columns[1] == "floats, points" and shown["floats, points"].tolist() == ["−2.0", "50.0"]


def test_only_shares_are_multiplied():
    table = pd.DataFrame({"score": ["0.5 of 12 images in 3.25 s", "seed 10.5", "p 0.0004"]})
    assert in_per_cent(table, ["score"])["score, %"].tolist()[:2] == ["50.0 of 12 images in 3.25 s", "seed 10.5"]


def test_a_column_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="macro-F1"):
        in_per_cent(pd.DataFrame({"a": [0.5]}), ["macro-F1"])


def test_metrics_of_a_run_are_in_the_units_of_the_book():
    values = {"disease/macro_f1": 0.1234, "disease/auroc": 0.98765, "disease/ece": None, "attributes/map": float("nan")}
    table = metrics_table({"validation": values, "test": values | {"disease/macro_f1": 0.5}})
    assert table.index.tolist() == ["disease: macro-F1, %", "disease: AUROC", "disease: ECE", "attributes: mAP"]
    assert table["validation"].tolist() == ["12.3", "0.988", NONE, NONE] and table["test"].iloc[0] == "50.0"
