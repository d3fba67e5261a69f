"""Do the tasks pull apart? How their gradients on the shared trunk agreed, and what cross-interaction does to it."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from dermimit.evaluate.runs import read_histories


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


def conflict_text(by_seed: pd.DataFrame, row: str = "cim", reference: str = "concat") -> str:
    """What the cosines say of the claim that cross-interaction lessens conflict, beside concatenated features.

    The difference is paired by seed, with a 95 % interval of Student's t over the seeds.

    Args:
        by_seed: from `seed_cosines`.
    """
    both = by_seed[by_seed["row"].isin((row, reference))]
    wide = both.groupby(["seed", "row"])["cosine"].mean().unstack("row")
    if not {row, reference} <= set(wide) or wide.dropna().empty:
        return "**Not run yet.**"
    wide = wide.dropna()
    change, seeds = wide[row] - wide[reference], len(wide)
    conflict = both[both["seed"].isin(wide.index)].groupby(["row", "pair"])["cosine"].mean().min() < 0
    start = "Some pairs conflict" if conflict else "No pair of tasks conflicts on average: every mean is above 0"
    text = (
        f"{start}. Mean over the pairs: {wide[row].mean():+.3f} with cross-interaction, {wide[reference].mean():+.3f} "
        f"with concatenation; difference {change.mean():+.3f}"
    )
    if seeds == 1:
        return f"{text}; one seed does not cover the luck of training: **not shown**."
    half = stats.t.ppf(0.975, seeds - 1) * change.std(ddof=1) / seeds**0.5
    low, high = change.mean() - half, change.mean() + half
    verdict = "less conflict" if low > 0 else "more conflict" if high < 0 else "not shown"
    return f"{text} ({low:+.3f} to {high:+.3f}, {seeds} seeds): **{verdict}**."


def format_sd(value: float, sd: float) -> str:
    """A signed mean, and its standard deviation over seeds where there is one."""
    return f"{value:+.3f}" + ("" if pd.isna(sd) else f" ± {sd:.3f}")
