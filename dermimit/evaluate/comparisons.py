"""Rows of the ablation compared on the same test photographs, from their predictions alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.answers import Answers, macro_f1, read_answers
from dermimit.evaluate.resampling import bootstrap_p, patient_draws, percentile_interval, two_level
from dermimit.evaluate.runs import in_order
from dermimit.evaluate.significance import effect_size, holm, seeds_needed, t_test
from dermimit.evaluate.statistics import mean_sd

__all__ = ["Answers", "compare", "macro_f1", "read_answers"]

CLAIMED = 0.013  # macro-F1 that the paper says the other tasks add to the disease
NAN = float("nan")
REFERENCE: dict[str, Any] = {"difference": 0.0, "difference_low": 0.0, "difference_high": 0.0, "difference_sd": NAN}
REFERENCE |= {"p_photographs": NAN, "p_bootstrap": NAN, "p": NAN, "df": NAN, "effect": NAN, "seeds_needed": None}
REFERENCE |= {"paired": 0, "note": "reference"}
ONE_SEED = "one seed: not tested"


def compare(
    records: pd.DataFrame,
    experiments: pd.DataFrame,
    label_space: LabelSpace,
    *,
    reference: str | None = None,
    resamples: int = 2000,
    claimed: float = CLAIMED,
    same_seeds: bool = False,
) -> pd.DataFrame:
    """Estimate each row's macro-F1 and its paired difference from a reference row, with everything a reader needs.

    Both rows answer for the same drawn patients, and seeds are paired by their number. Where there are several seeds
    the 95 % intervals and p cover the luck of training too (`resampling.two_level`, `significance.t_test`). With one,
    the interval covers the choice of test photographs alone, there is no p, and `note` says so: two seeds of the same
    row differ by such an interval about as often as not (`exploration`).

    Args:
        reference: the row to compare with; the first that was trained, if None.
        resamples: number of bootstrap samples.
        claimed: the difference that `seeds_needed` counts seeds for, in macro-F1; the paper's gain by default.
        same_seeds: refuse rows whose seeds are not those of the reference, rather than pair the shared ones.
    Returns:
        columns `row, label, seeds, value, sd, low, high`; then, of the difference, `difference, difference_low,
        difference_high, difference_sd, p_photographs` (seeds as they are, by patient), `p_bootstrap` (never below
        `resampling.bootstrap_floor`), `p` and `df` (`significance.t_test`), `p_holm` (of p, over this table), `paired`
        (seeds that both rows have), `effect` (Hedges), `seeds_needed` (None: unknown or beyond 1,000) and `note`. Rows
        without stored predictions are left out; those of the reference row are 0 or missing.
    Raises:
        ValueError: the reference was not trained; other photos; no seed in common.
    """
    rows = read_rows(records, experiments, label_space)
    if not rows:
        return pd.DataFrame()
    reference = reference or next(iter(rows))
    check_comparable(rows, reference, same_seeds)
    labels = experiments.set_index("row")["label"]
    draws = patient_draws(rows[reference].patients, resamples)
    base = rows[reference].macro_f1_draws(draws)
    lines = []
    for row, these in rows.items():
        scores = base if row == reference else these.macro_f1_draws(draws)
        low, high = percentile_interval(two_level(scores, these.macro_f1()))
        mean, sd = mean_sd(these.macro_f1())
        line = {"row": row, "label": labels[row], "seeds": len(these.seeds), "value": mean, "sd": sd}
        line |= {"low": low, "high": high}
        if row == reference:
            lines.append(line | REFERENCE)
        else:
            patients = len(draws.weights)
            lines.append(line | paired_difference(these, rows[reference], scores, base, patients, claimed))
    table = pd.DataFrame(lines)
    table["seeds_needed"] = pd.Series([line["seeds_needed"] for line in lines], dtype=object)
    table.insert(table.columns.get_loc("df") + 1, "p_holm", holm(table["p"]))
    return table


def read_rows(records: pd.DataFrame, experiments: pd.DataFrame, label_space: LabelSpace) -> dict[str, Answers]:
    """The answers of each row whose predictions are stored, in the order of the experiments."""
    rows = {}
    for row in in_order(records, experiments):
        runs = records[records["row"] == row].sort_values("seed")
        runs = runs[[(path / "predictions.parquet").is_file() for path in runs["path"]]]
        if len(runs):
            rows[row] = read_answers(list(runs["path"]), label_space, [int(seed) for seed in runs["seed"]])
    return rows


def check_comparable(rows: Mapping[str, Answers], reference: str, same_seeds: bool) -> None:
    """Raise a ValueError that names the first row that cannot be compared with the reference."""
    if reference not in rows:
        raise ValueError(f"reference {reference!r} has no stored predictions; rows that have: {', '.join(rows)}.")
    base = rows[reference]
    for row, these in rows.items():
        if these.images != base.images or not np.array_equal(these.truth, base.truth):
            raise ValueError(f"row {row} was tested on other photos than {reference}: train both on the same data.")
        missing, shared = set(base.seeds) ^ set(these.seeds), set(base.seeds) & set(these.seeds)
        if not shared or (same_seeds and missing):
            ours, theirs = (", ".join(map(str, seeds)) for seeds in (these.seeds, base.seeds))
            raise ValueError(f"row {row} has seeds {ours}, {reference} has {theirs}: train the missing ones.")


def paired_difference(
    these: Answers,
    base: Answers,
    scores: np.ndarray,
    base_scores: np.ndarray,
    patients: int,
    claimed: float = CLAIMED,
) -> dict[str, Any]:
    """The difference of two rows over the seeds that both have; `scores` and `base_scores` are their draws."""
    shared = [seed for seed in base.seeds if seed in these.seeds]
    ours, theirs = ([a.seeds.index(seed) for seed in shared] for a in (these, base))
    observed = these.macro_f1()[ours] - base.macro_f1()[theirs]
    draws = scores[ours] - base_scores[theirs]
    both = two_level(draws, observed)
    mean, sd = mean_sd(observed)
    low, high = percentile_interval(both)
    notes = [f"{len(shared)} seeds paired"] if set(these.seeds) != set(base.seeds) else []
    if len(shared) == 1:
        notes.append(ONE_SEED)
    elif len(shared) == 2:
        notes.append("two seeds: no effect size")
    test = t_test(observed, float(draws.mean(0).var(ddof=1)), patients)
    return {
        "difference": mean,
        "difference_low": low,
        "difference_high": high,
        "difference_sd": sd,
        "p_photographs": bootstrap_p(draws.mean(0)),
        "p_bootstrap": bootstrap_p(both) if len(shared) > 1 else NAN,
        "p": test.p,
        "df": test.df,
        "paired": len(shared),
        "effect": effect_size(observed),
        "seeds_needed": seeds_needed(claimed, sd) if len(shared) > 1 else None,
        "note": "; ".join(notes),
    }
