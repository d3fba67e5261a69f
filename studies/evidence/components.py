"""What each component of the model adds: variants with names for people, their scores, and the judged differences."""

from __future__ import annotations

import pandas as pd

from studies.evidence.verdicts import CLAIMS, SUMS, Claim, judge
from studies.shared.evidence import Evidence

NAMES = {
    "D": "Disease only", "D_LSM": "+ lesion selection", "D_B": "+ body part", "D_A": "+ attributes",
    "D_B_A": "+ body part and attributes", "D_B_A_concat": "Three tasks, concatenated",
    "D_B_A_CIM": "Full model, no patch tokens", "D_B_A_LSM": "Full model, concatenated", "full": "Full model",
}  # fmt: skip
"""Row of the ablation -> its name for people."""
TICKS = ("body part", "attributes", "patch tokens", "concatenation", "cross-attention")
COMPONENTS = {
    ("D_B", "D"): "Body part",
    ("D_A", "D"): "Attributes",
    ("D_B_A", "D_B"): "Attributes, after body part",
    ("D_random", "D"): "Patch tokens, disease only",
    ("full_random", "D_B_A_CIM"): "Patch tokens, three tasks",
    ("D_LSM", "D_random"): "Attention's choice, disease only",
    ("full", "full_random"): "Attention's choice, three tasks",
    ("full", "D_B_A_LSM"): "Cross-attention",
}
"""(row, reference) of a claim -> what the page calls the difference."""
WHOLE = ("full", "D")


def ticks(experiments: pd.DataFrame) -> pd.DataFrame:
    """Which component each variant has.

    Args:
        experiments: of workflow/experiments/ablation.csv.

    Returns:
        a row for each variant, by its code; bool columns `TICKS`.
    """
    rows = experiments.set_index("row")
    tasks = rows["tasks"].str.split("+")
    has = {
        "body part": tasks.map(lambda names: "body_part" in names),
        "attributes": tasks.map(lambda names: "attributes" in names),
        "patch tokens": rows["lsm"].astype(bool),
        "concatenation": rows["fusion"] == "concat",
        "cross-attention": rows["fusion"] == "cim",
    }
    return pd.DataFrame(has, columns=list(TICKS))


def scores(evidence: Evidence) -> pd.DataFrame:
    """Macro-F1 of each variant of the ablation: columns `row, name, value, sd, low, high, seeds`, scores in [0, 1].

    Args:
        evidence: of the ablation.
    """
    found = evidence.against("D")
    found = found.assign(name=found["row"].map(NAMES))
    return found[["row", "name", "value", "sd", "low", "high", "seeds"]].reset_index(drop=True)


def differences(judged: pd.DataFrame) -> pd.DataFrame:
    """The differences of `COMPONENTS`.

    Args:
        judged: from `verdicts.judge`, all claims.

    Returns:
        columns `row, reference, label` and those of `judged`, in the order of `COMPONENTS`.
    """
    found = with_rows(judged, CLAIMS).set_index(["row", "reference"], drop=False).loc[list(COMPONENTS)]
    return found.assign(label=list(COMPONENTS.values())).reset_index(drop=True)


def whole(evidence: Evidence) -> pd.Series:
    """The full model minus disease only: a sum of the components, tested in a family of its own."""
    return with_rows(judge(evidence, SUMS), SUMS).set_index(["row", "reference"], drop=False).loc[WHOLE]


def with_rows(judged: pd.DataFrame, claims: tuple[Claim, ...]) -> pd.DataFrame:
    """What `judge` found with the codes of the rows that it compared."""
    return judged.assign(row=[claim.row for claim in claims], reference=[claim.reference for claim in claims])
