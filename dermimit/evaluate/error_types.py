"""Kinds of error and of case: the names of their tags, and what is right in an answer beside the disease."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace

MOSTLY = 2 / 3  # F1 of a photograph's attributes from which they count as mostly found
CONFOUNDERS = ("ink", "ruler", "dressing", "hair")
CASE_TAGS = {  # column -> what it means; those after `ideal_wrong` need the other tasks' answers
    "small": "small lesion: lowest third of the area in sight",
    "dark": "dark skin: Fitzpatrick V or VI",
    "confounder": "ink, a ruler, a dressing or stray hair in the image",
    **{name: f"of these: {name}" for name in CONFOUNDERS},
    "ideal_wrong": "even the Bayes-optimal classifier, which sees every label, predicts another disease",
    "body_wrong": "body part misclassified",
    "attributes_mostly": "attributes mostly found: F1 of the image 2/3 or more",
}
ERROR_TAGS = {
    "pair": "confusable pair: the answer is among the three that the Bayes-optimal classifier most confuses with it",
    "excusable": "excusable: to the Bayes-optimal classifier the answer is at least as probable as the truth",
    "second": "the true disease is second in the differential",
}
TAG_LABELS = {
    "small": "small lesion",
    "dark": "dark skin (V, VI)",
    "confounder": "any confounder",
    "ink": "· ink",
    "ruler": "· ruler",
    "dressing": "· dressing",
    "hair": "· stray hair",
    "ideal_wrong": "Bayes-optimal classifier errs too",
    "body_wrong": "body part wrong",
    "attributes_mostly": "attributes mostly found",
    "pair": "confusable pair",
    "excusable": "excusable",
    "second": "truth is second",
}


def attribute_f1(predictions: pd.DataFrame, label_space: LabelSpace) -> np.ndarray:
    """(n,) F1 of each photograph's attributes, 2 TP / (said + true), said from a probability of one half; 1 if none.

    Attributes of `attributes_unknown`, where there is such a column, count neither as said nor as true.
    """
    said = np.stack(predictions["attributes_prob"].to_list()).astype(float) >= 0.5
    true = np.array([[name in found for name in label_space.attributes] for found in predictions["attributes"]])
    if "attributes_unknown" in predictions:
        lists = [v if isinstance(v, list | np.ndarray) else [] for v in predictions["attributes_unknown"]]
        said &= ~np.array([[name in unknown for name in label_space.attributes] for unknown in lists])
    both = said.sum(1) + true.sum(1)
    return np.where(both > 0, 2 * (said & true).sum(1) / np.maximum(both, 1), 1.0)


def body_right(predictions: pd.DataFrame, label_space: LabelSpace) -> np.ndarray:
    """(n,) whether the body part is named rightly."""
    said = np.stack(predictions["body_part_prob"].to_list()).argmax(1)
    return np.array(label_space.body_parts)[said] == predictions["body_part"].to_numpy()
