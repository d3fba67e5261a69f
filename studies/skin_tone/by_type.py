"""Scores by Fitzpatrick skin type: disease, attributes, body part, selection and calibration, their gaps, and who wins.

Two contrasts are kept apart. *Best minus worst* of six types is positive by chance alone, so that it stands beside what
it is when the types are permuted among the photographs. *Light minus dark* (I–II minus V–VI) was named beforehand
and has a sign: its interval is to be read as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.data.skin import DARK_GROUP, FITZPATRICK, SKIN_GROUPS, skin_group
from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.calibration import BINS, ece_floor
from dermimit.evaluate.error_types import attribute_f1, body_right
from dermimit.evaluate.metrics import expected_calibration_error
from dermimit.evaluate.resampling import (
    Draws,
    bootstrap_p,
    macro_f1_draws,
    patient_draws,
    percentile_interval,
    two_level,
)
from dermimit.evaluate.significance import holm

MEANS = ("accuracy", "attributes", "body_part", "precision", "recall", "overconfidence")  # means over photographs
SCORES = {
    "accuracy": "disease accuracy",
    "macro_f1": "disease macro-F1",
    "attributes": "attribute F1 of a photograph",
    "body_part": "body-part accuracy",
    "precision": "selected area that is lesion",
    "recall": "lesion that is selected",
    "overconfidence": "confidence − accuracy",
    "ece": "calibration error (ECE)",
}
BETTER_LOW = ("overconfidence", "ece")


def photo_scores(predictions: pd.DataFrame, label_space: LabelSpace) -> pd.DataFrame:
    """What one run got right, a row a test photograph.

    Args:
        predictions: a run's `predictions.parquet`; rows of other splits are left out.

    Returns:
        columns `image, patient_id, fitzpatrick, truth, answer` (class index), `confidence`, `accuracy` (0 or 1),
        `overconfidence` (confidence − accuracy), and, where the run has the tasks, `attributes` (F1) and `body_part`.
    """
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    probability = np.stack(test["disease_prob"].to_list()).astype(float)
    place = {name: i for i, name in enumerate(label_space.diseases)}
    found = test[["image", "patient_id", "fitzpatrick"]].assign(truth=test["disease"].map(place))
    found = found.assign(answer=probability.argmax(1), confidence=probability.max(1))
    found["accuracy"] = (found["truth"] == found["answer"]).astype(float)
    found["overconfidence"] = found["confidence"] - found["accuracy"]
    if "attributes_prob" in test:
        found["attributes"] = attribute_f1(test, label_space)
    if "body_part_prob" in test:
        found["body_part"] = body_right(test, label_space).astype(float)
    return found


@dataclass(frozen=True)
class ByGroup:
    """One score of one row in every group.

    Attributes:
        observed: (seeds, groups).
        drawn: (seeds, groups, resamples) of the patients.
    """

    observed: np.ndarray
    drawn: np.ndarray

    def line(self, group: int) -> dict[str, float]:
        """Mean over seeds of a group with its 95 % interval over patients and seeds."""
        return _line(self.observed[:, group], self.drawn[:, group])

    def contrast(self, first: int, second: int) -> ByGroup:
        """Group first − group second, as one group."""
        return ByGroup(
            self.observed[:, [first]] - self.observed[:, [second]], self.drawn[:, [first]] - self.drawn[:, [second]]
        )


def _line(observed: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    low, high = percentile_interval(two_level(drawn, observed))
    return {"value": float(np.mean(observed)), "low": low, "high": high}


def measured(
    seeds: Sequence[pd.DataFrame], group: np.ndarray, groups: int, draws: Draws, scores: Sequence[str] = tuple(SCORES)
) -> dict[str, ByGroup]:
    """Every score that the seeds of a row have, in every group.

    Args:
        seeds: from `photo_scores`, of the same photographs in the same order.
        group: (n,) number of each photograph's group; −1 for none.
        groups: how many there are.
        draws: resamples of the patients of the photographs.

    Raises:
        ValueError: a group without a photograph, or seeds of other photographs.
    """
    for number in range(groups):
        if not (group == number).any():
            raise ValueError(f"group {number} of {groups} has no photograph: leave it out")
    if any(list(one["image"]) != list(seeds[0]["image"]) for one in seeds):
        raise ValueError("two seeds were tested on other photographs: compare runs of one test split")
    found = {}
    for score in (s for s in scores if s in seeds[0] or (s in ("macro_f1", "ece") and "answer" in seeds[0])):
        pairs = [[_in_group(one, score, group == g, draws) for g in range(groups)] for one in seeds]
        observed = np.array([[value for value, _ in line] for line in pairs])
        found[score] = ByGroup(observed, np.array([[drawn for _, drawn in line] for line in pairs]))
    return found


def _in_group(one: pd.DataFrame, score: str, here: np.ndarray, draws: Draws) -> tuple[float, np.ndarray]:
    """A score among some photographs, and on each resample of the patients."""
    part, those = one[here], Draws(draws.patient[here], draws.weights)
    if score == "macro_f1":
        truth, answer = part["truth"].to_numpy(), part["answer"].to_numpy()
        return macro_f1(truth, answer), macro_f1_draws(truth, answer, those)
    if score == "ece":
        right, sure = part["accuracy"].to_numpy(), part["confidence"].to_numpy()
        gaps = np.zeros((len(part), BINS))
        gaps[np.arange(len(part)), np.minimum((sure * BINS).astype(int), BINS - 1)] = right - sure
        return expected_calibration_error(right, sure, BINS), np.abs(those.means(gaps)).sum(axis=0)
    known = part[score].notna().to_numpy()
    values, those = part[score].to_numpy(float)[known], Draws(those.patient[known], draws.weights)
    return float(values.mean()), those.means(values[:, None])[0]


def type_table(seeds: Sequence[pd.DataFrame], resamples: int = 2000) -> list[dict[str, object]]:
    """Every score of a row for each skin type: `score, type, photographs, value, low, high`; the last two 95 %.

    ECE has no interval, for it is larger in every resample than in the photographs themselves; it has `chance`, what
    perfectly calibrated answers with the same confidences would have (`calibration.ece_floor`).
    """
    kinds, draws = seeds[0]["fitzpatrick"].to_numpy(int) - 1, patient_draws(seeds[0]["patient_id"], resamples)
    table, lines = measured(seeds, kinds, len(FITZPATRICK), draws), []
    for score, found in table.items():
        for k, kind in enumerate(FITZPATRICK):
            line: dict[str, object] = {"score": score, "type": kind, "photographs": int((kinds == k).sum())}
            if score == "ece":
                floors = [ece_floor(one["confidence"].to_numpy()[kinds == k]) for one in seeds]
                line |= {"value": float(found.observed[:, k].mean()), "chance": float(np.mean(floors))}
            else:
                line |= found.line(k)
            lines.append(line)
    return lines


def spread_table(seeds: Sequence[pd.DataFrame], repeats: int = 2000, seed: int = 0) -> list[dict[str, object]]:
    """Best minus worst of the six types, for scores that are means over photographs, and what chance makes of it.

    Args:
        seeds: of one row; a photograph counts with its mean over them.
        repeats: how often the types are permuted.

    Returns:
        `score, worst, worst_value, best, best_value, spread`; `chance`, the mean spread of dealt types, and `p`, the
        share of dealings with a spread at least as large (with one added above and below the line).
    """
    kinds, rng = seeds[0]["fitzpatrick"].to_numpy(int) - 1, np.random.default_rng(seed)
    dealt, lines = [kinds, *(rng.permutation(kinds) for _ in range(repeats))], []
    for score in (name for name in MEANS if name in seeds[0]):
        each = np.nanmean([one[score].to_numpy(float) for one in seeds], axis=0)
        known = ~np.isnan(each)
        means = np.array([_means(each[known], one[known]) for one in dealt])
        spreads, first = means.max(1) - means.min(1), means[0]
        low, high = (int(first.argmin()), int(first.argmax()))
        worst, best = (high, low) if score in BETTER_LOW else (low, high)
        line = {
            "score": score,
            "worst": FITZPATRICK[worst],
            "worst_value": float(first[worst]),
            "best": FITZPATRICK[best],
        }
        line |= {"best_value": float(first[best]), "spread": float(spreads[0]), "chance": float(spreads[1:].mean())}
        lines.append(line | {"p": float(((spreads[1:] >= spreads[0]).sum() + 1) / (repeats + 1))})
    return lines


def _means(values: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    return np.bincount(kinds, values, len(FITZPATRICK)) / np.bincount(kinds, minlength=len(FITZPATRICK))


def gap_table(
    rows: Mapping[str, Sequence[pd.DataFrame]], reference: str = "D", resamples: int = 2000
) -> list[dict[str, object]]:
    """Light minus dark (I–II minus V–VI) of every row, and by how much it differs from that of a reference row.

    Args:
        rows: row -> its seeds, in the same order of seeds; all of the same photographs.
        reference: a row.

    Returns:
        for each row and score: `row, score, light_photographs, dark_photographs, light, dark, value` (the gap) with
        `low` and `high`, and, for the scores that both have, `difference` (its gap − the reference's, seeds and
        patients paired) with `difference_low`, `difference_high`, `p`, and `p_holm` over the rows of a score.
    """
    first = rows[reference][0]
    group, draws = skin_group(first["fitzpatrick"]), patient_draws(first["patient_id"], resamples)
    counts = np.bincount(group, minlength=len(SKIN_GROUPS))
    found = {row: measured(seeds, group, len(SKIN_GROUPS), draws) for row, seeds in rows.items()}
    gaps = {row: {score: by.contrast(0, DARK_GROUP) for score, by in table.items()} for row, table in found.items()}
    lines = []
    for row, table in found.items():
        for score, by in table.items():
            line: dict[str, object] = {"row": row, "score": score}
            line |= {"light_photographs": int(counts[0]), "dark_photographs": int(counts[DARK_GROUP])}
            line |= {"light": by.line(0)["value"], "dark": by.line(DARK_GROUP)["value"]} | gaps[row][score].line(0)
            if row != reference and score in gaps[reference]:
                line |= _difference(gaps[row][score], gaps[reference][score])
            lines.append(line)
    _correct(lines)
    return lines


def _difference(these: ByGroup, base: ByGroup) -> dict[str, float]:
    observed, drawn = these.observed[:, 0] - base.observed[:, 0], these.drawn[:, 0] - base.drawn[:, 0]
    found = _line(observed, drawn)
    line = {"difference": found["value"], "difference_low": found["low"], "difference_high": found["high"]}
    return line | {"p": bootstrap_p(two_level(drawn, observed))}


def _correct(lines: list[dict[str, object]]) -> None:
    """Add Holm's p over the rows of each score, in place."""
    for score in {line["score"] for line in lines}:
        these = [line for line in lines if line["score"] == score and "p" in line]
        for line, p in zip(these, holm(pd.Series([x["p"] for x in these], dtype=float)), strict=True):
            line["p_holm"] = float(p)
