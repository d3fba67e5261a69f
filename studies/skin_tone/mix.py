"""Published runs that differ in how many dark skins they saw, or in a remedy: what they score on light and dark skin.

All are tested on the same photographs, on which the six types are even, whatever they were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.skin import DARK_GROUP, skin_group
from dermimit.evaluate.resampling import patient_draws
from dermimit.evaluate.significance import drawn_test, holm
from studies.shared.evidence import Evidence
from studies.skin_tone.by_type import ByGroup, measured

SHARES = (0, 5, 10, 25, 50)  # per cent of types V and VI in training
MODELS = ("D", "full")
REMEDIES = {"even": "balanced sampling", "colour": "colour augmentation", "dro": "balanced sampling with group DRO"}
PLAIN = "full_dark5"
GROUPS = ("I–IV", "V–VI")
SCORES = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class Mixed:
    """The runs of one row: seed -> its photographs, as `skin_tone.photo_scores` names them."""

    row: str
    seeds: Mapping[int, pd.DataFrame]


def read_runs(evidence: Evidence, skin: pd.Series) -> dict[str, Mixed]:
    """Every row of the table that has a published run.

    Args:
        evidence: of the table `skin_tone`.
        skin: Fitzpatrick type by name of the test image; published answers do not hold it.

    Raises:
        ValueError: an image without a type.
    """
    place, found = {name: i for i, name in enumerate(evidence.label_space.diseases)}, {}
    for row in evidence.own:
        runs = evidence.records[evidence.records["row"] == row].sort_values("seed")
        seeds = {}
        for seed, path in zip(runs["seed"], runs["path"], strict=True):
            frame = pd.read_parquet(Path(path) / "predictions.parquet")
            if missing := sorted(set(frame["image"]) - set(skin.index)):
                raise ValueError(f"{path}: no skin type of {missing[0]}: take the types of the same test split")
            frame = frame.assign(fitzpatrick=skin.loc[frame["image"]].to_numpy())
            coded = {"truth": frame["disease"].map(place), "answer": frame["answer"].map(place)}
            frame = frame.assign(**{name: codes.astype(int) for name, codes in coded.items()})
            seeds[int(seed)] = frame.assign(accuracy=(frame["truth"] == frame["answer"]).astype(float))
        if seeds:
            found[row] = Mixed(row, seeds)
    return found


def mix_table(rows: Mapping[str, Mixed], resamples: int = 2000) -> list[dict[str, object]]:
    """Accuracy and macro-F1 of every row on types I–IV and V–VI, and light minus dark.

    Returns:
        `row, seeds` (their numbers), `score, group` (one of `GROUPS`, "all" or "gap"), `photographs`, `value`, `low`,
        `high`: 95 % over photographs, and over seeds where there are several.
    """
    lines = []
    for row, mixed in rows.items():
        for score, by, counts in _scored(list(mixed.seeds.values()), resamples):
            gap = by.contrast(0, 1)
            named = {**{name: (by.line(k), int(counts[k])) for k, name in enumerate(GROUPS)},
                     "all": (by.line(2), int(counts.sum())), "gap": (gap.line(0), int(counts.sum()))}  # fmt: skip
            lines += [
                {"row": row, "seeds": list(mixed.seeds), "score": score, "group": group, "photographs": n} | line
                for group, (line, n) in named.items()
            ]
    return lines


def compared(
    rows: Mapping[str, Mixed], pairs: Sequence[tuple[str, str]], resamples: int = 2000
) -> list[dict[str, object]]:
    """Differences between rows, the shared seeds and the patients paired.

    Args:
        rows: from `read_runs`.
        pairs: (row, reference); those of which one is missing, or that share no seed, are left out.

    Returns:
        `row, reference, seeds, score, group`, `value` (row − reference) with `low, high`, `p` (of Student's t over
        seeds and patients; NaN with one seed), and `p_holm` over the pairs of a score and group.
    """
    lines: list[dict[str, object]] = []
    for row, reference in (pair for pair in pairs if set(pair) <= set(rows)):
        shared = sorted(set(rows[row].seeds) & set(rows[reference].seeds))
        if not shared:
            continue
        both = [_scored([rows[name].seeds[s] for s in shared], resamples) for name in (row, reference)]
        for (score, one, _), (_, other, _) in zip(*both, strict=True):
            for group, a, b in (*((g, _only(one, k), _only(other, k)) for k, g in enumerate((*GROUPS, "all"))),
                                ("gap", one.contrast(0, 1), other.contrast(0, 1))):  # fmt: skip
                both_seeds = ByGroup(a.observed - b.observed, a.drawn - b.drawn)
                line = {"row": row, "reference": reference, "seeds": shared, "score": score, "group": group}
                patients = rows[row].seeds[shared[0]]["patient_id"].nunique()
                p = drawn_test(both_seeds.observed[:, 0], both_seeds.drawn[:, 0], patients).p
                lines.append(line | both_seeds.line(0) | {"p": p})
    for key in {(line["score"], line["group"]) for line in lines}:
        these = [line for line in lines if (line["score"], line["group"]) == key]
        for line, p in zip(these, holm(pd.Series([x["p"] for x in these], dtype=float)), strict=True):
            line["p_holm"] = float(p)
    return lines


def _only(by: ByGroup, group: int) -> ByGroup:
    return ByGroup(by.observed[:, [group]], by.drawn[:, [group]])


def _scored(seeds: Sequence[pd.DataFrame], resamples: int) -> list[tuple[str, ByGroup, np.ndarray]]:
    """Score -> its groups light, dark and all, and how many photographs the first two have."""
    dark = (skin_group(seeds[0]["fitzpatrick"]) == DARK_GROUP).astype(int)
    draws = patient_draws(seeds[0]["patient_id"], resamples)
    split = measured(seeds, dark, 2, draws, SCORES)
    whole = measured(seeds, np.zeros(len(dark), int), 1, draws, SCORES)
    joined = {
        score: ByGroup(
            np.concatenate([by.observed, whole[score].observed], 1), np.concatenate([by.drawn, whole[score].drawn], 1)
        )
        for score, by in split.items()
    }
    return [(score, by, np.bincount(dark, minlength=2)) for score, by in joined.items()]
