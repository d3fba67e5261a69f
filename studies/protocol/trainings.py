"""Sentences of the page on the second edition about single trainings: longer ones, and repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import minus
from dermimit.report.words import and_list
from studies.shared.counts import in_words

REPEATED = 128_000
"""Images that a training sees, and a repeated one."""
LONGEST_SAMPLES = 320_000
"""Images of the longest trainings."""
LONGEST = {"D": "disease only", "D_LSM": "lesion selection", "D_B_A": "both further tasks", "full": "full model"}
"""Rows that are trained longest, and what they are called."""
LONGEST_SEEDS = 3
CHOICES = {"full_oracle": "with patches of the true outline", "full": "by attention", "full_random": "at random"}
"""Rows of the full model that choose their patches differently."""
REGIMES = {"small": "small lesions", "plain": "large lesions"}
LONGER_SAMPLES = 184_320
"""Images that the disease alone sees in as much time as the full model needs."""


def repeated(runs: Sequence[Mapping[str, Any]]) -> str:
    """How much published trainings changed when they were repeated; a sentence without its full stop.

    Args:
        runs: of results/published/protocol/repeated.json.
    """
    changes = [run["macro_f1"]["repeated"] - run["macro_f1"]["published"] for run in runs]
    told = and_list([minus(f"{100 * change:+.1f}") for change in changes])
    count = in_words(len(runs)).capitalize()
    return f"{count} of them, repeated with the mended loss, changed by {told} points of macro-F1"


def again(runs: pd.DataFrame) -> str:
    """How far repeats of a training agree, on the same kind of processor and on another; a sentence without full stop.

    Args:
        runs: from `records.read_runs`; `D_long` has the model, the data and the seeds of `D`.
    """
    chosen = (runs["regime"] == "plain") & (runs["samples"] == REPEATED)
    first, second = (runs[chosen & (runs["row"] == row)].set_index("seed") for row in ("D", "D_long"))
    seeds = first.index.intersection(second.index).sort_values()
    change = 100 * (second.loc[seeds, "macro_f1"] - first.loc[seeds, "macro_f1"])
    same = second.loc[seeds, "processor"] == first.loc[seeds, "processor"]
    elsewhere = and_list([minus(f"{value:+.1f}") for value in change[~same]])
    exact = int((change[same] == 0).sum())
    told = f"Of {in_words(int(same.sum()))} repeats on the same kind of processor {in_words(exact)} gave the same score"
    return told + (
        f"; {in_words(int((~same).sum()))} on another kind changed by {elsewhere} points" if elsewhere else ""
    )


def beside_longer(runs: pd.DataFrame) -> str:
    """What the disease alone scores after its longer training, and both further tasks after the usual one.

    Args:
        runs: from `records.read_runs`.

    Returns:
        A sentence without full stop, or "" while one of the two has not run.
    """
    plain = runs[runs["regime"] == "plain"]
    means = 100 * plain.groupby(["row", "samples"])["macro_f1"].mean()
    if not {("D", LONGER_SAMPLES), ("D_B_A", REPEATED)} <= set(means.index):
        return ""
    longer, tasks = means["D", LONGER_SAMPLES], means["D_B_A", REPEATED]
    return (
        f"It then scored {longer:.1f} %. With both kinds of labels the usual training scored {tasks:.1f} %; the plan "
        "has no contrast between the two"
    )


def longest(runs: pd.DataFrame) -> str:
    """What the models score that were trained longest, beside the usual training with the same seeds; "" without any.

    Args:
        runs: from `records.read_runs`.
    """
    plain = runs[(runs["regime"] == "plain") & runs["row"].isin(LONGEST)]
    scores = 100 * plain.pivot(index=["row", "seed"], columns="samples", values="macro_f1")
    if LONGEST_SAMPLES not in scores:
        return ""
    ran = scores.reindex(columns=[REPEATED, LONGEST_SAMPLES]).dropna(subset=LONGEST_SAMPLES)
    told, most = [], ran.groupby("row").size()
    for row in most.index.intersection(list(LONGEST)):
        usual, longer = ran.loc[row].mean()
        told.append(f"{LONGEST[row]} {longer:.1f} %" + (f" ({usual:.1f} %)" if usual == usual else ""))
    seeds = in_words(int(most.min())) + (f" to {in_words(int(most.max()))}" if most.min() < most.max() else "")
    said = (
        f"After {LONGEST_SAMPLES:,} images, on large lesions, the scores are (in brackets, those after {REPEATED:,} "
        f"with the same seeds): {and_list(told)}; "
    )
    if most.reindex(list(LONGEST)).fillna(0).min() < LONGEST_SEEDS:
        return f"{said}seeds so far: {seeds} of {in_words(LONGEST_SEEDS)}."
    ranks = ran.groupby("row").mean().rank()
    kept = "the same as" if (ranks[REPEATED] == ranks[LONGEST_SAMPLES]).all() else "not that"
    return f"{said}{seeds} seeds. The order of the four is {kept} after {REPEATED:,}."


def three_tasks(runs: pd.DataFrame) -> str:
    """What the full model scores by how it chooses its patches, with the seeds that all have; a sentence or "".

    Args:
        runs: from `records.read_runs`.
    """
    chosen = runs[runs["row"].isin(CHOICES) & runs["regime"].isin(REGIMES) & (runs["samples"] == REPEATED)]
    scores = 100 * chosen.pivot(index=["regime", "seed"], columns="row", values="macro_f1")
    scores = scores.reindex(columns=list(CHOICES)).dropna()
    told = []
    for regime, where in REGIMES.items():
        if regime in scores.index.get_level_values(0):
            found = scores.loc[regime]
            each = and_list([f"{found[row].mean():.1f} % {how}" for row, how in CHOICES.items()])
            told.append(f"on {where} {each} ({in_words(len(found))} seed{'s' * (len(found) > 1)})")
    return f"With three tasks, the full model scores {'; '.join(told)}." if told else ""


def worse_labels(runs: pd.DataFrame) -> str:
    """What further tasks score by how often their labels are wrong or missing, with the seeds that all have; or "".

    Args:
        runs: from `records.read_runs`.
    """
    usual = runs[runs["samples"] == REPEATED]
    cells = [("D", "plain"), *((row, regime) for row in ("D_B", "D_B_A") for regime in ("plain", "noisy", "noisy=3"))]
    scores = 100 * usual.pivot(index="seed", columns=["row", "regime"], values="macro_f1")
    scores = scores.reindex(columns=pd.MultiIndex.from_tuples(cells)).dropna()
    if scores.empty:
        return ""
    means = scores.mean()
    body, both = (
        and_list([f"{means[row, regime]:.1f} %" for regime in ("plain", "noisy", "noisy=3")])
        for row in ("D_B", "D_B_A")
    )
    return (
        f"With perfect labels, with a reader's, and with errors and gaps three times as frequent, the body part leads "
        f"to {body}; with attributes too it is {both}, and without further labels {means['D', 'plain']:.1f} % "
        f"({in_words(len(scores))} seed{'s' * (len(scores) > 1)})."
    )
