"""A share among photographs of which several may be of one patient."""

import numpy as np

from dermimit.evaluate.estimate import Estimate
from dermimit.evaluate.resampling import Draws
from dermimit.evaluate.statistics import share_interval


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
