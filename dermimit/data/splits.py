"""Train, validation and test: grouped by patient, balanced by disease, and checked for leaks."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermimit.data.columns import SPLITS
from dermimit.data.problems import ManifestError, collecting, suggest

SHOWN = 10  # patients listed in one error; the rest are counted


class LeakageError(ValueError):
    """A patient is in more than one split, so a test score would partly measure memory."""


def grouped_split(
    frame: pd.DataFrame,
    seed: int,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    group: str = "patient_id",
    stratify: str = "disease",
) -> pd.DataFrame:
    """Assign every row to train, val or test so that no patient is in two of them.

    Patients are dealt out one at a time, those with most photos first and in random order among equals. Each goes to
    the split s that keeps Σ_sc n_sc² / (f_s N_c) smallest, with n_sc the photos of class c so far in s, f_s the wanted
    fraction and N_c all photos of c: the chi-squared distance from the wanted table.

    Args:
        frame: a validated manifest.
        seed: the same seed and frame give the same split.
        fractions: wanted shares of train, val and test; positive, adding up to 1. Met approximately.
        group: column that must not be divided. A row without a value is its own group, with a warning.
        stratify: column whose classes should be equally shared out. "Missing" counts as a class.

    Returns:
        A copy of the frame with column `split` filled.

    Raises:
        ManifestError: the fractions are wrong, a column is absent, or a split would be empty.
    """
    wanted = np.asarray(fractions, float)
    if wanted.shape != (3,) or (wanted <= 0).any() or not np.isclose(wanted.sum(), 1):
        raise ManifestError(f"fractions {tuple(fractions)}: give three positive numbers that add up to 1")
    if stratify not in frame:
        raise ManifestError(f"no column {stratify!r} to balance the split by; {suggest(stratify, map(str, frame))}")
    groups, classes = _groups(frame, group), frame[stratify].map(_class_name).fillna("(missing)")
    codes = np.unique(groups, return_inverse=True)[1]
    table = pd.crosstab(codes, classes.to_numpy()).to_numpy(float)
    assigned = _deal(table, wanted, np.random.default_rng(seed))
    if absent := [s for i, s in enumerate(SPLITS) if i not in assigned]:
        raise ManifestError(
            f"{len(table)} {group} group(s) are too few: {', '.join(absent)} would be empty; add patients"
        )
    return frame.assign(split=np.array(SPLITS, object)[assigned[codes]])


def _class_name(value: object) -> object:
    """One name for a list of them, so that photos can be counted by it."""
    return " + ".join(sorted(value)) or "(none)" if isinstance(value, list) else value


def _groups(frame: pd.DataFrame, group: str) -> np.ndarray:
    """A group name for each row; rows without one get a name of their own."""
    values = frame[group] if group in frame else pd.Series(None, index=frame.index, dtype=object)
    if missing := int(values.isna().sum()):
        warnings.warn(
            f"{missing} of {len(frame)} rows have no {group}: each counts as a patient of its own, so photos of one "
            f"patient may fall in two splits; fill in column {group} if you can",
            stacklevel=3,
        )
    pairs = zip(values, frame.index, strict=True)
    return np.array([f"row {i}" if pd.isna(v) else f"group {v}" for v, i in pairs])


def _deal(table: np.ndarray, fractions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The split, 0 to 2, of each group; `table` (groups, classes) counts photos."""
    order = rng.permutation(len(table))
    order = order[np.argsort(-table[order].sum(1), kind="stable")]
    weight = 1 / (fractions[:, None] * table.sum(0))
    filled, assigned = np.zeros((3, table.shape[1])), np.zeros(len(table), int)
    for g in order:
        cost = (table[g] * (2 * filled + table[g]) * weight).sum(1)
        assigned[g] = cost.argmin()
        filled[assigned[g]] += table[g]
    return assigned


def check_leakage(frame: pd.DataFrame, group: str = "patient_id") -> None:
    """Raise if a patient is in more than one split; not inside `collect_problems`, whose user looks for it.

    Raises:
        LeakageError: names the patients and their splits.
    """
    known = frame[frame[group].notna() & frame["split"].notna()]
    splits = known.groupby(group)["split"].unique()
    leaks = splits[splits.map(len) > 1]
    if len(leaks) and not collecting():
        lines = [f"\n  {name}: {', '.join(s for s in SPLITS if s in found)}" for name, found in leaks.items()]
        more = f"\n  ... and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        remedy = "give all their rows one split, or call grouped_split"
        raise LeakageError(f"{len(leaks)} {group} in more than one split; {remedy}{''.join(lines[:SHOWN])}{more}")


def select(frame: pd.DataFrame, split: str) -> pd.DataFrame:
    """The rows of one split.

    Raises:
        ManifestError: `split` is not train, val or test, or has no rows.
    """
    if split not in SPLITS:
        raise ManifestError(f"unknown split {split!r}; {suggest(split, SPLITS)}")
    rows = frame[frame["split"] == split]
    if rows.empty:
        found = ", ".join(f"{name} {count}" for name, count in frame["split"].value_counts().items()) or "none set"
        raise ManifestError(f"split {split!r} has no rows (column split: {found}); fill it in or call grouped_split")
    return rows
