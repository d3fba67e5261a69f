"""Do the tasks pull apart? How their gradients on the shared trunk agreed, and what cross-interaction does to it."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from dermimit.evaluate.estimate import ALPHA, INCONCLUSIVE, Estimate, minus
from dermimit.evaluate.runs import read_histories

CONFLICT = ("less conflict", "more conflict", INCONCLUSIVE)


def gradient_curves(records: pd.DataFrame) -> pd.DataFrame:
    """How the tasks' gradients on the trunk agreed through training.

    Args:
        records: runs that were trained with `watch_gradients`.

    Returns:
        columns `row, seed, samples_seen, pair, cosine`, the cosine as a mean over the epoch.
    """
    histories = read_histories(records)
    pairs = [name for name in histories if name.startswith("gradient/cosine/")]
    long = histories.melt(["row", "seed", "samples_seen"], pairs, "pair", "cosine").dropna()
    return long.assign(pair=long["pair"].str.removeprefix("gradient/cosine/"))


def seed_cosines(records: pd.DataFrame) -> pd.DataFrame:
    """A line for each row, pair of tasks and seed: `row, pair, seed, cosine`, the cosine as a mean over the epochs.

    Args:
        records: as `gradient_curves`.
    """
    return gradient_curves(records).groupby(["row", "pair", "seed"])["cosine"].mean().reset_index()


def mean_cosines(by_seed: pd.DataFrame, experiments: pd.DataFrame) -> pd.DataFrame:
    """How the tasks' gradients agreed on the whole: a line for each row and pair of tasks.

    Args:
        by_seed: from `seed_cosines`.
        experiments: their rows, for the labels.

    Returns:
        columns `row, model, pair, seeds, cosine` (mean over seeds) and `sd` (over seeds; missing for one).
    """
    told = by_seed.groupby(["row", "pair"])["cosine"].agg(seeds="size", cosine="mean", sd="std").reset_index()
    order = {row: place for place, row in enumerate(experiments["row"])}
    told = told.sort_values(["row", "pair"], key=lambda column: column.map(order) if column.name == "row" else column)
    return told.assign(model=told["row"].map(experiments.set_index("row")["label"])).reset_index(drop=True)


def cosines_table(cosines: pd.DataFrame) -> pd.DataFrame:
    """`mean_cosines` as text, a column for each pair of tasks."""
    text = [format_sd(value, sd) for value, sd in zip(cosines["cosine"], cosines["sd"], strict=True)]
    pair = cosines["pair"].str.replace("_", " ").str.replace("/", " and ")
    wide = cosines.assign(text=text, pair=pair).pivot(index=["model", "seeds"], columns="pair", values="text")
    models = list(dict.fromkeys(cosines["model"]))
    return wide.reset_index().set_index("model").loc[models].reset_index().rename_axis(columns=None)


def agreement_by_seed(by_seed: pd.DataFrame, row: str = "cim", reference: str = "concat") -> pd.DataFrame:
    """The mean cosine over the pairs of tasks: a line for each seed that both rows have, a column for each row.

    Args:
        by_seed: from `seed_cosines`.
        row, reference: with cross-interaction, and with concatenated features.
    """
    both = by_seed[by_seed["row"].isin((row, reference))]
    wide = both.groupby(["seed", "row"])["cosine"].mean().unstack("row")
    return wide.reindex(columns=[row, reference]).dropna()


def agreement_gain(agreement: pd.DataFrame) -> Estimate:
    """By how much the gradients agree more in the first row than in the second, paired by seed.

    The interval is Student's over the seeds; a single seed has none.

    Args:
        agreement: from `agreement_by_seed`.
    """
    change, seeds = agreement.iloc[:, 0] - agreement.iloc[:, 1], len(agreement)
    half = float("nan") if seeds < 2 else stats.t.ppf(1 - ALPHA / 2, seeds - 1) * change.std(ddof=1) / seeds**0.5
    return Estimate(change.mean(), change.mean() - half, change.mean() + half)


def conflict_text(by_seed: pd.DataFrame, row: str = "cim", reference: str = "concat") -> str:
    """What the cosines say of the claim that cross-interaction lessens conflict, in words.

    Args:
        by_seed: from `seed_cosines`.
        row, reference: as `agreement_by_seed`.
    """
    agreement = agreement_by_seed(by_seed, row, reference)
    if agreement.empty:
        return "**These models have not been trained yet.**"
    gain, seeds = agreement_gain(agreement), len(agreement)
    compared = by_seed[by_seed["row"].isin((row, reference)) & by_seed["seed"].isin(agreement.index)]
    lowest = compared.groupby(["row", "pair"])["cosine"].mean().min()
    start = "Some pairs conflict" if lowest < 0 else "No pair of tasks conflicts on average: every mean is above 0"
    luck = "; one seed does not cover the variation between seeds" if seeds == 1 else f", {seeds} seeds"
    return (
        f"{start}. Mean over the pairs: {minus(f'{agreement[row].mean():+.3f}')} with cross-interaction, "
        f"{minus(f'{agreement[reference].mean():+.3f}')} with concatenation; difference {gain.signed()}{luck}: "
        f"**{gain.verdict(CONFLICT)}**."
    )


def format_sd(value: float, sd: float) -> str:
    """A signed mean, and its standard deviation over seeds where there is one."""
    return minus(f"{value:+.3f}") + ("" if pd.isna(sd) else f" ± {sd:.3f}")
