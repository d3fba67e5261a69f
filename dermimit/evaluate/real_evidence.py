"""The published cross-validation on real photographs as tables for people; rows without a run say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.evidence import NOT_RUN, p_text, with_interval
from dermimit.evaluate.significance import holm
from dermimit.records import read_json


def read_real_evidence(root: Path) -> dict[str, Any]:
    """The record that workflow/scripts/real_evidence.py writes; without a table where it has not run.

    Args:
        root: the project's folder.
    """
    path = root / "results/published/real_evidence/pad_ufes_20.json"
    return read_json(path) if path.is_file() else {"table": []}


def scores_table(record: dict[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Macro-F1 and balanced accuracy with 95 % intervals by patient; the difference of macro-F1 to the first row.

    Args:
        record: from `read_real_evidence`.
        experiments: the rows of workflow/experiments/real/pad_ufes_20.csv.

    Returns:
        text columns, a line for each row of the experiments; p is corrected over the table (Holm).
    """
    found = {line["row"]: line for line in record["table"]}
    p = pd.Series({row: line["p"] for row, line in found.items()}, dtype=float)
    corrected = pd.Series(holm(p), index=p.index)
    lines = []
    for row in experiments.itertuples():
        line: dict[str, str] = {"stem": row.group, "model": row.label}
        there = found.get(row.row)
        for name, key in (("macro-F1", "macro_f1"), ("balanced accuracy", "balanced_accuracy")):
            line[name] = _interval(there, key) if there else NOT_RUN
        reference = there is None or there["p"] is None
        ends = () if reference else (there["difference"], there["difference_low"], there["difference_high"])
        line["difference (95 %)"] = with_interval(*ends) if ends else "–"
        line["p (Holm)"] = "–" if reference else p_text(corrected[row.row])
        lines.append(line)
    return pd.DataFrame(lines)


def pairs_table(record: dict[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Differences between the pairs of rows that the chapter asks about; p is corrected over this table (Holm)."""
    names = experiments.set_index("row")
    pairs = record.get("pairs", [])
    corrected = holm(pd.Series([pair["p"] for pair in pairs], dtype=float))
    lines = []
    for pair, p in zip(pairs, corrected, strict=True):
        row, reference = (names.loc[pair[key]] for key in ("row", "reference"))
        ends = (pair["difference"], pair["difference_low"], pair["difference_high"])
        same = row["group"] == reference["group"]
        labels = [r["label"] if same else f"{r['label']}, {r['group']}" for r in (row, reference)]
        lines.append(
            {
                "stem": row["group"],
                "rows": " − ".join(labels),
                "macro-F1 (95 %)": with_interval(*ends),
                "p (Holm)": p_text(p),
            }
        )
    return pd.DataFrame(lines)


def competition_text(record: dict[str, Any]) -> str:
    """Whether body part and attributes together do worse than one alone, through a bottleneck and the interaction."""
    found = {(pair["row"], pair["reference"]): pair for pair in record.get("pairs", [])}
    told = {
        "In the bottleneck": [("bottleneck_B_A", "bottleneck_B"), ("bottleneck_B_A", "bottleneck_A")],
        "With cross-interaction": [("imagenet_full", "imagenet_D_B"), ("imagenet_full", "imagenet_D_A")],
    }
    texts = []
    for where, pairs in told.items():
        there = [found[pair] for pair in pairs if pair in found]
        if len(there) < 2:
            texts.append(f"{where}: not run yet.")
            continue
        worse = [pair["difference_high"] < 0 for pair in there]
        gaps = " and ".join(with_interval(p["difference"], p["difference_low"], p["difference_high"]) for p in there)
        shown = "**competition is shown**" if any(worse) else "no competition is shown"
        texts.append(f"{where} both together differ from body part alone and attributes alone by {gaps}: {shown}.")
    return " ".join(texts)


def recall_table(record: dict[str, Any], experiments: pd.DataFrame) -> pd.DataFrame:
    """Sensitivity of each disease with its 95 % interval, a line for each row that has run."""
    labels = experiments.set_index("row")
    lines = []
    for line in record["table"]:
        row = labels.loc[line["row"]]
        recalls = {name: f"{v:.2f} ({low:.2f} to {high:.2f})" for name, (v, low, high) in line["recall"].items()}
        lines.append({"stem": row["group"], "model": row["label"]} | recalls)
    return pd.DataFrame(lines)


def confusion_table(record: dict[str, Any], row: str) -> pd.DataFrame:
    """Counts of answers of one row, true diseases by answers."""
    line = next(line for line in record["table"] if line["row"] == row)
    return pd.DataFrame(line["confusion"]).T.rename_axis("true, said")


def _interval(line: dict[str, Any], key: str) -> str:
    return f"{line[key]:.3f} ({line[f'{key}_low']:.3f} to {line[f'{key}_high']:.3f})"
