"""The numbers and words of the page on regimes, to be glued: none is written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dermimit.evaluate.estimate import NOT_RUN
from studies.synderm_checks.regime_tables import reached_text, same

Record = Mapping[str, Any]


def of_regimes(
    ceilings: Record, readers: Record, crops: Record, reached: Mapping[str, Record], side: float = 0.35
) -> dict[str, float | str]:
    """What the page quotes.

    Args:
        ceilings, readers, crops: from measure_regimes.
        reached: from `regime_tables.read_reached`.
        side: of the crops that are quoted.

    Returns:
        `exact, additive, trained, bound` (accuracy at strength 1), `linear, layers` (networks on the true labels),
        `true, central, whole` (crops in `small`), `plain_central, plain_true`, and the sentence `reached`.
    """
    rows = {same(row["regime"]): row for row in ceilings["table"]}
    full = rows["interaction=1"]
    networks = {(row["reader"], row["strength"]): row["accuracy"] for row in readers["table"]}
    seen = {
        (row["regime"], row["crop"]): row["accuracy"]
        for row in crops["table"]
        if row["side"] == side and row["body_part"]
    }
    return {
        "exact": full["exact"]["accuracy"],
        "additive": full["additive"]["best"]["accuracy"],
        "trained": full["additive"]["likelihood"]["accuracy"],
        "bound": full["additive"]["bound"],
        "linear": networks["linear", 1.0],
        "layers": networks["two layers", 1.0],
        "side": side,
        "true": seen["small", "true"],
        "central": seen["small", "central"],
        "random": seen["small", "random"],
        "whole": seen["small", "whole"],
        "plain_true": seen["plain", "true"],
        "plain_central": seen["plain", "central"],
        "reached": reached_sentence(reached),
    }


def reached_sentence(reached: Mapping[str, Record]) -> str:
    """What the larger network reaches on each regime, and whether its curve is flat."""
    if not reached:
        return f"What a larger network reaches at 64 pixels is open: its trainings have {NOT_RUN}"
    parts = []
    for regime, record in reached.items():
        last = record["curve"][-1]
        flat = "flat" if record["flat"] else "still rising"
        parts.append(f"{regime}: macro-F1 {reached_text(last)} after {last['photographs']:,} photographs ({flat})")
    return "A larger network reaches at 64 pixels: " + "; ".join(parts)
