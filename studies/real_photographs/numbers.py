"""The numbers and words that pages quote of real photographs, to be glued: none is written by hand.

`sensitivity` is the shortest true answer to a clinician's first question, and the cover, the results and the limits
quote it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate, minus
from dermimit.evaluate.significance import holm
from dermimit.report.words import and_list
from studies.real_photographs.scores import BACKBONES, count, name_of
from studies.real_photographs.sensitivity import RealModels, read_models
from studies.shared.counts import in_words
from studies.shared.real_backbones import RARE, SEEDS
from studies.shared.verdict_words import CONTRADICTED, MARGIN, NO_DIFFERENCE, SUPPORTED, by_rule, word

Numbers = dict[str, float | str]
BENIGN = ("NEV", "SEK")
"""Diagnoses after which a lesion is left where it is."""
PAIRS = {"pretrained": ("synderm_full", "small_full"), "joined": ("imagenet_full", "imagenet_concat")}


def sensitivity(root: Path, model: str = "best", prefix: str = "") -> Numbers:
    """How many melanomas and squamous cell carcinomas of PAD-UFES-20 a model finds, in words and numbers to be glued.

    Args:
        root: the project's folder.
        model: which one, see `RealModels.chosen`.
        prefix: put before every name.

    Returns:
        `model` (its name), `seeds` and `photographs`, and of each of `mel` and `scc`: `_hits` (a mean over seeds),
        `_n`, `_of` ("19 of 40"), `_percent`, `_low`, `_high` (in per cent), and `_precision`, the share of the
        photographs given this diagnosis that have it, in per cent; and `text`, a sentence with them.
    """
    return sensitivity_of(read_models(root), model, prefix)


def sensitivity_of(models: RealModels, model: str = "best", prefix: str = "") -> Numbers:
    """`sensitivity` of models that have been read."""
    row = models.chosen(model)
    found, called, line = models.sensitivity(row), models.called(row), models.line(row)
    numbers: Numbers = {"model": name_of(row), "seeds": len(line["seeds"]), "photographs": line["photographs"]}
    for name in RARE:
        own = found.loc[name]
        told: Numbers = {"hits": own["hits"], "n": int(own["photographs"]), "percent": 100 * own["value"]}
        told |= {"of": f"{count(own['hits'])} of {own['photographs']:.0f}"}
        told |= {end: 100 * own[end] for end in ("low", "high")}
        told["precision"] = 100 * float(called.loc[name, name] / called[name].sum())
        numbers |= {f"{name.lower()}_{key}": value for key, value in told.items()}
    numbers["text"] = found_text(numbers)
    return {f"{prefix}{key}": value for key, value in numbers.items()}


def found_text(numbers: Mapping[str, Any]) -> str:
    """One sentence on what the model of `sensitivity` finds."""
    mel, scc = (
        f"{numbers[f'{name}_of']} {disease} ({numbers[f'{name}_percent']:.1f} %, 95 % CI "
        f"{numbers[f'{name}_low']:.1f} to {numbers[f'{name}_high']:.1f})"
        for name, disease in (("mel", "melanomas"), ("scc", "squamous cell carcinomas"))
    )
    return (
        f"On {numbers['photographs']} real photographs of PAD-UFES-20, in patient-grouped cross-validation, the "
        f"network with the highest macro-F1 of those with {in_words(SEEDS)} seeds, {numbers['model']}, finds {mel} and "
        f"{scc}. Counts are means over seeds, and it was picked by its score."
    )


def paper_text(models: RealModels) -> str:
    """Whether the best network is the paper's model, and if not, where that one stands; a sentence."""
    if models.chosen("best") == models.chosen("full"):
        return "This network is our version of the paper's model, on a ViT-S."
    return f"The table below shows the paper's model too: {name_of(models.chosen('full'))}."


