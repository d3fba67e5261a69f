"""What the runs say of each claim of the paper, by one rule for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.comparisons import compare
from dermimit.evaluate.evidence import NOT_RUN, Evidence, p_text, with_interval
from dermimit.evaluate.significance import holm

SUPPORTED, NOT_SHOWN, CONTRADICTED = "supported", "not shown", "contradicted"


@dataclass(frozen=True)
class Claim:
    """Something the paper says, and the two rows of the ablation whose difference tests it."""

    text: str
    row: str
    reference: str
    limit: str


CLAIMS = (
    Claim("Learning body part and attributes too helps the disease", "D_B_A", "D", "no lesion selection, no fusion"),
    Claim("… body part alone", "D_B", "D", "no lesion selection, no fusion"),
    Claim("… attributes alone", "D_A", "D", "no lesion selection, no fusion"),
    Claim("Lesion selection helps, disease alone", "D_LSM", "D", "adds lesion tokens to the classifier too"),
    Claim(
        "Lesion selection helps, three tasks", "full", "D_B_A_CIM", "without it, cross-attention has one token to read"
    ),
    Claim("Cross-interaction beats concatenation", "full", "D_B_A_LSM", "it has more parameters, too"),
    Claim("The whole model beats the plain one", "full", "D", "all of the above together"),
)
REAL_CLAIMS = {
    ("imagenet_D_B", "imagenet_D"): "Learning the body part too helps the disease",
    ("imagenet_D_A", "imagenet_D"): "Learning attributes too helps the disease",
    ("imagenet_D_LSM", "imagenet_D"): "Lesion selection helps, disease alone",
    ("imagenet_full", "imagenet_concat"): "Cross-interaction beats concatenation",
    ("imagenet_full", "imagenet_D"): "The whole model beats the plain one",
    ("small_full", "small_D"): "The same, all weights from scratch",
    ("synderm_full", "synderm_D"): "The same, trained on SynDerm first",
}  # of the paper, and the pair of rows whose difference tests each on real photographs


def by_rule(differences: pd.Series, p_corrected: pd.Series) -> np.ndarray:
    """The rule for all claims: "supported" or "contradicted" by sign where the corrected p is below 0.05.

    Args:
        differences: of a score where more is better.
        p_corrected: over the table; NaN where nothing has run.
    """
    shown = np.where(differences > 0, SUPPORTED, CONTRADICTED)
    return np.select([p_corrected.isna(), p_corrected < 0.05], [NOT_RUN, shown], NOT_SHOWN)


def judge(evidence: Evidence, claims: tuple[Claim, ...] = CLAIMS) -> pd.DataFrame:
    """Test each claim by the paired difference of its two rows, with Holm's correction over all of them.

    A claim is "supported" where the corrected p is below 0.05 and the difference positive, "contradicted" where it is
    negative; else it is "not shown": the interval says how large the effect may still be.

    Returns:
        columns `claim, rows, difference, low, high, seeds, p, p_holm, verdict, limit`; a claim whose rows have no runs
        is "not run yet", without numbers.
    """
    lines, labels = [], evidence.experiments.set_index("row")["label"]
    for claim in claims:
        line = {"claim": claim.text, "rows": f"{labels[claim.row]} − {labels[claim.reference]}"}
        if not {claim.row, claim.reference} <= set(evidence.records["row"]):
            lines.append(line | {"seeds": 0, "limit": claim.limit})
            continue
        two = evidence.records[evidence.records["row"].isin((claim.row, claim.reference))]
        found = compare(two, evidence.experiments, evidence.label_space, reference=claim.reference)
        there = found.set_index("row").loc[claim.row]
        line |= {"difference": there["difference"], "low": there["difference_low"], "high": there["difference_high"]}
        lines.append(line | {"seeds": int(there["seeds"]), "p": there["p"], "limit": claim.limit})
    columns = ["claim", "rows", "difference", "low", "high", "seeds", "p", "limit"]
    table = pd.DataFrame(lines).reindex(columns=columns)
    run = table["p"].notna()
    corrected = pd.Series(np.nan, index=table.index)
    corrected[run] = holm(table.loc[run, "p"])
    table.insert(columns.index("p") + 1, "p_holm", corrected)
    table.insert(columns.index("p") + 2, "verdict", by_rule(table["difference"], corrected))
    return table


def judge_real(record: Mapping[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Test each of `REAL_CLAIMS` by the rule of `judge`; p is corrected over all pairs of the record (Holm).

    Returns:
        columns `claim, rows, difference, low, high, p_holm, verdict`; a claim whose pair has not run is "not run yet".
    """
    pairs, labels = record.get("pairs", []), experiments.set_index("row")
    corrected = holm(pd.Series([pair["p"] for pair in pairs], dtype=float))
    found = {(pair["row"], pair["reference"]): (pair, p) for pair, p in zip(pairs, corrected, strict=True)}
    lines = []
    for (row, reference), claim in REAL_CLAIMS.items():
        rows = f"{labels.loc[row, 'label']} − {labels.loc[reference, 'label']}, {labels.loc[row, 'group']}"
        pair, p = found.get((row, reference), ({}, None))
        line = {"claim": claim, "rows": rows, "difference": pair.get("difference"), "p_holm": p}
        lines.append(line | {end: pair.get(f"difference_{end}") for end in ("low", "high")})
    table = pd.DataFrame(lines, columns=["claim", "rows", "difference", "low", "high", "p_holm"])
    numbers = table.columns[2:]
    table[numbers] = table[numbers].astype(float)
    return table.assign(verdict=by_rule(table["difference"], table["p_holm"]))


def verdict_table(judged: pd.DataFrame) -> pd.DataFrame:
    """What `judge` or `judge_real` found, as text for people."""
    table = pd.DataFrame({"claim": judged["claim"], "rows compared": judged["rows"]})
    table["difference (95 %)"] = [with_interval(r.difference, r.low, r.high) for r in judged.itertuples()]
    table["p (Holm)"] = judged["p_holm"].map(p_text)
    return table.assign(verdict=judged["verdict"])
