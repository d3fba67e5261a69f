"""A lower bound on what a reader who only adds evidence loses where findings interact."""

from collections.abc import Sequence

import numpy as np

from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.posterior import bayes, log_likelihood
from dermimit.data.synderm.rules import Interaction, by_group


def least_loss(
    facts: Knowledge, disease: Array, body: Array, present: Array, lesions: Array, seed: int
) -> tuple[float, float]:
    """What every additive reader loses in accuracy against the exact one, at least, and the standard error.

    Take a group, t, and body parts c here and d there. A pattern a of the findings means one disease x at c and the
    opposite one y at d; the opposite pattern means y at c and x at d. With u the difference between x and y, if
    u(c) > u(d) the reader cannot give both exact answers at (c, a, t) and (d, a, t), else it cannot for the opposite
    pattern; which one does not depend on t. The loss there is at least the lesser of the two differences between
    largest and second posterior. Sum over t, c and d with weights P(c | here, g) P(d | there, g), over the pairs of
    opposite patterns, and over the groups: no cell is counted twice, since its exact answer lies in one group.

    Args:
        facts: the process.
        disease: (m,) the diseases of the first m cases, which are used.
        body, present, lesions: as `Knowledge.draw` gives them, for m cases or more.
        seed: of the second body part drawn for each case.
    """
    m, rng = len(disease), np.random.Generator(np.random.Philox(key=np.array([seed, 2**61], dtype=np.uint64)))
    total, variance = 0.0, 0.0
    for group in by_group(facts.interactions):
        one = group[0]
        own = np.flatnonzero(np.isin(disease, one.diseases))
        if one.levels[1] >= 0.5 or not len(own):
            continue
        sites = _both_sites(facts.body_part[one.diseases[0]], one.here, body[own], rng)
        loss = np.array([_cell_losses(facts, group, site, present[own], lesions[own]) for site in sites]).min(axis=0)
        place = sites[0] * len(facts.body_parts) + sites[1]
        for a in range(loss.shape[1] // 2):
            two = loss[:, [a, loss.shape[1] - 1 - a]]  # a pattern and its opposite
            means = np.stack([np.bincount(place, column, len(facts.body_parts) ** 2) for column in two.T])
            chosen = two[np.arange(len(own)), means.argmin(axis=0)[place]]  # one of them for each two sites
            total += float(chosen.sum()) / m
            variance += float((chosen**2).sum()) / m**2
    return total, float(np.sqrt(variance))


def _both_sites(row: Array, here: Array, body: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(c, d): for each case a body part `here` and one not, one of them its own, the other drawn from the group's."""
    drawn = [rng.choice(len(row), size=len(body), p=2 * np.where(part, row, 0)) for part in (here, ~here)]
    return np.where(here[body], body, drawn[0]), np.where(here[body], drawn[1], body)


def _cell_losses(facts: Knowledge, group: Sequence[Interaction], body: Array, present: Array, lesions: Array) -> Array:
    """(n, patterns): loss where the findings have a pattern and the exact answer is not given, a weight of each case.

    A case of the group stands for (b, t) in proportion to q(t), the mean of P(t | g, a) over the k patterns a. The cell
    (b, a, t) has density P(b, a, t | g) / P(g | b, a, t), so its loss is 1/(2 k) P(t | g, a) / q(t) (largest - second)
    / P(g | ..), 1/(2 k) for the set and the pattern; 0 where the exact answer is not in the group.
    """
    inside, patterns, weights, losses = list(group[0].diseases), 2 ** len(group), [], []
    for a in range(patterns):
        cell = present.copy()
        cell[:, [one.finding for one in group]] = [bool(a >> k & 1) for k in range(len(group))]
        likelihood = log_likelihood(body, cell, lesions, facts)
        weights.append(np.exp(likelihood[:, inside]).sum(axis=1))
        posterior = np.nan_to_num(bayes(likelihood, facts.prior))  # nan where the cell is impossible
        mass = posterior[:, inside].sum(axis=1)
        second, largest = np.sort(posterior, axis=1)[:, -2:].T
        answer = (posterior[:, inside].max(axis=1) == largest) & (mass > 0)
        losses.append(np.where(answer, (largest - second) / np.maximum(mass, 1e-300) / (2 * patterns), 0))
    share = patterns * np.array(weights) / np.sum(weights, axis=0)
    return (share * np.array(losses)).T
