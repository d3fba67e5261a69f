"""Harm done to training labels on purpose, to measure what a method bears: wrong, missing, or few of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermimit.data.problems import ManifestError, suggest


def shuffle_attributes(frame: pd.DataFrame, share: float, seed: int = 0) -> pd.DataFrame:
    """Deal the attribute lists of a share of the training photographs out among those photographs.

    Each list stays a list that somebody could have written, and every attribute stays as frequent as it was; only what
    it has to do with the photograph is lost. With `share=1` the attributes of the training split carry no information.

    Args:
        frame: a manifest with `split` and `attributes`.
        share: of the training photographs, 0 to 1; the photographs of a smaller share are among those of a larger one.
        seed: of the choice and of the dealing.
    """
    rows = _chosen(frame, share, seed)
    out, dealt = frame.copy(), np.random.default_rng((seed, 2)).permutation(rows)
    for column in ("attributes", "attributes_unknown"):
        if column in frame:
            values = frame[column].to_numpy(dtype=object).copy()
            values[rows] = values[dealt]
            out[column] = values
    return out


def hide_attributes(frame: pd.DataFrame, share: float, seed: int = 0) -> pd.DataFrame:
    """Make the attributes of a share of the training photographs unknown; the loss then leaves them out.

    Args:
        frame, share, seed: as in `shuffle_attributes`.
    """
    rows = _chosen(frame, share, seed)
    out, values = frame.copy(), frame["attributes"].to_numpy(dtype=object).copy()
    values[rows] = None
    out["attributes"] = values
    return out


def thin_out(frame: pd.DataFrame, share: float, seed: int = 0) -> pd.DataFrame:
    """Keep a share of the training patients, and of the other splits everything.

    Whole patients stay or go (photographs, where patients are not recorded); a smaller share is part of a larger one.

    Args:
        frame: a manifest with `split` and `patient_id`.
        share: of the patients of the training split, above 0, at most 1; at least one patient stays.
        seed: of the choice.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share {share}: give a number above 0, at most 1")
    train = frame["split"] == "train"
    patients = frame["patient_id"].where(frame["patient_id"].notna(), frame["image"])
    names = np.sort(patients[train].unique().astype(str))
    order = np.random.default_rng((seed, 3)).permutation(names)
    kept = set(order[: max(1, round(share * len(order)))])
    return frame[~train | patients.astype(str).isin(kept)].reset_index(drop=True)


def keep_out(frame: pd.DataFrame, diseases: Sequence[str]) -> pd.DataFrame:
    """Leave the photographs of some diseases out of training and validation; in the test they remain.

    Args:
        frame: a manifest with `split` and `disease`.
        diseases: their names.

    Raises:
        ManifestError: no photograph has one of these names.
    """
    known = sorted(frame["disease"].dropna().unique())
    if unknown := [name for name in diseases if name not in known]:
        raise ManifestError(f"unseen: no photograph of {unknown[0]!r}; {suggest(unknown[0], known)}")
    return frame[~frame["disease"].isin(diseases) | (frame["split"] == "test")].reset_index(drop=True)


def _chosen(frame: pd.DataFrame, share: float, seed: int) -> np.ndarray:
    """Positions of a share of the training photographs, in the order in which they are taken."""
    if not 0 <= share <= 1:
        raise ValueError(f"share {share}: give a number between 0 and 1")
    train = np.flatnonzero(frame["split"] == "train")
    return np.random.default_rng((seed, 1)).permutation(train)[: round(share * len(train))]
