"""Claims of a page and their verdicts: one family of tests, one rule, one short table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from dermimit.evaluate.estimate import Estimate, p_text
from dermimit.evaluate.significance import holm
from studies.shared.verdict_words import by_rule


@dataclass(frozen=True)
class Claim:
    """Something that may be so, said before the numbers are looked at.

    Args:
        text: the claim, in the direction in which its estimate is above zero (of a ratio: above one).
        estimate: a difference of shares in [-1, 1], or a ratio above 0, with its 95 % interval.
        seeds: how many trainings it rests on.
        p: as tested, not corrected; None: made of the interval, see `p_of_interval`.
        ratio: the estimate is a ratio.
    """

    text: str
    estimate: Estimate
    seeds: int
    p: float | None = None
    ratio: bool = False

    @property
    def difference(self) -> Estimate:
        """The estimate on a scale where zero is no effect: of a ratio the logarithm."""
        one = self.estimate
        return Estimate(*np.log([one.value, one.low, one.high]).tolist()) if self.ratio else one

    @property
    def tested(self) -> float:
        """p before correction; NaN with a single training."""
        if self.seeds < 2:
            return float("nan")
        return p_of_interval(self.difference, self.seeds) if self.p is None else self.p


def turned(one: Estimate) -> Estimate:
    """The same with the other sign, for a claim that something falls."""
    return Estimate(-one.value, -one.high, -one.low)


def p_of_interval(difference: Estimate, seeds: int) -> float:
    """Two-sided p of a difference being zero, from its 95 % interval, by Student's t with seeds - 1 degrees of freedom.

    This is as if all of the interval came from the seeds, whose share it does not tell. At 0.05 the share makes no
    difference; below, where Holm's correction looks, p is too large rather than too small.

    Source: Altman and Bland, How to obtain the P value from a confidence interval, BMJ 343 (2011) d2304, of the normal
        distribution.
    """
    half = (difference.high - difference.low) / 2
    if half == 0:
        return float(difference.value == 0)
    free = seeds - 1
    return float(2 * stats.t.sf(abs(difference.value) / half * stats.t.ppf(0.975, free), free))


def verdicts(claims: Sequence[Claim]) -> list[str]:
    """The rule's word for each claim, corrected (Holm) for the number of those that are tested."""
    return list(_judged(claims)["verdict"])


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Columns `claim`, `effect as claimed, points (95 % CI)` (positive in the direction of the claim), `p (Holm)` and
    `verdict`; a ratio is marked by ×."""
    judged = _judged(claims)
    return pd.DataFrame(
        {
            "claim": [claim.text for claim in claims],
            "effect as claimed, points (95 % CI)": [
                f"× {c.estimate.ratio()}" if c.ratio else c.estimate.points() for c in claims
            ],
            "p (Holm)": [p_text(p) for p in judged["p"]],
            "verdict": judged["verdict"],
        }
    )


def _judged(claims: Sequence[Claim]) -> pd.DataFrame:
    lines = [(c.difference.value, c.difference.low, c.difference.high, c.seeds, c.tested) for c in claims]
    table = pd.DataFrame(lines, columns=["value", "low", "high", "seeds", "tested"])
    table["p"] = holm(table["tested"])
    return table.assign(verdict=by_rule(table["value"], table["p"], table["seeds"], table["low"], table["high"]))
