"""What training mixes and remedies do on light and dark skin, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NONE, NOT_RUN, corrected_verdict, estimate
from studies.shared.evidence import holm_texts
from studies.skin_tone.mix import GROUPS, MODELS, PLAIN, REMEDIES, SHARES

Line = Mapping[str, Any]


def mixes(table: Sequence[Line], labels: Mapping[str, str], score: str = "macro_f1") -> pd.DataFrame:
    """`mix.mix_table` of the sweep: a line a row and share; rows that have no run say so."""
    lines = []
    for model in MODELS:
        for percent in SHARES:
            by_group = {x["group"]: x for x in table if x["row"] == f"{model}_dark{percent}" and x["score"] == score}
            lines.append({"model": labels[model], "types V and VI, %": percent} | _groups(by_group))
    return pd.DataFrame(lines)


def share_changes(lines: Sequence[Line], labels: Mapping[str, str], score: str = "macro_f1") -> pd.DataFrame:
    """`mix.compared` of the sweep with no dark skin at all: what each share does to dark skin, light skin and the gap.

    The verdict on a group goes by its interval; p is that of the gap.
    """
    gaps = [x for x in lines if (x["score"], x["group"]) == (score, "gap")]
    of = {(x["row"], x["group"]): x for x in lines if x["score"] == score}
    table = []
    for gap, p in zip(gaps, holm_texts(gaps), strict=True):
        model, percent = gap["row"].split("_dark")
        line = {"model": labels[model], "types V and VI, %": percent, "seeds": len(gap["seeds"])}
        for group in reversed(GROUPS):
            change = estimate(of[gap["row"], group])
            line |= {f"change on {group}, points (95 %)": change.points(), group: change.verdict()}
        line["change of light − dark, points (95 %)"] = estimate(gap).points()
        table.append(line | {"p (Holm)": p})
    return pd.DataFrame(table)


def remedies(table: Sequence[Line], lines: Sequence[Line], score: str = "macro_f1") -> pd.DataFrame:
    """What each remedy scores at 5 % of types V and VI, and by how much it differs from plain training.

    The last columns go by p, corrected (Holm).
    """
    rows = {PLAIN: "none (plain)"} | {f"{PLAIN}_{name}": label for name, label in REMEDIES.items()}
    shown = []
    for row, label in rows.items():
        by_group = {x["group"]: x for x in table if x["row"] == row and x["score"] == score}
        against = {x["group"]: x for x in lines if (x["row"], x["reference"], x["score"]) == (row, PLAIN, score)}
        line, absent = {"remedy": label} | _groups(by_group), NONE if row == PLAIN else NOT_RUN
        for group in (GROUPS[1], "gap"):
            line[f"less plain: {group}, points"] = estimate(against[group]).points() if against else absent
        for group in reversed(GROUPS):
            line[f"{group}, than plain"] = remedy_change(against[group]) if against else absent
        shown.append(line)
    return pd.DataFrame(shown)


def remedy_change(line: Line) -> str:
    """Whether a remedy scores higher than plain training, by the corrected test."""
    return corrected_verdict(line["value"], line["p_holm"])


def _groups(by_group: Mapping[str, Line]) -> dict[str, str]:
    if not by_group:
        return dict.fromkeys(("seeds", *GROUPS, "light − dark"), NOT_RUN)
    line = {"seeds": str(len(by_group["all"]["seeds"]))} | {g: estimate(by_group[g]).percent() for g in GROUPS}
    return line | {"light − dark": estimate(by_group["gap"]).points()}
