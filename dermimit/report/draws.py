"""How resamples of a page's photographs are drawn, and what is known of where photographs come from."""

import numpy as np
import pandas as pd

from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.resampling import Draws, patient_draws
from dermimit.evaluate.statistics import share_interval
from dermimit.report.markup import count

RESAMPLES = 1000


def draws_of(rows: pd.DataFrame) -> Draws:
    """Resamples by patient, a photograph without one by itself."""
    return patient_draws(rows["patient_id"], RESAMPLES)


def units_of(rows: pd.DataFrame) -> str:
    """How the intervals of these photographs are drawn, in words."""
    photographs, known = len(rows), rows["patient_id"].notna()
    patients = rows.loc[known, "patient_id"].nunique()
    if not known.any():
        return "by photograph, since patients are not known: photographs of one patient would make them too narrow"
    if known.all():
        return f"by patient ({count(patients, 'patient')}, {count(photographs, 'photograph')})"
    rest = count(int((~known).sum()), "photograph")
    return f"by patient where known ({count(patients, 'patient')}; {rest} without one stand alone)"


def share_of(hits: np.ndarray, among: np.ndarray, draws: Draws) -> Estimate:
    """A share with Wilson's interval, for as many photographs as those of one patient are worth together.

    Photographs of one patient are alike, so that n of them count as n / D, with D the variance of the share over
    resamples by patient divided by that of n independent photographs, at least 1. Where all agree, patients are
    counted. Source: Kish, Survey Sampling (1965); Korn and Graubard, Survey Methodology 24 (1998).

    Args:
        hits, among: (n,) bool, for each photograph; one at least is `among` them.
        draws: resamples of these photographs.
    """
    value, n = float(hits[among].mean()), int(among.sum())
    size = float(len(np.unique(draws.patient[among])))
    if 0 < value < 1:
        count = draws.class_counts(np.where(hits, 0, 1)[among], np.flatnonzero(among), 2)
        drawn = (count[0] / np.maximum(count.sum(0), 1))[count.sum(0) > 0]
        size = n / max(1.0, float(drawn.var()) * n / (value * (1 - value)))
    return Estimate(value, *share_interval(value, size))
