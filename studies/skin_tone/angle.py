"""Individual typology angle: how light skin looks in a photograph, and whether it agrees with a recorded skin type."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import distance_transform_edt
from scipy.stats import spearmanr
from skimage.color import rgb2lab
from sklearn.metrics import cohen_kappa_score

from dermimit.evaluate.resampling import patient_draws, percentile_interval

LIMITS = (55.0, 41.0, 28.0, 10.0, -30.0)
"""Angles in degrees between the six classes from very light to dark (Chardon 1991, Del Bino and Bernerd 2013)."""
CLASSES = ("very light", "light", "intermediate", "tan", "brown", "dark")
MARGIN, REACH = 0.03, 0.15
"""Skin is looked for between these distances from the outline, as shares of the photograph's side."""
LEAST = 0.01
"""Share of the photograph that unaffected skin must cover."""


def typology_angle(lab: Float[np.ndarray, "*any 3"]) -> np.ndarray:
    """ITA = arctan((L* − 50) / b*) in degrees, of CIELAB colours.

    Taken as the angle of the point (b*, L* − 50), so that it stays defined at b* ≤ 0, where it leaves −90 to 90.

    Source: Chardon, Cretois and Hourseau, Int. J. Cosmetic Science 13 (1991).
    """
    return np.asarray(np.degrees(np.arctan2(lab[..., 0] - 50, lab[..., 2])))


