"""The claims of the chapter, and the numbers and words of its prose, to be glued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dermimit.data.synderm import RETAKE
from dermimit.evaluate.estimate import estimate
from dermimit.explain.localisation_names import BASELINES
from dermimit.explain.style import pretty
from studies.failures.by_condition import YES
from studies.shared.claims import Claim
from studies.shared.counts import in_words
from studies.shared.show import points

ENDS = ("", "_low", "_high")
Line = Mapping[str, Any]
Numbers = dict[str, float | str]
LEAST = 0.05
"""Change of a probability from which a planted thing counts as learnt."""


def claims(taxonomy: Line, flips: Line) -> list[Claim]:
    """Six claims on the full model: what errors go with, what they depend on, and what changes predictions.

    Args:
        taxonomy, flips: the records `taxonomy` and `counterfactuals`.
    """
    seeds = taxonomy["seeds"]
    ratios = {line["tag"]: estimate(line, "ratio") for line in taxonomy["cases"]["full"]}
    beyond = {line["gap"]: line for line in taxonomy["gaps"] if line["row"] == "full"}
    over = {line["change"]: estimate(line, "over_retake") for line in flips["table"]["full"]}
    return [
        Claim(
            "Errors are more common where the Bayes-optimal classifier errs", ratios["ideal_wrong"], seeds, ratio=True
        ),
        Claim("Errors are more common on dark skin", ratios["dark"], seeds, ratio=True),
        Claim("Errors are more common with artefacts in the image", ratios["confounder"], seeds, ratio=True),
        _beyond("A wrong body part costs more than case difficulty", beyond["body_part"], seeds),
        _beyond("Misread attributes cost more than case difficulty", beyond["attributes"], seeds),
        Claim("Ink changes more predictions than a repeat photograph", over["ink"], seeds),
    ]


def of_failures(taxonomy: Line, flips: Line, ink: Line, plants: Mapping[str, Line], cases: Sequence[Line]) -> Numbers:
    """All that the page's prose quotes, in per cent and points.

    Args:
        taxonomy, flips, ink: the records `taxonomy`, `counterfactuals` and `ink`.
        plants: thing -> record `planted_<thing>`.
        cases: of the record `gallery`.
    """
    every = taxonomy["compared"][0]
    numbers: Numbers = {"wrong": 100 * every["first"], "wrong_alone": 100 * every["second"]}
    numbers |= {"bayes": 100 * taxonomy["ideal_accuracy"], "images": taxonomy["photographs"]}
    hard = next(line for line in taxonomy["cases"]["full"] if line["tag"] == "ideal_wrong")
    numbers |= {f"hard{end}": hard[f"ratio{end}"] for end in ENDS} | {"hard_share": 100 * hard["among_wrong"]}
    body = next(x for x in taxonomy["gaps"] if (x["row"], x["gap"]) == ("full", "body_part"))
    numbers |= {"body_gap": 100 * body["value"], "body_difficulty": 100 * body["borrowed"]}
    numbers |= points("body_beyond", estimate(body, "beyond"))
    numbers |= {"repeat": 100 * next(x["flipped"] for x in flips["table"]["full"] if x["change"] == RETAKE)}
    return numbers | _of_ink(ink) | _of_plants(plants) | _of_gallery(cases)


def _of_ink(ink: Line) -> Numbers:
    every = next(line for line in ink["counts"] if line["disease"] == "all")
    numbers: Numbers = {"inked": every["inked"], "inked_of": every["photographs"]}
    for model in ink["models"]:
        numbers |= points(f"painted_{model['row']}", estimate(model["flips"], "difference"))
    return numbers


def _of_plants(plants: Mapping[str, Line]) -> Numbers:
    """How many explanation methods expose each plant, and how far the plant was learnt; in words up to twelve."""
    numbers: Numbers = {}
    for thing, plant in plants.items():
        methods = [line for line in plant["methods"] if line["method"] not in BASELINES]
        exposed = [line["method"] for line in methods if line["reveals"] == YES]
        numbers |= {"methods": in_words(len(methods)), f"exposed_{thing}": in_words(len(exposed))}
        numbers[f"names_{thing}"] = ", ".join(map(pretty, exposed)) or "none"
        numbers[f"outcome_{thing}"] = outcome(thing, in_words(len(exposed)), learnt(plant))
        false = sum(x["reveals"] == YES for x in plant["methods"] if x["method"] in BASELINES)
        numbers[f"false_{thing}"] = in_words(false)
        for line in (x for x in plant["learnt"] if x["photographs"] == "melanoma"):
            numbers |= points(f"{line['network']}_{thing}", estimate(line, "change"))
    return numbers


def learnt(plant: Line) -> bool:
    """Whether the planted thing raised the probability of melanoma, beyond what it does in the control.

    The intervals cover the choice of images; each network has one seed.
    """
    lines = {x["network"]: estimate(x, "change") for x in plant["learnt"] if x["photographs"] == "melanoma"}
    return lines["planted"].low > max(lines["control"].high, LEAST)


def outcome(thing: str, exposed: str, known: bool) -> str:
    """A clause for the answer box: how many methods exposed a shortcut, or that there was none to expose."""
    if known:
        return f"{exposed} exposed a planted {thing}"
    return f"the other shortcut, {thing}, was hardly learnt and tests no method"


def _of_gallery(cases: Sequence[Line]) -> Numbers:
    return {
        "worst": in_words(len(cases)),
        "worst_body": in_words(sum(case["body_part"] == case["said_body_part"] for case in cases)),
        "worst_bayes": in_words(sum(case["ideal"]["said"] >= case["ideal"]["true"] for case in cases)),
    }


def _beyond(text: str, line: Line, seeds: int) -> Claim:
    return Claim(text, estimate(line, "beyond"), seeds, line["p"])