def missed(models: RealModels, row: str) -> Numbers:
    """What becomes of the photographs of melanomas and squamous cell carcinomas that a row misses.

    Returns:
        of each of `mel` and `scc`, `_benign`: the mean number called naevus or seborrhoeic keratosis, and `_treated`,
        called another cancer or actinic keratosis, as text.
    """
    called, numbers = models.called(row), {}
    for name in RARE:
        benign = sum(called.loc[name, other] for other in BENIGN)
        treated = called.loc[name].sum() - called.loc[name, name] - benign
        numbers |= {f"{name.lower()}_benign": count(benign), f"{name.lower()}_treated": count(treated)}
    return numbers


def difference_text(line: Mapping[str, Any], what: str = "It") -> str:
    """One sentence on a difference in macro-F1, worded by its verdict.

    Args:
        line: `difference, low, high` (in [-1, 1]), `seeds` and `verdict`, as `backbone_tables.judged` gives them.
        what: the subject, such as "Learning the body part".
    """
    gap, seeds = Estimate(line["difference"], line["low"], line["high"]), int(line["seeds"])
    told = word(line["verdict"])
    size = f"{100 * abs(gap.value):.1f}"
    low, high = (minus(f"{100 * end:+.1f}") for end in (gap.low, gap.high))
    if seeds == 0:
        return f"{what}: not tested, since no run is published yet."
    early = ", preliminary" if 1 < seeds < SEEDS else ""
    ends = f"(95 % CI {low} to {high}; {seeds} seed{'s' if seeds > 1 else ''}{early})"
    sentences = {
        SUPPORTED: f"{what} raised macro-F1 by {size} points {ends}.",
        CONTRADICTED: f"{what} lowered macro-F1 by {size} points {ends}.",
        INCONCLUSIVE: f"{what} is inconclusive: between {low} and {high} points of macro-F1{early}.",
        NO_DIFFERENCE: f"{what} made no difference larger than {100 * MARGIN:.0f} points {ends}.",
    }
    return sentences.get(told, f"{what}: not tested, {gap.points()} points in one seed.")


def of_page(
    models: RealModels, judged: pd.DataFrame, real: Mapping[str, Any], leaks: Sequence[Mapping[str, Any]]
) -> Numbers:
    """What the page on real photographs quotes beside `sensitivity`.

    Args:
        models: the published models.
        judged: from `backbone_tables.judged`.
        real: from `real.read_real_evidence`.
        leaks: the table of results/published/real_checks/leakage.json.
    """
    full, colour = (models.line(models.chosen(which)) for which in ("full", "colour"))
    backbone = full["row"].removesuffix("_full")
    lines = judged.set_index(["row", "reference"])
    numbers: Numbers = {
        "colour_f1": 100 * colour["macro_f1"],
        "patients": full["patients"],
        "paper": paper_text(models),
    }
    whole = lines.loc[(f"{backbone}_full", f"{backbone}_D")].to_dict()
    how = BACKBONES[backbone].split(", ")[-1]
    numbers["whole"] = difference_text(whole, f"The full model instead of disease only ({how})")
    beside = models.record["beside"]
    numbers |= {"beside_points": gap_of(beside).points(), "beside": beside_text(beside)}
    verdicts = ruled(real["pairs"])
    for name, pair in PAIRS.items():
        numbers[f"{name}_verdict"] = verdicts[pair]
        for key, pairs in ((name, real["pairs"]), (f"{name}_earlier", real["earlier"])):
            line = next(p for p in pairs if (p["row"], p["reference"]) == pair)
            numbers[key] = gap_of(line).points()
    inflated = [r for r in leaks if (r["metric"], r["score"], r["photographs"]) == ("macro-F1", "difference", "all")]
    most = max(inflated, key=lambda r: r["value"])
    numbers |= {"leak_model": most["model"], "leak_gain": 100 * most["value"]}
    return numbers | waiting(models, judged)


def gap_of(pair: Mapping[str, Any]) -> Estimate:
    """The difference of a pair with its interval."""
    return Estimate(*(pair[f"difference{end}"] for end in ("", "_low", "_high")))


