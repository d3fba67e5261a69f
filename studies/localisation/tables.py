"""The published measurements of localisation as frames and as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import CANNOT_TELL, NOT_RUN, Estimate, corrected_verdict, estimate, p_text
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


def precision_table(published: Published, scores: Sequence[str] = ("pointing", "auroc")) -> pd.DataFrame:
    """What the measurements say of "localized precisely": the lesion score against the centre of the photograph; text.

    Intervals are over photographs, of one run.
    """
    if published.methods is None:
        lines = [
            {"score": name, "lesion score − centre (95 %)": NOT_RUN, "than the centre": NOT_RUN} for name in scores
        ]
        return pd.DataFrame(lines).assign(score=lambda table: table["score"].map(COLUMNS))
    differences = paired_methods(published.methods, "lsm_score", "centre_prior", scores=scores)
    return pd.DataFrame(
        {
            "score": COLUMNS[line["score"]],
            "lesion score − centre (95 %)": estimate(line).signed(),
            "than the centre": estimate(line).verdict(("better", "worse", CANNOT_TELL)),
        }
        for line in differences.to_dict("records")
    )


def real_table(real: Mapping[str, Any], score: str = "auroc") -> pd.DataFrame:
    """Which map points best on real photographs, for each model, beside the centre and people; text.

    Args:
        real: `Published.real`.
        score: which orders the maps.
    """
    lines = []
    for model in real["models"].values():
        means = pd.DataFrame(model["summary"]).pivot(index="method", columns="score", values="value")
        maps = means.drop(index=[name for name in BASELINES if name in means.index])
        line = {"model": model["label"], f"highest {COLUMNS[score]} of a map": _highest(maps[score])}
        line |= {"lesion score": f"{maps[score]['lsm_score']:.2f}", "centre": f"{means[score]['centre_prior']:.2f}"}
        lines.append(line | {"highest mean IoU of a map": _highest(maps["iou"]), "two people": f"{HUMAN_IOU:.2f}"})
    return pd.DataFrame(lines)


def _highest(values: pd.Series) -> str:
    return f"{values.max():.2f} ({values.idxmax().replace('_', ' ')})"


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
            "with selection": [corrected_verdict(*row) for row in table[["value", "p_holm"]].to_numpy()],
            "seeds above 0": [f"{n} of {k}" for n, k in zip(table["positive"], table["seeds"], strict=True)],
        }
    )
