"""Tables of the second edition, from its records."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import NONE, NOT_RUN, estimate, p_text
from dermimit.evaluate.statistics import format_mean_sd
from studies.protocol.contrasts import LEAST_SEEDS
from studies.protocol.records import hours
from studies.protocol.runs import Run

FAMILIES = {
    "selection": "Selection",
    "possible": "What a perfect choice of patches would be worth",
    "interaction": "Interaction",
    "tasks": "Further tasks",
}


def verdicts(contrasts: pd.DataFrame, models: pd.DataFrame, family: str) -> pd.DataFrame:
    """The contrasts of a family: what is compared, the effect with its interval, and the verdict."""
    lines = []
    for line in contrasts[contrasts["family"] == family].to_dict("records"):
        regime = f"{line['regime']} − {line['minus_regime']}" if line["minus_regime"] else line["regime"]
        lines.append({
            "claim": line["claim"], "compared": f"{compared(line, models)}; {regime}",
            "effect, macro-F1 (95 %)": effect_text(line), "p (Holm)": p_text(line["p_holm"]),
            "verdict": line["verdict"],
        })  # fmt: skip
    return pd.DataFrame(lines, index=contrasts.loc[contrasts["family"] == family, "id"].to_list())


def compared(line: dict, models: pd.DataFrame) -> str:
    """The names of the two models of a contrast."""
    reference, _, elsewhere = line["reference"].partition("@")
    where = f" ({elsewhere})" if elsewhere else ""
    return f"{models.loc[line['row'], 'label']} against {models.loc[reference, 'label']}{where}"


def effect_text(line: dict) -> str:
    """An effect with its interval and its number of seeds."""
    if not line["seeds"]:
        return NOT_RUN
    seeds = f"{line['seeds']} seed" + ("s" if line["seeds"] > 1 else "")
    return f"{estimate(line | {'value': line['effect']}).signed()}, {seeds}"


def scores(runs: pd.DataFrame, models: pd.DataFrame, regime: str, samples: int) -> pd.DataFrame:
    """Scores of every row that has run in a regime: mean and spread over seeds."""
    chosen = runs[(runs["regime"] == regime) & (runs["samples"] == samples)]
    lines, index = [], []
    for row in [row for row in models["row"] if row in set(chosen["row"])]:
        own = chosen[chosen["row"] == row]
        index.append(models.loc[row, "label"])
        lines.append({
            "seeds": len(own), "macro-F1": format_mean_sd(own["macro_f1"]), "accuracy": format_mean_sd(own["accuracy"]),
            "body part": NONE if own["body_part_accuracy"].isna().all() else format_mean_sd(own["body_part_accuracy"]),
            "minutes": f"{own['seconds'].mean() / 60:.1f}",
        })  # fmt: skip
    return pd.DataFrame(lines, index=index)


def spent(runs: pd.DataFrame, plan: list[Run]) -> pd.DataFrame:
    """Trainings and processor hours by experiment: what has run, and about what is left."""
    done, lines = set(runs["name"]), []
    for name in dict.fromkeys(name for run in plan for name in run.experiments):
        own = [run for run in plan if name in run.experiments]
        spent_on = runs.loc[runs["name"].isin([run.name for run in own]), "seconds"].sum() / 3600
        rest = hours(runs, [run for run in own if run.name not in done])
        lines.append({
            "experiment": name.replace("_", " "), "trainings": f"{sum(run.name in done for run in own)} of {len(own)}",
            "hours so far": f"{spent_on:.1f}", "hours left, about": f"{rest:.1f}",
        })  # fmt: skip
    return pd.DataFrame(lines)


def open_questions(contrasts: pd.DataFrame) -> int:
    """How many contrasts have too few seeds for a verdict."""
    return int((contrasts["seeds"] < LEAST_SEEDS).sum())
