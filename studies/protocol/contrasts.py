"""What the runs say of each planned contrast, by the rules of book/protocol.md."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.estimate import ALPHA, NOT_RUN
from dermimit.evaluate.resampling import Draws, patient_draws
from dermimit.evaluate.significance import holm, t_test
from studies.protocol.records import read_answers
from studies.protocol.runs import TABLES

WORTH = 0.02
"""The smallest effect worth having, in macro-F1."""
LEAST_SEEDS = 3
HELPS, HARMS = "helps", "harms"
LITTLE_HELP, LITTLE_HARM = "helps, by less than is worth having", "harms, by less than would matter"
NO_EFFECT, CANNOT_TELL = "no effect worth having", "cannot tell"
TOO_FEW = "too few seeds yet"
COLUMNS = ("id", "family", "claim", "row", "reference", "regime", "minus_regime", "samples")


def read_contrasts(folder: Path = TABLES) -> pd.DataFrame:
    """contrasts.csv: row minus reference in a regime; where `minus_regime` is given, minus the same there.

    A reference such as `D@plain` is of another regime, whose photographs are the same.
    """
    table = pd.read_csv(folder / "contrasts.csv", dtype=str, keep_default_na=False)
    if list(table.columns) != list(COLUMNS):
        raise ValueError(f"{folder / 'contrasts.csv'}: the columns must be {', '.join(COLUMNS)}")
    return table


def judged(contrasts: pd.DataFrame, runs: pd.DataFrame, folder: Path, resamples: int = 1000) -> pd.DataFrame:
    """Every contrast with its effect, interval, p and verdict; p is corrected for all of its family, run or not.

    Args:
        contrasts: from `read_contrasts`.
        runs: from `records.read_runs`.
        folder: of the answers.
        resamples: of the bootstrap over test cases.

    Returns:
        the columns of `contrasts`, then seeds, level (mean macro-F1 of the reference), effect, low, high, p, p_holm,
        verdict; NaN where nothing has run.
    """
    scores: dict[tuple[str, str, str], Any] = {}
    lines = [line | effect(line, runs, folder, resamples, scores) for line in contrasts.to_dict("records")]
    table = pd.DataFrame(lines)
    table["p_holm"] = table.fillna({"p": 1.0}).groupby("family")["p"].transform(holm).where(table["p"].notna())
    told = table[["effect", "low", "high", "p_holm", "seeds"]].to_dict("records")
    table["verdict"] = [verdict(**line) for line in told]
    return table


def effect(
    line: Mapping[str, str], runs: pd.DataFrame, folder: Path, resamples: int, scores: dict[tuple[str, str, str], Any]
) -> dict[str, Any]:
    """The mean difference of a contrast over the seeds that all its rows have, its interval and p."""
    cells = cells_of(line)
    for row, regime, samples in cells:
        chosen = (runs["row"] == row) & (runs["regime"] == regime) & (runs["samples"] == int(samples))
        if (row, regime, samples) not in scores:
            found = read_answers(folder, runs[chosen]) if chosen.any() else None
            scores[row, regime, samples] = found and macro_f1(found, resamples)
    there = [scores[cell] for cell in cells]
    seeds = sorted(set.intersection(*({*s["seed"]} if s else set() for s in there)))
    none = {"seeds": len(seeds), "level": np.nan, "effect": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}
    if not seeds:
        return none
    signs = (1, -1, -1, 1)
    parts = [(sign, [s["seed"].index(k) for k in seeds], s) for sign, s in zip(signs, there, strict=False)]
    observed = sum(sign * s["observed"][places] for sign, places, s in parts)
    none["level"] = float(np.mean(parts[1][2]["observed"][parts[1][1]]))
    draws = sum(sign * s["draws"][places].mean(0) for sign, places, s in parts)  # the cases of two regimes are paired
    photographs = float(np.var(draws, ddof=1))
    if len(seeds) < LEAST_SEEDS:
        return none | {"effect": float(np.mean(observed))}
    test = t_test(observed, photographs, there[0]["cases"])
    mean = float(np.mean(observed))
    return none | {"effect": mean, "low": mean - test.half, "high": mean + test.half, "p": test.p}


def cells_of(line: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(row, regime, samples) of what a contrast compares: row and reference, in one regime or in two.

    `samples` is one number of images for both, or the row's and the reference's with a space between.
    """
    cells = []
    own, _, others = line["samples"].partition(" ")
    for regime in filter(None, (line["regime"], line["minus_regime"])):
        reference, _, elsewhere = line["reference"].partition("@")
        cells += [(line["row"], regime, own), (reference, elsewhere or regime, others or own)]
    return cells


def macro_f1(answers: Answers, resamples: int) -> dict[str, Any]:
    """Macro-F1 of each seed, observed and on resampled test cases."""
    draws = _draws(len(answers.truth), resamples)
    return {"seed": list(answers.seeds), "observed": answers.macro_f1(), "draws": answers.macro_f1_draws(draws),
            "cases": len(answers.truth)}  # fmt: skip


@lru_cache(maxsize=1)
def _draws(cases: int, resamples: int) -> Draws:
    """Resamples of the test cases, the same for all rows."""
    return patient_draws(range(cases), resamples)


def verdict(effect: float, low: float, high: float, p_holm: float, seeds: int, worth: float = WORTH) -> str:
    """One of the outcomes that the protocol words beforehand.

    Args:
        effect, low, high: of a difference of macro-F1.
        p_holm: corrected within the family.
        seeds: that all rows of the contrast have.
        worth: the smallest effect worth having.
    """
    if not seeds:
        return NOT_RUN
    if seeds < LEAST_SEEDS:
        return TOO_FEW
    if p_holm < ALPHA:
        small = -worth < low and high < worth
        return (LITTLE_HELP if small else HELPS) if effect > 0 else (LITTLE_HARM if small else HARMS)
    return NO_EFFECT if -worth < low and high < worth else CANNOT_TELL
