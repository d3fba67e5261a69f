"""Four ways to choose twelve patches, on one case: by attention, at random, around the centre, by the true outline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from dermimit.data.synderm import Case
from dermimit.explore.onnx_model import OnnxModel
from dermimit.model.control_selection import CentreSelection, GivenSelection, RandomSelection
from studies.shared.evidence import Evidence

WAYS = {"attention": "Attention", "random": "At random", "centre": "Image centre", "outline": "True outline"}
RECORDED = {"attention": "full", "random": "random_patches", "centre": "centre_patches", "outline": "oracle"}
"""Way -> row of the record of what was selected, localisation/selection.json."""
TRAINED = {"attention": "full", "random": "full_random", "centre": "full_centre"}
"""Way -> row of the ablation and its controls; the outline was trained with half their budget, as `oracle`."""


def chosen(model: OnnxModel, case: Case) -> dict[str, np.ndarray]:
    """The patches that each way takes, as row-major places in the grid.

    Args:
        model: with lesion selection, whose choice for the disease is the first.
        case: at the model's size.
    """
    rows, columns = model.facts["grid"]
    k = model.facts["k"]
    lesion = torch.from_numpy(case.mask).float()[None, None]
    blind = RandomSelection(k=k, num_patches=rows * columns).drawn.topk(k).indices
    return {
        "attention": np.asarray(model(np.asarray(case.image)).selected["disease"]),
        "random": blind.numpy(),
        "centre": CentreSelection(k=k, grid=(rows, columns)).order.numpy(),
        "outline": GivenSelection(k=k, grid=(rows, columns)).of_map(lesion)[1][0].numpy(),
    }


def precision(case: Case, patches: np.ndarray, grid: tuple[int, int]) -> float:
    """Which share of the area of some patches is lesion."""
    share = F.adaptive_avg_pool2d(torch.from_numpy(case.mask).float()[None], grid).flatten().numpy()
    return float(share[patches].mean())


def compared(selected: Mapping[str, Any], controlled: Evidence, informed: Evidence) -> pd.DataFrame:
    """What each way of choosing selects and scores in the records.

    Args:
        selected: localisation/selection.json.
        controlled: from `evidence.with_controls`.
        informed: `evidence.read_evidence` of the table `selection`: half the budget.

    Returns:
        by way: `precision` (share of the chosen area that is lesion), and macro-F1 as `value, low, high, seeds`, all
        in [0, 1]; the outline's macro-F1 is of half the budget, and `half` is what attention scores there.
    """
    full, half = (of.against("full").set_index("row") for of in (controlled, informed))
    lines = {}
    for way, row in RECORDED.items():
        line = full.loc[TRAINED[way]] if way in TRAINED else half.loc["oracle"]
        numbers = {name: line[name] for name in ("value", "low", "high", "seeds")}
        lines[way] = numbers | {"precision": selected["rows"][row]["precision"]}
    table = pd.DataFrame(lines).T.astype(float)
    return table.assign(half=[np.nan, np.nan, np.nan, half.loc["full", "value"]])
