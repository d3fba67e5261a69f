"""The verdicts of `verdicts` as tables and sentences for people: none is written anywhere else."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dermimit.evaluate.estimate import Estimate, p_text
from studies.evidence.verdicts import SUMS, judge
from studies.shared.evidence import Evidence
from studies.shared.verdict_words import SUPPORTED

TOKENS = ("Local tokens help, disease alone", "Local tokens help, three tasks")
CHOOSING = tuple(f"Choosing patches by attention beats chance, {tasks}" for tasks in ("disease alone", "three tasks"))


def answers(judged: pd.DataFrame) -> dict[str, str]:
    """Whether local tokens help, and whether choosing them does, for the first lines of a page: two questions."""
    tokens = answer(judged, TOKENS, "local tokens, even chosen at random, help", "that local tokens help")
    choosing = answer(judged, CHOOSING, "choosing by attention beats chance", "that choosing by attention beats chance")
    return {"tokens_answer": tokens, "choosing_answer": choosing}


def answer(judged: pd.DataFrame, claims: Sequence[str], positive: str, question: str) -> str:
    """One sentence on a pair of claims, disease alone and three tasks, each with its difference.

    Args:
        judged: from `judge`.
        claims: the two.
        positive: what is said where both are supported, "X help".
        question: "that X help", where something else came out.
    """
    lines = judged.set_index("claim").loc[list(claims)]
    told = " and ".join(
        f"{Estimate(line.difference, line.low, line.high).signed()} {where}"
        for line, where in zip(lines.itertuples(), ("with the disease alone", "with three tasks"), strict=True)
    )
    kinds = list(lines["verdict"])
    if kinds == [SUPPORTED] * 2:
        return f"{positive[0].upper()}{positive[1:]}: {told}."
    if len(set(kinds)) == 1:
        return f"{question[0].upper()}{question[1:]} is {kinds[0]}: {told}."
    mixed = f"{kinds[0]} with the disease alone and {kinds[1]} with three tasks"
    return f"{question[0].upper()}{question[1:]} is {mixed}: {told}."


def sums(evidence: Evidence) -> pd.DataFrame:
    """The differences that are sums of tested ones, as text: their sizes."""
    table = judge(evidence, SUMS)
    told = pd.DataFrame({"sum": table["claim"], "rows compared": table["rows"], "seeds": table["seeds"]})
    told["difference (95 %)"] = [Estimate(r.difference, r.low, r.high).signed() for r in table.itertuples()]
    return told.assign(of=table["limit"])


def verdict_table(judged: pd.DataFrame) -> pd.DataFrame:
    """What `judge` or `judge_real` found, as text for people."""
    table = pd.DataFrame({"claim": judged["claim"], "rows compared": judged["rows"], "seeds": judged["seeds"]})
    table["difference (95 %)"] = [Estimate(r.difference, r.low, r.high).signed() for r in judged.itertuples()]
    table["p (t, Holm)"] = judged["p_holm"].map(p_text)
    table["verdict"] = judged["verdict"]
    if "shares" in judged:
        table["claim"] = [f"{number}. {claim}" for number, claim in enumerate(judged["claim"], 1)]
        table["shares runs with"] = judged["shares"]
    return table
