"""Figures and tables of the tables of experiments, each from its own published records; None where none has run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from studies.evidence import charts as evidence_curves
from studies.evidence.exploration import exploration_table, explore, like_with_like
from studies.evidence.gradient_conflict import gradient_curves
from studies.shared import interval_charts as evidence_charts
from studies.shared.evidence import Evidence, read_evidence

BESIDE = {"choices": ("full",), "gradients": ("full",), "baselines": ("D", "D_LSM", "D_B_A", "full"),
          "labels": ("full", "D_LSM"), "data_share": ("full", "D_LSM"),
          "rare_diseases": ("full", "D"), "skin_tone": ("full", "D")}  # fmt: skip
"""Table of experiments -> the reference rows that it is shown with."""
PEOPLE = {"full": "Full model", "D_LSM": "Disease only + lesion selection"}
"""The two models that saw fewer images and worse labels, for people."""
GUESS = 0.018  # macro-F1 of a uniform guess over SynDerm's diseases (references.reference_scores)


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


def explored(evidence: Evidence) -> pd.DataFrame:
    """A table of one seed beside the reference rows that have the same tasks; see `exploration.explore`."""
    references = {row: beside for row, beside in like_with_like(evidence.experiments).items() if row in evidence.own}
    return explore(evidence, references, GUESS)


def tornado(choices: Evidence) -> Figure:
    """Each alternative's difference from the declared choice, over the spread between seeds."""
    changed = explored(choices)
    bars = changed.loc[changed["reference"].notna(), ["group", "label", "difference", "half"]]
    bars.columns = ["factor", "alternative", "difference", "half"]
    return evidence_charts.tornado(bars)


def rivals(baselines: Evidence) -> Figure:
    """Other models beside the reference rows that have the same tasks."""
    return evidence_charts.like_with_like(explored(baselines))


def rivals_table(baselines: Evidence, found: pd.DataFrame) -> pd.DataFrame:
    """Other models beside the reference rows, with their size and the time that training took.

    Args:
        baselines: the table of experiments.
        found: `explored` of it.
    """
    cost = baselines.records.groupby("row")[["provenance/parameters", "provenance/train_seconds"]].mean()
    table = exploration_table(found).set_index(found["row"])
    table["million parameters"] = cost["provenance/parameters"] / 1e6
    table["minutes of training"] = cost["provenance/train_seconds"] / 60
    return table


def wrong_and_missing(labels: Evidence) -> Figure:
    """Scores as attributes are made wrong or taken away, over the spread between seeds with and without them."""
    found = explored(labels)
    by_row, half = found.set_index("row"), 100 * found["half"].max()
    values = 100 * by_row["value"]
    lines = [{"kind": kind, "share": 0.0, "value": values["full"]} for kind in ("wrong", "missing")]
    for row in by_row.index.intersection(list(labels.own)):
        kind, share = ("wrong", row[5:]) if row.startswith("wrong") else ("missing", row[7:])
        lines.append({"kind": kind, "share": int(share) / 100, "value": values[row]})
    bands = {name: (values[row], half) for row, name in PEOPLE.items()}
    return evidence_curves.label_curve(pd.DataFrame(lines), bands)


def shares(data_share: Evidence) -> Figure:
    """Scores over the share of the training photographs, for one task and for the whole model."""
    found = explored(data_share)
    found["half"] = found["half"].max()
    found[["value", "half"]] *= 100
    found["share"] = [int(row.rpartition("_")[2]) / 100 if row in data_share.own else 1.0 for row in found["row"]]
    found["row"] = ["D_LSM" if row.startswith("D_LSM") else "full" for row in found["row"]]
    found["label"] = found["row"].map(PEOPLE)
    return evidence_curves.data_curve(found)


def conflict(gradients: Evidence) -> Figure:
    """Cosines between the tasks' gradients through training."""
    runs = gradients.records[gradients.records["row"].isin(gradients.own)]
    names = gradients.experiments.set_index("row")["label"]
    shown = {row: names[row] for row in gradients.own if (runs["row"] == row).any()}
    return evidence_curves.cosine_curves(gradient_curves(runs), shown)


EXPLORED = ("choices", "baselines", "labels", "data_share")
"""Tables of one seed: nothing is tested."""
FIGURES = {"choices": tornado, "baselines": rivals, "labels": wrong_and_missing, "data_share": shares,
           "gradients": conflict, "rare_diseases": forest, "skin_tone": forest}  # fmt: skip
"""Table of experiments -> its figure."""
