"""The claims of *Results in one view*, in the order of the page, from the tables that chapters publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NOT_RUN, Estimate
from studies.overview.claims import (
    LONGER,
    PRETRAINED,
    Claim,
    Finding,
    against_centre,
    beside_perfect,
    conflict,
    first_edition,
    of_more_training,
    on_photographs,
    proven_gain,
    rare_first,
    second_edition,
)
from studies.shared.verdict_words import NOT_TESTED, word

BLOCKS = {"Does the model diagnose better?": 7, "Does it work as described?": 3, "The paper's own numbers": 1}
"""Headings, and how many claims stand under each."""


def claims(
    judged: pd.DataFrame,
    sums: pd.DataFrame,
    contrasts: pd.DataFrame,
    photographs: pd.DataFrame,
    centre: Mapping[str, Sequence[Mapping[str, Any]]],
    rare: Mapping[str, float],
    gradients: tuple[Estimate, int],
    additive: float,
) -> list[Claim]:
    """All claims.

    Args:
        judged, sums: from `evidence.verdicts.judge`, of its claims and of their sums.
        contrasts: of the verdicts.json of results/published/protocol and pretrained.
        photographs: from `evidence.backbone_tables.judged`.
        centre: "synthetic" and "real" -> lesion score minus centre, by score.
        rare: from `rare_diseases.by_frequency.gain_by_count`.
        gradients: difference of the mean cosines, and its seeds.
        additive: macro-F1 of the best classifier that only adds evidence, where findings interact, in per cent.
    """

    def first(claim: str, what: str) -> Finding:
        return first_edition(judged, claim, what)

    def longer(name: str, what: str, beside: str = "") -> list[Finding]:
        return second_edition(contrasts, name, what, beside)

    def chosen(name: str, what: str, perfect: str, elsewhere: str = "") -> list[Finding]:
        return beside_perfect(contrasts, name, what, perfect, elsewhere)

    def real(row: str, reference: str, what: str) -> list[Finding]:
        backbones = {"frozen": "frozen ViT-S", "tuned": "fine-tuned ViT-S"}
        found = [on_photographs(photographs, *(f"{key}_{name}" for name in (row, reference)), f"{what}, {words}")
                 for key, words in backbones.items()]  # fmt: skip
        return [one for one in found if word(one.verdict) != NOT_TESTED] or found[:1]

    small, large = f"{LONGER}, small lesions", f"{LONGER}, large lesions"
    frozen, alone = f"{PRETRAINED}, small lesions", "with the disease alone"
    size = proven_gain(contrasts, "I5")
    wider = "" if size is None else f"; widening the concatenation to that size gains {size:.1f}"
    return [
        Claim(
            "The whole model beats a plain vision transformer",
            "All steps together. Claims below take it apart; each has a baseline of its own, so they do not add up.",
            [first_edition(sums, "The whole model", "full model − disease only")],
            real("full", "D", "full model − disease only"),
        ),
        Claim(
            "Learning the body part helps",
            "The body part is learnt beside the disease, from perfect labels unless a reader's are named.",
            [first("Learning the body part helps the disease", "+ body part − disease only"),
             *longer("T3", f"{LONGER}, labels of a reader"), *longer("T1", large, of_more_training(contrasts, "T5"))],
            [Finding("body part alone", None, NOT_RUN)],
        ),
        Claim(
            "Learning lesion attributes helps",
            "27 attributes are learnt beside disease and body part.",
            [first("Learning attributes helps, the body part being learned", "+ attributes − body part"),
             *longer("T4", f"{LONGER}, labels of a reader"), *longer("T2", large)],
            real("D_B_A", "D", "both tasks − disease only"),
        ),
        Claim(
            "Patch tokens beside the class token help",
            "The classifier also receives the mean of twelve patches, wherever they lie.",
            [first("Local tokens help, disease alone", "random patches − none, disease only"), *longer("S5", large),
             *longer("S6", small)],
            real("D_random", "D", "random patches − none"),
        ),
        Claim(
            "Attention chooses patches better than chance",
            "This is what lesion selection claims: not more patches, but the right ones.",
            [first("Choosing patches by attention beats chance, disease alone", "attention − random, disease only"),
             first("Choosing patches by attention beats chance, three tasks", "attention − random, full model"),
             *chosen("E1", frozen, "E3"),
             *chosen("S4", f"{large}, full model", "P2", alone), *chosen("S3", f"{small}, full model", "P1", alone),
             *chosen("S2", large, "P2"), *chosen("S1", small, "P1")],
            real("D_LSM", "D_random", "attention − random"),
        ),
        Claim(
            "A perfect choice of patches would help",
            "The test of the test: patches are taken where the true outline lies.",
            [*longer("P2", large), *longer("P1", small), *longer("E3", frozen)]
            or [Finding("true outline − random", None, NOT_RUN)],
            [Finding("true outline − random", None, NOT_RUN)],
        ),
        Claim(
            "Cross-interaction beats concatenation",
            "Tasks attend to one another, instead of one layer that reads all of them.",
            [first("Cross-interaction beats concatenation", "cross-interaction − concatenation"),
             *longer("E4", f"{PRETRAINED}, findings interact"), *longer("I2", f"{LONGER}, findings add up"),
             *longer("I1", f"{LONGER}, findings interact", f"adding evidence alone can reach {additive:.1f} %{wider}")],
            real("full", "concat", "cross-interaction − concatenation"),
        ),
        Claim(
            "The attention map finds the lesion better than the image centre does",
            "The centre ignores the model. Most lesions here are central; on small ones elsewhere no map was measured.",
            [against_centre(centre["synthetic"], "lesion score − image centre", "images")],
            [against_centre(centre["real"], "lesion score − image centre, fine-tuned ViT-S", "photographs")],
        ),
        Claim(
            "Rare diseases gain most from further tasks",
            "If so, the gain would fall as a disease has more training images: below zero. "
            "The chapter on rare diseases corrects the test.",
            [rare_first(rare)],
            [Finding("too few diseases", None, NOT_RUN)],
        ),
        Claim(
            "Cross-interaction lessens conflict between tasks",
            "Measured by the angle between the tasks' gradients.",
            [conflict(*gradients)],
            [Finding("gradients were not recorded", None, NOT_RUN)],
        ),
        Claim(
            "F1 of 78.8, 73.6 and 74.5 % on three datasets",
            "The first dataset is private, and we do not know the splits of the others.",
            [],
            [Finding("the paper's three scores", None, NOT_RUN)],
        ),
    ]  # fmt: skip


def findings(claim: Claim) -> list[Finding]:
    """All findings of a claim."""
    return [*claim.synthetic, *claim.real]