def beside_text(pair: Mapping[str, Any]) -> str:
    """One sentence on the best network and the best classifier of frozen features, worded by the rule.

    Args:
        pair: their difference, with `p`; a single test, so nothing is corrected.
    """
    kind = "linear classifier" if ": logistic" in pair["reference"] else "classifier"
    other, picked = f"the best {kind} on frozen features", "both were picked by their scores"
    return {
        SUPPORTED: f"It scored higher than {other}; {picked}.",
        CONTRADICTED: f"It scored lower than {other}; {picked}.",
        NO_DIFFERENCE: f"It differed from {other} by no more than {100 * MARGIN:.0f} points.",
        INCONCLUSIVE: f"Its difference from {other} is inconclusive.",
    }.get(ruled([pair])[pair["row"], pair["reference"]], f"Its difference from {other} was not tested.")


def ruled(pairs: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """(row, reference) -> the verdict that a reader sees, p corrected over all pairs.

    Args:
        pairs: of `real.read_real_evidence`.
    """
    table = pd.DataFrame(pairs)
    corrected = pd.Series(holm(table["p"].astype(float)))
    ends = (table["difference_low"], table["difference_high"])
    verdicts = by_rule(table["difference"], corrected, table["seeds"], *ends)
    return dict(zip(zip(table["row"], table["reference"], strict=True), map(word, verdicts), strict=True))


def waiting(models: RealModels, judged: pd.DataFrame) -> Numbers:
    """How much of the table of networks has run: `pairs_tested`, `pairs_apart`, and the sentences of `plan_text` and
    `unsettled_text` as `waiting` and `unsettled`."""
    tested = judged["seeds"] > 1
    apart = judged.loc[tested, "verdict"].map(word).isin([SUPPORTED, CONTRADICTED])
    numbers: Numbers = {"pairs_tested": in_words(int(tested.sum())), "pairs_apart": str(apart.sum() or "none")}
    seeds = {line["row"]: len(line["seeds"]) for line in models.record["scores"]}
    rows = [line["row"] for line in models.record["rows"]]
    numbers["waiting"] = plan_text({row: seeds.get(row, 0) for row in rows}, judged["seeds"])
    return numbers | {"unsettled": unsettled_text(models)}


def plan_text(seeds: Mapping[str, int], pairs: pd.Series) -> str:
    """How many planned networks and comparisons have no run, and how many have one seed; sentences.

    Args:
        seeds: planned row -> seeds that have run.
        pairs: seeds of each planned comparison.
    """
    names = [BACKBONES[row.partition("_")[0]].split(", ") for row, n in seeds.items() if not n]
    absent = list(dict.fromkeys(" ".join(["the", *reversed(parts)]) for parts in names))  # the fine-tuned ViT-S
    once = sum(n == 1 for n in seeds.values())
    told = "Each planned network has run" + f", {in_words(once)} of them with one seed" * bool(once) + "."
    if absent:
        told = f"Of {len(seeds)} planned networks, {len(names)} have not run: variants on {and_list(absent)}."
    none, one = int((pairs == 0).sum()), int((pairs == 1).sum())
    left = [f"{in_words(n)} {what}" for n, what in ((none, "without a run"), (one, "with one seed")) if n]
    return f"{told} Among {len(pairs)} planned comparisons are {' and '.join(left)}." if left else told


def unsettled_text(models: RealModels) -> str:
    """How many networks with too few seeds score higher than the best one with all seeds; a sentence, or nothing."""
    best = models.line(models.chosen("best"))
    higher = [line for line in models.record["scores"] if line["macro_f1"] > best["macro_f1"]]
    if not higher:
        return ""
    few = f"{in_words(len(higher))} network{'s' if len(higher) > 1 else ''}"
    return f"With fewer than {in_words(SEEDS)} seeds, {few} scored higher."
