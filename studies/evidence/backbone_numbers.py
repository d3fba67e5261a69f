"""The numbers and words of the prose on backbones, to be glued: none is written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate, estimate
from studies.shared.listing import listed
from studies.shared.real_backbones import SEEDS
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED

NOTHING = "No row of this table has run yet."
DIRECTIONS = {SUPPORTED: "higher", CONTRADICTED: "lower"}


def of_backbones(record: Mapping[str, Any], rows: pd.DataFrame, judged: pd.DataFrame) -> dict[str, str]:
    """What pages quote of the table.

    Args:
        record: from `backbone_tables.read_backbones`.
        rows: of workflow/experiments/real/pad_ufes_20_backbones.csv.
        judged: from `backbone_tables.judged`.

    Returns:
        sentences `backbones_best`, `backbones_probe` and `backbones_differences`, and `backbones_run`, how much of the
        table has run; all say so where nothing has.
    """
    best, probe = best_text(record, rows), probe_text(record, rows)
    return {
        "backbones_best": best,
        "backbones_probe": probe,
        "backbones_differences": differences_text(judged, rows),
        "backbones_run": run_text(record, rows),
    }


def best_line(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row with the highest macro-F1, or None where none has run."""
    return max(record["scores"], key=lambda line: line["macro_f1"], default=None)


def name_of(row: str, rows: pd.DataFrame) -> str:
    """A row as prose names it: its model and its backbone."""
    line = rows.set_index("row").loc[row]
    return f"{line['label']} ({line['group']})"


def best_text(record: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """Which row has the highest macro-F1, and of how many seeds."""
    if (best := best_line(record)) is None:
        return NOTHING
    seeds = len(best["seeds"])
    return (
        f"The variant with the highest macro-F1 is {name_of(best['row'], rows)}: {estimate(best, 'macro_f1').plain()}, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}."
    )


def probe_text(record: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """The best row against the best probe on the same photographs: their difference, and where its interval lies."""
    if not (beside := record.get("beside")):
        return "No probe of these photographs has been published for comparison yet." if record["scores"] else NOTHING
    probe = next(line for line in record["probes"] if line["row"] == beside["reference"])
    gap = Estimate(*(beside[f"difference{end}"] for end in ("", "_low", "_high")))
    side = gap.verdict(("above", "below", INCONCLUSIVE))
    said = f"the interval of the difference, {gap.signed()}, " + (
        "contains zero" if side == INCONCLUSIVE else f"lies {side} zero"
    )
    return (
        f"The best probe on frozen features, {beside['reference']}, has {estimate(probe, 'macro_f1').plain()}; "
        f"{name_of(beside['row'], rows)} minus the probe, over the seeds and "
        f"divisions that both have ({beside['seeds']}): {said} "
        "(both were picked as the best, which overestimates both)."
    )


def differences_text(judged: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Which differences are told apart from zero after correction, and how many are not."""
    ran = judged[judged["seeds"] > 0]
    if ran.empty:
        return NOTHING
    parts = []
    for verdict, word in DIRECTIONS.items():
        lines = ran[ran["verdict"] == verdict]
        if len(lines):
            told = listed(
                f"{name_of(r.row, rows)} minus {name_of(r.reference, rows)}, "
                f"{Estimate(r.difference, r.low, r.high).signed()}"
                for r in lines.itertuples()
            )
            parts.append(f"{word.capitalize()} after correction: {told}.")
    apart, one = ran["verdict"].isin(list(DIRECTIONS)), ran["seeds"] == 1
    undecided = int(ran["verdict"].isin((INCONCLUSIVE, NO_DIFFERENCE)).sum())
    counts = f"Of {len(judged)} planned comparisons, {len(ran)} have been run"
    counts += f", {int(one.sum())} of them with one seed, and so not tested" if one.any() else ""
    tested = f"; of those tested {int(apart.sum())} are significant and {undecided} are not"
    counts += "." if one.all() else f"{tested}."
    return " ".join([counts, *parts])


def run_text(record: Mapping[str, Any], rows: pd.DataFrame) -> str:
    """How many rows have all seeds, some or none."""
    seeds = {line["row"]: len(line["seeds"]) for line in record["scores"]}
    whole = sum(n >= SEEDS for n in seeds.values())
    return (
        f"{whole} of {len(rows)} variants have all {SEEDS} seeds, {len(seeds) - whole} have fewer, and "
        f"{len(rows) - len(seeds)} have not been trained."
    )
