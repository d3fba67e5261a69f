"""Fitzpatrick skin types, their names and groups, and training sets with a given share of dark skin."""

import numpy as np
import pandas as pd

from dermimit.data.problems import ManifestError, row_number

FITZPATRICK = ("I", "II", "III", "IV", "V", "VI")
"""Names of the skin types, lightest first; of a number 1 to 6 take `fitzpatrick_label`."""
DARK_TYPES = (5, 6)
"""Numbers of the types that are called dark here."""
SKIN_GROUPS = ("I–II", "III–IV", "V–VI")
DARK_GROUP = 2
"""Place of dark skin among `SKIN_GROUPS`."""
MIXED_SPLITS = ("train", "val")
MOST_DARK = 0.5
"""Largest share of dark skin that `mix_skin` gives."""


def fitzpatrick_label(skin_type: float | np.integer) -> str:
    """The name, "I" to "VI", of a skin type that is recorded as a number.

    Raises:
        ValueError: not one of 1 to 6; a missing type has no name.
    """
    if skin_type not in range(1, len(FITZPATRICK) + 1):
        raise ValueError(f"skin type {skin_type}: Fitzpatrick's types are 1 to {len(FITZPATRICK)}")
    return FITZPATRICK[int(skin_type) - 1]


def skin_group(fitzpatrick: pd.Series) -> np.ndarray:
    """Place of each photograph's type among `SKIN_GROUPS`.

    Raises:
        ManifestError: a photograph without a skin type, naming its row.
    """
    if fitzpatrick.isna().any():
        row = row_number(fitzpatrick.index[fitzpatrick.isna()][0])
        raise ManifestError(f"{row} of the manifest: no skin type; leave such photographs out, or the setting")
    return (fitzpatrick.to_numpy(float).astype(int) - 1) // 2


def mix_skin(frame: pd.DataFrame, dark_share: float, seed: int = 0) -> pd.DataFrame:
    """Keep as many training and validation photographs, of which a given share shows types V and VI.

    A split with L photographs of types I to IV and D of V and VI keeps N = min(L, D / 0.5) of them whatever the share,
    so that runs with different shares see equally many. Photographs are dropped in one random order for each group:
    what a smaller share has of dark skin is part of what a larger share has. The test split stays whole.

    Args:
        frame: a manifest with `split` and `fitzpatrick`, known for these splits; each photograph a
            patient of its own, as in SynDerm.
        dark_share: 0 to 0.5.
        seed: of the order.

    Raises:
        ValueError: a share out of range.
        ManifestError: a photograph without a skin type, or a split without one of the two groups.
    """
    if not 0 <= dark_share <= MOST_DARK:
        raise ValueError(f"dark_share {dark_share}: give a number between 0 and {MOST_DARK}")
    kept = [np.flatnonzero(~frame["split"].isin(MIXED_SPLITS))]
    for k, split in enumerate(MIXED_SPLITS):
        rows = np.flatnonzero(frame["split"] == split)
        order = np.random.default_rng((seed, 4, k)).permutation(rows)
        dark = skin_group(frame["fitzpatrick"].iloc[order]) == DARK_GROUP
        total = int(min((~dark).sum(), dark.sum() / MOST_DARK))
        if not total:
            raise ManifestError(f"split {split}: {dark.sum()} photographs of types V and VI, {(~dark).sum()} others")
        count = round(dark_share * total)
        kept += [order[dark][:count], order[~dark][: total - count]]
    return frame.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)
