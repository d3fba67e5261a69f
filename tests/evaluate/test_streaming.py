"""Scores counted in one pass are those of `score`, whatever the probabilities, ties, unknown labels and parts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.metrics import score
from dermimit.evaluate.streaming import score_file, score_parts
from dermimit.records import write_parquet

SPACE = LabelSpace("it", tuple("abcde"), ("arm", "leg"), ("x", "y", "z"))


def predictions(n: int, seed: int, coarse: bool = False, unknown: float = 0.2) -> pd.DataFrame:
    """Random answers; `coarse` ones are full of ties."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"image": [f"{i}.png" for i in range(n)]})
    for task, classes in (("disease", SPACE.diseases), ("body_part", SPACE.body_parts)):
        labels = draw.choice(classes, n)
        frame[task] = [None if draw.random() < unknown else str(label) for label in labels]
        values = draw.integers(0, 4, (n, len(classes))) / 4 if coarse else draw.dirichlet(np.ones(len(classes)), n)
        frame[f"{task}_prob"] = list(values.astype(np.float16))
    has = draw.random((n, 3)) < 0.4
    frame["attributes"] = [
        None if draw.random() < unknown else [a for a, yes in zip(SPACE.attributes, r, strict=True) if yes] for r in has
    ]
    frame["attributes_unknown"] = [
        ["x"] if labels is not None and "x" not in labels and draw.random() < unknown else None
        for labels in frame["attributes"]
    ]
    values = draw.integers(0, 3, (n, 3)) / 2 if coarse else draw.random((n, 3))
    frame["attributes_prob"] = list(values.astype(np.float16))
    return frame


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(0, 10**6), st.booleans(), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 80))
def test_one_pass_gives_the_same_scores(n, seed, coarse, unknown, rows):
    frame = predictions(n, seed, coarse, unknown)
    parts = [frame.iloc[i : i + rows].reset_index(drop=True) for i in range(0, n, rows)]
    assert score_parts(parts, SPACE) == pytest.approx(score(frame, SPACE), nan_ok=True, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10**6))
def test_scores_do_not_depend_on_the_order_and_lie_in_0_to_1(n, seed):
    frame = predictions(n, seed)
    shuffled = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    found = score(frame, SPACE)
    assert score(shuffled, SPACE) == pytest.approx(found, nan_ok=True, abs=1e-9)
    assert all(np.isnan(v) or -1e-12 <= v <= 1 + 1e-12 for v in found.values())


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10**6))
def test_the_truth_as_an_answer_scores_one(n, seed):
    frame = predictions(n, seed, unknown=0.0)
    frame["disease_prob"] = [np.float16([c == d for c in SPACE.diseases]) for d in frame["disease"]]
    found = score(frame, SPACE)
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "top3_accuracy"):
        assert found[f"disease/{name}"] == 1
    assert found["disease/ece"] == 0


def test_a_file_is_scored_in_parts(tmp_path):
    frame = predictions(250, 3)
    write_parquet(tmp_path / "predictions.parquet", frame)
    for rows in (7, 100, 1000):
        found = score_file(tmp_path / "predictions.parquet", SPACE, rows)
        assert found == pytest.approx(score(frame, SPACE), nan_ok=True, abs=1e-9)


def test_probabilities_of_another_kind_are_refused():
    frame = predictions(4, 0)
    with pytest.raises(ValueError, match="disease_prob is float64, not float16"):
        score_parts([frame.assign(disease_prob=list(np.full((4, 5), 0.2)))[["disease", "disease_prob", "image",
                     "attributes", "attributes_unknown", "body_part"]]], SPACE)  # fmt: skip
    with pytest.raises(ValueError, match="not in 0 to 1"):
        score_parts([frame.assign(disease_prob=list(np.full((4, 5), 1.5, np.float16)))], SPACE)
