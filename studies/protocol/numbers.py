"""The sentences of the page on the second edition: each follows from the verdicts by the protocol's rules."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import Estimate
from studies.protocol.runs import Run
from studies.protocol.states import FAMILIES, PLANNED_SEEDS, states
from studies.shared.effects import finding
from studies.shared.verdict_words import NOT_TESTED, word

PRIMARY = {
    "selection": ("S1", "Choosing patches by attention instead of at random, on small lesions,"),
    "possible": ("P1", "Choosing patches by the true outline instead of at random, on small lesions,"),
    "interaction": ("I1", "Cross-attention instead of a concatenation of the same size, where findings interact,"),
    "tasks": ("T2", "Learning attributes in addition to the body part, on large lesions,"),
}
"""Name -> the primary contrast of a family, and the subject of its sentence."""


def takeaways(contrasts: pd.DataFrame, runs: pd.DataFrame, plan: list[Run]) -> dict[str, str]:
    """A sentence for each of `PRIMARY`, and `progress`; all without their full stop."""
    lines = states(contrasts, tuple(FAMILIES)).set_index("id")
    told = {name: sentence(lines.loc[row], subject) for name, (row, subject) in PRIMARY.items()}
    return told | {"progress": progress(runs, plan)}


def progress(runs: pd.DataFrame, plan: list[Run]) -> str:
    """How many of the planned trainings have run, and how many the limit of processor time has no room for."""
    within = [run.name for run in plan if not run.beyond]
    beyond = len(plan) - len(within)
    more = f"; {beyond} more lie beyond the limit of processor time" if beyond else ""
    return f"{len(set(runs['name']) & set(within))} of {len(within)} planned trainings have run{more}"


def sentence(line: pd.Series, subject: str) -> str:
    """What one contrast says, with its size and how final that is; without its full stop.

    Args:
        line: of `states.states`.
        subject: what was compared, with a comma at its end.
    """
    ran = f"{line['seeds']} of {PLANNED_SEEDS} seeds"
    if word(line["verdict"]) == NOT_TESTED:
        return f"{subject} is {NOT_TESTED} yet: {ran} have run"
    effect = Estimate(line["difference"], line["low"], line["high"])
    told = finding(subject, effect, line["verdict"]).replace(",:", ":")
    return told + ("" if line["seeds"] >= PLANNED_SEEDS else f"; this is preliminary, with {ran}")
