"""Charts of the regimes; each function takes records and returns a matplotlib figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from dermimit.explain.style import BLUE, GREEN, GREY, ORANGE, RED
from studies.shared.units import per_cent_axis
from studies.synderm_checks.regime_tables import same

NAMES = {"commonest disease": "most frequent disease", "additive, maximum likelihood": "additive, as trained",
         "additive, best known": "additive, best known", "reached": "larger network, from images",
         "exact": "Bayes-optimal classifier"}  # fmt: skip

STEPS = {"commonest disease": (GREY, "o"), "additive, maximum likelihood": (ORANGE, "s"),
         "additive, best known": (RED, "v"), "reached": (BLUE, "D"), "exact": (GREEN, "|")}  # fmt: skip


def ladder(ceilings: Mapping[str, Any], reached: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Accuracy of each reader, a line a regime, from the commonest disease to the exact rule.

    Args:
        ceilings: from measure_regimes.
        reached: from `regime_tables.read_reached`; a regime without a record has no mark for it.
    """
    known = {same(regime): record["curve"][-1]["accuracy"] for regime, record in reached.items()}
    rows = ceilings["table"]
    figure, axis = plt.subplots(figsize=(7.4, 1.6 + 0.42 * len(rows)), layout="constrained")
    for y, row in enumerate(rows):
        added = row["additive"]
        values = {
            "commonest disease": row["chance"],
            "additive, maximum likelihood": added["likelihood"]["accuracy"],
            "additive, best known": added["best"]["accuracy"],
            "reached": known.get(same(row["regime"])),
            "exact": row["exact"]["accuracy"],
        }
        axis.plot([row["chance"], row["exact"]["accuracy"]], [y, y], color=GREY, linewidth=1, alpha=0.5, zorder=1)
        for name, value in values.items():
            if value is not None:
                colour, marker = STEPS[name]
                axis.plot(
                    value, y, marker, color=colour, ms=13 if marker == "|" else 6, mew=2.5 if marker == "|" else 1
                )
    for name, (colour, marker) in STEPS.items():
        axis.plot([], [], marker, color=colour, label=NAMES[name])
    axis.set_yticks(range(len(rows)), [row["regime"] for row in rows])
    axis.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy, %")
    per_cent_axis(axis.xaxis)
    axis.grid(axis="x", alpha=0.3)
    figure.legend(fontsize=9, loc="outside lower center", ncols=3)
    return figure
