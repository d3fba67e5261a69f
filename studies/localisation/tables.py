"""The published measurements of localisation as frames, and what lesion selection does to maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.significance import holm, t_test
from dermimit.records import read_json
from studies.localisation.summary import paired
from studies.shared.paths import PUBLISHED


@dataclass(frozen=True)
class Published:
    """What studies/localisation/measure.py has written so far.

    Attributes:
        methods: a row for each SynDerm photograph and method of one run, or None.
        selection: a row for each photograph, method, seed and `row` (with selection "full", without "D_B_A_CIM").
        sanity: how maps change as the network forgets.
        record: curves, thresholds and provenance of the SynDerm part.
        real: summaries of the real photographs by model, or None.
    """

    methods: pd.DataFrame | None
    selection: pd.DataFrame | None
    sanity: pd.DataFrame | None
    record: dict[str, Any]
    real: dict[str, Any] | None


def read_localisation(root: Path) -> Published:
    """Read the records; what has not been measured is None.

    Args:
        root: the project's folder.
    """
    folder = root / PUBLISHED / "localisation"

    def frame(name: str) -> pd.DataFrame | None:
        path = folder / f"synderm_{name}.parquet"
        return pd.read_parquet(path) if path.is_file() else None

    records = [
        read_json(p) if (p := folder / f"{name}.json").is_file() else None for name in ("synderm", "pad_ufes_20")
    ]
    return Published(frame("methods"), frame("selection"), frame("sanity"), records[0] or {}, records[1])


def with_and_without(selection: pd.DataFrame, scores: Sequence[str] = ("pointing", "auroc", "iou")) -> pd.DataFrame:
    """Maps of the model with lesion selection minus those without it, on the same photographs, by method.

    Interval and p are Student's, over photographs (by patient) and seeds together (`significance.t_test`).

    Args:
        selection: `Published.selection`.

    Returns:
        columns `method, score, photographs, value, low, high, p, p_holm`, and `seeds` and `positive`: how many seeds
        there are, and in how many the difference is above 0. Without a second seed there is neither interval nor p.
    """
    lines = []
    for method, these in selection.groupby("method", sort=False):
        one, other = (_over_seeds(these[these["row"] == row], scores) for row in ("full", "D_B_A_CIM"))
        means = these.groupby(["row", "seed"])[list(scores)].mean()
        gains = means.loc["full"] - means.loc["D_B_A_CIM"]
        for line in paired(one, other, scores).to_dict("records"):
            gain = gains[line["score"]].dropna()
            test = t_test(gain, line["se"] ** 2, line["patients"])
            line |= {"low": line["value"] - test.half, "high": line["value"] + test.half, "p": test.p}
            lines.append({"method": method} | line | {"seeds": len(gain), "positive": int((gain > 0).sum())})
    table = pd.DataFrame(lines)
    return table.assign(p_holm=holm(table["p"]))


def _over_seeds(rows: pd.DataFrame, scores: Sequence[str]) -> pd.DataFrame:
    means = rows.groupby("image", sort=False)[list(scores)].mean()
    return means.join(rows.groupby("image", sort=False)["patient_id"].first()).reset_index()
