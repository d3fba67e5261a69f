"""Tables, picture and numbers of the page on the benchmark, from its record."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dermimit.benchmark.benchmarks import benchmark, names, rule_of, title_of
from dermimit.evaluate.estimate import NONE, Estimate, estimate
from dermimit.explain.style import BLUE
from studies.shared.units import per_cent_axis

Line = Mapping[str, Any]


def standings(lines: list[Line]) -> pd.DataFrame:
    """Every file of answers, the best first: macro-F1, balanced accuracy, and what is missing to the best."""
    rows = []
    for line in ordered(lines):
        behind = Estimate(**line["below_best"])
        rows.append({
            "model": line["label"], "macro-F1 (95 %)": estimate(line, "macro_f1").plain(),
            "balanced accuracy": estimate(line, "balanced_accuracy").plain(),
            "macro-F1 minus the best": behind.signed() if behind.value else "best",
        })  # fmt: skip
    return pd.DataFrame(rows)


def sensitivity(lines: list[Line], diseases: tuple[str, ...] = ("MEL", "SCC", "BCC")) -> pd.DataFrame:
    """Sensitivity of the skin cancers, with intervals over patients, and calibration."""
    rows = []
    for line in ordered(lines):
        row = {"model": line["label"]}
        row |= {name: Estimate(*line["recall"][name]).plain() for name in diseases}
        rows.append(
            row
            | {name: estimate(line, key).plain() for key, name in (("ece", "calibration error"), ("auroc", "AUROC"))}
        )
    return pd.DataFrame(rows)


def tasks(lines: list[Line]) -> pd.DataFrame:
    """Body part and attributes of the files that answer for them, with what chance gives, intervals over patients."""
    rows = []
    for line in (line for line in ordered(lines) if "body_part" in line or "attributes" in line):
        row, body, signs = {"model": line["label"]}, line.get("body_part"), line.get("attributes")
        if body:
            row |= {"body part, macro-F1": estimate(body, "macro_f1").plain()}
            row |= {"body part, accuracy": estimate(body, "accuracy").plain()}
        if signs:
            row |= {
                "attributes, mAP": estimate(signs, "map").plain(),
                "attributes, AUROC": estimate(signs, "auroc").plain(),
            }
        rows.append(row)
    return pd.DataFrame(rows).fillna(NONE)


def ordered(lines: list[Line]) -> list[Line]:
    """The best macro-F1 first."""
    return sorted(lines, key=lambda line: -line["macro_f1"])


def forest(lines: list[Line]) -> Figure:
    """Macro-F1 of each file of answers with its interval; that of the commonest disease, far below, in words."""
    majority = lines[0]["majority"]
    rows = [line for line in ordered(lines) if line["macro_f1"] > majority]
    figure, axis = plt.subplots(figsize=(7.2, 1.1 + 0.36 * len(rows)), layout="constrained")
    for y, line in enumerate(rows):
        axis.plot([line["macro_f1_low"], line["macro_f1_high"]], [y, y], color=BLUE, linewidth=2)
        axis.plot(line["macro_f1"], y, "o", color=BLUE, ms=6)
    axis.set_yticks(range(len(rows)), [textwrap.fill(line["label"], 36) for line in rows], fontsize=9)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel="macro-F1, % (95 % interval over patients)")
    per_cent_axis(axis.xaxis)
    axis.set_title(
        f"Always the most frequent disease: {100 * majority:.1f}, left of this axis", fontsize=10, loc="right"
    )
    axis.grid(axis="x", alpha=0.3)
    return figure


def numbers(record: Line) -> dict[str, str | float]:
    """What the page quotes."""
    rows = ordered(record["lines"])
    level = [line for line in rows[1:] if not Estimate(**line["below_best"]).below()]
    signs = next(line["attributes"] for line in rows if "attributes" in line)
    return {
        "photographs": rows[0]["photographs"], "best": rows[0]["label"], "level": len(level), "others": len(rows) - 1,
        "best_score": estimate(rows[0], "macro_f1").percent(), "melanoma": _share(rows[0], "MEL"),
        "scc": _share(rows[0], "SCC"), "signs_known": f"{100 * signs['known']:.1f}",
        "signs_chance": f"{signs['chance_map']:.3f}",
    }  # fmt: skip


def _share(line: Line, disease: str) -> str:
    return Estimate(*line["recall"][disease]).percent()


def inflation(leakage: Line) -> tuple[pd.DataFrame, str]:
    """What splits by photograph add to the score of models that know the same patients, as measured before.

    Args:
        leakage: results/published/real_checks/leakage.json.

    Returns:
        the table, and a sentence on its largest difference and the others, without its full stop.
    """
    chosen = [row for row in leakage["table"] if row["metric"] == "macro-F1" and row["score"] == "difference"]
    chosen = [row for row in chosen if row["photographs"] == "all"]
    table = pd.DataFrame(
        {"model": row["model"], "macro-F1, by photograph minus by patient": estimate(row).signed()} for row in chosen
    )
    most = max(chosen, key=lambda row: row["value"])
    unclear = sum(not estimate(row).excludes() for row in chosen if row is not most)
    return table, (
        f"Splitting by photograph instead of by patient changed the macro-F1 of the model “{most['model']}” by "
        f"{estimate(most).points()} points; for {unclear} of {len(chosen) - 1} other models the change is inconclusive"
    )


def known() -> pd.DataFrame:
    """All benchmarks: what they are, and how many photographs and patients; unknown where a copy is needed."""
    rows = []
    for name in names():
        row = {"benchmark": name, "what": title_of(name), "photographs": "from your copy", "patients": NONE}
        if not rule_of(name):
            frame = benchmark(name).frame
            row |= {"photographs": f"{len(frame):,}", "patients": f"{frame['patient_id'].nunique():,}"}
        rows.append(row)
    return pd.DataFrame(rows)
