"""What can be known of a disease from what a photograph shows: likelihoods and posteriors of the generating process."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import logsumexp

from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.knowledge_schema import LESIONS
from dermimit.data.synderm.regimes import process, read_regime
from dermimit.data.synderm.rules import by_group


def log_likelihood(body: Array | None, present: Array | None, lesions: Array | None, facts: Knowledge) -> Array:
    """log P(body part, attributes, lesion parameters | disease) of n cases; None means not observed.

    log P = log P(b | d) + sum_j log P(a_j | d, b, a_1..a_{j-1}) + sum_i log P(l_i | d), exact because every rule looks
    back only and the lesion parameters are independent of the rest given the disease. The body part b counts in the
    second term in the regimes `interaction` and `groups` only; the mean over it is taken there when it is not observed.

    Args:
        body: (n,) int, index of the body part.
        present: (n, 27) bool.
        lesions: (n, 3) int: number, size, arrangement.
        facts: the generating process.

    Returns:
        (n, 49) log probabilities.
    """
    n = next(len(x) for x in (body, present, lesions) if x is not None)
    if body is None and present is not None and any(len(group) > 1 for group in by_group(facts.interactions)):
        parts = range(len(facts.body_parts))
        return logsumexp([log_likelihood(np.full(n, b), present, lesions, facts) for b in parts], axis=0)
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
        refuse_unknown("body_part", {body_part}, facts.body_parts)
        body = np.array([facts.body_parts.index(body_part)])
    if attributes is not None:
        attributes = set(attributes)
        refuse_unknown("attributes", attributes, facts.attributes)
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


def bayes(likelihood: Array, prior: Array) -> Array:
    """(n, 49) posterior probabilities from log likelihoods (n, 49) and the prior (49,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = likelihood + np.log(prior)
        weight = np.exp(joint - joint.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)


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
        refuse_unknown(f"lesions: {field}", {name}, classes)
    return np.array([[classes.index(name) for classes, name in zip(LESIONS.values(), lesions, strict=True)]])


def refuse_unknown(what: str, names: set[str], known: Sequence[str]) -> None:
    """Raise a ValueError naming the names that are not known."""
    if names - set(known):
        raise ValueError(f"{what}: unknown {sorted(names - set(known))}; known are {', '.join(known)}")
