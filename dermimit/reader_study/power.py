"""How many readers and cases? Studies are simulated, analysed as a real one would be, and successes counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dermimit.evaluate.estimate import ALPHA
from dermimit.evaluate.statistics import count_interval
from dermimit.reader_study.analysis import without_period
from dermimit.reader_study.model import CrossedMean, crossed_mean
from dermimit.reader_study.simulation import Assumptions, simulate, trust_for

Line = dict[str, Any]
WANTED = 0.8  # the usual least power


def one_study(a: Assumptions, trust: float, readers: int, cases: int, rng: np.random.Generator) -> CrossedMean:
    """Simulate a study and estimate its gain in the way of `reader_analysis.gain`."""
    halves, sequences = rng.permutation(np.arange(cases) % 2), rng.permutation(np.arange(readers) % 2)
    model_first = halves[None] == sequences[:, None]
    outcome = simulate(a, trust, rng.random(cases) < a.model_accuracy, model_first, rng)
    reader, case = np.indices(model_first.shape).reshape(2, -1)
    difference = (outcome.after.astype(float) - outcome.without).ravel()
    return crossed_mean(without_period(difference, np.where(model_first, 1.0, -1.0).ravel())[0], reader, case)


def power(a: Assumptions, gain: float, readers: int, cases: int, studies: int, seed: int, level: float = ALPHA) -> Line:
    """The share of simulated studies that find the gain, p < level in the right direction (either one, if it is 0).

    Args:
        gain: the true difference in the share of right answers.
        studies: how many to simulate.
        seed: the same seed, the same studies.

    Returns:
        `gain, readers, cases, studies, found`, `power` with its 95 % interval `low, high` (of the simulation);
        `mean`, the average estimate; `covered`, the share of intervals that hold the gain; `half_width`, their mean.
    """
    trust = trust_for(a, gain)
    rng = np.random.default_rng([seed, readers, cases, round(1000 * gain)])
    results = [one_study(a, trust, readers, cases, rng) for _ in range(studies)]
    found = sum(r.p < level and (gain == 0 or r.value > 0) for r in results)
    low, high = count_interval(found, studies)
    return {
        "gain": gain, "readers": readers, "cases": cases, "studies": studies, "found": found,
        "power": found / studies, "low": low, "high": high, "mean": float(np.mean([r.value for r in results])),
        "covered": float(np.mean([r.low <= gain <= r.high for r in results])),
        "half_width": float(np.mean([(r.high - r.low) / 2 for r in results])),
    }  # fmt: skip


def smallest(table: Iterable[Line], gain: float, wanted: float = WANTED) -> list[Line]:
    """For each number of readers the fewest of the simulated cases that reach the power; None where none does."""
    lines = pd.DataFrame([line for line in table if line["gain"] == gain], columns=["readers", "cases", "power"])
    enough = lines[lines["power"] >= wanted].groupby("readers")["cases"].min()
    return [
        {"readers": int(r), "cases": int(enough[r]) if r in enough else None} for r in sorted(set(lines["readers"]))
    ]


def sweep(
    scenarios: dict[str, Assumptions],
    gains: Sequence[float],
    readers: Sequence[int],
    cases: Sequence[int],
    studies: int,
    seed: int,
) -> Iterable[Line]:
    """`power` over a grid, a line at a time; a gain out of a scenario's reach is left out."""
    for name, a in scenarios.items():
        for gain in gains:
            try:
                trust_for(a, gain)
            except ValueError:
                continue
            for r in readers:
                for c in cases:
                    yield {"scenario": name} | power(a, gain, r, c, studies, seed)
