"""The claims of the paper in words, and what synthetic images and real photographs say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, NOT_RUN, Estimate
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED

PROTOCOL = {  # the protocol's outcomes in the five words
    "helps": SUPPORTED, "helps, by less than is worth having": SUPPORTED, "harms": CONTRADICTED,
    "harms, by less than would matter": CONTRADICTED, "no effect worth having": NO_DIFFERENCE,
    "cannot tell": INCONCLUSIVE,
}  # fmt: skip
MACRO_F1 = "points of macro-F1"
LONGER = "four times the images"
"""How a finding of the second edition begins to say what it compares."""
PRETRAINED = "frozen ViT-S"
"""How one of the pretrained network on synthetic images does."""
PLANNED_SEEDS = 5
LEAST_SEEDS = 3
UNCORRECTED = "interval alone, uncorrected"
"""How a finding is judged that is not a difference of macro-F1."""


@dataclass(frozen=True)
class Finding:
    """One measurement of a claim.

    Args:
        what: the comparison, in a few words.
        estimate: in points: of macro-F1, or of AUROC where `unit` says so; None where nothing was measured.
        verdict: one of `verdict_words.VERDICTS`, or why nothing was tested.
        note: seeds, whether that is preliminary, and the control's score where that is low.
        unit: of the estimate.
    """

    what: str
    estimate: Estimate | None
    verdict: str
    note: str = ""
    unit: str = MACRO_F1


@dataclass(frozen=True)
class Claim:
    """A claim in words, with its findings on synthetic images and on real photographs, and what they mean.

    The short form shows the last finding on synthetic images and the first one on photographs.
    """

    text: str
    meaning: str
    synthetic: list[Finding] = field(default_factory=list)
    real: list[Finding] = field(default_factory=list)


def points(line: pd.Series) -> Estimate:
    """A difference of macro-F1, in [-1, 1], with the ends of its interval, in points."""
    return Estimate(*(100 * float(line[name]) for name in ("difference", "low", "high")))


def first_edition(judged: pd.DataFrame, claim: str, what: str) -> Finding:
    """What the short trainings of the first edition say.

    Args:
        judged: from `evidence.verdicts.judge`.
        claim: its text there.
        what: the comparison, in a few words.
    """
    line = judged.set_index("claim").loc[claim]
    return Finding(what, points(line), line["verdict"], f"{line['seeds']:.0f} seeds")


def second_edition(contrasts: pd.DataFrame, name: str, what: str, beside: str = "") -> list[Finding]:
    """What the trainings of the protocol say; nothing while a contrast has too few seeds.

    Args:
        contrasts: of results/published/protocol/verdicts.json.
        name: id of the contrast.
        what: the comparison, in a few words.
        beside: what the effect is to be compared with, for the note.
    """
    line = contrasts.set_index("id").loc[name]
    if line["seeds"] < LEAST_SEEDS:
        return []
    note = f"{line['seeds']:.0f} seeds" + (", preliminary" if line["seeds"] < PLANNED_SEEDS else "")
    note += f"; the control scores {100 * line['level']:.1f} %"
    note += "; less than is worth having" if "by less than" in line["verdict"] else ""
    note += f"; {beside}" * bool(beside)
    return [Finding(what, points(line.rename({"effect": "difference"})), PROTOCOL[line["verdict"]], note)]


def beside_perfect(contrasts: pd.DataFrame, name: str, what: str, perfect: str, elsewhere: str = "") -> list[Finding]:
    """What the protocol says of patches chosen by attention, beside what a perfect choice gains.

    While a perfect choice has no proven gain, an answer that is not in favour of attention means nothing, as in
    book/protocol.md: it is inconclusive, whatever its interval.

    Args:
        contrasts: of a verdicts.json.
        name, perfect: ids of the contrasts of attention and of the true outline with patches at random.
        what: the comparison, in a few words.
        elsewhere: with which model a perfect choice was tested, where that is another one; for the note.
    """
    gain = proven_gain(contrasts, perfect)
    said = "a perfect choice has no proven gain" if gain is None else f"a perfect choice gains {gain:.1f}"
    said += f" {elsewhere}" if elsewhere else " here" * (gain is None)
    found = second_edition(contrasts, name, what, said)
    return [
        one if gain is not None or one.verdict == SUPPORTED else replace(one, verdict=INCONCLUSIVE) for one in found
    ]


def proven_gain(contrasts: pd.DataFrame, name: str) -> float | None:
    """The effect of a contrast, in points, where it is supported.

    Args:
        contrasts: of a verdicts.json.
        name: id of the contrast.
    """
    return next((one.estimate.value for one in second_edition(contrasts, name, "")
                 if one.verdict == SUPPORTED and one.estimate), None)  # fmt: skip


def of_more_training(contrasts: pd.DataFrame, name: str) -> str:
    """What a longer training alone gains, in a few words; "" without a proven gain.

    Args:
        contrasts: of a verdicts.json.
        name: id of the contrast, whose `samples` are those of the row and of the reference.
    """
    gain = proven_gain(contrasts, name)
    if gain is None:
        return ""
    long, short = map(int, contrasts.set_index("id").loc[name, "samples"].split())
    return f"{100 * (long / short - 1):.0f} % more training alone gains {gain:.1f}"


def on_photographs(judged: pd.DataFrame, row: str, reference: str, what: str) -> Finding:
    """What pretrained backbones on real photographs say.

    Args:
        judged: from `evidence.backbone_tables.judged`.
        row, reference: the two models.
        what: the comparison, in a few words.
    """
    line = judged.set_index(["row", "reference"]).loc[(row, reference)]
    if not line["seeds"]:
        return Finding(what, None, NOT_RUN)
    early = ", preliminary" if 1 < line["seeds"] < LEAST_SEEDS else ""
    plural = "s" if line["seeds"] > 1 else ""
    return Finding(what, points(line), line["verdict"], f"{line['seeds']:.0f} seed{plural}{early}")


def against_centre(differences: Sequence[Mapping[str, Any]], what: str, images: str) -> Finding:
    """Whether the lesion score finds the lesion better than the centre of the image, by AUROC.

    Args:
        differences: lesion score minus centre, by score, each with `score, photographs, value, low, high`; the last
            three in [-1, 1].
        what: the comparison, in a few words.
        images: what they are called.
    """
    line = next(line for line in differences if line["score"] == "auroc")
    value = Estimate(*(100 * float(line[name]) for name in ("value", "low", "high")))
    verdict = value.verdict((SUPPORTED, CONTRADICTED, INCONCLUSIVE))
    return Finding(what, value, verdict, f"one seed, {line['photographs']} {images}; {UNCORRECTED}", "points of AUROC")


def rare_first(gain: Mapping[str, float]) -> Finding:
    """Whether rare diseases gain most from the further tasks: a slope above zero contradicts it.

    Args:
        gain: from `rare_diseases.by_frequency.gain_by_count`.
    """
    slope = Estimate(*(100 * float(gain[f"slope{end}"]) for end in ("", "_low", "_high")))
    verdict = slope.verdict((CONTRADICTED, SUPPORTED, INCONCLUSIVE))
    note = f"{gain['seeds']:.0f} seeds; {UNCORRECTED}"
    return Finding("change of the gain for ten times as many images", slope, verdict, note, "points of F1")


def conflict(gain: Estimate, seeds: int) -> Finding:
    """Whether cross-interaction makes the tasks' gradients agree more.

    Args:
        gain: difference of mean cosines, from `gradient_conflict.agreement_gain`.
        seeds: of it.
    """
    value = Estimate(100 * gain.value, 100 * gain.low, 100 * gain.high)
    verdict = value.verdict((SUPPORTED, CONTRADICTED, INCONCLUSIVE))
    note = f"{seeds} seeds; {UNCORRECTED}"
    return Finding("agreement of gradients", value, verdict, note, "hundredths of a cosine")
