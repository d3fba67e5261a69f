"""The published table of backbones on real photographs, for people; rows without a run say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NOT_RUN, Estimate, estimate, p_text
from dermimit.evaluate.significance import holm
from studies.shared.hours import spent
from studies.shared.real_backbones import RARE, SEEDS
from studies.shared.real_backbones import read_backbones as read_backbones  # pages read and show it through one module
from studies.shared.verdict_words import by_rule

WITHIN = (
    ("D_all", "D"), ("D_random", "D"), ("D_LSM", "D"), ("D_B_A", "D"), ("concat", "D"), ("full", "D"),
    ("D_LSM", "D_random"), ("D_LSM", "D_all"), ("full", "concat"),
)  # fmt: skip
"""What is asked of the variants of each backbone."""
ACROSS = (("frozen_D", "lite0_D"), ("tuned_D", "frozen_D"), ("lite1_D", "lite0_D"))
"""What is asked of the backbones."""
PROBES = "probe of frozen features"


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


def backbones_table(record: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """A line for each row: seeds, macro-F1 and balanced accuracy with 95 % intervals, recall of each disease.

    Args:
        record: from `read_backbones`.
        rows: of workflow/experiments/real/pad_ufes_20_backbones.csv.

    Returns:
        text columns; the recalls of `RARE` come first, with intervals. The probes stand below; what a probe has in
        place of seeds are divisions into folds.
    """
    scores = {line["row"]: line for line in record["scores"]}
    lines = [{"backbone": row.group, "model": row.label} | _cells(scores.get(row.row)) for row in rows.itertuples()]
    probes = [{"backbone": PROBES, "model": line["row"]} | _cells(line) for line in record["probes"]]
    return pd.DataFrame(lines + probes).fillna("–")


def _cells(line: Mapping[str, Any] | None) -> dict[str, str]:
    if line is None:
        return {"seeds": f"0 of {SEEDS}", "macro-F1": NOT_RUN, "balanced accuracy": NOT_RUN}
    cells = {"seeds": f"{len(line['seeds'])} of {SEEDS}"}
    cells |= {"macro-F1": estimate(line, "macro_f1").plain()}
    cells |= {"balanced accuracy": estimate(line, "balanced_accuracy").plain()}
    recall = {name: share(*ends) for name, ends in line["recall"].items()}
    cells |= {f"recall {name}": recall.pop(name).plain(2) for name in RARE if name in recall}
    return cells | {name: f"{value.value:.2f}" for name, value in recall.items()}


def share(value: float, low: float, high: float) -> Estimate:
    """A share with its interval, which ends at 0 and 1: that over two seeds may reach beyond."""
    return Estimate(value, max(low, 0.0), min(high, 1.0))


def judged(record: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Every difference that is asked for, with its verdict by the rule of `verdict_words.by_rule`.

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
    return table.assign(verdict=by_rule(*(table[name] for name in ("difference", "p_holm", "seeds", "low", "high"))))


def waiting_text(judged: pd.DataFrame) -> str:
    """How many of the differences that are asked for wait for a training."""
    waiting = int((judged["seeds"] == 0).sum())
    return f"*{waiting} of {len(judged)} planned comparisons have not been trained yet.*" if waiting else ""


def contrasts_table(judged: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The differences of `judged` that have run, as text for people.

    Args:
        judged: from `judged`.
        rows: as there.
    """
    of, labels, judged = rows.set_index("row"), [], judged[judged["seeds"] > 0]
    for line in judged.itertuples():
        pair = [of.loc[name] for name in (line.row, line.reference)]
        same = pair[0]["group"] == pair[1]["group"]
        labels.append(" against ".join(part["label"] if same else f"{part['label']}, {part['group']}" for part in pair))
    return pd.DataFrame(
        {
            "family": judged["family"],
            "rows": labels,
            "seeds": judged["seeds"],
            "macro-F1 (95 %)": [Estimate(r.difference, r.low, r.high).signed() for r in judged.itertuples()],
            "p (t, Holm)": judged["p_holm"].map(p_text),
            "verdict": judged["verdict"],
        }
    )


def times_table(record: Mapping[str, Any], rows: pd.DataFrame) -> pd.DataFrame:
    """What a training of each row took, on one fold, and how many photographs a second it saw.

    Returns:
        a line for each row that has run; "photographs a second" counts training alone, without the computing of kept
        tokens, which the first run of a frozen trunk does for all.
    """
    runs, lines = pd.DataFrame(record["runs"]), []
    for row in rows.itertuples():
        if len(of := runs[runs["row"] == row.row] if len(runs) else runs):
            samples = int(re.search(r"samples=(\d+)", row.settings)[1])
            line = {"backbone": row.group, "model": row.label, "trainings": len(of)}
            line |= {"million parameters": of["parameters"].mean() / 1e6}
            line |= {"minutes (median)": spent(of).median() / 60}
            lines.append(line | {"photographs a second": samples / of["train_seconds"].median()})
    return pd.DataFrame(lines)


def runs_text(record: Mapping[str, Any]) -> str:
    """Which commits and processors made the trainings, how many are of a modified checkout, how long it took, and the
    recipe of all rows."""
    runs = pd.DataFrame(record["runs"])
    commits = ", ".join(f"`{commit[:10]}` ({n})" for commit, n in runs["commit"].value_counts().items())
    return (
        f"*{len(runs)} trainings by commit: {commits}; {int(runs['dirty'].sum())} of them with uncommitted changes; on "
        f"{', '.join(sorted(set(runs['processor'])))}; {spent(runs).sum() / 3600:.1f} hours of training together. "
        f"All rows: `{' '.join(f'{name}={value}' for name, value in record['recipe'].items())}`.*"
    )
