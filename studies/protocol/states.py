"""The planned contrasts in the book's five verdicts, with how many of their seeds have run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from studies.protocol.contrasts import LEAST_SEEDS, cells_of
from studies.protocol.names import compared
from studies.protocol.runs import Run
from studies.shared.counts import in_words
from studies.shared.effects import effects_table
from studies.shared.verdict_words import NOT_TESTED, by_rule, word

PLANNED_SEEDS = 5
FAMILIES = ("selection", "possible", "interaction", "tasks")
NUMBERS = ["effect", "low", "high", "p", "p_holm"]


def states(contrasts: pd.DataFrame, families: Sequence[str], plan: Sequence[Run] = ()) -> pd.DataFrame:
    """Contrasts of some families with the book's verdicts.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
        families: in the order to show.
        plan: from `runs.planned`; without it no contrast is beyond the limit.

    Returns:
        columns `id, family, label, seeds, beyond, difference, low, high, p_holm, verdict`; `beyond`: the limit of
        processor time has no room for it. A contrast with fewer than three seeds has no interval and is not tested.
    """
    table = contrasts[contrasts["family"].isin(families)].astype(dict.fromkeys(NUMBERS, float))
    table = table.sort_values("family", key=lambda names: names.map(list(families).index), kind="stable")
    table = table.rename(columns={"claim": "label", "effect": "difference"})
    enough = table["seeds"] >= LEAST_SEEDS
    table["verdict"] = by_rule(*(table[name] for name in ("difference", "p_holm", "seeds", "low", "high")))
    table["verdict"] = table["verdict"].where(enough, NOT_TESTED)
    table["beyond"] = [bool(plan) and beyond(line, plan) for line in table.to_dict("records")]
    columns = ["id", "family", "label", "seeds", "beyond", "difference", "low", "high", "p_holm", "verdict"]
    return table[columns].reset_index(drop=True)


def beyond(line: Mapping[str, Any], plan: Sequence[Run]) -> bool:
    """Whether the limit of processor time has no room for one of the models of a contrast."""
    room = {(run.row, run.regime, run.samples) for run in plan if not run.beyond}
    return not {(row, regime, int(samples)) for row, regime, samples in cells_of(line)} <= room


def states_table(told: pd.DataFrame) -> pd.DataFrame:
    """As text: contrast, seeds that have run, difference in points where it has an interval, verdict.

    Args:
        told: from `states`.
    """
    shown = effects_table(told.assign(difference=told["difference"].where(told["low"].notna())))
    early = [LEAST_SEEDS <= n < PLANNED_SEEDS for n in told["seeds"]]
    seeds = [f"{n} of {PLANNED_SEEDS}{', preliminary' * some}" for n, some in zip(told["seeds"], early, strict=True)]
    left = [f"{text}, beyond the limit" if out else text for text, out in zip(seeds, told["beyond"], strict=True)]
    return shown.assign(seeds=left)


def contrasts_tables(
    contrasts: pd.DataFrame, models: pd.DataFrame, families: Sequence[str], plan: Sequence[Run] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The contrasts of some families as text, the verdict beside the claim; and all that is known of them.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
        models: from `runs.read_models`.
        families: in the order to show.
        plan: as `states` takes it.

    Returns:
        the columns of `states_table`; and the lines of `contrasts` with the two models and the images in words.
    """
    shown = states_table(states(contrasts, families, plan)).rename(columns={"comparison": "claim"})
    full = pd.concat([contrasts[contrasts["family"] == family] for family in families])
    words = [compared(line, models) for line in full.to_dict("records")]
    return shown[["claim", "verdict", "points (95 % CI)", "seeds"]], full.assign(compared=words)


def state_text(told: pd.DataFrame) -> str:
    """How many contrasts have a verdict, and how many of those are preliminary, in a sentence without its full stop.

    Args:
        told: from `states`.
    """
    tested = told[told["verdict"].map(word) != NOT_TESTED]
    early = int((tested["seeds"] < PLANNED_SEEDS).sum())
    if tested.empty:
        return f"None of the {in_words(len(told))} contrasts has the {LEAST_SEEDS} seeds that a verdict needs yet"
    hasty = ("" if not early else "; it is preliminary" if len(tested) == 1 else "; all of them are preliminary"
             if early == len(tested) else f", {in_words(early)} of them preliminary")  # fmt: skip
    some, every = in_words(len(tested)).capitalize(), in_words(len(told))
    return f"{some} of the {every} contrasts {'has' if len(tested) == 1 else 'have'} a verdict so far{hasty}"
