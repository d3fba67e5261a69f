"""The published measurements of rare, few and unseen diseases as tables and as words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate import conformal
from dermimit.evaluate.estimate import (
    Estimate,
)
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.rare_diseases.by_frequency import parts_of
from studies.shared.paths import EXPERIMENTS, PUBLISHED

WAYS = {
    "one threshold": ("adaptive", False), "a threshold for each part": ("adaptive", True),
    "smallest sets, one threshold": ("threshold", False),
}  # fmt: skip


def read_rare(root: Path) -> tuple[pd.DataFrame, dict[str, Any], dict[str, str]]:
    """Answers of the runs, the record, and the names of the rows.

    Args:
        root: the project's folder.
    """
    folder, tables = root / PUBLISHED / "rare_diseases", root / EXPERIMENTS
    labels = read_experiments(tables / "ablation.csv").set_index("row")["label"].to_dict()
    for table in ("reference", "rare_diseases"):
        lines = read_experiments(tables / f"{table}.csv").itertuples()
        labels |= {
            f"{table}:{x.row}": x.label if x.group in (table, "unseen") else f"{x.group}, {x.label}" for x in lines
        }
    return pd.read_parquet(folder / "answers.parquet"), read_json(folder / "record.json"), labels


def coverage_table(
    runs: Sequence[Path], space: LabelSpace, counts: Mapping[str, int], miss: float = 0.1, resamples: int = 500
) -> pd.DataFrame:
    """Coverage of the prediction sets of finished runs on their test split, calibrated on validation, by group.

    Args:
        runs: folders with predictions.parquet, a seed each.
        space: the label space.
        counts: training photographs of each disease, which make head, middle and tail.
        miss: α.

    Returns:
        columns `way, group, coverage, low, high, size, empty, photographs`; coverage, size and the share of empty sets
        are means over seeds, the interval is by patient. The way with "a threshold for each part" needs the true part
        of the photograph asked about, which nobody knows at the bedside: it shows what is owed to the mixture.
    """
    part = parts_of(np.array([counts[d] for d in space.diseases]))
    parts: list[pd.DataFrame] = []
    for run in runs:
        frame = pd.read_parquet(run / "predictions.parquet")
        val, test = (_read(frame[frame["split"] == split], space) for split in ("val", "test"))
        for way, (kind, own) in WAYS.items():
            groups = (part[val[1]], part[test[1]]) if own else (None, None)
            sets = conformal.prediction_sets(val[0], val[1], test[0], miss, kind, *groups)
            line = {"way": way, "patient": test[2], "part": part[test[1]], "skin": test[3], "size": sets.sum(1)}
            parts.append(pd.DataFrame(line | {"covered": conformal.covered(sets, test[1])}))
    lines = []
    for way, some in pd.concat(parts).groupby("way", sort=False):
        groups = {"all": np.ones(len(some), bool)} | {
            p: (some["part"] == p).to_numpy() for p in ("head", "middle", "tail")
        }
        groups |= {f"skin type {t}": (some["skin"] == t).to_numpy() for t in sorted(some["skin"].dropna().unique())}
        for name, kept in groups.items():
            lines.append({"way": way, "group": name} | _coverage(some[kept], resamples))
    return pd.DataFrame(lines)


def _coverage(some: pd.DataFrame, resamples: int) -> dict[str, float]:
    by_patient = some.groupby("patient", sort=False)[["covered", "size"]].mean()
    draws = patient_draws(by_patient.index, resamples).means(by_patient[["covered"]].to_numpy(float))[0]
    low, high = percentile_interval(draws)
    found = {"coverage": float(some["covered"].mean()), "low": low, "high": high, "size": float(some["size"].mean())}
    return found | {"empty": float((some["size"] == 0).mean()), "photographs": len(by_patient)}


def _read(frame: pd.DataFrame, space: LabelSpace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that sum to 1, truths, patients and skin types."""
    p = np.stack(frame["disease_prob"].to_numpy()).astype(float)
    place = {name: i for i, name in enumerate(space.diseases)}
    truth = frame["disease"].map(place).to_numpy(np.int64)
    return p / p.sum(1, keepdims=True), truth, frame["patient_id"].to_numpy(), frame["fitzpatrick"].to_numpy()


