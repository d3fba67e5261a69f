"""The sentences of the page on the second edition: each follows from the verdicts by the protocol's rules."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import estimate
from studies.protocol.contrasts import LEAST_SEEDS
from studies.protocol.runs import Run

PLANNED_SEEDS = 5


def takeaways(contrasts: pd.DataFrame, runs: pd.DataFrame, plan: list[Run]) -> dict[str, str]:
    """`selection`, `possible`, `interaction`, `tasks` (a sentence each, from the primary contrasts), and `progress`."""
    lines = contrasts.set_index("id")
    return {
        "selection": sentence(lines.loc["S1"], "Choosing patches by attention, against patches at random"),
        "possible": sentence(lines.loc["P1"], "Choosing them by the true outline, against patches at random"),
        "interaction": sentence(lines.loc["I1"], "Cross-interaction, against a concatenation of its size"),
        "tasks": sentence(lines.loc["T2"], "Attribute labels, the body part being learnt"),
        "progress": f"{len(runs)} of {len(plan)} planned trainings have run",
    }


def sentence(line: pd.Series, what: str) -> str:
    """What one contrast says, with its size and how final that is."""
    where = f"{what} (regime {line['regime']})"
    if line["seeds"] < LEAST_SEEDS:
        return f"{where}: open, {line['verdict']}"
    early = "" if line["seeds"] >= PLANNED_SEEDS else f", preliminary: {line['seeds']} of {PLANNED_SEEDS} seeds"
    size = estimate({"value": line["effect"], "low": line["low"], "high": line["high"]}).signed()
    return f"{where}: {line['verdict']}, {size}{early}"
