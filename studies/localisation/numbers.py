"""The numbers and words of the prose on localisation, to be glued."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, corrected_verdict, p_text
from dermimit.explain.localisation_names import BASELINES, HUMAN_IOU

OFTEN = ("more often", "less often", CANNOT_TELL)
Numbers = dict[str, float | str]


def of_localisation(summary: pd.DataFrame, real: pd.DataFrame, gains: pd.DataFrame, selection: pd.DataFrame) -> Numbers:
    """All that the page's prose quotes.

    Args:
        summary: from `summary.summarise`, of drawn photographs, all in one group.
        real: the same of real photographs.
        gains: from `tables.with_and_without`.
        selection: differences from attention's choice, from `Evidence.against`, of choices that know outlines.
    """
    numbers: Numbers = {"people": HUMAN_IOU} | _attended(gains)
    for name, table in (("drawn", summary), ("real", real)):
        means = table.pivot(index="method", columns="score", values="value")
        maps = means.drop(index=[method for method in BASELINES if method in means.index])
        numbers[f"{name}_best"] = str(maps["auroc"].idxmax()).replace("_", " ")
        numbers |= {f"{name}_best_auroc": maps["auroc"].max(), f"{name}_iou": maps["iou"].max()}
        numbers |= {f"{name}_centre": means["auroc"]["centre_prior"], f"{name}_lesion": maps["auroc"]["lsm_score"]}
    by_row = selection.set_index("row")
    return numbers | {f"oracle{end}": by_row.loc["oracle", f"difference{end}"] for end in ("", "_low", "_high")}


def _attended(gains: pd.DataFrame) -> Numbers:
    """What lesion selection does to how often the class token's attention points at the lesion, in points.

    Its verdict is that of p, corrected over the table.
    """
    line = gains[(gains["method"] == "class_attention") & (gains["score"] == "pointing")].iloc[0]
    numbers: Numbers = {"attended": 100 * line["value"], "attended_low": 100 * line["low"]}
    numbers |= {"attended_high": 100 * line["high"], "attended_compared": len(gains)}
    numbers |= {"attended_seeds": int(line["seeds"]), "attended_up": int(line["positive"])}
    verdict = corrected_verdict(line["value"], line["p_holm"], OFTEN)
    return numbers | {"attended_p": p_text(line["p_holm"]), "attended_verdict": verdict}


def of_precision(methods: pd.DataFrame) -> Numbers:
    """Mean IoU of the lesion score with the lesion, and how well two people agree on a real one.

    Args:
        methods: `tables.Published.methods`.
    """
    return {"lesion_iou": methods.loc[methods["method"] == "lsm_score", "iou"].mean(), "people": HUMAN_IOU}
