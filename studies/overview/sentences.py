"""What the claims mean together, in sentences that follow from the findings: for the page, the cover and the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dermimit.evaluate.estimate import INCONCLUSIVE
from dermimit.report.words import and_list
from studies.overview.claims import LONGER, MACRO_F1, Claim, Finding
from studies.shared.counts import in_words
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, NOT_TESTED, SUPPORTED, css_class, word

WHOLE, BODY_PART, ATTRIBUTES, TOKENS, ATTENTION, ORACLE, INTERACTION, MAP = range(8)
"""Places of claims among those of `collect.claims`."""


def size(finding: Finding, interval: bool = True) -> str:
    """The points of a finding without their sign, with the interval unless it stands nearby."""
    value = finding.estimate
    assert value is not None
    if not interval:
        return f"{abs(value.value):.1f} points"
    low, high = sorted((value.low, value.high)) if value.value >= 0 else sorted((-value.high, -value.low))
    return f"{abs(value.value):.1f} points (95 % CI {low:.1f} to {high:.1f})".replace("-", "−")


def outcome(finding: Finding, up: str, down: str, what: str, interval: bool = True) -> str:
    """A sentence on one finding.

    Args:
        up, down: a sentence for a supported and a contradicted claim, to which "by … points" is added.
        what: the question as a noun, for all other verdicts: "What attributes add".
        interval: of a supported or contradicted claim.
    """
    verdict = word(finding.verdict)
    if verdict == SUPPORTED:
        return f"{up} by {size(finding, interval)}."
    if verdict == CONTRADICTED:
        return f"{down} by {size(finding, interval)}."
    if finding.estimate is None:
        return f"{what} was not tested."
    low, high = (f"{end:+.1f}".replace("-", "−") for end in (finding.estimate.low, finding.estimate.high))
    if verdict == NO_DIFFERENCE:
        return f"{what} makes no difference larger than two points ({low} to {high})."
    return f"{what} is {verdict}: between {low} and {high} points."


def five(claims: Sequence[Claim], levels: Mapping[str, float], sensitivity: Mapping[str, str]) -> list[str]:
    """The five sentences below the matrix.

    Args:
        claims: from `collect.claims`.
        levels: from `read.read_levels`.
        sensitivity: `text`, a sentence on melanoma and squamous cell carcinoma on real photographs.
    """
    synthetic = [claim.synthetic[0] if claim.synthetic else None for claim in claims]
    real = [claim.real[0] if claim.real else None for claim in claims]
    whole = outcome(
        synthetic[WHOLE], "On synthetic images the full model beat a plain network trained for the disease alone",
        "On synthetic images the full model lost to a plain network trained for the disease alone",
        "On synthetic images, the gain of the full model", False,
    )  # fmt: skip
    part = outcome(
        synthetic[BODY_PART], "In the first edition, learning the body part raised macro-F1",
        "In the first edition, learning the body part lowered macro-F1",
        "In the first edition, the effect of learning the body part", False,
    )  # fmt: skip
    chosen = [word(finding.verdict) for finding in claims[ATTENTION].synthetic]
    tokens = outcome(
        synthetic[TOKENS], "Patch tokens beside the class token raised it, even where they were picked at random,",
        "Random patch tokens lowered it", "The effect of patch tokens", False,
    )  # fmt: skip
    later = [
        second_edition(claims[BODY_PART], "learning the body part"),
        second_edition(claims[TOKENS], "random patch tokens"),
    ]
    latest = claims[ATTENTION].synthetic[-1]
    selection = (
        outcome(latest, "Choosing them by attention beat chance", "Choosing them by attention was worse than chance",
                "Choosing them by attention instead of at random")
        if len(set(chosen)) == 1
        else attention(claims[ATTENTION].synthetic)
    )  # fmt: skip
    centre = outcome(
        synthetic[MAP], "The attention map found lesions better than the centre of the image did",
        "The attention map found lesions, most of them central, worse than the centre of the image did",
        "Attention against the image centre", False,
    )  # fmt: skip
    photographs = outcome(
        real[WHOLE], "On real photographs, with a frozen pretrained network, the full model beat the disease alone",
        "On real photographs, with a frozen pretrained network, the full model lost to the disease alone",
        "On real photographs, with a frozen pretrained network, the gain of the full model",
    )  # fmt: skip
    centre = centre.replace("points", "points of AUROC", 1)
    parts = " ".join(filter(None, (part, tokens, *later, selection)))
    return [f"{whole} {level_text(levels)}", parts, centre, photographs, sensitivity["text"]]


def second_edition(claim: Claim, what: str) -> str:
    """What the second edition says of a claim, on each kind of images; a sentence, or "" where nothing has run.

    Args:
        claim: one of `collect.claims`.
        what: was added, as the subject of the sentence.
    """
    told = []
    for finding in claim.synthetic:
        where = finding.what.partition(f"{LONGER}, ")[2]
        if where and finding.estimate is not None:
            change = f"{finding.estimate.value:+.1f}".replace("-", "−")
            how = word(finding.verdict) + ", preliminary" * ("preliminary" in finding.note)
            told.append(f"{change} points {'with' if where.startswith('labels') else 'on'} {where} ({how})")
    return f"In the second edition, {what} changed it by {and_list(told)}." if told else ""


def level_text(levels: Mapping[str, float]) -> str:
    """How good the models are that are compared."""
    return (
        f"Macro-F1 on 49 synthetic diseases is {levels['alone']:.1f} % for the disease alone and "
        f"{levels['full']:.1f} % for the full model; the Bayes-optimal classifier reaches {levels['best']:.1f} %."
    )


def answer(claims: Sequence[Claim]) -> dict[str, str | float]:
    """How many findings have which verdict, for the answer box: `tested`, and a count for each of the five words."""
    every = [finding for claim in claims for finding in (*claim.synthetic, *claim.real)]
    kinds = [word(finding.verdict) for finding in every]
    numbers: dict[str, str | float] = {"findings": len(kinds), "tested": sum(kind != "not tested" for kind in kinds)}
    return numbers | {name.replace(" ", "_"): kinds.count(name) for name in dict.fromkeys(kinds)}


def box(claims: Sequence[Claim]) -> dict[str, str]:
    """The three results of the answer box: `answer_whole`, `answer_real`, `answer_attention`."""
    whole = outcome(
        claims[WHOLE].synthetic[0], "yes, without a size control: the full model beat a plain transformer",
        "no: the full model lost to a plain transformer", "the gain of the full model",
    )  # fmt: skip
    real = outcome(
        claims[WHOLE].real[0],
        "it does too: macro-F1 rose",
        "it does not: macro-F1 fell",
        "its gain on a frozen network",
    )
    chosen = attention([*claims[ATTENTION].synthetic, *claims[ATTENTION].real])
    return {"answer_whole": whole, "answer_real": real, "answer_attention": chosen}


OUTCOMES = {
    SUPPORTED: "in its favour", CONTRADICTED: "against it", INCONCLUSIVE: "inconclusive",
    NO_DIFFERENCE: "without meaningful difference", NOT_TESTED: "not tested",
}  # fmt: skip
CLAUSES = {
    SUPPORTED: ("favours attention", "favour attention"), CONTRADICTED: ("favours chance", "favour chance"),
    INCONCLUSIVE: ("is inconclusive", "are inconclusive"), NOT_TESTED: ("was not tested", "were not tested"),
    NO_DIFFERENCE: ("shows no meaningful difference", "show no meaningful difference"),
}  # fmt: skip
"""What one comparison and what several say."""


def attention(findings: Sequence[Finding]) -> str:
    """What several comparisons of attention with chance say together; a sentence."""
    kinds = [word(finding.verdict) for finding in findings]
    counts = {kind: kinds.count(kind) for kind in kinds}
    told = [f"{in_words(n)} {CLAUSES[kind][n > 1]}" for kind, n in counts.items()]
    plural = "s" if len(kinds) > 1 else ""
    return f"Of {in_words(len(kinds))} comparison{plural} of attention with chance, {and_list(told)}."


SHORT = {
    WHOLE: "Full model − plain transformer", BODY_PART: "Learning the body part",
    ATTENTION: "Attention − random patches", INTERACTION: "Cross-interaction − concatenation",
    MAP: "Attention map − image centre",
}  # fmt: skip


def short_form(claims: Sequence[Claim], levels: Mapping[str, float], chips: bool = False) -> str:
    """Five of the claims as a Markdown table, for the README and the cover.

    Args:
        claims: from `collect.claims`.
        levels: from `read.read_levels`; told below the table.
        chips: verdicts with the colours of the book.
    """
    lines = ["| | synthetic images | real photographs |", "|---|---|---|"]
    for place, name in SHORT.items():
        claim = claims[place]
        cells = [_short(claim.synthetic[::-1], chips), _short(claim.real, chips)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    return "\n".join([*lines, "", level_text(levels)]) + "\n"


def _short(findings: Sequence[Finding], chips: bool) -> str:
    """The first finding, and how many others have another verdict."""
    finding = findings[0] if findings else None
    if finding is None or finding.estimate is None:
        return f'<span class="chip not-tested">{NOT_TESTED}</span>' if chips else NOT_TESTED
    unit = "points" if finding.unit == MACRO_F1 else finding.unit
    verdict, size = word(finding.verdict), f"{finding.estimate.signed(1)} {unit}"
    if len(findings) > 1 and LONGER in finding.what:
        size += f" ({finding.what}; {finding.note})"
    others = [kind for kind in (word(other.verdict) for other in findings[1:]) if kind not in (verdict, NOT_TESTED)]
    if others:
        named = and_list([f"{others.count(kind)} {OUTCOMES[kind]}" for kind in dict.fromkeys(others)])
        size += f"; other comparisons: {named}"
    if chips:
        return f'<span class="chip {css_class(verdict)}">{verdict}</span> {size}'
    return f"**{verdict}**, {size}"
