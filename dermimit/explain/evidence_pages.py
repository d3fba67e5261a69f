"""The figures of the tables of experiments, each from its own published records; None where none has run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermimit.evaluate.evidence import Evidence, read_evidence
from dermimit.evaluate.gradient_conflict import gradient_curves
from dermimit.explain import evidence_charts, evidence_curves

BESIDE = {"choices": ("full",), "gradients": ("full",), "baselines": ("D", "D_LSM", "full"),
          "labels": ("full", "D_LSM"), "data_share": ("full", "D_LSM"),
          "rare_diseases": ("full", "D"), "skin_tone": ("full", "D")}  # fmt: skip
"""Table of experiments -> the reference rows that it is shown with."""
ENDS = ["value", "low", "high"]


def evidence_of(root: Path, table: str) -> Evidence | None:
    """A table of experiments with its reference rows, where both have runs.

    Args:
        root: the project's folder.
        table: key of `BESIDE`.
    """
    found = read_evidence(root, table, BESIDE[table])
    there = set(found.records["row"])
    return found if set(found.own) & there and set(BESIDE[table]) <= there else None


def forest(evidence: Evidence) -> Figure:
    """Each row's difference from `full`."""
    return evidence_charts.paired_forest(evidence.against("full"))


def tornado(choices: Evidence) -> Figure:
    """Each alternative's difference from the declared choice; the band is the sd of `full` over seeds."""
    changed = choices.against("full")
    sd = float(changed.loc[changed["row"] == "full", "sd"].iloc[0])
    bars = changed[changed["row"] != "full"]
    bars = bars[["group", "label", "difference", "difference_low", "difference_high"]]
    bars.columns = ["factor", "alternative", "difference", "low", "high"]
    return evidence_charts.tornado(bars, noise=None if np.isnan(sd) else sd)


def wrong_and_missing(labels: Evidence) -> Figure:
    """Scores as attributes are made wrong or taken away, over a band for a model without them."""
    harmed = labels.against("full").set_index("row")
    lines = [{"harm": harm, "share": 0.0, **harmed.loc["full", ENDS]} for harm in ("wrong", "missing")]
    for row in harmed.index.intersection(list(labels.own)):
        harm, share = ("wrong", row[5:]) if row.startswith("wrong") else ("missing", row[7:])
        lines.append({"harm": harm, "share": int(share) / 100, **harmed.loc[row, ENDS]})
    return evidence_curves.harm_curve(pd.DataFrame(lines), tuple(harmed.loc["D_LSM", ENDS]), name="D + LSM")


def shares(data_share: Evidence) -> Figure:
    """Scores over the share of the training photographs, for one task and for the whole model."""
    found = data_share.against("full")
    found["share"] = [int(row.rpartition("_")[2]) / 100 if row in data_share.own else 1.0 for row in found["row"]]
    found["row"] = ["D_LSM" if row.startswith("D_LSM") else "full" for row in found["row"]]
    found["label"] = found["row"].map({"D_LSM": "D + LSM", "full": "full"})
    return evidence_curves.data_curve(found)


def conflict(gradients: Evidence) -> Figure:
    """Cosines between the tasks' gradients through training."""
    runs = gradients.records[gradients.records["row"].isin(gradients.own)]
    names = gradients.experiments.set_index("row")["label"]
    shown = {row: names[row] for row in gradients.own if (runs["row"] == row).any()}
    return evidence_curves.cosine_curves(gradient_curves(runs), shown)


FIGURES = {"choices": tornado, "baselines": forest, "labels": wrong_and_missing, "data_share": shares,
           "gradients": conflict, "rare_diseases": forest, "skin_tone": forest}  # fmt: skip
"""Table of experiments -> its figure."""
