"""PAD-UFES-20 by skin type: who has one recorded, what the photographs themselves say, and errors out of fold.

A skin type is recorded where a biopsy was made, and a biopsy goes with the diagnosis. So accuracy by type is compared
with what the diseases of a group lead one to expect: each photograph counts with the share of right answers that its
disease has among all photographs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dermimit.data import pad_ufes_20
from dermimit.data.photos import read_mask, read_photo
from dermimit.evaluate.answers import Answers
from dermimit.evaluate.resampling import Draws, patient_draws, percentile_interval
from dermimit.evaluate.statistics import count_interval
from dermimit.evaluate.subgroups import NOT_RECORDED
from studies.skin_tone.angle import REACH, skin_angle

SIDE = 256

TYPES = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V–VI", 6: "V–VI"}
THIRDS = ("lightest third", "middle third", "darkest third")


def photographs(root: Path, reach: float = REACH) -> pd.DataFrame:
    """The manifest with `angle`, the typology angle of the skin round the outline in degrees; NaN without an outline.

    Args:
        root: PAD-UFES-20, with masks for most.
        reach: as of `typology.ring`.
    """
    frame, _ = pad_ufes_20.load(root)
    angles = [
        float("nan") if mask is None or pd.isna(mask) else measured_angle(root / image, root / mask, reach)
        for image, mask in zip(frame["image"], frame["mask"], strict=True)
    ]
    return frame.assign(angle=angles)


def measured_angle(image: Path, mask: Path, reach: float = REACH) -> float:
    """`typology.skin_angle` of a stored photograph, its longer side reduced to `SIDE` pixels where it is larger."""
    photo = Image.fromarray(read_photo(image).permute(1, 2, 0).numpy())
    photo.thumbnail((SIDE, SIDE))
    lesion = Image.fromarray((read_mask(mask)[0].numpy() > 0).astype(np.uint8)).resize(photo.size, Image.NEAREST)
    return skin_angle(np.asarray(photo), np.asarray(lesion).astype(bool), reach)


def type_group(frame: pd.DataFrame) -> pd.Series:
    """I to IV, "V–VI", or `NOT_RECORDED`, of each photograph."""
    return frame["fitzpatrick"].map(lambda kind: NOT_RECORDED if pd.isna(kind) else TYPES[int(kind)])


def angle_group(frame: pd.DataFrame) -> pd.Series:
    """Thirds of the photographs by angle, lightest first; missing where it was not measured."""
    known = frame["angle"].notna()
    rank = (-frame.loc[known, "angle"]).rank(method="first")
    third = np.ceil(3 * rank / known.sum()).astype(int)
    return third.map(lambda i: THIRDS[i - 1]).reindex(frame.index)


def recorded_table(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Photographs of each disease by recorded type: `disease, photographs, recorded, share, low, high` and counts."""
    kinds, lines = type_group(frame), []
    for name, rows in [("all", frame.index), *sorted(frame.groupby("disease").groups.items())]:
        these = kinds[rows]
        n, known = len(rows), int((these != NOT_RECORDED).sum())
        low, high = count_interval(known, n)
        counts = {kind: int((these == kind).sum()) for kind in dict.fromkeys(TYPES.values())}
        line = {"disease": name, "photographs": n, "recorded": known, "share": known / n, "low": low, "high": high}
        lines.append(line | {"types": counts})
    return lines


def error_table(models: Mapping[str, Answers], frame: pd.DataFrame, resamples: int = 2000) -> list[dict[str, object]]:
    """Accuracy of every row in every group, and what it is beyond the diseases that the group holds.

    Args:
        models: row -> out-of-fold answers, of which the first seed is taken; images as stems.
        frame: from `photographs`.

    Returns:
        `row, by` ("type" or "angle"), `group, photographs, patients`; `accuracy`, `expected` (from the diseases) and
        `beyond` = accuracy − expected; the first and last with `_low, _high`, 95 % by patient.

    Raises:
        ValueError: a photograph of the answers is not in the frame.
    """
    where, lines = frame.set_index(frame["image"].map(lambda name: Path(name).stem)), []
    for row, these in models.items():
        if missing := sorted(set(these.images) - set(where.index)):
            raise ValueError(f"row {row} answers for {missing[0]}, which is not among the photographs")
        part = where.loc[list(these.images)].reset_index(drop=True)
        right = (these.truth == these.answers[0]).astype(float)
        for by, groups in (("type", type_group(part)), ("angle", angle_group(part))):
            names = [*dict.fromkeys(TYPES.values()), NOT_RECORDED] if by == "type" else THIRDS
            for name in (n for n in names if (groups == n).any()):
                here = (groups == name).to_numpy()
                lines.append({"row": row, "by": by, "group": name} | _scored(right, these, here, resamples))
    return lines


def _scored(right: np.ndarray, these: Answers, here: np.ndarray, resamples: int) -> dict[str, float]:
    """A group's accuracy, and what is expected of its diseases; each resample of patients has its own expectation."""
    draws = patient_draws(these.patients, resamples)
    own = np.eye(int(these.truth.max()) + 1)[these.truth]
    inside = Draws(draws.patient[here], draws.weights)
    accuracy, mix = inside.means(right[here][:, None])[0], inside.means(own[here])
    rates = draws.sums(own * right[:, None]) / np.maximum(draws.sums(own), 1)
    expected = (rates * mix).sum(axis=0)
    rate = np.array([right[these.truth == c].mean() if (these.truth == c).any() else 0.0 for c in range(own.shape[1])])
    value, usual = float(right[here].mean()), float(rate[these.truth[here]].mean())
    patients = pd.Series(list(these.patients))[here].nunique()
    line = {"photographs": int(here.sum()), "patients": int(patients), "accuracy": value, "expected": usual}
    line["beyond"] = value - usual
    for name, drawn in (("accuracy", accuracy), ("beyond", accuracy - expected)):
        line[f"{name}_low"], line[f"{name}_high"] = percentile_interval(drawn)
    return line


def dark_needed(rate: float, margin: float = 0.1) -> int:
    """Photographs of one group at which Wilson's 95 % interval is `margin` to either side, around an accuracy."""
    sizes: Sequence[int] = range(5, 5000)
    return next(n for n in sizes if np.subtract(*count_interval(round(rate * n), n)[::-1]) <= 2 * margin)
