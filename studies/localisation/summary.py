"""Means of localisation scores with intervals by patient: overall, by group, and as paired differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermimit.evaluate.resampling import bootstrap_p, patient_draws, percentile_interval
from dermimit.evaluate.subgroups import NOT_RECORDED
from dermimit.explain.localisation_names import SCORES

SKIN = {1: "I–II", 2: "I–II", 3: "III–IV", 4: "III–IV", 5: "V–VI", 6: "V–VI"}
SIZES = ("small", "medium", "large")
CONTRASTS = ("faint", "middling", "distinct")
GROUPINGS = ("size", "contrast", "count", "skin", "body_part", "disease", "right")


def summarise(
    rows: pd.DataFrame, by: str | None = None, scores: Sequence[str] = SCORES, resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Mean of every score for every method, with a 95 % interval by patient.

    Args:
        rows: `Localisation.rows`.
        by: one of `GROUPINGS`, or None for all photos together.
        scores: columns of `rows`.
        resamples: number of bootstrap samples.
        seed: of the resampling; methods are resampled with the same patients.
    Returns:
        columns `method, group, score, photographs, patients, value, low, high`; scores that were not measured are
        left out. In a group of one patient low and high are NaN: nothing is known of the spread.
    """
    groups = pd.Series("all", rows.index) if by is None else group(rows, by)
    lines = []
    for (method, name), these in rows.groupby([rows["method"], groups], sort=False):
        for score in scores:
            known = these[these[score].notna()]
            if len(known):
                line = {"method": method, "group": name, "score": score}
                lines.append(line | _mean(known[score].to_numpy(float), known["patient_id"], resamples, seed))
    return pd.DataFrame(lines)


def group(rows: pd.DataFrame, by: str) -> pd.Series:
    """The name of each row's group.

    size, contrast: thirds of the photographs by the lesion's area, and by its difference from the skin around
    it; count: 1, 2 or 3 and more lesions; skin: Fitzpatrick types
    in pairs; body_part, disease: as recorded; right: whether the answer is.

    Raises:
        ValueError: an unknown grouping.
    """
    if by not in GROUPINGS:
        raise ValueError(f"unknown grouping {by!r}: choose one of {', '.join(GROUPINGS)}")
    if by in ("size", "contrast"):
        names, column = (SIZES, "area") if by == "size" else (CONTRASTS, "contrast")
        value = rows.groupby("image")[column].first()
        third = np.ceil(3 * value.rank(method="average") / value.notna().sum()).clip(1, 3)
        return rows["image"].map(third).map(lambda i: NOT_RECORDED if pd.isna(i) else names[int(i) - 1])
    if by == "count":
        return rows["lesions"].map(lambda n: str(n) if n < 3 else "3 or more")
    if by == "skin":
        return rows["fitzpatrick"].map(lambda kind: NOT_RECORDED if pd.isna(kind) else SKIN[int(kind)])
    if by == "right":
        return rows["right"].map(lambda right: NOT_RECORDED if pd.isna(right) else "right" if right else "wrong")
    return rows[by].map(lambda name: NOT_RECORDED if pd.isna(name) else name)


def paired(
    first: pd.DataFrame,
    second: pd.DataFrame,
    scores: Sequence[str] = SCORES,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean difference first − second on the same photographs: two methods of one run, or one method of two runs.

    Args:
        first, second: rows of one method each.
    Returns:
        columns `score, photographs, patients, value, low, high, p` (two-sided, by the bootstrap).
    Raises:
        ValueError: several methods or a photograph twice on a side, or other photographs.
    """
    for side in (first, second):
        if side["image"].duplicated().any():
            raise ValueError("a photograph is there twice: give the rows of one method of one run on each side")
    if set(first["image"]) != set(second["image"]):
        raise ValueError(f"{len(set(first['image']) ^ set(second['image']))} photographs are on one side only: "
                         "measure both on the same split")  # fmt: skip
    a, b = first.set_index("image"), second.set_index("image").loc[first["image"]]
    lines = []
    for score in scores:
        gain = a[score] - b[score]
        known = gain.notna()
        if known.any():
            found = _mean(gain[known].to_numpy(float), a["patient_id"][known], resamples, seed, with_p=True)
            lines.append({"score": score} | found)
    return pd.DataFrame(lines)


def paired_methods(rows: pd.DataFrame, first: str, second: str, **arguments) -> pd.DataFrame:
    """As `paired`, for two methods of the same rows.

    Raises:
        ValueError: a method that was not measured.
    """
    for method in (first, second):
        if method not in set(rows["method"]):
            raise ValueError(f"{method!r} was not measured; measured: {', '.join(rows['method'].unique())}")
    return paired(rows[rows["method"] == first], rows[rows["method"] == second], **arguments)


def _mean(values: np.ndarray, patients: pd.Series, resamples: int, seed: int, with_p: bool = False) -> dict:
    draws = patient_draws(patients, resamples, seed)
    line = {"photographs": len(values), "patients": len(draws.weights), "value": float(values.mean())}
    means = draws.means(values[:, None])[0]
    low, high = percentile_interval(means) if len(draws.weights) > 1 else (float("nan"), float("nan"))
    line |= {"low": low, "high": high}
    if not with_p:
        return line
    several = len(draws.weights) > 1
    return line | (
        {"p": bootstrap_p(means), "se": float(means.std(ddof=1))} if several else dict.fromkeys(("p", "se"), np.nan)
    )
