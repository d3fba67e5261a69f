"""What real photographs say of skin type, and the typology angle, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.skin import FITZPATRICK
from dermimit.evaluate.estimate import CANNOT_TELL, NONE, Estimate, estimate
from dermimit.evaluate.subgroups import NOT_RECORDED

Line = Mapping[str, Any]


def recorded(table: Sequence[Line]) -> pd.DataFrame:
    """`real.recorded_table`."""
    return pd.DataFrame(
        {"disease": line["disease"], "photographs": line["photographs"]}
        | {"with a type, % (95 %)": Estimate(line["share"], line["low"], line["high"]).percent()}
        | {f"type {kind}": n for kind, n in line["types"].items()}
        for line in table
    )


def real_errors(table: Sequence[Line], labels: Mapping[str, str], by: str) -> pd.DataFrame:
    """`real.error_table`, by "type" or "angle"."""
    return pd.DataFrame(
        {
            "model": labels[line["row"]],
            "group": line["group"] if line["group"] == NOT_RECORDED or by == "angle" else f"type {line['group']}",
            "photographs (patients)": f"{line['photographs']} ({line['patients']})",
            "accuracy, % (95 %)": estimate(line, "accuracy").percent(),
            "expected of its diseases": f"{100 * line['expected']:.1f}",
            "beyond, points (95 %)": estimate(line, "beyond").points(),
            "than expected": estimate(line, "beyond").verdict(("better", "worse", CANNOT_TELL)),
        }
        for line in table
        if line["by"] == by and line["row"] in labels
    )


def agreement(records: Mapping[str, Line]) -> pd.DataFrame:
    """`angle.agreement` of several sets of photographs."""
    return pd.DataFrame(
        {
            "photographs of": name,
            "number": record["photographs"],
            "Spearman (95 %)": estimate(record, "spearman").plain(2),
            "follows the type": estimate(record, "spearman").verdict(("yes", "the reverse", CANNOT_TELL)),
            "weighted kappa": f"{record['kappa']:.2f}",
            "same class, %": f"{100 * record['exact']:.0f}",
            "same or next, %": f"{100 * record['near']:.0f}",
            "alike within a patient": NONE if record.get("alike") is None else estimate(record, "alike").plain(2),
        }
        for name, record in records.items()
    )


def confusion(record: Line, classes: Sequence[str]) -> pd.DataFrame:
    """Recorded type against class of the angle, in counts."""
    table = pd.DataFrame(
        record["table"], columns=[f"{c} ({kind})" for c, kind in zip(classes, FITZPATRICK, strict=True)]
    )
    table.insert(0, "recorded type", list(FITZPATRICK))
    return table[table.drop(columns="recorded type").sum(axis=1) > 0]
