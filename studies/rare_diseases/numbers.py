"""The claims of the chapter, and the numbers and words of its prose, to be glued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate, estimate
from studies.rare_diseases.unseen_tables import CHANCE, mean_auroc, told
from studies.shared.claims import Claim, turned
from studies.shared.show import points
from studies.shared.verdict_words import CONTRADICTED, SUPPORTED

REMEDY = "rare_diseases:full_resampled"
"""The remedy that claims are about: the plainest one."""
PLAIN_SCORE = "max_probability"
"""The out-of-distribution score that claims are about: the usual first one."""
UNSEEN = "full_unseen"
ONE_WAY, BY_PART = "one threshold", "a threshold for each part"
ENDS = ("value", "low", "high")
Numbers = dict[str, float | str]
Slopes = Mapping[str, Mapping[str, float]]


def claims(
    slopes: Slopes, gains: pd.DataFrame, record: Mapping[str, Any], coverage: pd.DataFrame, miss: float
) -> list[Claim]:
    """Six claims: two on extra tasks, two on re-sampling, one on unseen diseases, one on prediction sets.

    Args:
        slopes: claim -> `by_frequency.gain_by_count`.
        gains: `by_frequency.gains_of_parts` of the remedies.
        record: of the measurements.
        coverage: `coverage.coverage_table`.
        miss: α of the prediction sets.
    """
    found = [
        Claim(
            f"{what} improve rare diseases most", turned(estimate(line, "slope")), int(line["seeds"]), line["slope_p"]
        )
        for what, line in slopes.items()
    ]
    tail, head = (gains[(gains["row"] == REMEDY) & (gains["part"] == part)].iloc[0] for part in ("tail", "head"))
    found.append(Claim("Re-sampling improves rare diseases", Estimate(*tail[[*ENDS]]), int(tail["seeds"]), tail["p"]))
    harm = turned(Estimate(*head[[*ENDS]]))
    found.append(Claim("Re-sampling harms common diseases", harm, int(head["seeds"]), head["p"]))
    auroc, runs = mean_auroc(record, UNSEEN)[PLAIN_SCORE], sum(x["row"] == UNSEEN for x in record["unseen"])
    less_sure = _less(auroc, CHANCE)
    found.append(Claim("The model is less confident about unseen diseases", less_sure, runs))
    line = _covered(coverage, ONE_WAY, "tail")
    short = turned(_less(Estimate(line["coverage"], line["low"], line["high"]), 1 - miss))
    return [*found, Claim("Prediction sets cover rare diseases too seldom", short, int(line["seeds"]))]


def of_rare_diseases(
    parts: pd.DataFrame, gains: pd.DataFrame, record: Mapping[str, Any], coverage: pd.DataFrame, part: np.ndarray
) -> Numbers:
    """All that the page's prose quotes, in per cent and points.

    Args:
        parts: `by_frequency.table_of_parts` of the ablation.
        gains: `by_frequency.gains_of_parts` of the remedies.
        record: of the measurements.
        coverage: `coverage.coverage_table`.
        part: of each disease.
    """
    f1 = parts.set_index(["row", "part"])["value"]
    numbers: Numbers = {f"{p}_{row}": 100 * f1[row, p] for row in ("full", "D") for p in ("head", "tail")}
    tail = gains[gains["part"] == "tail"].set_index("row")
    for name, (_, line) in zip(("best", "next"), tail.nlargest(2, "value").iterrows(), strict=True):
        numbers |= {name: line["label"].removeprefix("full, ")} | points(f"{name}_gain", Estimate(*line[[*ENDS]]))
    resampled = points("resampled", Estimate(*tail.loc[REMEDY, [*ENDS]]))
    numbers |= resampled | {"resampled": resampled["resampled"].lstrip("+")}
    recall = {
        x["shots"]: 100 * float(np.mean(np.array(x["recall"])[part == "tail"])) for x in record["few_shot"]["full"]
    }
    most = max(shots for shots in recall if shots)
    numbers |= {"shots": most, "shots_tail": recall[most], "trained_tail": recall[None]}
    aurocs = mean_auroc(record, UNSEEN)
    strangest = max(aurocs, key=lambda kind: aurocs[kind].value)
    best_auroc, lines = aurocs[strangest], [x for x in record["unseen"] if x["row"] == UNSEEN]
    numbers |= {"told": told(aurocs), "auroc": 100 * best_auroc.value, "auroc_low": 100 * best_auroc.low}
    numbers |= {"auroc_high": 100 * best_auroc.high}
    numbers |= {
        f"refused_{k}": 100 * np.mean([x["none_of_these"][strangest][k] for x in lines]) for k in ("known", "new")
    }
    for kind in ("without", "with"):
        numbers[f"attributes_{kind}"] = 100 * float(np.mean([x["attributes"][kind]["auroc"] for x in lines]))
    for name, way, group in (("all", ONE_WAY, "all"), ("tail", ONE_WAY, "tail"), ("by_part", BY_PART, "tail")):
        line = _covered(coverage, way, group)
        numbers |= {f"covered_{name}": 100 * line["coverage"], f"size_{name}": line["size"]}
    line = _covered(coverage, ONE_WAY, "tail")
    return numbers | {f"covered_tail_{end}": 100 * line[end] for end in ("low", "high")}


def where_tasks_help(verdicts: list[str]) -> str:
    """What the verdicts on "improve rare diseases most" say together, as a clause.

    Args:
        verdicts: of the claims on extra tasks.
    """
    if SUPPORTED in verdicts and CONTRADICTED not in verdicts:
        return "extra tasks improved rare diseases most"
    if CONTRADICTED in verdicts and SUPPORTED not in verdicts:
        return "extra tasks improved common diseases most"
    if set(verdicts) == {INCONCLUSIVE}:
        return "whether extra tasks improve rare diseases most is inconclusive"
    return "results on whether extra tasks improve rare diseases most are mixed"


def _covered(coverage: pd.DataFrame, way: str, group: str) -> pd.Series:
    return coverage[(coverage["way"] == way) & (coverage["group"] == group)].iloc[0]


def _less(one: Estimate, by: float) -> Estimate:
    return Estimate(one.value - by, one.low - by, one.high - by)
