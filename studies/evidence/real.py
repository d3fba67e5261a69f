"""The published cross-validation on real photographs as tables for people; rows without a run say so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import NOT_RUN, Estimate, corrected_verdict, estimate, p_text
from dermimit.evaluate.out_of_fold import answers_of_folds, paired, scored
from dermimit.evaluate.significance import holm
from dermimit.records import read_json
from studies.shared.paths import PUBLISHED

PAIRS = (  # what the chapter asks of these rows
    ("imagenet_full", "imagenet_D"), ("imagenet_D_LSM", "imagenet_D"), ("imagenet_full", "imagenet_concat"),
    ("small_full", "small_D"), ("synderm_full", "synderm_D"), ("synderm_D", "small_D"), ("synderm_full", "small_full"),
    ("imagenet_D_B", "imagenet_D"), ("imagenet_D_A", "imagenet_D"), ("imagenet_full", "imagenet_D_B"),
    ("imagenet_full", "imagenet_D_A"), ("bottleneck_B_A", "bottleneck_B"), ("bottleneck_B_A", "bottleneck_A"),
)  # fmt: skip
GUESSING = "guessing: not tested"
ENDS = ("difference", "difference_low", "difference_high")


def read_real_evidence(root: Path) -> dict[str, Any]:
    """What studies/evidence/measure_real.py published, scored again from the answers by image.

    Args:
        root: the project's folder.

    Returns:
        the record, with `table` (`out_of_fold.scored`) and `pairs` (`out_of_fold.paired`), both empty where it has not
        run, and `earlier`: the pairs of another training of the same rows, of which no answers were kept.
    """
    path = root / PUBLISHED / "real_evidence/pad_ufes_20.json"
    if not path.is_file():
        return {"table": [], "pairs": []}
    record = read_json(path)
    earlier = path.with_name("earlier_training.json")
    record["earlier"] = read_json(earlier)["pairs"] if earlier.is_file() else []
    models = answers_of_folds(pd.read_parquet(path.with_suffix(".parquet")), record["diseases"])
    return record | {"table": scored(models, record["diseases"]), "pairs": paired(models, PAIRS)}


def scores_table(record: Mapping[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Macro-F1 and balanced accuracy with 95 % intervals by patient, and over seeds where there are several.

    Args:
        record: from `read_real_evidence`.
        experiments: the rows of workflow/experiments/real/pad_ufes_20.csv.

    Returns:
        text columns, a line for each row of the experiments; a row at the level of guessing says so.
    """
    of_row, lines = {line["row"]: line for line in record["table"]}, []
    for row in experiments.itertuples():
        line: dict[str, Any] = {"stem": row.group, "model": row.label}
        there = of_row.get(row.row)
        line["seeds"] = len(there["seeds"]) if there else 0
        for name, key in (("macro-F1", "macro_f1"), ("balanced accuracy", "balanced_accuracy")):
            line[name] = estimate(there, key).plain() if there else NOT_RUN
        line["above guessing"] = NOT_RUN if there is None else "no" if there["guessing"] else "yes"
        lines.append(line)
    return pd.DataFrame(lines)


def guessed(record: Mapping[str, Any], pair: Mapping[str, Any]) -> bool:
    """Whether a row of a pair does no better than guessing: their difference says nothing of the models then."""
    guessing = {line["row"] for line in record.get("table", []) if line["guessing"]}
    return not guessing.isdisjoint((pair["row"], pair["reference"]))


def corrected_p(record: Mapping[str, Any]) -> pd.Series:
    """p of each pair after Holm's correction over those that are tested; NaN where one row guesses or has one seed."""
    p = [float("nan") if guessed(record, pair) else pair["p"] for pair in record.get("pairs", [])]
    return holm(pd.Series(p, dtype=float))


def pairs_table(record: Mapping[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Differences between the pairs of rows that the chapter asks about.

    p is corrected over the pairs that are tested (Holm): those with several seeds, and neither row guessing. Beside
    each difference stands that of an earlier training of the same rows, where there is one: what one seed is worth.
    """
    names, pairs = experiments.set_index("row"), record.get("pairs", [])
    corrected = corrected_p(record)
    earlier = {(pair["row"], pair["reference"]): pair for pair in record.get("earlier", [])}
    lines = []
    for pair, p in zip(pairs, corrected, strict=True):
        before = earlier.get((pair["row"], pair["reference"]), dict.fromkeys(ENDS, float("nan")))
        row, reference = (names.loc[pair[key]] for key in ("row", "reference"))
        same = row["group"] == reference["group"]
        labels = [r["label"] if same else f"{r['label']}, {r['group']}" for r in (row, reference)]
        guesses = guessed(record, pair)
        lines.append(
            {
                "stem": row["group"],
                "rows": " − ".join(labels),
                "seeds": pair["seeds"],
                "macro-F1 (95 %)": Estimate(*(pair[end] for end in ENDS)).signed(),
                "an earlier training": Estimate(*(before[end] for end in ENDS)).signed(),
                "p (t, Holm)": GUESSING if guesses else ONE_SEED if pd.isna(p) else p_text(p),
                "verdict": GUESSING if guesses else corrected_verdict(pair["difference"], p),
            }
        )
    return pd.DataFrame(lines)


def recall_table(record: Mapping[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Sensitivity of each disease with its 95 % interval, a line for each row that has run."""
    labels = experiments.set_index("row")
    lines = []
    for line in record["table"]:
        row = labels.loc[line["row"]]
        recalls = {name: Estimate(*ends).plain() for name, ends in line["recall"].items()}
        lines.append({"stem": row["group"], "model": row["label"], "seeds": len(line["seeds"])} | recalls)
    return pd.DataFrame(lines)


def confusion_table(record: Mapping[str, Any], row: str) -> pd.DataFrame:
    """Counts of answers of one row's first seed, true diseases by predicted ones."""
    line = next(line for line in record["table"] if line["row"] == row)
    return pd.DataFrame(line["confusion"]).T.rename_axis("true, predicted")


def runs_text(record: Mapping[str, Any]) -> str:
    """Which commits and machines made the runs of a record, how many are from a modified checkout, and how long."""
    runs = pd.DataFrame(record["runs"])
    commits = ", ".join(f"`{commit[:10]}` ({n})" for commit, n in runs["commit"].value_counts().items())
    dirty, machines = int(runs["dirty"].sum()), ", ".join(f"`{name}`" for name in runs["platform"].unique())
    return (
        f"*{len(runs)} trainings by commit: {commits}; {dirty} of them with uncommitted changes; on {machines}; "
        f"{runs['seconds'].sum() / 3600:.1f} hours on one core each.*"
    )
