"""The numbers and words of the chapter's prose, to be glued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from studies.rare_diseases.tables import largest

Numbers = dict[str, float | str]


def of_rare_diseases(
    gain: Mapping[str, float],
    remedies: pd.DataFrame,
    record: Mapping[str, Any],
    coverage: pd.DataFrame,
    part: np.ndarray,
    reference: str = "reference:full",
) -> Numbers:
    """All that the page's prose quotes.

    Args:
        gain: `by_frequency.gain_by_count` of the further tasks.
        remedies: from `by_frequency.table_of_parts`, with the reference.
        record: of the measurements.
        coverage: from `coverage.coverage_table`.
        part: of each disease.
        reference: the row without a remedy.
    """
    wide = remedies.pivot(index="row", columns="part", values="value")
    names = remedies.drop_duplicates("row").set_index("row")["label"]
    best = wide.drop(index=reference)["tail"].idxmax()
    numbers: Numbers = {"idea": largest(gain), "remedy": names[best].removeprefix("full, ")}
    numbers |= {f"slope{end}": gain[f"slope{end}"] for end in ("", "_low", "_high")}
    for name, row in (("plain", reference), ("best", best)):
        numbers |= {f"{name}_{p}": float(wide.loc[row, p]) for p in ("head", "tail")}
    tail = {
        line["shots"]: float(np.mean(np.array(line["recall"])[part == "tail"])) for line in record["few_shot"]["full"]
    }
    most = max(shots for shots in tail if shots)
    numbers |= {"shots": most, "shots_tail": tail[most], "trained_tail": tail[None]}
    aurocs = [score["auroc"] for run in record["unseen"] for score in run["scores"].values()]
    numbers |= {"strangest": max(aurocs), "least_strange": min(aurocs)}
    for kind in ("without", "with"):
        numbers[f"attributes_{kind}"] = float(
            np.mean([run["attributes"][kind]["auroc"] for run in record["unseen"] if "attributes" in run])
        )
    one = coverage[coverage["way"] == "one threshold"].set_index("group")
    return numbers | {f"covered_{p}": 100 * float(one.loc[p, "coverage"]) for p in ("all", "head", "tail")}
