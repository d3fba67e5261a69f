"""Simulated readers: a simple stated model, to test the kit and to plan with. They say nothing of people.

Unaided, reader r has case c right with probability σ(b + s_r + e_c + u_rc + λ·[second period]): skill s, ease e and
their match u are normal, λ is what a reader learns, and b is set so that the mean is `accuracy`. The model is right on
a share of cases, and those are the easier ones: corr(e, model right) = `shared`. When the model is shown and disagrees,
a wrong reader takes over its answer with probability t_r, and a right one with `caution` times that; t_r varies over
readers. A second look without the model changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from dermimit.reader_study.answers import LONGEST_LIST, Record
from dermimit.reader_study.design import FIRST, REVISED, STEPS, WITH, Plan, first_with

if TYPE_CHECKING:
    pass

PART_RIGHT, ATTRIBUTE_SEEN, ATTRIBUTE_ADDED = 0.9, 0.8, 0.3  # chances of a simulated reader's other answers
OVERCONFIDENT, UNSURE = 0.1, 0.12  # of a simulated reader's confidence: shift and standard deviation
TYPICAL_SECONDS = {FIRST: 30.0, REVISED: 12.0}  # medians; the spread is a factor of about 1.5


@dataclass(frozen=True)
class Assumptions:
    """What is assumed of readers, cases and model.

    Attributes:
        accuracy: mean share that readers have right unaided, in (0, 1).
        model_accuracy: share that the model has right, in (0, 1).
        reader_sd, case_sd, pair_sd: standard deviations of s, e and u in logits.
        shared: corr(e, model right), in [0, 1).
        caution: how often a right reader follows a wrong model, as a share of t.
        trust_sd: standard deviation of t over readers in logits.
        learning: λ in logits.
    """

    accuracy: float = 0.6
    model_accuracy: float = 0.7
    reader_sd: float = 0.4
    case_sd: float = 1.2
    pair_sd: float = 0.5
    shared: float = 0.3
    caution: float = 0.5
    trust_sd: float = 0.7
    learning: float = 0.1

    @cached_property
    def intercept(self) -> float:
        """b, such that the mean over readers and cases is `accuracy`."""
        spread = np.sqrt(self.reader_sd**2 + self.case_sd**2 + self.pair_sd**2)
        z = norm.ppf((np.arange(4001) + 0.5) / 4001)
        return float(brentq(lambda b: expit(b + spread * z).mean() - self.accuracy, -20, 20))


@dataclass(frozen=True)
class Outcome:
    """What readers (rows) had right of cases (columns).

    Attributes:
        without, before, after: without the model; with it, before and after it was shown.
        chance: of being right unaided.
        gain: expected for these readers and cases, as a share.
    """

    without: Bool[np.ndarray, "readers cases"]
    before: Bool[np.ndarray, "readers cases"]
    after: Bool[np.ndarray, "readers cases"]
    chance: Float[np.ndarray, "readers cases"]
    gain: float


def simulate(
    a: Assumptions,
    trust: float,
    model_right: Bool[np.ndarray, " cases"],
    model_first: Bool[np.ndarray, "readers cases"],
    rng: np.random.Generator,
) -> Outcome:
    """One study.

    Args:
        trust: the middle t over readers, in [0, 1].
        model_right: whether the model is right on each case.
        model_first: whether a reader reads a case with the model in the first period.
    """
    readers, cases = model_first.shape
    known = (model_right - a.model_accuracy) / np.sqrt(a.model_accuracy * (1 - a.model_accuracy))
    ease = a.case_sd * (a.shared * known + np.sqrt(1 - a.shared**2) * rng.standard_normal(cases))
    skill = a.reader_sd * rng.standard_normal((readers, 1))
    eta = a.intercept + skill + ease + a.pair_sd * rng.standard_normal((readers, cases))
    before = rng.random(eta.shape) < expit(eta + a.learning * ~model_first)
    without = rng.random(eta.shape) < expit(eta + a.learning * model_first)
    trusts, chance = _trusts(a, trust, readers, rng), expit(eta)
    follows = rng.random(eta.shape) < trusts * np.where(before, a.caution, 1)
    expected = trusts * ((1 - chance) * model_right - a.caution * chance * ~model_right)
    return Outcome(without, before, np.where(follows, model_right, before), chance, float(expected.mean()))


def _trusts(a: Assumptions, trust: float, readers: int, rng: np.random.Generator) -> Float[np.ndarray, "readers 1"]:
    noise = a.trust_sd * rng.standard_normal((readers, 1))
    return expit(logit(np.clip(trust, 1e-9, 1 - 1e-9)) + noise)


def trust_for(a: Assumptions, gain: float, draws: int = 200_000, seed: int = 0) -> float:
    """The middle t that gives an expected gain, by Monte Carlo over many cases read by many readers.

    Args:
        gain: difference in the share of right answers; 0 gives 0.

    Raises:
        ValueError: the gain is below 0, or out of reach under these assumptions.
    """
    if gain < 0:
        raise ValueError(f"a gain of {gain}: give 0 or more; no trust in a model is simulated to do harm on average")
    if gain == 0:
        return 0.0
    rng = np.random.default_rng([seed, 2])
    model_right = rng.random(draws) < a.model_accuracy
    known = (model_right - a.model_accuracy) / np.sqrt(a.model_accuracy * (1 - a.model_accuracy))
    z = rng.standard_normal((2, draws))
    spread = np.hypot(a.reader_sd, a.pair_sd)
    ease = a.case_sd * (a.shared * known + np.sqrt(1 - a.shared**2) * z[0])
    right = expit(a.intercept + ease + spread * z[1] + a.learning / 2)
    per_trust = ((1 - right) * model_right - a.caution * right * ~model_right).mean()
    noise = a.trust_sd * norm.ppf((np.arange(2001) + 0.5) / 2001)

    def expected(t: float) -> float:
        return float(per_trust * expit(logit(t) + noise).mean())

    if expected(1 - 1e-6) < gain:
        raise ValueError(f"a gain of {gain} is out of reach: at full trust it is {expected(1 - 1e-6):.3f}; assume a "
                         "better model, less accurate readers or more caution")  # fmt: skip
    least = 1e-9
    return float(brentq(lambda t: expected(t) - gain, least, 1 - 1e-6)) if expected(least) < gain else least


# ---------------------------------------------------------------- full answers, as a reader would enter them


@dataclass(frozen=True)
class Readers:
    """Simulated readers of a study, for whom it is settled what they will have right.

    Attributes:
        plans, key: of the study.
        outcome: rows in the order of `plans`, columns in the order of `key`.
        seed: of the rest of their answers.
    """

    plans: dict[str, Plan]
    key: pd.DataFrame
    outcome: Outcome
    seed: int

    @cached_property
    def truth(self) -> dict[str, dict[str, Any]]:
        """Case -> its row of the key, with its `column`."""
        rows = self.key.assign(column=range(len(self.key)))
        return {row["case"]: row for row in rows.to_dict("records")}

    def answer(self, reader: str, period: int, case: str, arm: str, step: str, space: dict[str, list[str]]) -> Record:
        """An answer in full, without its key; the same call gives the same answer.

        Args:
            period: 1 or 2.
            space: names of `diseases`, `body_parts` and `attributes`.
        """
        truth, o = self.truth[case], self.outcome
        row, column = list(self.plans).index(reader), truth["column"]
        rng = np.random.default_rng([self.seed, row, column, period])
        before = bool((o.before if arm == WITH else o.without)[row, column])
        after = bool(o.after[row, column]) if arm == WITH else before
        said = differential(truth["disease"], truth["model_disease"], before, space["diseases"], rng)
        sure = np.clip(o.chance[row, column] + OVERCONFIDENT + UNSURE * rng.standard_normal(), 0, 1)
        record = _details(truth, space, rng)
        times = {s: float(m * np.exp(0.4 * rng.standard_normal())) for s, m in TYPICAL_SECONDS.items()}
        if step == REVISED and arm == WITH:
            sure = np.clip(sure + (0.1 if said[0] == truth["model_disease"] else -0.1), 0, 1)
            if after != before:
                front = truth["model_disease"]
                said = [front, *(name for name in said if name != front)][:LONGEST_LIST]
        return record | {"differential": said, "confidence": int(10 * round(10 * sure)), "interruptions": 0,
                         "seconds": round(times[step], 2)}  # fmt: skip


def differential(truth: str, model: str, right: bool, diseases: list[str], rng: np.random.Generator) -> list[str]:
    """Three diseases (fewer where there are fewer), the true one first or not; not the model's where both are wrong."""
    others = [name for name in diseases if name not in (truth, model)] or [n for n in diseases if n != truth]
    if not right and not others:
        raise ValueError("a reader cannot be wrong where there is one disease alone: give two or more")
    drawn = [others[i] for i in rng.permutation(len(others))]
    if right:
        return [truth, *drawn[:2]]
    return [drawn[0], *([truth] if rng.random() < 0.5 else []), *drawn[1:3]][:3]


