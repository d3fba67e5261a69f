"""What is selected by attention, an oracle, segmentation, chance and place."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.resampling import patient_draws, percentile_interval

BLIND = ("random_patches", "centre_patches", "k64")
"""Rows of the table `choices` that select without looking; one seed each, for what they select and cost."""


def covered(shares: pd.DataFrame, resamples: int = 2000) -> dict[str, float]:
    """Means of `on_lesion` (selected_patches) with 95 % intervals by patient: each score, with `_low` and `_high`."""
    draws, line = patient_draws(shares["patient_id"], resamples), {"photographs": len(shares)}
    for name in ("precision", "recall", "chance"):
        low, high = percentile_interval(draws.means(shares[[name]].to_numpy())[0])
        line |= {name: float(shares[name].mean()), f"{name}_low": low, f"{name}_high": high}
    return line
