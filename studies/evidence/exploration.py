"""Tables of one seed: how far each row lies from its reference, beside how far two seeds of one row lie apart.

A test of two single networks tells whether those two networks differ, not whether the models do: it calls two seeds of
the same row different far too often (`same_row_rate`). So these tables have no p and no verdict, only a band.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from dermimit.evaluate.answers import read_answers
from dermimit.evaluate.estimate import ALPHA, minus
from dermimit.evaluate.resampling import bootstrap_p, patient_draws
from dermimit.evaluate.runs import in_order
from studies.shared.evidence import Evidence

SCORE = "test/disease/macro_f1"
INSIDE, ABOVE, BELOW, NO_TRAINING = "inside the band", "above the band", "below the band", "did not train"


@dataclass(frozen=True)
class Spread:
    """Standard deviation of a score between seeds of the same row, pooled over rows, with its degrees of freedom."""

    sd: float
    df: int

    def half_width(self, seeds: int, reference_seeds: int, level: float = 1 - ALPHA) -> float:
        """Half of the band around 0 that holds the difference of two means where nothing differs but the seeds.

            t(df) sd sqrt(1/seeds + 1/reference_seeds)

        Args:
            seeds, reference_seeds: how many seeds each mean is of.
            level: share of such differences that the band holds.
        """
        return float(stats.t.ppf(0.5 + level / 2, self.df) * self.sd * np.sqrt(1 / seeds + 1 / reference_seeds))


def seed_spread(records: pd.DataFrame, score: str = SCORE) -> Spread:
    """Pool the variance between seeds over rows that have two seeds or more.

    Args:
        records: from `tables.read_records`.
        score: column of the records.

    Raises:
        ValueError: no row has two seeds.
    """
    groups = [group for _, group in records.groupby("row")[score] if len(group) > 1]
    if not groups:
        raise ValueError("no row has two seeds: the spread between seeds is not known, train a second seed of one")
    df = sum(len(group) - 1 for group in groups)
    return Spread(float(np.sqrt(sum(group.var(ddof=1) * (len(group) - 1) for group in groups) / df)), df)


def explore(evidence: Evidence, reference: str | dict[str, str], guess: float = 0.0) -> pd.DataFrame:
    """Set each row of a table of experiments beside its reference row, which enters with all its seeds.

    The band is from the spread between seeds of the ablation's rows, pooled (`seed_spread`): they have twice the budget
    of these tables, and far more seeds.

    Args:
        evidence: a table with its reference rows.
        reference: the reference row, or one for each row of the table.
        guess: macro-F1 of guessing: a row whose best seed is not clearly above it (twice as large) "did not train", and
            is not compared.

    Returns:
        a line for each row that has run, reference rows first: `row, label, group, description, seeds, value`, and, for
        rows of the table, `reference`, `difference`, `half` (of the band) and `reading`, one of `INSIDE, ABOVE, BELOW,
        NO_TRAINING`.
    """
    scores = evidence.records.groupby("row")[SCORE]
    spread = seed_spread(evidence.seeds)
    facts, lines = evidence.experiments.set_index("row"), []
    for row in in_order(evidence.records, evidence.experiments):
        seeds = scores.get_group(row)
        line = {"row": row, **facts.loc[row, ["label", "group", "description"]]}
        line |= {"seeds": len(seeds), "value": seeds.mean()}
        if row in evidence.own:
            beside = reference if isinstance(reference, str) else reference[row]
            line |= {"reference": beside} | _beside(seeds, scores.get_group(beside), spread, guess)
        lines.append(line)
    return pd.DataFrame(lines)


def like_with_like(experiments: pd.DataFrame) -> dict[str, str]:
    """The reference row of each row: the one that has the same tasks, and selects patches if that row does."""
    lines = experiments[["row", "tasks", "lsm", "fusion"]].itertuples()
    return {line.row: _reference_of(line.tasks, line.lsm, line.fusion) for line in lines}


def _reference_of(tasks: str, lsm: bool, fusion: str) -> str:
    if tasks == "disease":
        return "D_LSM" if lsm else "D"
    return "D_B_A" if fusion == "none" and not lsm else "full"


def _beside(seeds: pd.Series, base: pd.Series, spread: Spread, guess: float) -> dict[str, float | str]:
    """Difference, band and reading of one row beside its reference."""
    half, difference = spread.half_width(len(seeds), len(base)), seeds.mean() - base.mean()
    reading = INSIDE if abs(difference) <= half else ABOVE if difference > 0 else BELOW
    if seeds.max() <= 2 * guess:
        return {"difference": float("nan"), "half": half, "reading": NO_TRAINING}
    return {"difference": difference, "half": half, "reading": reading}


SHOWN = ["model", "seeds", "macro-F1", "difference", "reading"]
"""The columns of `exploration_table` that a page shows."""


def exploration_table(readings: pd.DataFrame, factors: bool = False) -> pd.DataFrame:
    """The readings of `explore` as text for people, the reference rows first.

    Args:
        readings: from `explore`.
        factors: name the group of each row too, where labels such as "2" mean nothing without it.
    """
    names = readings.set_index("row")["label"]
    label = readings["group"] + ": " + readings["label"] if factors else readings["label"]
    differs = readings["difference"].map(lambda d: "–" if pd.isna(d) else minus(f"{d:+.3f}"))
    return pd.DataFrame(
        {
            "model": label.where(readings["reference"].notna(), readings["label"]),
            "seeds": readings["seeds"],
            "macro-F1": readings["value"].map("{:.3f}".format),
            "reference": readings["reference"].map(names).fillna("–"),
            "difference": differs,
            "band (95 %)": readings["half"].map(lambda half: "–" if pd.isna(half) else f"±{half:.3f}"),
            "reading": readings["reading"].fillna("reference"),
        }
    )


def same_row_rate(evidence: Evidence, level: float = ALPHA, resamples: int = 1000) -> tuple[float, int]:
    """How often a test of two single networks calls two seeds of the same row different.

    Args:
        evidence: rows with several seeds.
        level: of p.
        resamples: of the test photographs, by patient.

    Returns:
        share of the pairs of seeds with p below the level, and the number of pairs.
    """
    below, pairs = 0, 0
    for _, runs in evidence.records.groupby("row"):
        these = read_answers(list(runs["path"]), evidence.label_space)
        drawn = these.macro_f1_draws(patient_draws(these.patients, resamples))
        p_values = [bootstrap_p(one - other) for one, other in combinations(drawn, 2)]
        below, pairs = below + sum(p < level for p in p_values), pairs + len(p_values)
    return below / max(pairs, 1), pairs
