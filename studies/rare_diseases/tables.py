"""The record of the chapter, read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.shared.paths import EXPERIMENTS, PUBLISHED


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
