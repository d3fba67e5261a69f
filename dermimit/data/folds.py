"""Cross-validation and validation parts: grouped by patient, balanced by disease."""

import numpy as np
import pandas as pd

from dermimit.data.groups import groups_of, units_of
from dermimit.data.problems import ManifestError, suggest


def folds(
    frame: pd.DataFrame, k: int = 5, seed: int = 42, group: str = "patient_id", stratify: str = "disease"
) -> pd.Series:
    """The fold, 0 to `k` - 1, of every row of a manifest, so that no patient is in two folds.

    scikit-learn's `StratifiedGroupKFold(k, shuffle=True, random_state=seed)`. With the defaults and the rows of
    PAD-UFES-20 in the official order, these are the folds that its authors' laboratory uses since 2025. The folds
    depend on the order of the rows.

    Args:
        frame: a validated manifest.
        k: number of folds, at least 2.
        seed: of the shuffling.
        group: column that must not be divided. A row without a patient is of its lesion's group; a row without either
            is its own group, with a warning.
        stratify: column whose classes should be equally shared out. "Missing" counts as a class.

    Returns:
        Integers, with the frame's index.

    Raises:
        ManifestError: a column is absent, or there are fewer groups than folds.
    """
    for column in (group, stratify):
        if column not in frame:
            raise ManifestError(f"no column {column!r} to make folds with; {suggest(column, map(str, frame))}")
    groups = groups_of(frame, group, "folds", "{}", "(row {})")
    if groups.nunique() < 2:
        raise ManifestError(f"all photographs are of one {group} group: folds need photographs of two or more")
    classes = frame[stratify].fillna("(missing)").to_numpy(str)
    most = min(groups.nunique(), int(np.unique(classes, return_counts=True)[1].max()))
    if not 2 <= k <= most:
        raise ManifestError(f"{k} folds: give 2 to {most} (of the probe, --folds): there are {groups.nunique()} groups "
                            f"by {group}, and at most {most} photographs of one {stratify}")  # fmt: skip
    from sklearn.model_selection import StratifiedGroupKFold  # here: a page that only names datasets needs none of it

    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    fold = np.zeros(len(frame), int)
    for number, (_, test) in enumerate(splitter.split(classes, classes, groups.to_numpy(str))):
        fold[test] = number
    return pd.Series(fold, frame.index, name="fold")


def fold_split(
    frame: pd.DataFrame,
    fold: int,
    k: int = 5,
    seed: int = 42,
    validation: float = 0.15,
    group: str = "patient_id",
    stratify: str = "disease",
) -> pd.DataFrame:
    """A copy of a manifest whose test split is one fold; validation is carved from the others by patient.

    Args:
        frame: a validated manifest.
        fold: 0 to `k` - 1.
        k: as in `folds`, and so are `seed`, `group` and `stratify`.
        seed: of the folds and of the validation part.
        validation: share of the other folds' photos, between 0 and 1.
        group: column that must not be divided.
        stratify: column whose classes should be equally shared out.

    Raises:
        ManifestError: as `folds` and `carve_validation`, or there is no such fold.
    """
    if not 0 <= fold < k:
        raise ManifestError(f"fold {fold}: give 0 to {k - 1}")
    test = folds(frame, k, seed, group, stratify) == fold
    split = pd.Series(np.where(test, "test", "train"), frame.index, dtype=object)
    return carve_validation(frame.assign(split=split), validation, seed, group, stratify)


def carve_validation(
    frame: pd.DataFrame, share: float, seed: int = 0, group: str = "patient_id", stratify: str = "disease"
) -> pd.DataFrame:
    """A copy of a manifest in which a share of the training rows is the validation split; the test split is kept.

    Args:
        frame: a manifest with rows in split train and none in val.
        share: of the training photos, between 0 and 1; met approximately.
        seed: the same seed and frame give the same part.
        group: column that must not be divided.
        stratify: column whose classes should be equally shared out.

    Raises:
        ManifestError: the share is wrong, there is a validation split already, or too few groups.
    """
    if not 0 < share < 1:
        raise ManifestError(f"validation {share}: give a share between 0 and 1")
    if (frame["split"] == "val").any():
        raise ManifestError("the manifest has a validation split already; use it, or set its rows to train first")
    rows = frame[frame["split"] == "train"]
    codes = pd.factorize(groups_of(rows, group, "splits"))[0]
    table = pd.crosstab(codes, rows[stratify].fillna("(missing)").to_numpy()).to_numpy(float)
    dealt = _deal(table, share, np.random.default_rng(seed))
    if dealt.all() or not dealt.any():
        empty = "training" if dealt.any() else "validation"
        dealt = _spare(table, np.random.default_rng(seed))
        if not dealt.any():
            units = units_of(len(table), len(rows), group)
            raise ManifestError(
                f"{units} in train are too few for validation {share}: {empty} would be "
                "empty, or a disease without training photograph; add photographs, or a validation split"
            )
    chosen = dealt[codes]
    return frame.assign(split=frame["split"].where(~frame.index.isin(rows.index[chosen]), "val"))


def _deal(table: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Whether each group goes to validation, by the rule of `grouped_split`; `table` (groups, classes) is of photos."""
    order = rng.permutation(len(table))
    order = order[np.argsort(-table[order].sum(1), kind="stable")]
    weight = 1 / (np.array([[1 - share], [share]]) * table.sum(0))
    filled, chosen = np.zeros((2, table.shape[1])), np.zeros(len(table), bool)
    for g in order:
        part = (table[g] * (2 * filled + table[g]) * weight).sum(1).argmin()
        chosen[g] = part == 1
        filled[part] += table[g]
    return chosen


def _spare(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As `_deal`, for few groups: one group of each class, while the others still have each of its classes."""
    chosen = np.zeros(len(table), bool)
    for g in rng.permutation(len(table)):
        others = ~chosen
        others[g] = False
        classes = table[g] > 0
        seen = (table[chosen][:, classes] > 0).any(0).all() if chosen.any() else False
        chosen[g] = not seen and (table[others][:, classes].sum(0) > 0).all()
    return chosen
