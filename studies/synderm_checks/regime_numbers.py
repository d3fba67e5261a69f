"""The numbers and words of the page on regimes, to be glued: none is written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.data.synderm import LABEL_SPACE
from dermimit.report.words import and_list
from studies.synderm_checks.regime_tables import same

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
        in per cent: `exact, additive, trained, bound` (accuracy at strength 1), `linear, layers` (networks on the true
        labels), `true, central, whole` (crops in `small`), `plain_central, plain_true`, and the sentence `reached`.
    """
    rows = {same(row["regime"]): row for row in ceilings["table"]}
    full = rows["interaction=1"]
    networks = {(row["reader"], same(row["regime"])): row["accuracy"] for row in readers["table"]}
    seen = {
        (row["regime"], row["crop"]): row["accuracy"]
        for row in crops["table"]
        if row["side"] == side and row["body_part"]
    }
    shares = {
        "exact": full["exact"]["accuracy"],
        "additive": full["additive"]["best"]["accuracy"],
        "trained": full["additive"]["likelihood"]["accuracy"],
        "bound": full["additive"]["bound"],
        "linear": networks["linear", "interaction=1"],
        "layers": networks["two layers", "interaction=1"],
        "fours": rows["groups=1"]["exact"]["accuracy"],
        "fours_additive": rows["groups=1"]["additive"]["best"]["accuracy"],
        "fours_linear": networks["linear", "groups=1"],
        "fours_layers": networks["two layers", "groups=1"],
        "true": seen["small", "true"],
        "central": seen["small", "central"],
        "random": seen["small", "random"],
        "whole": seen["small", "whole"],
        "plain_true": seen["plain", "true"],
        "plain_central": seen["plain", "central"],
    }
    return {name: 100 * value for name, value in shares.items()} | {"side": 100 * side} | of_network(reached)


def of_visibility(now: Record, before: Record) -> dict[str, float]:
    """How many `attributes` there are and how many are `detected` above chance; `median` AUROC of all and of the
    `primary` ones, and the same of the version `before`.

    Args:
        now, before: records of the visibility of attributes.
    """
    names, told = LABEL_SPACE.attributes, dict[str, float]()
    primary = list(names[: names.index("patch") + 1])
    for end, record in (("", now), ("_before", before)):
        table = pd.DataFrame(record["table"]).query("skin == 'all'").set_index("attribute")
        told |= {f"median{end}": table["auroc"].median(), f"primary{end}": table.loc[primary, "auroc"].median()}
        told |= {"attributes": len(table), "detected": int((table["low"] > 0.5).sum())} if not end else {}
    return told


def of_network(reached: Mapping[str, Record]) -> dict[str, float | str]:
    """`reached`: what the larger network reaches in each regime, and how many curves rise; without a full stop."""
    if not reached:
        return {"reached": "No larger network has been trained on these images yet"}
    last = {regime: record["curve"][-1] for regime, record in reached.items()}
    scores = and_list([f"{100 * line['macro_f1']:.1f} % ({regime})" for regime, line in last.items()])
    rising = sum(not record["flat"] for record in reached.values())
    seen = " or ".join(sorted({f"{line['photographs']:,}" for line in last.values()}))
    curves = f"{rising} of {len(reached)} curves still rising"
    return {"reached": f"A larger network reached a macro-F1 of {scores} after {seen} images, with {curves}"}
