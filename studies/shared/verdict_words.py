"""The five verdicts of the book, and how each looks: one word, one colour."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import ALPHA, INCONCLUSIVE, NOT_RUN

SUPPORTED, CONTRADICTED, NO_DIFFERENCE = "supported", "contradicted", "no meaningful difference"
NOT_TESTED = "not tested"
VERDICTS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, NO_DIFFERENCE, NOT_TESTED)
MARGIN = 0.02
"""The smallest difference of macro-F1 worth having, fixed beforehand in book/protocol.md."""
UNTESTED = (NOT_RUN, ONE_SEED)
"""Why something was not tested: no runs, or runs with a single seed."""


def by_rule(
    differences: pd.Series, p_corrected: pd.Series, seeds: pd.Series, low: pd.Series, high: pd.Series
) -> np.ndarray:
    """The rule for all claims.

    A claim is "supported" or "contradicted", by the sign of its difference, where the corrected p is below `ALPHA`.
    Else there is "no meaningful difference" where the interval lies within `MARGIN` on both sides of zero, and the
    result is "inconclusive" where it does not.

    Args:
        differences: of macro-F1, in [-1, 1].
        p_corrected: over the table; NaN where nothing is tested.
        seeds: of each difference; 0 where nothing has run, 1 where no test is made.
        low, high: the ends of the 95 % intervals.

    Returns:
        a verdict a line, or one of `UNTESTED`.
    """
    shown = np.where(differences > 0, SUPPORTED, CONTRADICTED)
    states = [seeds == 0, p_corrected.isna(), p_corrected < ALPHA, (low > -MARGIN) & (high < MARGIN)]
    return np.select(states, [NOT_RUN, ONE_SEED, shown, NO_DIFFERENCE], INCONCLUSIVE)


def word(verdict: str) -> str:
    """The verdict that a reader sees: what was not tested is so for whatever reason."""
    return verdict if verdict in VERDICTS else NOT_TESTED


def css_class(verdict: str) -> str:
    """Of the chip that shows a verdict."""
    return word(verdict).replace(" ", "-")
