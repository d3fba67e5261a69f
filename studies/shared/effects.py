"""An effect in words, by its verdict: what was compared, by how much it differed, and how sure that is."""

from __future__ import annotations

import pandas as pd

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate, minus
from studies.shared.verdict_words import CONTRADICTED, MARGIN, NO_DIFFERENCE, SUPPORTED, word

NO_BREAK = "\N{NO-BREAK SPACE}"
SMALL = {0.01: "one point", 0.02: "two points"}


def finding(what: str, effect: Estimate, verdict: str, score: str = "macro-F1", first: bool = False) -> str:
    """A sentence without its full stop.

    Args:
        what: the subject, "Learning the body part".
        effect: a difference of scores between 0 and 1; told in percentage points.
        verdict: any that `verdict_words.by_rule` gives.
        score: what was raised or lowered.
        first: of a page: says that the ends are those of a 95 % interval.
    """
    told, little = word(verdict), too_little(effect, verdict) if score == "macro-F1" else ""
    if told == SUPPORTED:
        return f"{what} raised {score} by {size(effect, first)}{little}"
    if told == CONTRADICTED:
        return f"{what} lowered {score} by {size(Estimate(-effect.value, -effect.high, -effect.low), first)}{little}"
    if told == INCONCLUSIVE:
        corrected = " by the corrected test" if effect.excludes() else ""
        return f"{what}: inconclusive{corrected}, {between(effect)}"
    if told == NO_DIFFERENCE:
        return f"{what} made no difference larger than {SMALL[MARGIN]} ({ends(effect)})"
    return f"{what}: not tested"


def too_little(effect: Estimate, verdict: str) -> str:
    """Says of a significant difference that its whole interval is smaller than the margin; else nothing."""
    words = {SUPPORTED: ", less than is worth having", CONTRADICTED: ", less than would matter"}
    return words.get(word(verdict), "") if effect.low > -MARGIN and effect.high < MARGIN else ""


def size(effect: Estimate, first: bool = False) -> str:
    """`6.1 points (3.8 to 9.0)`, with "95 % CI" where it is the first of a page."""
    kind = "95 % CI " if first else ""
    return minus(f"{100 * effect.value:.1f} points ({kind}{100 * effect.low:.1f} to {100 * effect.high:.1f})")


def ends(effect: Estimate) -> str:
    """`−1.6 to +4.0`."""
    return minus(f"{100 * effect.low:+.1f} to {100 * effect.high:+.1f}")


def between(effect: Estimate) -> str:
    """`between −1.6 and +4.0 points`."""
    return minus(f"between {100 * effect.low:+.1f} and {100 * effect.high:+.1f} points")


def effects_table(judged: pd.DataFrame, what: str = "comparison") -> pd.DataFrame:
    """Judged differences as a table for people.

    Args:
        judged: columns `label, difference, low, high, seeds, verdict`, of scores between 0 and 1.
        what: head of the first column.

    Returns:
        text columns `what`, seeds, points (95 % CI), verdict; a dash where nothing is known. Intervals do not wrap. A
        significant difference that is smaller than the margin says so.
    """
    lines = judged.to_dict("records")
    told = []
    for line in lines:
        effect = Estimate(line["difference"], line["low"], line["high"])
        told.append(_whole(effect.points()) + too_little(effect, line["verdict"]))
    return pd.DataFrame(
        {
            what: judged["label"].to_list(),
            "seeds": [str(int(line["seeds"])) for line in lines],
            "points (95 % CI)": told,
            "verdict": judged["verdict"].to_list(),
        }
    )


def _whole(text: str) -> str:
    """The text with an interval that does not wrap."""
    value, bracket, interval = text.partition(" (")
    return value + bracket + interval.replace(" ", NO_BREAK)