def unseen_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """A line for each run and score: AUROC, false alarms, and "none of these" at the promised rate; text."""
    lines = []
    for run in record["unseen"]:
        for kind, score in run["scores"].items():
            told = run["none_of_these"][kind]
            line = {
                "model": f"{labels['rare_diseases:' + run['row']]}, seed {run['seed']}",
                "score": kind.replace("_", " "),
            }
            for name, key in (("AUROC (95 %)", "auroc"), ("false alarms at 95 % found", "fpr95")):
                line[name] = f"{score[key]:.2f} ({score[f'{key}_low']:.2f} to {score[f'{key}_high']:.2f})"
            line |= {"“none of these”, known": f"{told['known']:.0%}", "“none of these”, new": f"{told['new']:.0%}"}
            lines.append(line)
    return pd.DataFrame(lines)


def unseen_attributes_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Attributes on photographs of the unseen diseases, by runs that have not and that have seen these; text."""
    lines = []
    for run in record["unseen"]:
        for kind, name in (("without", "not seen in training"), ("with", "seen in training")):
            if found := run.get("attributes", {}).get(kind):
                text = f"{found['auroc']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
                line = {"the five diseases were": name, "seed": run["seed"], "mean AUROC of attributes (95 %)": text}
                lines.append(line | {"attributes": found["attributes"], "photographs": found["photographs"]})
    return pd.DataFrame(lines)


def unseen_shots_table(record: Mapping[str, Any], labels: Mapping[str, str]) -> pd.DataFrame:
    """Recall of the unseen diseases by prototypes of a few examples, among all 49; text."""
    lines = []
    for run in record["unseen"]:
        line: dict[str, Any] = {"model": labels["rare_diseases:" + run["row"]], "seed": run["seed"]}
        line |= {
            f"{x['shots']} example{'s' * (x['shots'] > 1)}": f"{x['recall']:.2f} ± {x['sd']:.2f}"
            for x in run["few_shot"]
        }
        lines.append(line)
    return pd.DataFrame(lines)


def gain_text(found: Mapping[str, float], what: str) -> str:
    """Whether a gain is largest where examples are few, in words."""
    slope = Estimate(found["slope"], found["slope_low"], found["slope_high"]).signed()
    if found["slope_high"] < 0:
        verdict = "it is **largest where examples are few**"
    elif found["slope_low"] > 0:
        verdict = "it is **largest where examples are many**, the reverse of what the idea promises"
    else:
        verdict = "that it depends on their number is **not shown**"
    return f"The gain in F1 of {what} changes by {slope} for ten times as many training photographs: {verdict}."


def parts_table(table: pd.DataFrame, signed: bool = False) -> pd.DataFrame:
    """Mean F1 of head, middle, tail and all, or gains in it, with 95 % intervals, a line for each row; text.

    Args:
        table: from `rare.table_of_parts` or `rare.gains_of_parts`.
        signed: a plus before what is above zero, for gains.
    """
    shape = "{:+.3f} ({:+.3f} to {:+.3f})" if signed else "{:.3f} ({:.3f} to {:.3f})"
    text = [shape.format(*line) for line in table[["value", "low", "high"]].to_numpy()]
    wide = table.assign(text=text).pivot(index="row", columns="part", values="text")
    rows = table.drop_duplicates("row").set_index("row")
    shown = wide.loc[list(rows.index), ["head", "middle", "tail", "all"]]
    return (
        shown.assign(model=rows["label"], seeds=rows["seeds"])
        .set_index("model")
        .reset_index()
        .rename_axis(columns=None)
    )


def coverage_text(table: pd.DataFrame, miss: float) -> str:
    """For which groups the promise of one threshold is broken, in words."""
    one = table[table["way"] == "one threshold"].set_index("group")
    low = [name for name in one.index if name != "all" and one.loc[name, "high"] < 1 - miss]
    told = ", ".join(f"{name} ({one.loc[name, 'coverage']:.0%})" for name in low)
    broken = f"For some groups it is broken: {told}." if low else "For no group is it clearly broken."
    small = table[table["way"] == "smallest sets, one threshold"].set_index("group").loc["all"]
    held, size = one.loc["all", ["coverage", "size"]]
    return (
        f"Promised {1 - miss:.0%}, held {held:.1%} over all photographs, with {size:.1f} diseases in a "
        f"set on average. {broken} The smallest sets have {small['size']:.1f} diseases and hold "
        f"{small['coverage']:.1%}; {small['empty']:.1%} of them are empty, which is “none of these”."
    )


def best_text(gains: pd.DataFrame) -> str:
    """Which remedy does best in the tail, and what it costs in the head, in words.

    Args:
        gains: from `rare.gains_of_parts`, of one model's remedies.
    """
    wide = gains.set_index(["row", "part"])
    best = gains[gains["part"] == "tail"].set_index("row")["value"].idxmax()
    tail, head = (Estimate(*wide.loc[(best, p), ["value", "low", "high"]]).signed() for p in ("tail", "head"))
    return (
        f"In the tail **{wide.loc[(best, 'tail'), 'label']}** does best: {tail} in mean F1 over training without a "
        f"remedy; in the head it changes {head}."
    )


def takeaways(
    gain: Mapping[str, float],
    remedies: pd.DataFrame,
    record: Mapping[str, Any],
    coverage: pd.DataFrame,
    part: np.ndarray,
    reference: str = "reference:full",
) -> dict[str, float | str]:
    """The numbers and words of the page's first lines, to be glued.

    Args:
        gain: `rare.gain_by_count` of the further tasks.
        remedies: from `rare.table_of_parts`, with the reference.
        record: of the measurements.
        coverage: from `coverage_table`.
        part: of each disease.
        reference: the row without a remedy.
    """
    wide = remedies.pivot(index="row", columns="part", values="value")
    names = remedies.drop_duplicates("row").set_index("row")["label"]
    best = wide.drop(index=reference)["tail"].idxmax()
    found: dict[str, float | str] = {
        "idea": "largest where examples are few" if gain["slope_high"] < 0 else
                "largest where examples are many" if gain["slope_low"] > 0 else "not shown to depend on their number",
        "slope": gain["slope"], "slope_low": gain["slope_low"], "slope_high": gain["slope_high"],
        "remedy": names[best].removeprefix("full, "),
    }  # fmt: skip
    for name, row in (("plain", reference), ("best", best)):
        found |= {f"{name}_{p}": float(wide.loc[row, p]) for p in ("head", "tail")}
    tail = {
        line["shots"]: float(np.mean(np.array(line["recall"])[part == "tail"])) for line in record["few_shot"]["full"]
    }
    most = max(shots for shots in tail if shots)
    found |= {"shots": most, "shots_tail": tail[most], "trained_tail": tail[None]}
    aurocs = [score["auroc"] for run in record["unseen"] for score in run["scores"].values()]
    found |= {"strangest": max(aurocs), "least_strange": min(aurocs)}
    for kind in ("without", "with"):
        found[f"attributes_{kind}"] = float(
            np.mean([run["attributes"][kind]["auroc"] for run in record["unseen"] if "attributes" in run])
        )
    one = coverage[coverage["way"] == "one threshold"].set_index("group")
    return found | {f"covered_{p}": 100 * float(one.loc[p, "coverage"]) for p in ("all", "head", "tail")}
