"""The sentences of the page on the second edition: each follows from the verdicts by the protocol's rules."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import Estimate, minus
from studies.protocol import trainings
from studies.protocol.contrasts import LEAST_SEEDS
from studies.protocol.runs import Run
from studies.protocol.states import FAMILIES, PLANNED_SEEDS, states
from studies.shared.counts import in_words
from studies.shared.effects import finding
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, NOT_TESTED, SUPPORTED, word

PRIMARY = {
    "selection": ("S1", "Choosing patches by attention instead of at random, on small lesions,"),
    "possible": ("P1", "Choosing patches by the true outline instead of at random, on small lesions,"),
    "interaction": ("I1", "Cross-attention instead of a concatenation of the same size, where findings interact,"),
    "wider": ("I5", "Widening the concatenation to the size of cross-interaction"),
    "shuffled": ("I3", "Cross-attention between the tasks of one image instead of different images"),
    "tasks": ("T2", "Learning attributes in addition to the body part, on large lesions,"),
    "reader": ("T3", "With labels of an imperfect reader, learning the body part"),
    "longer": ("T5", "Training the disease alone for as long as the full model takes"),
    "second_loss": ("T6", "A second loss for the disease alone"),
}
"""Name -> a contrast that the page tells in words, and the subject of its sentence."""


def takeaways(contrasts: pd.DataFrame, runs: pd.DataFrame, plan: list[Run]) -> dict[str, str]:
    """A sentence for each of `PRIMARY`, `claim` (`small_lesions`), `meaning` and `progress`; without full stops."""
    lines = states(contrasts, tuple(FAMILIES)).set_index("id")
    told = {name: sentence(lines.loc[row], subject) for name, (row, subject) in PRIMARY.items()}
    told["tasks"] = further(lines) or told["tasks"]
    told["wider"] += size_alone(lines)
    told |= {"beside_longer": trainings.beside_longer(runs), "longest": trainings.longest(runs)}
    told |= {"three_tasks": trainings.three_tasks(runs), "worse_labels": trainings.worse_labels(runs)}
    told |= {"claim": small_lesions(lines), "meaning": meaning(lines)}
    return told | {"progress": progress(runs, plan), "recovered": recovered(contrasts), "again": trainings.again(runs)}


def small_lesions(lines: pd.DataFrame) -> str:
    """What S1 and P1 found, with their intervals, without its full stop; else what `meaning` says.

    Args:
        lines: of `states.states`, by id.
    """
    return selection_text(lines, "P1", "S1") or meaning(lines)


def selection_text(lines: pd.DataFrame, outline: str, attention: str) -> str:
    """What a perfect choice of patches and one by attention change on small lesions, without its full stop.

    Args:
        lines: of `states.states`, by id.
        outline, attention: ids of the two contrasts; "" is returned while one of them is not tested.
    """
    found = lines.loc[[outline, attention]]
    if NOT_TESTED in set(map(word, found["verdict"])):
        return ""
    perfect, chosen = (Estimate(*(100 * line)).signed(1) for line in found[["difference", "low", "high"]].to_numpy())
    early = " (preliminary)" if found["seeds"].min() < PLANNED_SEEDS else ""
    return (
        "Against patches at random, on small lesions, patches of the true outline changed macro-F1 by "
        f"{perfect} points, patches chosen by attention by {chosen}{early}"
    )


def meaning(lines: pd.DataFrame) -> str:
    """What the outcomes of S1 and P1 mean by book/protocol.md, without its full stop.

    Args:
        lines: of `states.states`, by id.
    """
    chosen, possible = (word(lines.loc[name, "verdict"]) for name in ("S1", "P1"))
    if NOT_TESTED in (chosen, possible):
        return f"What this means for selection is {NOT_TESTED} yet"
    early = " so far" if lines.loc[["S1", "P1"], "seeds"].min() < PLANNED_SEEDS else ""
    told = "it cannot be told whether attention knows where small lesions lie"
    if possible != SUPPORTED:
        told = "nothing can be said of selection at this scale, since it is open whether a perfect choice would help"
    elif chosen == SUPPORTED:
        told = "attention finds small lesions better than chance, and the disease profits"
    elif chosen in (NO_DIFFERENCE, CONTRADICTED):
        told = "it is worth knowing where small lesions lie, and attention does not know it, at this scale"
    return f"By the protocol, these two contrasts mean{early}: {told}"


def size_alone(lines: pd.DataFrame) -> str:
    """What I1 and I5 mean together, where size gains and cross-interaction gains no more; to follow a sentence.

    Args:
        lines: of `states.states`, by id.
    """
    if [word(lines.loc[name, "verdict"]) for name in ("I1", "I5")] != [NO_DIFFERENCE, SUPPORTED]:
        return ""
    return ": beside a smaller concatenation, cross-interaction would be credited with what its size alone gains"


def far_text(contrasts: pd.DataFrame, larger: float, additive: float) -> str:
    """How far the networks of I1 are from what a larger one reaches and adding evidence allows; a sentence.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
        larger: macro-F1 of a larger network on the same images, in per cent.
        additive: macro-F1 of the best classifier that only adds evidence, in per cent.
    """
    line = contrasts.set_index("id").loc["I1"]
    if pd.isna(line["level"]):
        return ""
    return (
        f"Where findings interact, the concatenation has a macro-F1 of {100 * line['level']:.1f} %. A larger network "
        f"reached {larger:.1f} %, and a classifier that only adds evidence could reach {additive:.1f} %: networks so "
        "far from that need not have reached the point where an interaction pays."
    )


def longer_text(contrasts: pd.DataFrame, name: str) -> str:
    """What the second edition says of the gain of a page's answer, as a sentence with its full stop; "" without one.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
        name: of the contrast that tests the same.
    """
    line = states(contrasts, FAMILIES).set_index("id").loc[name]
    if line["verdict"] == NOT_TESTED:
        return ""
    early = (
        f" after {in_words(line['seeds'])} of {in_words(PLANNED_SEEDS)} seeds" if line["seeds"] < PLANNED_SEEDS else ""
    )
    return f"In the second edition this gain is {word(line['verdict'])}{early}."


def recovered(contrasts: pd.DataFrame) -> str:
    """How much of what a perfect choice gains attention gains on small lesions; a sentence without its full stop.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
    """
    lines = contrasts.set_index("id")
    chosen, possible = lines.loc["S1"], lines.loc["P1"]
    if min(chosen["seeds"], possible["seeds"]) < LEAST_SEEDS or possible["effect"] <= 0:
        return "How much of a perfect choice attention recovers is not known yet"
    gained, there = (minus(f"{100 * line['effect']:.1f}") for line in (chosen, possible))
    return f"Of the {there} points that a perfect choice gains, attention gained {gained}"


def further(lines: pd.DataFrame) -> str:
    """That no contrast of the further tasks has a verdict, or an empty text; without its full stop."""
    own = lines[lines["family"] == "tasks"]
    if any(word(verdict) != NOT_TESTED for verdict in own["verdict"]):
        return ""
    return f"None of the {len(own)} contrasts on further tasks has the {LEAST_SEEDS} seeds that a verdict needs yet"


def progress(runs: pd.DataFrame, plan: list[Run]) -> str:
    """How many of the planned trainings have run, and how many the limit of processor time has no room for."""
    within = [run.name for run in plan if not run.beyond]
    beyond = len(plan) - len(within)
    more = f"; {beyond} more lie beyond the limit of processor time" if beyond else ""
    return f"{len(set(runs['name']) & set(within))} of {len(within)} planned trainings have run{more}"


def sentence(line: pd.Series, subject: str) -> str:
    """What one contrast says, with its size and how final that is; without its full stop.

    Args:
        line: of `states.states`.
        subject: what was compared, with a comma at its end.
    """
    ran = f"{line['seeds']} of {PLANNED_SEEDS} seeds"
    if word(line["verdict"]) == NOT_TESTED:
        return f"{subject} is {NOT_TESTED} yet: {ran} have run"
    effect = Estimate(line["difference"], line["low"], line["high"])
    told = finding(subject, effect, line["verdict"]).replace(",:", ":")
    return told + ("" if line["seeds"] >= PLANNED_SEEDS else f"; this is preliminary, with {ran}")
