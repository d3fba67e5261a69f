"""What a model learns from a manifest: an array for each task, with NaN where a label is unknown."""

import numpy as np
import pandas as pd
from jaxtyping import Float32

from dermimit.data.cells import as_weights, is_missing
from dermimit.data.columns import WEIGHTS_COLUMN
from dermimit.data.label_space import LabelSpace


def encode_targets(frame: pd.DataFrame, label_space: LabelSpace) -> dict[str, Float32[np.ndarray, "n _"]]:
    """Targets as floats: one-hot disease, multi-hot attributes, body part as the label space says, NaN where unknown.

    Where the frame has `disease_weights`, the target is w_c / Σ_c w_c instead of one-hot. Because unknown is NaN, a
    linear mix of two targets is unknown wherever either was.

    Args:
        frame: a validated manifest, or predictions read from a file, with n rows.
        label_space: gives the classes and their order.

    Returns:
        For each task that has classes, an (n, C) float32 array in [0, 1] or NaN.
    """
    targets = {}
    for task, count in label_space.num_classes.items():
        position = {name: i for i, name in enumerate(label_space.classes(task))}
        target = np.zeros((len(frame), count), np.float32)
        for row, value in zip(target, frame[task], strict=True):
            if is_missing(value):
                row[:] = np.nan
            else:
                row[[position[v] for v in ([value] if isinstance(value, str) else value)]] = 1
        targets[task] = target
        if task == "attributes":
            for row, unknown in zip(target, frame["attributes_unknown"], strict=True):
                row[[position[v] for v in (() if is_missing(unknown) else unknown)]] = np.nan
        if task == "disease" and WEIGHTS_COLUMN in frame:
            for row, weights in zip(target, map(as_weights, frame[WEIGHTS_COLUMN]), strict=True):
                if weights:
                    row[:] = 0
                    row[[position[v] for v in weights]] = np.array(list(weights.values())) / sum(weights.values())
    return targets
