"""The most confident errors of a model, with all that it predicted beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.ranks import rank_of_truth


def confident_errors(
    predictions: pd.DataFrame, label_space: LabelSpace, most: int = 10, top: int = 3
) -> list[dict[str, Any]]:
    """The wrong answers of highest probability, most confident first.

    Args:
        predictions: test rows of a run with all three tasks, as a run stores them, in the order of the cases.
        most: how many.
        top: length of the differential.

    Returns:
        for each: `index` of the case; `disease`, `body_part`, `attributes` true and `said_body_part`,
        `said_attributes` (from one half); `differential`: [name, probability]; `rank` of the truth, 1 for the first;
        `selected` patches, best first (empty without lesion selection).

    Raises:
        ValueError: the run has no answers of a task.
    """
    for task in ("disease", "body_part", "attributes"):
        if f"{task}_prob" not in predictions:
            raise ValueError(f"the run has no answers for {task}: take one with all three tasks, such as full")
    probability = np.stack(predictions["disease_prob"].to_list()).astype(float)
    truth = predictions["disease"].map({name: i for i, name in enumerate(label_space.diseases)}).to_numpy()
    sure = np.where(probability.argmax(1) != truth, probability.max(1), -1)
    rows = [int(i) for i in np.argsort(-sure, kind="stable")[:most] if sure[i] >= 0]
    return [_case(predictions.iloc[i], i, int(truth[i]), probability[i], label_space, top) for i in rows]


def _case(
    row: pd.Series, index: int, truth: int, probability: np.ndarray, label_space: LabelSpace, top: int
) -> dict[str, Any]:
    order = np.argsort(-probability, kind="stable")[:top]
    attributes = np.asarray(row["attributes_prob"], float) >= 0.5
    return {
        "index": index,
        "disease": row["disease"],
        "body_part": row["body_part"],
        "attributes": list(row["attributes"]),
        "said_body_part": label_space.body_parts[int(np.argmax(row["body_part_prob"]))],
        "said_attributes": [a for a, yes in zip(label_space.attributes, attributes, strict=True) if yes],
        "differential": [[label_space.diseases[k], round(float(probability[k]), 4)] for k in order],
        "rank": int(rank_of_truth(probability[None], np.array([truth]))[0]),
        "selected": [int(p) for p in row.get("selected", [])],
    }


def gallery_table(cases: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The most confident errors in words: predicted, how confidently, the truth, and the Bayes-optimal probabilities.

    Args:
        cases: from `confident_errors`, with `ideal`: the Bayes-optimal probabilities of "true" and "said".
    """
    return pd.DataFrame(
        {
            "predicted": case["differential"][0][0],
            "confidence": case["differential"][0][1],
            "true": case["disease"],
            "rank of the truth": case["rank"],
            "body part": case["body_part"],
            "predicted body part": case["said_body_part"],
            "attributes": ", ".join(case["attributes"]),
            "predicted attributes": ", ".join(case["said_attributes"]),
            "Bayes: true": case["ideal"]["true"],
            "Bayes: predicted": case["ideal"]["said"],
        }
        for case in cases
    )
