"""The best score that any classifier of a SynDerm photograph can reach, from the known generating process."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.knowledge_schema import LESIONS
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


def log_likelihood(body: Array | None, present: Array | None, lesions: Array | None, facts: Knowledge) -> Array:
    """log P(body part, attributes, lesion parameters | disease) of n cases; None means not observed.

    log P = log P(b | d) + sum_j log P(a_j | d, b, a_1..a_{j-1}) + sum_i log P(l_i | d), exact because every rule looks
    back only and the lesion parameters are independent of the rest given the disease. The body part b counts in the
    second term in the regime `interaction` only; its mean is taken there when it is not observed.

    Args:
        body: (n,) int, index of the body part.
        present: (n, 27) bool.
        lesions: (n, 3) int: number, size, arrangement.
        facts: the generating process.

    Returns:
        (n, 49) log probabilities.
    """
    n = next(len(x) for x in (body, present, lesions) if x is not None)
    total = np.zeros((n, len(facts.diseases)))
    with np.errstate(divide="ignore"):
        if body is not None:
            total += np.log(facts.body_part[:, body].T)
        if present is not None:
            for j in range(len(facts.attributes)):
                p = facts.attribute_probability(j, present, body=body)
                total += np.log(np.where(present[:, j, None], p, 1.0 - p))
        if lesions is not None:
            for i, table in enumerate(facts.lesions):
                total += np.log(table[:, lesions[:, i]].T)
    return total


def posterior(
    body_part: str | None,
    attributes: Iterable[str] | None,
    lesions: Sequence[str] | None = None,
    prior: Sequence[float] | Array | None = None,
    regime: str | None = None,
) -> dict[str, float]:
    """P(disease | body part, attributes, lesion parameters), by Bayes' rule.

    The image depends on the disease only through these three, so no image classifier can know more.

    Args:
        body_part: name of the body part, or None when it is not observed.
        attributes: names of the present attributes (all others are absent), or None when they are not observed.
        lesions: number, size and arrangement, such as ("few", "small", "grouped"), or None when not observed.
        prior: (49,) weights of the diseases; the prior of the process by default.
        regime: which process made the case, as `read_regime` takes it; None is the third version.

    Returns:
        probability of each disease, summing to 1.

    Raises:
        ValueError: an unknown name, or nothing observed that could have been generated.
    """
    facts = process(read_regime(regime))
    body = present = parameters = None
    if body_part is not None:
        _refuse_unknown("body_part", {body_part}, facts.body_parts)
        body = np.array([facts.body_parts.index(body_part)])
    if attributes is not None:
        attributes = set(attributes)
        _refuse_unknown("attributes", attributes, facts.attributes)
        present = np.array([[a in attributes for a in facts.attributes]])
    if lesions is not None:
        parameters = _lesion_indices(lesions)
    weights = normalised_prior(prior, facts)
    if body is None and present is None and parameters is None:
        return dict(zip(facts.diseases, weights.tolist(), strict=True))
    p = bayes(log_likelihood(body, present, parameters, facts), weights)[0]
    if not np.isfinite(p).all():
        raise ValueError(f"attributes: {sorted(attributes or ())} cannot occur together; see the dependences")
    return dict(zip(facts.diseases, p.tolist(), strict=True))


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
    _refuse_unknown("observed", set(observed), OBSERVABLE)
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


def normalised_prior(prior: Sequence[float] | Array | None, facts: Knowledge) -> Array:
    """(49,) probabilities from weights, or the prior of the process."""
    if prior is None:
        return facts.prior
    weights = np.asarray(prior, dtype=np.float64)
    if weights.shape != facts.prior.shape or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(f"prior: must be {len(facts.prior)} weights, none negative, not all 0; found {weights.shape}")
    return weights / weights.sum()


def _lesion_indices(lesions: Sequence[str]) -> Array:
    """(1, 3) int from the names of number, size and arrangement."""
    if isinstance(lesions, str) or len(lesions) != len(LESIONS):
        raise ValueError(f"lesions: must be three names ({', '.join(LESIONS)}), found {lesions!r}")
    for (field, classes), name in zip(LESIONS.items(), lesions, strict=True):
        _refuse_unknown(f"lesions: {field}", {name}, classes)
    return np.array([[classes.index(name) for classes, name in zip(LESIONS.values(), lesions, strict=True)]])


def bayes(likelihood: Array, prior: Array) -> Array:
    """(n, 49) posterior probabilities from log likelihoods (n, 49) and the prior (49,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = likelihood + np.log(prior)
        weight = np.exp(joint - joint.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)


def macro_f1(truth: Array, guess: Array, classes: int) -> tuple[float, float]:
    """Mean over the classes that occur of 2 TP / (2 TP + FP + FN), and its standard error from ten equal parts."""

    def score(truth: Array, guess: Array) -> float:
        hit = np.bincount(truth[truth == guess], minlength=classes)
        total = np.bincount(truth, minlength=classes) + np.bincount(guess, minlength=classes)
        return float((2 * hit[total > 0] / total[total > 0]).mean())

    parts = [score(t, g) for t, g in zip(np.split(truth, 10), np.split(guess, 10), strict=True)]
    return score(truth, guess), float(np.std(parts, ddof=1) / np.sqrt(10))


def _refuse_unknown(what: str, names: set[str], known: Sequence[str]) -> None:
    """Raise a ValueError naming the names that are not known."""
    if names - set(known):
        raise ValueError(f"{what}: unknown {sorted(names - set(known))}; known are {', '.join(known)}")