def typology_class(angle: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Place among `CLASSES` of each angle, 0 to 5; an angle on a limit belongs to the darker class."""
    return (np.asarray(angle)[:, None] <= np.array(LIMITS)).sum(axis=1)


def ring(lesion: Bool[np.ndarray, "h w"], margin: float = MARGIN, reach: float = REACH) -> Bool[np.ndarray, "h w"]:
    """The surroundings of the lesion, where a photograph is most likely to show skin and no backdrop or clothes.

    Args:
        lesion: inside the outline.
        margin, reach: nearest and farthest pixels, as shares of the longer side; the margin is at least one pixel.
    """
    side = max(lesion.shape)
    far = distance_transform_edt(~lesion)
    return (far > max(1.0, margin * side)) & (far <= reach * side)


def skin_angle(photo: UInt8[np.ndarray, "h w 3"], lesion: Bool[np.ndarray, "h w"], reach: float = REACH) -> float:
    """ITA of the unaffected skin in degrees: that of the median L* and b* of the ring round the outline.

    Pixels with b* ≤ 0 are left out: skin of every type is yellower than grey, a pen or a blue backdrop is not. The
    median stands against hair and what else covers less than half. Light and white balance stay in it.

    Args:
        photo: the photograph.
        lesion: inside the outline.
        reach: as of `ring`; from 2 on, all that is outside.

    Returns:
        NaN where such pixels are less than `LEAST` of the photograph.
    """
    if not lesion.any():
        return float("nan")
    colours = rgb2lab(photo)[ring(lesion, reach=reach)]
    skin = colours[colours[:, 2] > 0]
    if len(skin) < LEAST * lesion.size:
        return float("nan")
    return float(typology_angle(np.median(skin, axis=0)))


def agreement(
    kinds: Iterable[float], angles: Iterable[float], patients: Iterable[str], resamples: int = 1000
) -> dict[str, object]:
    """How the angle goes with the recorded type, of the photographs that have both.

    Args:
        kinds: Fitzpatrick types 1 to 6, NaN where not recorded.
        angles: degrees, NaN where not measured.
        patients: of each photograph.

    Returns:
        `photographs, patients`; `spearman` of type and −angle (1: the order is the same) with `_low` and `_high`, 95 %
        by patient; `kappa` (quadratic weights) of type and class of the angle; `exact` and `near`, the shares of equal
        and at most neighbouring types; `table`, 6 × 6 counts (recorded, estimated); `by_type`: for each recorded type
        `type, photographs, median, low, high` of the angle, the last two its quartiles.
    """
    frame = pd.DataFrame({"kind": list(kinds), "angle": list(angles), "patient": list(patients)}).dropna(
        subset=["kind", "angle"]
    )
    frame = frame.reset_index(drop=True)
    if len(frame) < 3:
        raise ValueError(f"{len(frame)} photographs have a type and an angle: there is nothing to compare")
    kind, angle = frame["kind"].to_numpy(int), frame["angle"].to_numpy(float)
    said, draws = typology_class(angle) + 1, patient_draws(frame["patient"], resamples)
    copies = [np.repeat(np.arange(len(frame)), w[draws.patient].astype(int)) for w in draws.weights.T]
    low, high = percentile_interval(np.array([spearmanr(kind[c], -angle[c]).statistic for c in copies]))
    found = {"photographs": len(frame), "patients": len(draws.weights)}
    found |= {"spearman": float(spearmanr(kind, -angle).statistic), "spearman_low": low, "spearman_high": high}
    found["kappa"] = float(cohen_kappa_score(kind, said, labels=range(1, 7), weights="quadratic"))
    found |= {"exact": float((kind == said).mean()), "near": float((abs(kind - said) <= 1).mean())}
    found["table"] = (
        pd.crosstab(kind, said).reindex(index=range(1, 7), columns=range(1, 7), fill_value=0).values.tolist()
    )
    found["by_type"] = [
        {"type": int(k), "photographs": len(part), "median": float(part.median())}
        | dict(zip(("low", "high"), map(float, part.quantile([0.25, 0.75])), strict=True))
        for k, part in frame.groupby("kind")["angle"]
    ]
    return found


def alike(angles: Iterable[float], patients: Iterable[str], resamples: int = 1000) -> dict[str, float | int]:
    """How alike the angles of one patient's photographs are: the intraclass correlation of patients with several.

    ICC(1) = (B − W) / (B + (n₀ − 1) W), with the mean squares B between and W within patients and n₀ the mean number of
    photographs, corrected for its spread. 1: a patient's photographs agree; 0: they differ as strangers' do.

    Args:
        angles: degrees, NaN where not measured.
        patients: of each photograph.

    Returns:
        `alike` with `alike_low, alike_high`, 95 % by patient; `within`, the standard deviation within patients in
        degrees; `alike_photographs, alike_patients` that it rests on.

    Source: Shrout and Fleiss, Psychological Bulletin 86 (1979), case 1; Donner, Int. Stat. Review 54 (1986).
    """
    frame = pd.DataFrame({"angle": list(angles), "patient": list(patients)}).dropna()
    groups = [part.to_numpy(float) for _, part in frame.groupby("patient")["angle"] if len(part) > 1]
    if len(groups) < 3:
        raise ValueError(f"{len(groups)} patients have several photographs with an angle: at least 3 are needed")
    sizes = np.array([len(g) for g in groups], float)
    sums, squares = np.array([g.sum() for g in groups]), np.array([(g**2).sum() for g in groups])
    rng, ones = np.random.default_rng(0), np.ones(len(groups))
    drawn = [np.bincount(rng.integers(len(groups), size=len(groups)), minlength=len(groups)) for _ in range(resamples)]
    (value, within), spread = _icc(ones, sizes, sums, squares), [_icc(w, sizes, sums, squares)[0] for w in drawn]
    low, high = percentile_interval(np.array(spread))
    line: dict[str, float | int] = {"alike": value, "alike_low": low, "alike_high": high, "within": within**0.5}
    return line | {"alike_photographs": int(sizes.sum()), "alike_patients": len(groups)}


def _icc(times: np.ndarray, sizes: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> tuple[float, float]:
    """ICC(1) and W, each patient counted so many times."""
    k, n = times.sum(), (times * sizes).sum()
    inner = (times * (squares - sums**2 / sizes)).sum()
    outer = (times * sums**2 / sizes).sum() - (times * sums).sum() ** 2 / n
    between, within = outer / (k - 1), inner / (n - k)
    typical = (n - (times * sizes**2).sum() / n) / (k - 1)
    return float((between - within) / (between + (typical - 1) * within)), float(within)
