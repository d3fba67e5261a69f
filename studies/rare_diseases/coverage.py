"""How often prediction sets contain the true disease, in each group of photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate import conformal
from dermimit.evaluate.resampling import patient_draws, percentile_interval, two_level
from studies.rare_diseases.by_frequency import parts_of

WAYS = {
    "one threshold": ("adaptive", False), "a threshold for each part": ("adaptive", True),
    "smallest sets, one threshold": ("threshold", False),
}  # fmt: skip


def coverage_table(
    runs: Sequence[Path], space: LabelSpace, counts: Mapping[str, int], miss: float = 0.1, resamples: int = 500
) -> pd.DataFrame:
    """Coverage of the prediction sets of finished runs on their test split, calibrated on validation, by group.

    Args:
        runs: folders with predictions.parquet, a seed each.
        space: the label space.
        counts: training photographs of each disease, which make head, middle and tail.
        miss: α.

    Returns:
        columns `way, group, seeds, coverage, low, high, size, empty, photographs`; coverage, size and the share of
        empty sets are means over seeds, the interval is over patients and seeds, for these calibration photographs.
        The way with "a threshold for each part" needs the true part of the photograph asked about, which nobody knows
        at the bedside: it shows what is owed to the mixture.
    """
    part = parts_of(np.array([counts[d] for d in space.diseases]))
    parts: list[pd.DataFrame] = []
    for run in runs:
        frame = pd.read_parquet(run / "predictions.parquet")
        val, test = (_read(frame[frame["split"] == split], space) for split in ("val", "test"))
        for way, (kind, by_part) in WAYS.items():
            groups = (part[val[1]], part[test[1]]) if by_part else (None, None)
            sets = conformal.prediction_sets(val[0], val[1], test[0], miss, kind, *groups)
            line = {"way": way, "run": str(run), "patient": test[2], "part": part[test[1]], "skin": test[3]}
            line |= {"size": sets.sum(1)}
            parts.append(pd.DataFrame(line | {"covered": conformal.covered(sets, test[1])}))
    lines = []
    for way, some in pd.concat(parts).groupby("way", sort=False):
        groups = {"all": np.ones(len(some), bool)} | {
            p: (some["part"] == p).to_numpy() for p in ("head", "middle", "tail")
        }
        groups |= {f"skin type {t}": (some["skin"] == t).to_numpy() for t in sorted(some["skin"].dropna().unique())}
        for name, kept in groups.items():
            lines.append({"way": way, "group": name, "seeds": len(runs)} | _coverage(some[kept], resamples))
    return pd.DataFrame(lines)


def _coverage(some: pd.DataFrame, resamples: int) -> dict[str, float]:
    by_patient = some.groupby(["patient", "run"], sort=False)["covered"].mean().unstack("run")
    draws = patient_draws(by_patient.index, resamples).means(by_patient.to_numpy(float))
    low, high = percentile_interval(two_level(draws, by_patient.mean()))
    line = {"coverage": float(some["covered"].mean()), "low": low, "high": high, "size": float(some["size"].mean())}
    return line | {"empty": float((some["size"] == 0).mean()), "photographs": len(some) // by_patient.shape[1]}


def _read(frame: pd.DataFrame, space: LabelSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that sum to 1, truths, patients and skin types."""
    p = np.stack(frame["disease_prob"].to_numpy()).astype(float)
    place = {name: i for i, name in enumerate(space.diseases)}
    truth = frame["disease"].map(place).to_numpy(np.int64)
    return p / p.sum(1, keepdims=True), truth, frame["patient_id"].to_numpy(), frame["fitzpatrick"].to_numpy()
