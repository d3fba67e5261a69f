"""Scores and gains by frequency, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, Estimate, estimate
from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.shared.paths import EXPERIMENTS, PUBLISHED

LARGEST = ("among common diseases", "among rare diseases", CANNOT_TELL)


def read_rare(root: Path) -> tuple[pd.DataFrame, dict[str, Any], dict[str, str]]:
    """Answers of the runs, the record, and the names of the rows.

    Args:
        root: the project's folder.
    """
    folder, tables = root / PUBLISHED / "rare_diseases", root / EXPERIMENTS
    labels = read_experiments(tables / "ablation.csv").set_index("row")["label"].to_dict()
    for table in ("reference", "rare_diseases"):
        lines = read_experiments(tables / f"{table}.csv").itertuples()
        labels |= {
            f"{table}:{x.row}": x.label if x.group in (table, "unseen") else f"{x.group}, {x.label}" for x in lines
        }
    return pd.read_parquet(folder / "answers.parquet"), read_json(folder / "record.json"), labels


def slopes_table(gains: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """How several gains in F1 change with the number of training photographs, and where they are largest.

    Args:
        gains: name -> `by_frequency.gain_by_count`.
    """
    return pd.DataFrame(
        {
            "gain in F1 of": name,
            "for ten times as many photographs (95 %)": estimate(gain, "slope").signed(),
            "largest": largest(gain),
        }
        for name, gain in gains.items()
    )


def largest(gain: Mapping[str, float]) -> str:
    """Where a gain is largest, by the interval of its slope."""
    return estimate(gain, "slope").verdict(LARGEST)


def parts_table(table: pd.DataFrame, signed: bool = False) -> pd.DataFrame:
    """Mean F1 of head, middle, tail and all, or gains in it, with 95 % intervals, a line for each row; text.

    Args:
        table: from `by_frequency.table_of_parts` or `by_frequency.gains_of_parts`.
        signed: a plus before what is above zero, for gains.
    """
    estimates = [Estimate(*line) for line in table[["value", "low", "high"]].to_numpy()]
    text = [one.signed() if signed else one.plain() for one in estimates]
    wide = table.assign(text=text).pivot(index="row", columns="part", values="text")
    rows = table.drop_duplicates("row").set_index("row")
    shown = wide.loc[list(rows.index), ["head", "middle", "tail", "all"]]
    return (
        shown.assign(model=rows["label"], seeds=rows["seeds"])
        .set_index("model")
        .reset_index()
        .rename_axis(columns=None)
    )
