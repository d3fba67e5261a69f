"""The numbers of the chapter's prose, to be glued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.reader_study.design import FIRST

Line = Mapping[str, Any]
Numbers = dict[str, float | str]


def of_power(record: Line) -> Numbers:
    """The designs with the fewest readings, the power that they reach, and who is assumed to be right, in per cent."""
    usual = next(iter(record["scenarios"].values()))
    assumed = {"assumed_model": 100 * usual["model_accuracy"], "assumed_readers": 100 * usual["accuracy"]}
    return {"wanted": 100 * record["wanted"]} | assumed | fewest_readings(record)


def of_readers(frame: pd.DataFrame) -> Numbers:
    """How many first answers, and how many cases of the model, are right, in per cent.

    Args:
        frame: the answers of a study.
    """
    right = frame.loc[frame["step"] == FIRST, "right"].mean()
    return {"first_right": 100 * right, "model_right": 100 * frame.drop_duplicates("case")["model_right"].mean()}


def fewest_readings(record: Line) -> dict[str, int]:
    """The design with the fewest readings (readers × cases) that reaches the wanted power, for each gain in points.

    Returns:
        `readers_3` and `cases_3` for a gain of three points, and so on; a gain that no design reaches is left out.
    """
    usual, designs = next(iter(record["scenarios"])), {}
    for gain in sorted({line["gain"] for line in record["smallest"]}):
        enough = [x for x in record["smallest"] if (x["scenario"], x["gain"]) == (usual, gain) and x["cases"]]
        if enough:
            best = min(enough, key=lambda x: (x["readers"] * x["cases"], x["readers"]))
            designs |= {f"{name}_{100 * gain:.0f}": best[name] for name in ("readers", "cases")}
    return designs
