"""The answer for one photograph, and what must stand beside it wherever it is shown."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DISCLAIMER = "Research tool, not a medical device: do not use it to diagnose or to treat anyone."


@dataclass(frozen=True)
class Prediction:
    """The answer for one photograph.

    Attributes:
        photo: what the model saw, uint8 (H, W, 3).
        answers: task -> probabilities in [0, 1] indexed by class, most probable first; those of a task in
            `multi_label` are independent of each other, the others sum to 1.
        selected: task -> (K,) row-major patch indices, best first; empty without lesion selection.
        grid: patches down and across.
        multi_label: tasks of which any number of classes may hold.
    """

    photo: np.ndarray
    answers: dict[str, pd.Series]
    selected: dict[str, np.ndarray]
    grid: tuple[int, int]
    multi_label: tuple[str, ...] = ("attributes",)
