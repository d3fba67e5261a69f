"""What changes an answer that should not, and which maps reveal a planted shortcut, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.data.synderm import RETAKE
from dermimit.evaluate.estimate import CANNOT_TELL, NONE, Estimate, estimate

Line = Mapping[str, Any]
MORE = ("more", "fewer", CANNOT_TELL)


def flips(table: Sequence[Line]) -> pd.DataFrame:
    """`counterfactuals.flips` of one model."""
    return pd.DataFrame(
        {
            "change": line["change"],
            "flipped, %": estimate(line, "flipped").percent(),
            "beyond a retake, points": estimate(line, "over_retake").points(),
            "than a retake": NONE if line["change"] == RETAKE else estimate(line, "over_retake").verdict(MORE),
            "lost / gained, %": f"{100 * line['lost']:.1f} / {100 * line['gained']:.1f}",
            "net, points": estimate(line, "net").points(),
            "right answers": estimate(line, "net").verdict(MORE),
            "probability of the truth, points": estimate(line, "true").points(),
        }
        for line in table
    )


def learnt(records: Mapping[str, Line]) -> pd.DataFrame:
    """`planted.learnt` of the networks with each plant: thing -> record."""
    return pd.DataFrame(
        {
            "plant": thing,
            "network": line["network"],
            "cases": f"{line['cases']} {line['photographs']}",
            "melanoma, % without it": f"{100 * line['without']:.1f}",
            "with it": f"{100 * line['with']:.1f}",
            "change, points (95 %)": estimate(line, "change").points(),
            "predicted melanoma, %": f"{100 * line['said_without']:.1f} → {100 * line['said_with']:.1f}",
        }
        for thing, record in records.items()
        for line in record["learnt"]
    )


def plant_effect(planted: Line, control: Line) -> Estimate:
    """The change of the planted network's probability minus that of the control, on the same cases.

    Where the record has no interval of this difference, one is made of the two changes: from the lower end of one minus
    the upper end of the other to the reverse. However the two depend on each other, it holds the 95 % interval.

    Args:
        planted, control: lines of `planted.learnt`, of the same photographs.
    """
    if "difference" in planted:
        return estimate(planted, "difference")
    one, other = estimate(planted, "change"), estimate(control, "change")
    return Estimate(one.value - other.value, one.low - other.high, one.high - other.low)


def plant_effects(records: Mapping[str, Line]) -> pd.DataFrame:
    """What each plant does to melanomas, in networks from a finished run and from random weights: thing -> record."""
    lines = []
    for thing, record in records.items():
        for start, table in (("the full model", record["learnt"]), ("random weights", record["scratch"])):
            networks = {line["network"]: line for line in table if line["photographs"] == "melanoma"}
            if networks:
                effect = plant_effect(networks["planted"], networks["control"])
                line = {"plant": thing, "trained from": start}
                line |= {f"{n}, points (95 %)": estimate(networks[n], "change").points() for n in networks}
                lines.append(
                    line
                    | {
                        "difference (at least 95 %)": effect.points(),
                        "than the control": effect.verdict(("more", "less", CANNOT_TELL)),
                    }
                )
    return pd.DataFrame(lines)


def reveals(records: Mapping[str, Line]) -> pd.DataFrame:
    """`planted.revealed` for each plant: thing -> record."""
    return pd.DataFrame(
        {
            "plant": thing,
            "method": line["method"].replace("_", " "),
            "planted": estimate(line, "planted").ratio(),
            "control": estimate(line, "control").ratio(),
            "difference (95 %)": estimate(line, "difference").ratio(),
            "drawn to it by the plant": estimate(line, "difference").verdict(("more", "less", CANNOT_TELL)),
            "reveals it?": line["reveals"],
        }
        for thing, record in records.items()
        for line in record["methods"]
    )
