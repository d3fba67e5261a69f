"""What the runs say of each claim of the paper, by one rule for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.comparisons import check_comparable, paired_difference, read_rows
from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.significance import holm
from studies.evidence.real import corrected_p
from studies.shared.evidence import Evidence
from studies.shared.verdict_words import by_rule


@dataclass(frozen=True)
class Claim:
    """Something to test, and the two rows of the ablation whose difference tests it."""

    text: str
    row: str
    reference: str
    limit: str


TASKS_ONLY = "no lesion selection, no fusion"
POOLED = "the patches are chosen at random: this is what local tokens are worth, whichever they are"
CHANCE = "in evaluation chance is one choice of 12 of the 64 patches, the same for all photographs"
CENTRE = "most lesions of this dataset lie near the centre"
ONE_TOKEN = "cross-attention gets tokens to choose from, too: without any it has one to read"
CLAIMS = (
    Claim("Learning the body part helps the disease", "D_B", "D", TASKS_ONLY),
    Claim("Learning attributes helps the disease", "D_A", "D", TASKS_ONLY),
    Claim("Learning attributes helps, the body part being learned", "D_B_A", "D_B", TASKS_ONLY),
    Claim("Local tokens help, disease alone", "D_random", "D", POOLED),
    Claim("Local tokens help, three tasks", "full_random", "D_B_A_CIM", f"{POOLED}; {ONE_TOKEN}"),
    Claim("Choosing patches by attention beats chance, disease alone", "D_LSM", "D_random", CHANCE),
    Claim("Choosing patches by attention beats chance, three tasks", "full", "full_random", CHANCE),
    Claim("Choosing 12 patches beats taking all 64, disease alone", "D_LSM", "D_all", "all 64 cost more time"),
    Claim("Choosing 12 patches beats taking all 64, three tasks", "full", "full_all", "all 64 cost more time"),
    Claim("Choosing patches by attention beats the centre, three tasks", "full", "full_centre", CENTRE),
    Claim(
        "Cross-interaction beats concatenation",
        "full",
        "D_B_A_LSM",
        "it has 1.6 times the parameters; and in these images findings add up, given the disease, so that there is "
        "nothing to interact",
    ),
)
"""What is tested on synthetic images. No contrast is a sum of others: see `sums`."""
SUMS = (
    Claim("Body part and attributes together", "D_B_A", "D", "the first and the third claim together"),
    Claim("The whole model", "full", "D", "all steps together, local tokens included"),
)
"""Differences that are sums of tested ones, and so say nothing of their parts; a family of their own."""
REAL_CLAIMS = {
    ("imagenet_D_LSM", "imagenet_D"): "Lesion selection (local tokens included), disease alone",
    ("imagenet_full", "imagenet_concat"): "Cross-interaction beats concatenation",
    ("imagenet_full", "imagenet_D"): "The whole model",
}  # the pair of rows whose difference tests each on real photographs


def judge(evidence: Evidence, claims: tuple[Claim, ...] = CLAIMS) -> pd.DataFrame:
    """Test each claim by the paired difference of its two rows, with Holm's correction over all of them.

    The verdicts are those of `verdict_words.by_rule`. A pair of rows that has a single seed in common is not tested.

    Returns:
        columns `claim, rows, difference, low, high, seeds, p, df, p_holm, verdict, limit, shares`; a claim whose rows
        have no runs is "not run yet", without numbers. `shares`: the numbers (from 1) of the claims whose runs are
        partly the same.
    """
    labels = evidence.experiments.set_index("row")["label"]
    asked = evidence.records[evidence.records["row"].isin({name for c in claims for name in (c.row, c.reference)})]
    rows = read_rows(asked, evidence.experiments, evidence.label_space)  # each once, however many claims share it
    scores, patients = _scores(rows)
    lines = []
    for claim in claims:
        line = {"claim": claim.text, "rows": f"{labels[claim.row]} − {labels[claim.reference]}", "limit": claim.limit}
        line["shares"] = ", ".join(
            str(k) for k, other in enumerate(claims, 1) if other != claim and _share(claim, other)
        )
        if not {claim.row, claim.reference} <= set(rows):
            lines.append(line | {"seeds": 0})
            continue
        ours, theirs = rows[claim.row], rows[claim.reference]
        there = paired_difference(ours, theirs, scores[claim.row], scores[claim.reference], patients)
        line |= {"difference": there["difference"], "low": there["difference_low"], "high": there["difference_high"]}
        lines.append(line | {"seeds": there["paired"], "p": there["p"], "df": there["df"]})
    columns = ["claim", "rows", "difference", "low", "high", "seeds", "p", "df", "limit", "shares"]
    table = pd.DataFrame(lines).reindex(columns=columns)
    table.insert(columns.index("df") + 1, "p_holm", holm(table["p"].astype(float)))
    verdict = by_rule(*(table[name] for name in ("difference", "p_holm", "seeds", "low", "high")))
    table.insert(columns.index("df") + 2, "verdict", verdict)
    return table


def _scores(rows: Mapping[str, Answers]) -> tuple[dict[str, np.ndarray], int]:
    """Macro-F1 of each row on the same resamples (seeds, resamples), and how many patients were tested."""
    if not rows:
        return {}, 0
    first = next(iter(rows))
    check_comparable(rows, first, same_seeds=False)
    draws = patient_draws(rows[first].patients)
    return {row: these.macro_f1_draws(draws) for row, these in rows.items()}, len(draws.weights)


def _share(claim: Claim, other: Claim) -> bool:
    return bool({claim.row, claim.reference} & {other.row, other.reference})


def sums(evidence: Evidence) -> pd.DataFrame:
    """The differences that are sums of tested ones, as text: their sizes."""
    table = judge(evidence, SUMS)
    told = pd.DataFrame({"sum": table["claim"], "rows compared": table["rows"], "seeds": table["seeds"]})
    told["difference (95 %)"] = [Estimate(r.difference, r.low, r.high).signed() for r in table.itertuples()]
    return told.assign(of=table["limit"])


def judge_real(record: Mapping[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Test each of `REAL_CLAIMS` by the rule of `judge`; p is corrected over all pairs of the record that are tested.

    Returns:
        columns `claim, rows, difference, low, high, seeds, p_holm, verdict`; a claim whose pair has not run is "not run
        yet".
    """
    pairs, labels = record.get("pairs", []), experiments.set_index("row")
    tested = {(pair["row"], pair["reference"]): (pair, p) for pair, p in zip(pairs, corrected_p(record), strict=True)}
    lines = []
    for (row, reference), claim in REAL_CLAIMS.items():
        rows = f"{labels.loc[row, 'label']} − {labels.loc[reference, 'label']}, {labels.loc[row, 'group']}"
        pair, p = tested.get((row, reference), ({}, None))
        line = {"claim": claim, "rows": rows, "difference": pair.get("difference"), "seeds": pair.get("seeds", 0)}
        lines.append(line | {end: pair.get(f"difference_{end}") for end in ("low", "high")} | {"p_holm": p})
    table = pd.DataFrame(lines, columns=["claim", "rows", "difference", "low", "high", "seeds", "p_holm"])
    numbers = ["difference", "low", "high", "p_holm"]
    table[numbers] = table[numbers].astype(float)
    return table.assign(verdict=by_rule(*(table[name] for name in ("difference", "p_holm", "seeds", "low", "high"))))
