"""The numbers and sentences of the page on selection, to be glued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate, corrected_verdict, minus
from studies.localisation.pointing import SYNTHETIC, best_map
from studies.shared.counts import in_words
from studies.shared.effects import between, finding, size

OFTEN = ("more often", "less often", INCONCLUSIVE)
Numbers = dict[str, float | str]


def of_choice(choices: pd.DataFrame) -> Numbers:
    """What attention's choice is worth against others, as sentences without their full stop.

    Args:
        choices: from `against_attention`, all of them.
    """
    lines = choices.set_index("label")
    centre = finding("Attention instead of the image centre", *_effect(lines.loc["attention − centre, three tasks"]))
    numbers: Numbers = {"centre": centre, "chance": against_chance(lines)}
    outline = _effect(lines.loc["true outline − attention"])
    numbers["outline"] = finding("The true outline instead of attention", *outline, first=True)
    first = next((label for label in lines.index if label.startswith("real: attention − random")), None)
    if first is None:
        return numbers | {"real": "Attention instead of chance: not tested"}
    told = finding(f"Attention instead of chance ({first.rpartition(', ')[2]})", *_effect(lines.loc[first]))
    return numbers | {"real": told}


def against_chance(lines: pd.DataFrame) -> str:
    """Attention against chance, with the disease only and with three tasks; without its full stop.

    Args:
        lines: choices by label.
    """
    found = {tasks: _effect(lines.loc[f"attention − random, {tasks}"]) for tasks in ("disease only", "three tasks")}
    rest = {"disease only": "with the disease only", "three tasks": "with three tasks"}
    if all(verdict == INCONCLUSIVE for _, verdict in found.values()):
        told = " and ".join(f"{between(effect)} {rest[tasks]}" for tasks, (effect, _) in found.items())
        return f"On large lesions, first edition, whether attention beats chance is inconclusive: {told}"
    what = "On large lesions, first edition, attention instead of chance"
    return ". ".join(finding(f"{what}, {rest[tasks]},", *told) for tasks, told in found.items())


def of_planned(planned: pd.DataFrame) -> Numbers:
    """The two primary contrasts of the second edition, as sentences without their full stop.

    Args:
        planned: from `protocol.states.states`.
    """
    lines = planned.set_index("id")
    subjects = {
        "first": ("S1", "On small lesions, attention instead of chance"),
        "possible": ("P1", "On small lesions, the true outline instead of chance"),
    }
    return {name: finding(subject, *_effect(lines.loc[row])) for name, (row, subject) in subjects.items()}


def waiting(judged: pd.DataFrame) -> str:
    """How many comparisons of attention with chance wait for trainings on real photographs; a sentence.

    Args:
        judged: from `backbone_tables.judged`.
    """
    pairs = judged[judged["row"].str.endswith("_D_LSM") & judged["reference"].str.endswith("_D_random")]
    left = int((pairs["seeds"] == 0).sum())
    if not left:
        once = int((pairs["seeds"] == 1).sum())
        told = f"All {in_words(len(pairs))} planned networks have run"
        return told + f", {in_words(once)} of them with one seed, which is not tested" * bool(once) + "."
    return f"{left} of {len(pairs)} planned backbones have not been trained yet."


def _effect(line: pd.Series) -> tuple[Estimate, str]:
    return Estimate(line["difference"], line["low"], line["high"]), line["verdict"]


def of_maps(
    table: pd.DataFrame, summary: pd.DataFrame, gap: Estimate, centre: Mapping[str, Any], sanity: pd.DataFrame
) -> Numbers:
    """How well maps point at the lesion, and what randomised weights do to them.

    Args:
        table: from `pointing.pointing`.
        summary: from `summary.summarise`, of synthetic images.
        gap: AUROC of the lesion score minus that of the image centre, on the same images.
        centre: from `pointing.against_centre`.
        sanity: `tables.Published.sanity`.
    """
    auroc = table[table["images"] == SYNTHETIC].set_index("label")["auroc"]
    than = gap.verdict(("worse than", "better than", "about as well as"))  # of the centre
    numbers: Numbers = {
        "pointing": (
            f"The image centre points at the lesion {than} the model's attention "
            f"(AUROC {auroc['image centre']:.2f} against {auroc['attention']:.2f})"
        )
    }
    effect = Estimate(centre["difference"], centre["low"], centre["high"])
    numbers["tested"] = finding("pointing with it instead of the image centre", effect, centre["verdict"], "AUROC")
    name, value, kinds = best_map(summary)
    numbers |= {"best_map": name, "best_auroc": value, "kinds": kinds}
    last = sanity[sanity["order"] == sanity["order"].max()].groupby("method")["spearman"].mean()
    return numbers | {f"randomised_{method}": minus(f"{last[method]:.2f}") for method in ("lsm_score", KEPT)}


KEPT = "integrated_gradients"


def attended(gains: pd.DataFrame) -> str:
    """What lesion selection does to how often the class token's attention points at the lesion; a sentence.

    Its verdict is that of p, corrected over the table.

    Args:
        gains: from `tables.with_and_without`.
    """
    line = gains[(gains["method"] == "class_attention") & (gains["score"] == "pointing")].iloc[0]
    told = corrected_verdict(line["value"], line["p_holm"], OFTEN)
    effect = Estimate(line["value"], line["low"], line["high"])
    if told == INCONCLUSIVE:
        return f"Whether lesion selection draws the class token's attention to the lesion is {told}."
    more = effect if effect.value > 0 else Estimate(-effect.value, -effect.high, -effect.low)
    return f"With lesion selection, the class token's attention hits the lesion {told}, by {size(more)} of the images."


def after_fine_tuning(backbones: Mapping[str, Any] | None) -> str:
    """What training with lesion selection does to where a fine-tuned backbone attends; a sentence, or nothing.

    Args:
        backbones: from `backbone_tables.read_backbones`.
    """
    wanted = ("tuned_D_LSM", "class_attention", "tuned_D", "auroc")
    keys = ("model", "map", "reference", "score")
    pair = next((p for p in (backbones or {"pairs": []})["pairs"] if tuple(p[k] for k in keys) == wanted), None)
    if pair is None:
        return ""
    effect = Estimate(*(pair[name] for name in ("value", "low", "high")))
    than = effect.verdict(("better with lesion selection than", "less well with lesion selection than",
                           "with lesion selection about as well as"))  # fmt: skip
    return (
        f"Fine-tuned on these photographs, its class token's attention covers the lesion {than} without "
        f"by AUROC: {effect.points()} points. There is one training of each, so the interval covers patients only."
    )
