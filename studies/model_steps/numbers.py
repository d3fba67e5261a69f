"""The numbers of the page that takes one prediction apart, to be glued: none is written by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermimit.explain.style import TASK_LABELS
from studies.shared.anatomy_charts import Anatomy


def on_lesion(selected: np.ndarray, mask: np.ndarray, grid: tuple[int, int]) -> int:
    """How many of the patches lie on the lesion by more than half of their area.

    Args:
        selected: row-major indices.
        mask: (H, W) bool, its sides multiples of the grid's.
        grid: patches down and across.
    """
    high, wide = mask.shape[0] // grid[0], mask.shape[1] // grid[1]
    covered = mask.reshape(grid[0], high, grid[1], wide).mean(axis=(1, 3)).ravel()
    return int((covered[selected] > 0.5).sum())


def of_case(one: Anatomy, weights: np.ndarray, parameters: Mapping[str, int]) -> dict[str, float | str]:
    """What the page quotes of the case.

    Args:
        one: from `studies.shared.anatomy`.
        weights: (1 + K,) of the attributes' tokens in what the disease receives.
        parameters: part of the network -> how many parameters it has; "all" among them.

    Returns:
        counts, and probabilities and shares in percent.
    """
    (true,) = one.truth("disease")
    found: dict[str, float | str] = {
        "patches": one.grid[0] * one.grid[1],
        "selected": len(one.selected["disease"]),
        "disease_on": on_lesion(one.selected["disease"], one.mask, one.grid),
        "attributes_on": on_lesion(one.selected["attributes"], one.mask, one.grid),
        "before": 100 * one.before["disease"][true],
        "after": 100 * one.after["disease"][true],
        "heaviest": 100 * weights.max(),
        "even": 100 / len(weights),
        "million": parameters["all"] / 1e6,
    }
    return found | {f"share_{name}": 100 * n / parameters["all"] for name, n in parameters.items() if name != "all"}


def losses_table(losses: Mapping[str, tuple[float, float]], weights: Mapping[str, float]) -> pd.DataFrame:
    """A line a task: its loss before and after the exchange, and the weight of both in the sum.

    Args:
        losses: task -> (before, after).
        weights: task -> weight.
    """
    kinds = {"attributes": "binary cross-entropy"}
    return pd.DataFrame(
        [
            {"task": TASK_LABELS[task], "loss": kinds.get(task, "cross-entropy"), "before": before, "after": after}
            | {"weight": f"{weights[task]:g}"}
            for task, (before, after) in losses.items()
        ]
    )
