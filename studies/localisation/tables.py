"""The published measurements of localisation as frames and as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import (
    Estimate,
    p_text,
)
from dermimit.evaluate.significance import holm, t_test
from dermimit.explain.localisation_names import BASELINES, HUMAN_IOU
from dermimit.records import read_json
from studies.localisation.summary import paired, paired_methods
from studies.shared.paths import PUBLISHED

COLUMNS = {
    "pointing": "pointing game", "energy": "energy inside", "auroc": "AUROC", "average_precision": "average precision",
    "iou": "IoU", "deletion": "deletion ↓", "insertion": "insertion ↑",
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """What studies/localisation/measure.py has written so far.

    Attributes:
        methods: a row for each SynDerm photograph and method of one run, or None.
        selection: a row for each photograph, method, seed and `row` (with selection "full", without "D_B_A_CIM").
        sanity: how maps change as the network forgets.
        record: curves, thresholds and provenance of the SynDerm part.
        real: summaries of the real photographs by model, or None.
    """

    methods: pd.DataFrame | None
    selection: pd.DataFrame | None
    sanity: pd.DataFrame | None
    record: dict[str, Any]
    real: dict[str, Any] | None


def read_localisation(root: Path) -> Published:
    """Read the records; what has not been measured is None.

    Args:
        root: the project's folder.
    """
    folder = root / PUBLISHED / "localisation"

    def frame(name: str) -> pd.DataFrame | None:
        path = folder / f"synderm_{name}.parquet"
        return pd.read_parquet(path) if path.is_file() else None

    records = [
        read_json(p) if (p := folder / f"{name}.json").is_file() else None for name in ("synderm", "pad_ufes_20")
    ]
    return Published(frame("methods"), frame("selection"), frame("sanity"), records[0] or {}, records[1])


def scores_table(summary: pd.DataFrame) -> pd.DataFrame:
    """A line for each method (and group), a column for each score: mean and 95 % interval by patient.

    Args:
        summary: from `localisation_summary.summarise`.
    """
    ends = summary[["value", "low", "high"]].to_numpy()
    text = [f"{v:.2f}" + (f" ({low:.2f} to {high:.2f})" if low == low else " (one patient)") for v, low, high in ends]
    keys = ["method"] if set(summary["group"]) == {"all"} else ["method", "group"]
    told = summary.assign(text=text, score=summary["score"].map(COLUMNS))
    wide = told.pivot(index=keys, columns="score", values="text")
    order = summary[keys].drop_duplicates().apply(tuple, axis=1) if len(keys) > 1 else summary["method"].unique()
    wide = wide.loc[list(order), [name for name in COLUMNS.values() if name in wide]].reset_index()
    wide["method"] = wide["method"].str.replace("_", " ")
    return wide.rename_axis(columns=None)


def precision_text(found: Published, scores: Sequence[str] = ("pointing", "auroc")) -> str:
    """What the measurements say of "localized precisely": the lesion score against the centre prior, and people."""
    if found.methods is None:
        return "**Not run yet.**"
    lines = paired_methods(found.methods, "lsm_score", "centre_prior", scores=scores).to_dict("records")
    gaps = ", ".join(f"{COLUMNS[p['score']]} {Estimate(p['value'], p['low'], p['high']).signed()}" for p in lines)
    iou = found.methods.loc[found.methods["method"] == "lsm_score", "iou"].mean()
    if all(p["low"] > 0 for p in lines):
        verdict = "it points better than the centre does"
    elif all(p["high"] < 0 for p in lines):
        verdict = "it points **worse** than the centre, which knows nothing of the photograph"
    else:
        verdict = "which of the two points better is **not shown**"
    return (
        f"On synthetic images the lesion score differs from the centre by: {gaps} (intervals over photographs, one "
        f"run); {verdict}. Its mean IoU with the lesion of a synthetic image is {iou:.2f}. For scale, of other "
        f"pictures: two people who outline a *real* lesion agree at a median of {HUMAN_IOU:.2f}."
    )


def real_text(real: Mapping[str, Any], score: str = "auroc") -> str:
    """Which map points best on real photographs, for each model, beside the centre and people; in words.

    Args:
        real: `Published.real`.
        score: which orders the maps.
    """
    lines = []
    for model in real["models"].values():
        summary = pd.DataFrame(model["summary"])
        means = summary.pivot(index="method", columns="score", values="value")
        own = means.drop(index=[name for name in BASELINES if name in means.index])
        best = own[score].idxmax()
        label, name, closest = model["label"], best.replace("_", " "), own["iou"].idxmax().replace("_", " ")
        lines.append(
            f"- **{label[0].upper()}{label[1:]}**: of the maps of the model, {name} has the highest {COLUMNS[score]}, "
            f"{own[score][best]:.2f}; the lesion score has {own[score]['lsm_score']:.2f}, and the centre, which knows "
            f"nothing, {means[score]['centre_prior']:.2f}. The highest mean IoU of a map is {own['iou'].max():.2f} "
            f"({closest}); two people agree at {HUMAN_IOU:.2f}."
        )
    return "\n".join(lines)


def with_and_without(selection: pd.DataFrame, scores: Sequence[str] = ("pointing", "auroc", "iou")) -> pd.DataFrame:
    """Maps of the model with lesion selection minus those without it, on the same photographs, by method.

    Interval and p are Student's, over photographs (by patient) and seeds together (`significance.t_test`).

    Args:
        selection: `Published.selection`.

    Returns:
        columns `method, score, photographs, value, low, high, p, p_holm`, and `seeds` and `positive`: how many seeds
        there are, and in how many the difference is above 0. Without a second seed there is neither interval nor p.
    """
    lines = []
    for method, these in selection.groupby("method", sort=False):
        one, other = (_over_seeds(these[these["row"] == row], scores) for row in ("full", "D_B_A_CIM"))
        means = these.groupby(["row", "seed"])[list(scores)].mean()
        gains = means.loc["full"] - means.loc["D_B_A_CIM"]
        for line in paired(one, other, scores).to_dict("records"):
            gain = gains[line["score"]].dropna()
            test = t_test(gain, line["se"] ** 2, line["patients"])
            line |= {"low": line["value"] - test.half, "high": line["value"] + test.half, "p": test.p}
            lines.append({"method": method} | line | {"seeds": len(gain), "positive": int((gain > 0).sum())})
    table = pd.DataFrame(lines)
    return table.assign(p_holm=holm(table["p"]))


def _over_seeds(rows: pd.DataFrame, scores: Sequence[str]) -> pd.DataFrame:
    means = rows.groupby("image", sort=False)[list(scores)].mean()
    return means.join(rows.groupby("image", sort=False)["patient_id"].first()).reset_index()


def with_and_without_table(table: pd.DataFrame) -> pd.DataFrame:
    """As text."""
    return pd.DataFrame(
        {
            "map": table["method"].str.replace("_", " "),
            "score": table["score"].map(COLUMNS),
            "with − without (95 %)": [Estimate(*row).signed() for row in table[["value", "low", "high"]].to_numpy()],
            "p (t, Holm)": table["p_holm"].map(p_text),
            "seeds above 0": [f"{n} of {k}" for n, k in zip(table["positive"], table["seeds"], strict=True)],
        }
    )


def takeaways(
    summary: pd.DataFrame, real: pd.DataFrame, gains: pd.DataFrame, selection: pd.DataFrame
) -> dict[str, float | str]:
    """The numbers and words of the page's first lines, to be glued.

    Args:
        summary: from `localisation_summary.summarise`, of drawn photographs, all in one group.
        real: the same of real photographs.
        gains: from `with_and_without`.
        selection: differences from attention's choice, from `Evidence.against`, of choices that know outlines.
    """
    found: dict[str, float | str] = {}
    for name, table in (("drawn", summary), ("real", real)):
        means = table.pivot(index="method", columns="score", values="value")
        own = means.drop(index=[method for method in BASELINES if method in means.index])
        found |= {
            f"{name}_best": str(own["auroc"].idxmax()).replace("_", " "),
            f"{name}_best_auroc": own["auroc"].max(),
        }
        found |= {f"{name}_centre": means["auroc"]["centre_prior"], f"{name}_lesion": own["auroc"]["lsm_score"]}
        found[f"{name}_iou"] = own["iou"].max()
    by_row = selection.set_index("row")
    for end in ("", "_low", "_high"):
        found[f"oracle{end}"] = by_row.loc["oracle", f"difference{end}"]
    return found | {"people": HUMAN_IOU, "attended": attended_text(gains)}


def attended_text(gains: pd.DataFrame) -> str:
    """What lesion selection does to where the class token's attention points, in words.

    Args:
        gains: from `with_and_without`.
    """
    line = gains[(gains["method"] == "class_attention") & (gains["score"] == "pointing")].iloc[0]
    low, high = sorted(100 * abs(line[end]) for end in ("low", "high"))
    by = f"by {100 * abs(line['value']):.0f} of 100 photographs ({low:.0f} to {high:.0f})"
    seeds, tail = line["seeds"], f"p corrected over {len(gains)} comparisons {p_text(line['p_holm'])}"
    if line["high"] < 0:
        start, of = "class attention points at the lesion less often than without it", seeds - line["positive"]
    elif line["low"] > 0:
        start, of = "class attention points at the lesion more often than without it", line["positive"]
    else:
        return f"it cannot be told whether class attention points at the lesion more or less often ({tail})"
    return f"{start}, {by}, in {of} of {seeds} seeds ({tail})"
