"""Tables of the second edition, from its records."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import NONE
from dermimit.evaluate.statistics import format_mean_sd
from studies.protocol.names import EXPERIMENTS, model_name
from studies.protocol.records import hours
from studies.protocol.runs import Run
from studies.shared.hours import spent


def scores(runs: pd.DataFrame, models: pd.DataFrame, regime: str, samples: int) -> pd.DataFrame:
    """Scores of every model that has run in a regime, by its name for people: mean and spread over seeds."""
    chosen = runs[(runs["regime"] == regime) & (runs["samples"] == samples)]
    lines = []
    for row in [row for row in models["row"] if row in set(chosen["row"])]:
        own = chosen[chosen["row"] == row]
        lines.append({
            "model": model_name(models.loc[row]), "seeds": len(own),
            "macro-F1": format_mean_sd(own["macro_f1"]), "accuracy": format_mean_sd(own["accuracy"]),
            "body part": NONE if own["body_part_accuracy"].isna().all() else format_mean_sd(own["body_part_accuracy"]),
            "minutes": f"{spent(own).mean() / 60:.1f}",
        })  # fmt: skip
    return pd.DataFrame(lines)


def hours_table(runs: pd.DataFrame, plan: list[Run]) -> pd.DataFrame:
    """Trainings and processor hours by experiment: what has run, what is left, and what the limit has no room for.

    Hours are those of trainings; drawing the images of a seed comes on top.
    """
    done, lines = set(runs["name"]), []
    for name in dict.fromkeys(name for run in plan for name in run.experiments):
        own = [run for run in plan if name in run.experiments]
        hours_so_far = spent(runs[runs["name"].isin([run.name for run in own])]).sum() / 3600
        left = [run for run in own if run.name not in done]
        rest, more = (hours(runs, [run for run in left if run.beyond is beyond]) for beyond in (False, True))
        within = [run for run in own if not run.beyond]
        trained = f"{sum(run.name in done for run in within)} of {len(within)}" if within else NONE
        lines.append({
            "experiment": EXPERIMENTS.get(name, name.replace("_", " ")), "trained": trained,
            "hours so far": f"{hours_so_far:.1f}", "hours left, about": f"{rest:.1f}",
            "hours beyond the limit, about": f"{more:.1f}",
        })  # fmt: skip
    return pd.DataFrame(lines)
