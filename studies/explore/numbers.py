"""Tables and numbers of the page Explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.estimate import Estimate

CHOSEN = {"attention": "by attention, as trained", "random": "at random", "centre": "nearest the centre", "all": "all"}
WITHOUT_TASKS = "Disease only is correct"


def choices_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """How the shipped model does with other patches than its own, as text: a row for each way of choosing.

    Args:
        record: as `measure_patch_choices` writes it.
    """
    return pd.DataFrame(
        {
            "patches": CHOSEN[name],
            "accuracy (95 % CI)": Estimate(*found["accuracy"]).percent(),
            "difference in points": "–" if name == "attention" else Estimate(*found["difference"]).points(),
            "other disease predicted": f"{100 * found['changed']:.1f} %",
            "lesion in the patches": "–" if found["lesion"] is None else f"{100 * found['lesion']:.0f} %",
        }
        for name, found in record["patches"].items()
    )


def page_numbers(
    choices: Mapping[str, Any], accuracy: Mapping[str, Any], ceiling: Mapping[str, Any], failures: Mapping[str, Any]
) -> dict[str, float]:
    """What the prose of the page quotes; shares in percent, differences in points without their sign."""
    lost = [-100 * value for value in choices["patches"]["random"]["difference"]]
    return {
        "correct": 100 * choices["patches"]["attention"]["accuracy"][0], "best": 100 * ceiling["accuracy"],
        "tested": accuracy["photographs"], "megabytes": accuracy["megabytes"],
        "lost": lost[0], "lost_least": lost[2], "lost_most": lost[1],
        "wrong": failures["wrong"], "shown": len(failures["cases"]),
    }  # fmt: skip


def with_disease_only(data: Mapping[str, Any], predictions: pd.DataFrame, diseases: Sequence[str]) -> dict[str, Any]:
    """The failure browser's data with one more error type: the model of the disease alone is correct here.

    Args:
        data: of the full model, see `dermimit.explore.failure_data.browser_data`.
        predictions: test rows of the other model on the same images, in their order.
        diseases: the order of its probabilities.

    Raises:
        ValueError: it was tested on other images.
    """
    best = np.stack(predictions["disease_prob"].to_list()).astype(float).argmax(axis=1)
    right = np.array(diseases)[best] == predictions["disease"].to_numpy()
    if any(predictions["disease"].iloc[case["index"]] != case["truth"] for case in data["cases"]):
        raise ValueError("the two models were tested on different images: take runs of one test set")
    number = len(data["tags"])
    cases = [case | {"tags": [*case["tags"], *([number] if right[case["index"]] else [])]} for case in data["cases"]]
    tag = {
        "key": "disease_only",
        "label": WITHOUT_TASKS,
        "meaning": "the model without the other tasks predicts it correctly",
    }
    return {**data, "cases": cases, "tags": [*data["tags"], tag]}
