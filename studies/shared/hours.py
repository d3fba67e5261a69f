"""How long published trainings took."""

from __future__ import annotations

import pandas as pd


def spent(runs: pd.DataFrame) -> pd.Series:
    """Seconds that each training took.

    `seconds` is the time of the last session of a run. Of a run that was stopped and went on, the sum of its epochs,
    `train_seconds`, is larger, and lacks what came before and after them.

    Args:
        runs: lines with both columns, from `provenance.json`.
    """
    return runs[["seconds", "train_seconds"]].astype(float).max(axis=1)
