"""Scores by skin type, as tables for people and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.skin import FITZPATRICK, SKIN_GROUPS
from dermimit.evaluate.estimate import ALPHA, CANNOT_TELL, NONE, corrected_verdict, estimate, minus, p_text
from studies.shared.evidence import holm_texts
from studies.shared.listing import listed
from studies.skin_tone.by_type import MEANS, SCORES

Line = Mapping[str, Any]
GAP = ("wider", "narrower", CANNOT_TELL)


def types(table: Sequence[Line]) -> pd.DataFrame:
    """`by_type.type_table` of one row: a line a score, a column a type, the number of photographs in its head."""
    counts = {line["type"]: line["photographs"] for line in table}
    lines = []
    for score in dict.fromkeys(line["score"] for line in table):
        cells = {line["type"]: line for line in table if line["score"] == score}
        line = {"score, %": SCORES[score]}
        for kind in FITZPATRICK:
            head, cell = f"{kind} (n = {counts[kind]})", cells[kind]
            line[head] = _ece(cell) if score == "ece" else estimate(cell).percent()
        lines.append(line)
    return pd.DataFrame(lines)


def _ece(line: Line) -> str:
    return f"{100 * line['value']:.1f} [by chance {100 * line['chance']:.1f}]"


def spread(tables: Mapping[str, Sequence[Line]], labels: Mapping[str, str]) -> pd.DataFrame:
    """`by_type.spread_table` of several rows."""
    return pd.DataFrame(
        {
            "model": labels[row],
            "score": SCORES[line["score"]],
            "worst type": minus(f"{line['worst']} ({100 * line['worst_value']:.1f} %)"),
            "best type": minus(f"{line['best']} ({100 * line['best_value']:.1f} %)"),
            "best − worst, points": f"{100 * line['spread']:.1f}",
            "by chance": f"{100 * line['chance']:.1f}",
            "p": p_text(line["p"]),
        }
        for row, table in tables.items()
        for line in table
    )


def gaps(table: Sequence[Line], labels: Mapping[str, str], score: str = "accuracy") -> pd.DataFrame:
    """`by_type.gap_table` of one score: light minus dark of every row, and its difference from that of D."""
    lines = [line for line in table if line["score"] == score]
    light, dark = (
        f"{SKIN_GROUPS[k]} (n = {lines[0][n]})" for k, n in ((0, "light_photographs"), (2, "dark_photographs"))
    )
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            light: f"{100 * line['light']:.1f}",
            dark: f"{100 * line['dark']:.1f}",
            "light − dark, points (95 %)": estimate(line).points(),
            "less that of D": estimate(line, "difference").points() if "difference" in line else NONE,
            "p (Holm)": p,
            "than that of D": gap_change(line) if "difference" in line else NONE,
        }
        for line, p in zip(lines, holm_texts(lines), strict=True)
    )


def gap_change(line: Line) -> str:
    """Whether the gap of a row is wider than that of D, by the corrected test."""
    return corrected_verdict(line["difference"], line["p_holm"], GAP)


def shown_gaps(table: Sequence[Line], labels: Mapping[str, str]) -> str:
    """How many gaps have an interval that leaves zero out, beside how many would by chance, and which."""
    scores = [line for line in table if line["score"] in MEANS or line["score"] == "macro_f1"]
    apart = [line for line in scores if estimate(line).excludes()]
    texts = [f"{labels[x['row']]}, {SCORES[x['score']]} ({estimate(x).points()} points)" for x in apart]
    heading = (
        f"Of the {len(scores)} gaps of all rows and scores, the interval of {len(apart)} leaves zero out, where "
        f"chance alone gives about {max(1, round(ALPHA * len(scores)))}"
    )
    return listed(texts, heading) + "."
