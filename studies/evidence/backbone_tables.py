"""The published table of backbones on real photographs, for people; rows without a run say so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NOT_RUN, Estimate, estimate, p_text
from dermimit.evaluate.significance import holm
from dermimit.records import read_json
from studies.evidence.verdicts import by_rule
from studies.shared.paths import PUBLISHED

RECORD, ANSWERS = "table.json", "answers.parquet"
SEEDS = 3
"""How many each row is to have."""
WITHIN = (
    ("D_all", "D"), ("D_random", "D"), ("D_LSM", "D"), ("D_B_A", "D"), ("concat", "D"), ("full", "D"),
    ("D_LSM", "D_random"), ("D_LSM", "D_all"), ("full", "concat"),
)  # fmt: skip
"""What is asked of the variants of each backbone."""
ACROSS = (("frozen_D", "lite0_D"), ("tuned_D", "frozen_D"), ("lite1_D", "lite0_D"))
"""What is asked of the backbones."""
RARE = ("MEL", "SCC")
"""The diseases that are missed at the highest price, and have few photographs."""


def families(table: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """(row, reference) to be compared, by family; p is corrected within each.

    Args:
        table: with the columns `row` and `group`; a row's name is that of its backbone, _, and that of its variant.
    """
    rows, found = set(table["row"]), {}
    for name, group in dict(zip(table["row"].str.partition("_")[0], table["group"], strict=True)).items():
        pairs = [(f"{name}_{row}", f"{name}_{base}") for row, base in WITHIN]
        found[group] = [pair for pair in pairs if set(pair) <= rows]
    found["between backbones"] = [pair for pair in ACROSS if set(pair) <= rows]
    return {family: pairs for family, pairs in found.items() if pairs}


def read_backbones(root: Path) -> dict[str, Any]:
    """What studies/evidence/measure_backbones.py published: `rows, runs, scores, pairs`, the last three empty where it
    has not run.

    Args:
        root: the project's folder.
    """
    path = root / PUBLISHED / "real_backbones" / RECORD
    return read_json(path) if path.is_file() else {"runs": [], "scores": [], "pairs": []}


def backbones_table(record: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """A line for each row: seeds, macro-F1 and balanced accuracy with 95 % intervals, recall of each disease.

    Args:
        record: from `read_backbones`.
        rows: of workflow/experiments/real/pad_ufes_20_backbones.csv.

    Returns:
        text columns; the recalls of `RARE` come first, with intervals.
    """
    scores = {line["row"]: line for line in record["scores"]}
    return pd.DataFrame(
        {"backbone": row.group, "model": row.label} | _cells(scores.get(row.row)) for row in rows.itertuples()
    ).fillna("–")


def _cells(line: Mapping[str, Any] | None) -> dict[str, str]:
    if line is None:
        return {"seeds": f"0 of {SEEDS}", "macro-F1": NOT_RUN, "balanced accuracy": NOT_RUN}
    cells = {"seeds": f"{len(line['seeds'])} of {SEEDS}"}
    cells |= {"macro-F1": estimate(line, "macro_f1").plain()}
    cells |= {"balanced accuracy": estimate(line, "balanced_accuracy").plain()}
    recall = {name: Estimate(*ends) for name, ends in line["recall"].items()}
    cells |= {f"recall {name}": recall.pop(name).plain(2) for name in RARE if name in recall}
    return cells | {name: f"{value.value:.2f}" for name, value in recall.items()}


def judged(record: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Every difference that is asked for, with its verdict by the rule of `verdicts.by_rule`.

    Returns:
        columns `family, row, reference, difference, low, high, seeds, p_holm, verdict`; p is corrected within the
        family, over the pairs that have several seeds. A pair that has not run has 0 seeds and no numbers.
    """
    there = {(pair["row"], pair["reference"]): pair for pair in record["pairs"]}
    lines = []
    for family, pairs in families(rows).items():
        found = [there.get(pair, {}) for pair in pairs]
        corrected = holm([float("nan") if pair.get("p") is None else pair["p"] for pair in found])
        for (row, reference), pair, p in zip(pairs, found, corrected, strict=True):
            line = {"family": family, "row": row, "reference": reference, "difference": pair.get("difference")}
            line |= {end: pair.get(f"difference_{end}") for end in ("low", "high")}
            lines.append(line | {"seeds": pair.get("seeds", 0), "p_holm": p})
    table = pd.DataFrame(lines).astype({name: float for name in ("difference", "low", "high", "p_holm")})
    return table.assign(verdict=by_rule(table["difference"], table["p_holm"], table["seeds"]))


def contrasts_table(judged: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """`judged` as text for people.

    Args:
        judged: from `judged`.
        rows: as there.
    """
    of, labels = rows.set_index("row"), []
    for line in judged.itertuples():
        pair = [of.loc[name] for name in (line.row, line.reference)]
        same = pair[0]["group"] == pair[1]["group"]
        labels.append(" − ".join(part["label"] if same else f"{part['label']}, {part['group']}" for part in pair))
    return pd.DataFrame(
        {
            "family": judged["family"],
            "rows": labels,
            "seeds": judged["seeds"],
            "macro-F1 (95 %)": [
                NOT_RUN if not r.seeds else Estimate(r.difference, r.low, r.high).signed() for r in judged.itertuples()
            ],
            "p (t, Holm)": judged["p_holm"].map(p_text),
            "verdict": judged["verdict"],
        }
    )
