"""How far trainings got: curves over the images seen, beside the best possible score; each of one SynDerm version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dermimit.data.synderm import LABEL_SPACE
from dermimit.evaluate.runs import read_histories, read_records
from dermimit.records import read_json
from studies.shared.paths import PUBLISHED
from studies.shared.references import UNIFORM, published_references, reference_scores

FIRST, SECOND = "version 3 (first edition)", "version 4, large lesions"
ROWS = {"D": "Disease only", "full": "Full model"}
LARGER = "Larger network"
SCORE = "val/disease/macro_f1"
COLUMNS = ["version", "model", "training", "seeds", "images_seen", "value", "low", "high", "split"]


def curves(root: Path, runs: pd.DataFrame, histories: pd.DataFrame) -> pd.DataFrame:
    """All trainings of the two variants, and of the larger network, as far as they have run.

    Args:
        root: the project's folder.
        runs, histories: the planned trainings of the second edition and their curves, from its records.

    Returns:
        columns `COLUMNS`: macro-F1 in [0, 1], the mean over seeds; low and high are the least and the greatest of the
        seeds, or the ends of a 95 % interval over test images where there is one training; NaN where nothing is known.
    """
    published = root / PUBLISHED
    parts = [
        _of_histories(FIRST, "ablation", read_histories(read_records(published / "synderm"))),
        _of_histories(FIRST, "longer", read_histories(read_records(published / "explorer"))),
        _planned(runs, histories),
        _larger(published / "synderm_checks/reached_plain.json"),
    ]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)[COLUMNS]


def references(root: Path) -> pd.DataFrame:
    """What bounds the scores of each version.

    Returns:
        by version: `optimum`, macro-F1 of the Bayes-optimal classifier, and `guess`, of a uniform guess.
    """
    published = root / PUBLISHED
    ceilings = read_json(published / "synderm_checks/ceilings.json")["table"]
    optimum = {row["regime"]: row["exact"]["macro_f1"] for row in ceilings}
    first = published_references(published / "synderm", LABEL_SPACE).loc[UNIFORM, "disease/macro_f1"]
    cases = {row["regime"]: row["counts"] for row in read_json(published / "synderm_checks/cases.json")["table"]}
    diseases = pd.DataFrame({"disease": np.repeat(list(cases["plain"]), list(cases["plain"].values()))})
    second = reference_scores(diseases, diseases, LABEL_SPACE).loc[UNIFORM, "disease/macro_f1"]
    lines = {FIRST: (optimum["version-3"], first), SECOND: (optimum["plain"], second)}
    return pd.DataFrame(lines, index=["optimum", "guess"]).T


def _of_histories(version: str, training: str, histories: pd.DataFrame) -> pd.DataFrame:
    """Validation scores by variant and images seen."""
    chosen = histories[histories["row"].isin(ROWS)]
    groups = chosen.groupby(["row", "samples_seen"])[SCORE]
    table = groups.agg(value="mean", low="min", high="max", seeds="count").reset_index()
    table = table.rename(columns={"samples_seen": "images_seen"})
    table.loc[table["seeds"] < 2, ["low", "high"]] = np.nan
    return table.assign(version=version, training=training, split="validation", model=table["row"].map(ROWS))


def _planned(runs: pd.DataFrame, histories: pd.DataFrame) -> pd.DataFrame:
    """The planned trainings of the same variants on large lesions, each budget as a curve of its own."""
    runs = runs[(runs["regime"] == "plain") & runs["row"].isin(ROWS)]
    if runs.empty:
        return pd.DataFrame(columns=COLUMNS)
    budgets = histories.merge(runs[["name", "row", "samples"]], on="name").groupby("samples")
    return pd.concat([_of_histories(SECOND, f"{samples:,}", part) for samples, part in budgets], ignore_index=True)


def _larger(path: Path) -> pd.DataFrame:
    """What a larger network reached on fresh test cases, a budget a point."""
    found = read_json(path)["curve"]
    table = pd.DataFrame(found).rename(
        columns={"photographs": "images_seen", "macro_f1": "value", "macro_f1_low": "low", "macro_f1_high": "high"}
    )
    return table.assign(version=SECOND, training="budgets", split="test", model=LARGER, seeds=1)
