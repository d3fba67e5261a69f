"""The claims of the chapter, and the numbers and words of its prose, to be glued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dermimit.evaluate.estimate import INCONCLUSIVE, corrected_verdict, estimate
from dermimit.evaluate.subgroups import NOT_RECORDED
from dermimit.explain.style import pretty
from dermimit.report.words import and_list
from studies.shared.claims import Claim, turned
from studies.shared.listing import listed
from studies.shared.show import points
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED
from studies.skin_tone.mix import GROUPS, PLAIN, REMEDIES, SHARES

LIGHT, DARK = GROUPS
HALF = "full_dark50"
Line = Mapping[str, Any]
Numbers = dict[str, float | str]
AVERAGES = {
    SUPPORTED: "Average accuracy is lower on dark skin",
    CONTRADICTED: "Average accuracy is higher on dark skin",
    NO_DIFFERENCE: "Average accuracy differs by less than two points between light and dark skin",
    INCONCLUSIVE: "Whether average accuracy differs between light and dark skin is inconclusive",
}


def claims(by_type: Line, pairs: Line, mix: Line) -> list[Claim]:
    """Nine claims on the full model's accuracy and predictions: groups, pairs, training mixes, remedies.

    Args:
        by_type, pairs, mix: the records `by_type`, `counterfactuals` and `mix`.
    """
    gap = next(x for x in by_type["gaps"] if (x["row"], x["score"]) == ("full", "accuracy"))
    dark, seeds = _type_six(pairs), by_type["seeds"]
    half = {x["group"]: x for x in mix["shares"] if (x["row"], x["score"]) == (HALF, "accuracy")}
    even, dro = (_of_remedy(mix, name) for name in ("even", "dro"))
    return [
        Claim("Average accuracy is lower on dark skin", estimate(gap), seeds),
        Claim("Type VI changes more predictions than a repeat photograph", estimate(dark, "over_retake"), seeds),
        Claim("Type VI lowers accuracy in the same case", turned(estimate(dark, "net")), seeds),
        _tested("50 % dark skin in training raises accuracy on dark skin", half[DARK]),
        _tested("50 % dark skin in training lowers accuracy on light skin", half[LIGHT], fall=True),
        _tested("Balanced sampling raises accuracy on dark skin", even[DARK]),
        _tested("Balanced sampling lowers accuracy on light skin", even[LIGHT], fall=True),
        _tested("Balanced sampling narrows the gap", even["gap"], fall=True),
        _tested("Balanced sampling with group DRO narrows the gap", dro["gap"], fall=True),
    ]


def of_skin_tone(by_type: Line, pairs: Line, mix: Line, angles: Line, real: Line) -> Numbers:
    """All that the page's prose quotes, in per cent and points; of the full model where nothing else is said.

    Args:
        by_type, pairs, mix, angles, real: the records `by_type`, `counterfactuals`, `mix`, `typology` and `real`.
    """
    dark = _type_six(pairs)
    numbers: Numbers = {"cases": pairs["cases"]}
    gap = next(x for x in by_type["gaps"] if (x["row"], x["score"]) == ("full", "accuracy"))
    numbers |= points("even_gap", estimate(gap))
    numbers |= points("flips", estimate(dark, "over_retake")) | points("net", estimate(dark, "net"))
    red = {x["type"]: x["redness"] for x in pairs["contrasts"]["erythema"]}
    numbers |= {"red_light": red["I"], "red_dark": red["VI"]}
    table = {(x["row"], x["group"]): x["value"] for x in mix["table"] if x["score"] == "accuracy"}
    for name, share in (("none", 0), ("half", 50)):
        numbers |= {
            f"{name}_{g}": 100 * table[f"full_dark{share}", group] for g, group in zip("ld", GROUPS, strict=True)
        }
    every = real["recorded"][0]
    numbers |= {"pad": real["photographs"], "recorded": every["recorded"], "pad_dark": every["types"]["V–VI"]}
    numbers |= {"needed": real["needed"], "within": angles["pad_ufes_20"]["within"]}
    adds = next(
        x for x in mix["remedies"]
        if (x["row"], x["reference"], x["score"], x["group"]) == (f"{PLAIN}_dro", f"{PLAIN}_even", "accuracy", "gap")
    )  # fmt: skip
    numbers["dro_adds"] = f"{change(adds)} for the gap" if change(adds) == INCONCLUSIVE else f"a {change(adds)} gap"
    return numbers | {"enough": enough(mix), "remedies": remedy_text(mix)} | _attributes(pairs["attributes"])


def enough(mix: Line) -> str:
    """With which shares of dark skin in training accuracy on dark skin rises, by the corrected tests.

    Args:
        mix: the record.
    """
    gains = {x["row"]: x for x in mix["shares"] if (x["score"], x["group"]) == ("accuracy", DARK)}
    rising = [s for s in SHARES[1:] if change(gains[f"full_dark{s}"]) == "higher"]
    if not rising:
        return "at no tested share of dark skin"
    others = [s for s in SHARES[1:] if s not in rising]
    told = f"with {and_list([str(s) for s in rising])} % of dark skin in training"
    less = "less" if max(others, default=0) < rising[0] else f"{and_list([str(s) for s in others])} %"
    return told + f", and not by a corrected test with {less}" * bool(others)


def remedy_text(mix: Line) -> str:
    """Which remedies raised accuracy on dark skin, narrowed the gap, and lowered accuracy on light skin.

    Args:
        mix: the record; verdicts are those of its corrected tests.
    """
    changed = {label: {g: change(x) for g, x in _of_remedy(mix, name).items()} for name, label in REMEDIES.items()}
    told = []
    for group, direction, verb, what in (
        (DARK, "higher", "raised accuracy on dark skin", "the change in accuracy on dark skin"),
        ("gap", "lower", "narrowed the gap", "the change of the gap"),
        (LIGHT, "lower", "lowered accuracy on light skin", "the change in accuracy on light skin"),
    ):
        names = [label for label, of in changed.items() if of.get(group) == direction]
        unclear = {of.get(group) for of in changed.values()} == {INCONCLUSIVE}
        told.append(f"{what} is inconclusive for each" if unclear else f"{and_list(names) or 'no remedy'} {verb}")
    return "; ".join(told)


def unexpected(errors: Sequence[Line], row: str) -> str:
    """Which recorded skin types of real photographs score other than their diseases lead one to expect; a sentence.

    Args:
        errors: of the record `real`.
        row: the network.
    """
    lines = [line for line in errors if (line["row"], line["by"]) == (row, "type")]
    sides = {
        "below": [kind_name(line["group"]) for line in lines if line["beyond_high"] < 0],
        "above": [kind_name(line["group"]) for line in lines if line["beyond_low"] > 0],
    }
    told = [f"{side} it for {and_list(names)}" for side, names in sides.items() if names]
    if not told:
        return "Every interval of the difference contains zero."
    return f"By uncorrected intervals, accuracy lies {' and '.join(told)}."


def kind_name(group: str) -> str:
    """Words for a group of photographs by skin type."""
    return "photographs without a type" if group == NOT_RECORDED else f"type {group}"


def change(line: Line) -> str:
    """Whether a score is higher than that of the reference, by the corrected test of the record."""
    return corrected_verdict(line["value"], line["p_holm"])


def _attributes(table: Sequence[Line]) -> Numbers:
    """Names of the attributes that are told less well and better on type VI, largest change first."""
    lines = sorted(table, key=lambda x: x["net"])
    sides = {
        side: [pretty(x["attribute"]) for x in lines if corrected_verdict(x["net"], x["p_holm"]) == side]
        for side in ("lower", "higher")
    }
    return {
        "told_less": listed(sides["lower"], separator=", "),
        "told_better": listed(reversed(sides["higher"]), separator=", "),
    }


def _type_six(pairs: Line) -> Line:
    return next(line for line in pairs["full"]["flips"] if line["version"] == "VI")


def _of_remedy(mix: Line, name: str) -> dict[str, Line]:
    """Group -> what a remedy changes in accuracy."""
    wanted = (f"{PLAIN}_{name}", PLAIN, "accuracy")
    return {x["group"]: x for x in mix["remedies"] if (x["row"], x["reference"], x["score"]) == wanted}


def _tested(text: str, line: Line, fall: bool = False) -> Claim:
    one = estimate(line)
    return Claim(text, turned(one) if fall else one, len(line["seeds"]), line["p"])


def kept_text(cases: Sequence[Any]) -> str:
    """On how many skins the first prediction of the drawn lesion is the true disease, as a sentence.

    Args:
        cases: with `top`, disease -> probability, and `true`.
    """
    right = sum(case.top.index[0] == case.true for case in cases)
    return f"The lesion above is predicted correctly on {right} of {len(cases)} skins."