def _details(truth: dict[str, Any], space: dict[str, list[str]], rng: np.random.Generator) -> Record:
    """Body part and attributes, right by the chances above."""
    parts, known = space["body_parts"], truth["attributes"]
    part = truth["body_part"] if isinstance(truth["body_part"], str) else None
    if part is not None and rng.random() >= PART_RIGHT:
        part = parts[int(rng.integers(len(parts)))]
    seen = [name for name in (known if known is not None else []) if rng.random() < ATTRIBUTE_SEEN]
    more = [name for name in space["attributes"] if name not in seen]
    if more and rng.random() < ATTRIBUTE_ADDED:
        seen.append(more[int(rng.integers(len(more)))])
    return {"body_part": part, "attributes": seen}


def readers_of(key: pd.DataFrame, plans: dict[str, Plan], a: Assumptions, trust: float, seed: int) -> Readers:
    """Simulated readers for cases on which it is known whether the model is right; its accuracy is taken from there."""
    model_right = (key["model_disease"] == key["disease"]).to_numpy(bool)
    a = replace(a, model_accuracy=float(np.clip(model_right.mean(), 0.01, 0.99)))
    outcome = simulate(a, trust, model_right, first_with(key, plans), np.random.default_rng([seed, 3]))
    return Readers(plans, key, outcome, seed)


def all_records(readers: Readers, space: dict[str, list[str]]) -> list[Record]:
    """A complete study as the answer files would hold it."""
    return [
        {"reader": reader, "period": period, "case": case, "step": step, "position": position, "arm": arm,
         **readers.answer(reader, period, case, arm, step, space), "saved": "simulated"}
        for reader, plan in readers.plans.items()
        for period, order in enumerate(plan.periods, start=1)
        for position, (case, arm) in enumerate(order, start=1)
        for step in STEPS
    ]  # fmt: skip
