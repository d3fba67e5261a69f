"""Every row of the ablation in every subgroup: scores and paired differences, with intervals by patient and seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.answers import macro_f1
from dermimit.evaluate.error_types import attribute_f1, body_right
from dermimit.evaluate.ranks import rank_of_truth
from dermimit.evaluate.resampling import Draws, macro_f1_draws, patient_draws, percentile_interval, two_level
from dermimit.evaluate.runs import in_order
from dermimit.evaluate.subgroups import ALL, Groups, groups_of

METRICS = {
    "macro_f1": "disease macro-F1",
    "accuracy": "disease accuracy",
    "top3": "disease top-3 accuracy",
    "body_part": "body-part accuracy",
    "attributes": "attribute F1, mean over images",
}
COLUMNS = ["metric", "kind", "group", "photographs", "row", "other", "seeds", "value", "low", "high"]


@dataclass(frozen=True)
class Seed:
    """What one run got right: class indices of the diseases, and for each mean metric a value a photograph."""

    truth: np.ndarray
    answer: np.ndarray
    values: Mapping[str, np.ndarray]


def subgroup_scores(
    records: pd.DataFrame,
    experiments: pd.DataFrame,
    label_space: LabelSpace,
    facts: pd.DataFrame | None = None,
    resamples: int = 1000,
) -> pd.DataFrame:
    """Score the rows on all test photographs and in each subgroup, and each row against each other.

    As in `comparisons.compare`, all rows answer for the same drawn patients, seeds are paired by their number, and the
    95 % intervals cover the choice of patients and, with several seeds, the luck of training. Nothing is corrected for
    the number of intervals. Macro-F1 of a subgroup runs over the diseases that occur in it: compare rows within a
    subgroup, not subgroups with each other.

    Args:
        records: from `tables.read_records`; runs without stored probabilities are left out.
        experiments: from `tables.read_experiments`; gives the order of the rows.
        facts: of drawn cases, see `subgroups.groups_of`.
        resamples: number of bootstrap samples, at least 100.

    Returns:
        columns `COLUMNS`: `kind` and `group` (of `subgroups.KINDS`; both `ALL` for all), `photographs`, `row`; `other`
        is empty for the row's own score, else `value` is the score of `row` minus that of `other`, which stands
        before it in the table; `seeds` those counted.

    Raises:
        ValueError: no run has probabilities; runs were tested on other photographs; too few resamples.
    """
    if resamples < 100:
        raise ValueError(f"{resamples} resamples: give at least 100 for a 95 % interval")
    rows, groups, patients = _read(records, experiments, label_space, facts)
    draws = patient_draws(patients, resamples)
    lines = []
    for metric in METRICS:
        for kind, named in tqdm(groups.items(), desc=metric, disable=None):
            for group, member in named.items():
                found = {row: _drawn(seeds, metric, member, draws) for row, seeds in rows.items()}
                head = {"metric": metric, "kind": kind, "group": group, "photographs": int(member.sum())}
                lines += [head | line for line in _lines({row: f for row, f in found.items() if f})]
    return pd.DataFrame(lines, columns=COLUMNS)


def _read(
    records: pd.DataFrame, experiments: pd.DataFrame, label_space: LabelSpace, facts: pd.DataFrame | None
) -> tuple[dict[str, dict[int, Seed]], Groups, pd.Series]:
    """Rows by name and seed, the subgroups, and the patient of each photograph."""
    rows: dict[str, dict[int, Seed]] = {}
    first, groups = None, {}
    for row in in_order(records, experiments):
        for _, run in records[records["row"] == row].sort_values("seed").iterrows():
            path = Path(run["path"]) / "predictions.parquet"
            frame = pd.read_parquet(path) if path.is_file() else pd.DataFrame()
            if "disease_prob" not in frame:
                continue
            test = frame[(frame["split"] == "test") & frame["disease"].notna()].reset_index(drop=True)
            if first is None:
                first, groups = test, {ALL: {ALL: np.ones(len(test), bool)}} | groups_of(frame, facts)
            elif list(test["image"]) != list(first["image"]):
                raise ValueError(f"{path.parent} was tested on other photos than the rows before it: leave it out")
            rows.setdefault(row, {})[int(run["seed"])] = seed_of(test, label_space)
    if first is None:
        raise ValueError("no run of the experiments has predictions.parquet with probabilities: train or publish one")
    return rows, groups, first["patient_id"]


def seed_of(test: pd.DataFrame, label_space: LabelSpace) -> Seed:
    """What one run got right on its test photographs."""
    place = {name: i for i, name in enumerate(label_space.diseases)}
    probability = np.stack(test["disease_prob"].to_list()).astype(float)
    truth, answer = test["disease"].map(place).to_numpy(dtype=int), probability.argmax(1)
    values = {"accuracy": answer == truth, "top3": rank_of_truth(probability, truth) <= 3}
    if "body_part_prob" in test and not label_space.several_body_parts and test["body_part"].notna().all():
        values["body_part"] = body_right(test, label_space)
    if "attributes_prob" in test and test["attributes"].notna().all():
        values["attributes"] = attribute_f1(test, label_space)
    return Seed(truth, answer, {name: np.asarray(v, float) for name, v in values.items()})


Drawn = dict[int, tuple[float, np.ndarray]]


def _drawn(seeds: Mapping[int, Seed], metric: str, member: np.ndarray, draws: Draws) -> Drawn:
    """Seed -> the metric in the subgroup, as it is and on each resample; empty where the row has no such answers."""
    inside = Draws(draws.patient[member], draws.weights)
    if metric == "macro_f1":
        parts = {k: (s.truth[member], s.answer[member]) for k, s in seeds.items()}
        return {k: (macro_f1(*p), macro_f1_draws(*p, inside)) for k, p in parts.items()}
    values = {k: s.values[metric][member] for k, s in seeds.items() if metric in s.values}
    return {k: (float(v.mean()), inside.means(v[:, None])[0]) for k, v in values.items()}


def _lines(found: Mapping[str, Drawn]) -> list[dict[str, object]]:
    """One line a row, and one a pair of rows with a seed in common, later minus earlier."""
    lines = []
    for row, by_seed in found.items():
        observed, drawn = (np.array([pair[i] for pair in by_seed.values()]) for i in (0, 1))
        lines.append({"row": row, "other": "", **_estimate(observed, drawn)})
    for other, row in combinations(found, 2):
        shared = [seed for seed in found[other] if seed in found[row]]
        if shared:
            ours, theirs = ([[found[name][s][i] for s in shared] for i in (0, 1)] for name in (row, other))
            observed, drawn = (np.array(a) - np.array(b) for a, b in zip(ours, theirs, strict=True))
            lines.append({"row": row, "other": other, **_estimate(observed, drawn)})
    return lines


def _estimate(observed: np.ndarray, drawn: np.ndarray) -> dict[str, object]:
    low, high = percentile_interval(two_level(drawn, observed))
    return {"seeds": len(observed), "value": float(observed.mean()), "low": low, "high": high}
