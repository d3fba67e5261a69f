"""Train, validation and test: grouped by patient, balanced by disease, and checked for leaks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermimit.data.columns import SPLITS
from dermimit.data.groups import LESION, PATIENT, divided, divided_lesions, groups_of, units_of
from dermimit.data.problems import ManifestError, collecting, suggest

SHOWN = 10  # patients listed in one error; the rest are counted


class LeakageError(ValueError):
    """A patient or a lesion is in more than one split, so a test score would partly measure memory."""


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
        group: column that must not be divided. A row without a patient is of its lesion's group; a row without either
            is its own group, with a warning.
        stratify: column whose classes should be equally shared out. "Missing" counts as a class.

    Where that would leave a split empty, each class with two groups or more keeps one in train and gives one to test,
    then one to val.

    Returns:
        A copy of the frame with column `split` filled.

    Raises:
        ManifestError: the fractions are wrong, a column is absent, or there are too few groups for three splits.
    """
    wanted = np.asarray(fractions, float)
    if wanted.shape != (3,) or (wanted <= 0).any() or not np.isclose(wanted.sum(), 1):
        raise ManifestError(f"fractions {tuple(fractions)}: give three positive numbers that add up to 1")
    if stratify not in frame:
        raise ManifestError(f"no column {stratify!r} to balance the split by; {suggest(stratify, map(str, frame))}")
    groups, classes = groups_of(frame, group, "splits"), frame[stratify].map(_class_name).fillna("(missing)")
    codes = np.unique(groups.to_numpy(str), return_inverse=True)[1]
    table = pd.crosstab(codes, classes.to_numpy()).to_numpy(float)
    assigned = _deal(table, wanted, np.random.default_rng(seed))
    if absent := [s for i, s in enumerate(SPLITS) if i not in assigned]:
        units = units_of(len(table), len(frame), group)
        if len(table) < len(SPLITS):
            further = "" if len(table) == len(frame) else " of further patients"
            raise ManifestError(
                f"{units} are too few for three splits (at least three): {', '.join(absent)} would be empty; "
                f"add photographs{further}"
            )
        assigned = _deal_few(table, np.random.default_rng(seed))
    return frame.assign(split=np.array(SPLITS, object)[assigned[codes]])


def _class_name(value: object) -> object:
    """One name for a list of them, so that photos can be counted by it."""
    return " + ".join(sorted(value)) or "(none)" if isinstance(value, list) else value


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


def _deal_few(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As `_deal`, for so few groups that it leaves a split empty; at least three.

    Of each class one group goes to test, then one to val, while one that stays in train shows each of its classes.
    """
    train, val, test = range(3)
    assigned, order = np.full(len(table), train), rng.permutation(len(table)).tolist()
    for split in (test, val):
        for c in np.argsort((table > 0).sum(0), kind="stable"):
            if not (table[assigned == split, c] > 0).any():
                spare = [g for g in order if assigned[g] == train and table[g, c] and _others_show(table, assigned, g)]
                assigned[spare[:1]] = split
    rare = {g for g in order if not _others_show(table, np.zeros_like(assigned), g)}
    for split in (test, val):
        if not (assigned == split).any():
            tests, trains = ([g for g in order if assigned[g] == s] for s in (test, train))
            donors = tests if len(tests) > 1 else sorted(trains, key=lambda g: g not in rare)
            assigned[donors[0]] = split
    return assigned


def _others_show(table: np.ndarray, assigned: np.ndarray, group: int) -> bool:
    """Whether train, without a group, still has each of the group's classes."""
    others = (assigned == 0) & (np.arange(len(table)) != group)
    return bool((table[others].sum(0)[table[group] > 0] > 0).all())


def check_leakage(frame: pd.DataFrame, group: str = "patient_id") -> None:
    """Raise if a patient, or a lesion whose patient is not known, is in more than one split.

    Not inside `collect_problems`, whose user looks for it.

    Raises:
        LeakageError: names the patients or lesions and their splits.
    """
    leaks = divided(frame, group)
    if group == PATIENT and not leaks:
        group, leaks = (LESION, lost) if (lost := divided_lesions(frame, False)) else (group, leaks)
    if leaks and not collecting():
        lines = [f"\n  {name}: {', '.join(splits)}" for name, splits in leaks.items()]
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
        remedy = f"give rows the split {split!r}, in the table or as a folder of that name, or give no row a split"
        raise ManifestError(f"split {split!r} has no rows (column split: {found}); {remedy}")
    return rows
