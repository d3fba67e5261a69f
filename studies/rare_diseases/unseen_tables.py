"""What models predict of diseases that they have never seen: means over seeds, words, tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from dermimit.evaluate.estimate import Estimate, estimate

CHANCE, USEFUL = 0.5, 0.7
"""AUROC of a guess, and the least that is usually called acceptable (Hosmer, Lemeshow and Sturdivant 2013)."""


def mean_auroc(record: Mapping[str, Any], row: str) -> dict[str, Estimate]:
    """AUROC of each score, mean over the seeds of a row, with a 95 % interval over photographs and seeds.

    All seeds are asked about the same photographs, so that the variance by photograph does not shrink with their
    number; that over seeds does, with the t-quantile of their number.

    Args:
        record: with "unseen": lines of `row, seed, scores`.
        row: of the runs.

    Raises:
        ValueError: fewer than two seeds.
    """
    lines = [line["scores"] for line in record["unseen"] if line["row"] == row]
    if len(lines) < 2:
        raise ValueError(f"row {row!r} has {len(lines)} runs: two seeds or more are needed for an interval over seeds")
    found = {}
    for kind in lines[0]:
        values = np.array([line[kind]["auroc"] for line in lines])
        by_photo = np.mean([line[kind]["auroc_high"] - line[kind]["auroc_low"] for line in lines]) / 2
        by_seed = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
        half = float(np.hypot(by_photo, by_seed))
        found[kind] = Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)
    return found


def told(aurocs: Mapping[str, Estimate]) -> str:
    """What the best of several scores can do, as a verb: "could not tell" unseen diseases from known ones, and so on.

    Args:
        aurocs: score -> estimate.
    """
    best = max(aurocs.values(), key=lambda one: one.value)
    if not any(one.above(CHANCE) for one in aurocs.values()):
        return "could not tell"
    if best.below(USEFUL):
        return "could hardly tell"
    return "could tell" if best.above(USEFUL) else "could partly tell"


def unseen_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """A line for each run and score: AUROC, false alarms, and "none of these" at the promised rate; text."""
    lines = []
    for run in record["unseen"]:
        for kind, score in run["scores"].items():
            refused = run["none_of_these"][kind]
            line = {
                "model": f"{labels['rare_diseases:' + run['row']]}, seed {run['seed']}",
                "score": kind.replace("_", " "),
            }
            for name, key in (("AUROC (95 %)", "auroc"), ("false alarms at 95 % found", "fpr95")):
                line[name] = estimate(score, key).plain(2)
            line |= {
                "“none of these”, known": f"{100 * refused['known']:.0f} %",
                "“none of these”, new": f"{100 * refused['new']:.0f} %",
            }
            lines.append(line)
    return pd.DataFrame(lines)


def unseen_attributes_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Attributes on photographs of the unseen diseases, by runs that have not and that have seen these; text."""
    lines = []
    for run in record["unseen"]:
        for kind, name in (("without", "not seen in training"), ("with", "seen in training")):
            if score := run.get("attributes", {}).get(kind):
                text = Estimate(score["auroc"], score["low"], score["high"]).plain()
                line = {"the five diseases were": name, "seed": run["seed"], "mean AUROC of attributes (95 %)": text}
                lines.append(line | {"attributes": score["attributes"], "photographs": score["photographs"]})
    return pd.DataFrame(lines)


def unseen_shots_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """Recall of the unseen diseases by prototypes of a few examples, among all 49; text."""
    lines = []
    for run in record["unseen"]:
        line: dict[str, Any] = {"model": labels["rare_diseases:" + run["row"]], "seed": run["seed"]}
        line |= {
            f"{x['shots']} example{'s' * (x['shots'] > 1)}": f"{x['recall']:.2f} ± {x['sd']:.2f}"
            for x in run["few_shot"]
        }
        lines.append(line)
    return pd.DataFrame(lines)
