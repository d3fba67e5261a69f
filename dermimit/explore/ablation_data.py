"""What the ablation explorer draws: intervals of rows, metrics and subgroups as one compact record for the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from dermimit.evaluate.subgroup_scores import METRICS
from dermimit.evaluate.subgroups import ALL, KINDS
from dermimit.explain.style import row_colour, row_marker

DIGITS = 4
PARTS = ("body part", "attributes", "patch tokens")
JOINED = {"none": "–", "concat": "concatenation", "cim": "cross-attention"}


def ablation_data(scores: pd.DataFrame, experiments: pd.DataFrame, reference: str | None = None) -> dict[str, Any]:
    """The explorer's data.

    Args:
        scores: from `subgroup_scores`.
        experiments: from `tables.read_experiments`: labels, and the colours that the rows have in every figure.
        reference: row that differences are first taken from; the first that was scored, if None.

    Returns:
        `rows` (see `variant`), `metrics`, `kinds` (with groups and numbers of photographs), `seeds`, `reference`;
        `scores`: metric -> group -> row -> [value, low, high]; `differences`: the same for each pair of rows (0, 1),
        (0, 2), (1, 2), ..., the later minus the earlier. A score that is not there is None.

    Raises:
        ValueError: the reference is no row of the scores.
    """
    table = [row for row in experiments["row"] if (scores["row"] == row).any()]
    reference = reference or table[0]
    if reference not in table:
        raise ValueError(f"reference {reference!r} was not scored; rows that were: {', '.join(table)}")
    known, everything = experiments.set_index("row").to_dict("index"), list(experiments["row"])
    looks = [{"colour": row_colour(row, everything), "marker": row_marker(row, everything)} for row in table]
    kinds = _kinds(scores)
    found = {
        (metric, group, row, other): [round(v, DIGITS) for v in three]
        for metric, group, row, other, *three in scores[
            ["metric", "group", "row", "other", "value", "low", "high"]
        ].itertuples(index=False)
    }
    groups = [name for kind in kinds for name, _ in kind["groups"]]
    metrics = [key for key in METRICS if (scores["metric"] == key).any()]
    pairs = sorted(combinations(range(len(table)), 2), key=lambda pair: pair[::-1])
    return {
        "rows": [{"row": row, **variant(known[row]), **look} for row, look in zip(table, looks, strict=True)],
        "metrics": [{"key": key, "label": METRICS[key]} for key in metrics],
        "kinds": kinds,
        "seeds": int(scores["seeds"].max()),
        "reference": reference,
        "difference": False,
        "scores": {m: [[found.get((m, g, row, "")) for row in table] for g in groups] for m in metrics},
        "differences": {
            m: [[found.get((m, g, table[j], table[i])) for i, j in pairs] for g in groups] for m in metrics
        },
    }


def variant(row: Mapping[str, Any]) -> dict[str, Any]:
    """A model variant for people: `label`, the `parts` that it has, and how its tasks are `joined`.

    Args:
        row: of `read_experiments`. With settings of its own it keeps the table's label, and no parts are named.
    """
    if row["settings"]:
        return {"label": row["label"]}
    tasks = row["tasks"].split("+")
    has = ("body_part" in tasks, "attributes" in tasks, bool(row["lsm"]))
    parts = [part for part, there in zip(PARTS, has, strict=True) if there]
    return {"label": name_of(parts, row["fusion"]), "parts": parts, "joined": JOINED.get(row["fusion"], row["fusion"])}


def name_of(parts: Sequence[str], fusion: str) -> str:
    """What people call a variant: by what it has more than the disease alone, or less than the full model."""
    if set(PARTS[:2]) <= set(parts) and fusion in ("cim", "concat"):
        joined = ", concatenated" if fusion == "concat" else ""
        if PARTS[2] in parts:
            return f"Full model{joined}"
        return f"Three tasks{joined}" if joined else "Full model, no patch tokens"
    more = ["lesion selection" if part == PARTS[2] else part for part in parts]
    return f"+ {' and '.join(more)}" if more else "Disease only"


def _kinds(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """All photographs first, then each kind of subgroup with its groups, as they were scored."""
    counts = scores.drop_duplicates(["kind", "group"])
    return [
        {
            "key": kind,
            "label": KINDS.get(kind, "all test images"),
            "groups": [[g, int(n)] for g, n in counts.loc[counts["kind"] == kind, ["group", "photographs"]].to_numpy()],
        }
        for kind in (ALL, *KINDS)
        if (counts["kind"] == kind).any()
    ]
