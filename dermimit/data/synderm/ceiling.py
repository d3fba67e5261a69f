"""The best score that any classifier of a SynDerm photograph can reach, from the known generating process."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.posterior import bayes, log_likelihood, normalised_prior, refuse_unknown
from dermimit.data.synderm.regimes import process, read_regime

OBSERVABLE = ("body_part", "attributes", "lesions")


@dataclass(frozen=True)
class Ceiling:
    """Scores of the Bayes rule, estimated on `n` simulated cases.

    `mc_standard_error` is the standard error of `accuracy` and of `top3_accuracy` (the larger of the two);
    `macro_f1_standard_error` comes from ten equal parts of the cases.
    """

    accuracy: float
    macro_f1: float
    top3_accuracy: float
    mc_standard_error: float
    macro_f1_standard_error: float
    n: int


def ceiling(
    observed: Sequence[str] = OBSERVABLE, n: int = 100_000, seed: int = 0,
    prior: Sequence[float] | Array | None = None, regime: str | None = None,
) -> Ceiling:  # fmt: skip
    """Accuracy, macro-F1 and top-3 accuracy of the Bayes rule (the disease of largest posterior).

    Args:
        observed: which of "body_part", "attributes" and "lesions" the rule may see.
        n: simulated cases, a multiple of 10.
        seed: seed of the simulation.
        prior: (49,) weights of the diseases; the prior of the process by default.
        regime: as `read_regime` takes it; None is the third version.

    Returns:
        the scores with their Monte Carlo standard errors. The argmax rule is optimal for accuracy; for macro-F1 it is
        the usual rule, not a proven maximum.
    """
    facts = process(read_regime(regime))
    refuse_unknown("observed", set(observed), OBSERVABLE)
    weights = normalised_prior(prior, facts)
    disease, drawn = simulated(facts, weights, n, seed)
    scores = np.tile(weights, (n, 1))
    if observed:
        body, present, lesions = (x if name in observed else None for name, x in zip(OBSERVABLE, drawn, strict=True))
        scores = bayes(log_likelihood(body, present, lesions, facts), weights)
    return scored(disease, scores)


def scored(disease: Array, scores: Array) -> Ceiling:
    """Scores of a rule on n cases, a multiple of 10, from its score of each disease (n, 49)."""
    n = len(disease)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    hit, top3 = (best[:, 0] == disease).mean(), (best == disease[:, None]).any(axis=1).mean()
    error = max(np.sqrt(r * (1 - r) / n) for r in (hit, top3))
    f1, f1_error = macro_f1(disease, best[:, 0], scores.shape[1])
    return Ceiling(float(hit), f1, float(top3), float(error), f1_error, n)


def simulated(facts: Knowledge, prior: Array, n: int, seed: int) -> tuple[Array, tuple[Array, Array, Array]]:
    """The n simulated cases of `ceiling`: the disease (n,), and what `Knowledge.draw` gives for it."""
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, 2**63], dtype=np.uint64)))
    disease = rng.choice(len(prior), size=n, p=prior)
    return disease, facts.draw(disease, rng)


def confusable(n: int = 50_000, seed: int = 0, regime: str | None = None) -> list[tuple[str, str, float]]:
    """Pairs of diseases that the Bayes rule itself takes for one another, most often confused first.

    Args:
        n: simulated cases.
        seed: seed of the simulation.
        regime: as `read_regime` takes it; None is the third version.

    Returns:
        (a, b, share): of the cases of a and b that the rule gives to either, the share that gets the wrong one.
    """
    facts = process(read_regime(regime))
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, 2**62], dtype=np.uint64)))
    disease = rng.integers(0, len(facts.diseases), size=n)  # evenly, so that rare pairs count too
    scores = bayes(log_likelihood(*facts.draw(disease, rng), facts), np.full(len(facts.diseases), 1.0))
    table = np.zeros((len(facts.diseases), len(facts.diseases)))
    np.add.at(table, (disease, scores.argmax(axis=1)), 1)
    right = np.diag(table)
    wrong = (table + table.T) / np.maximum(right[:, None] + right[None, :] + table + table.T, 1)
    pairs = [(wrong[a, b], a, b) for a in range(len(wrong)) for b in range(a)]
    return [(facts.diseases[a], facts.diseases[b], float(share)) for share, a, b in sorted(pairs, reverse=True)]


def macro_f1(truth: Array, guess: Array, classes: int) -> tuple[float, float]:
    """Mean over the classes that occur of 2 TP / (2 TP + FP + FN), and its standard error from ten equal parts."""

    def score(truth: Array, guess: Array) -> float:
        hit = np.bincount(truth[truth == guess], minlength=classes)
        true = np.bincount(truth, minlength=classes)
        total, occurs = true + np.bincount(guess, minlength=classes), true > 0
        return float((2 * hit[occurs] / total[occurs]).mean())

    parts = [score(t, g) for t, g in zip(np.split(truth, 10), np.split(guess, 10), strict=True)]
    return score(truth, guess), float(np.std(parts, ddof=1) / np.sqrt(10))
