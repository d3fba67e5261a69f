"""A lower bound on what a reader who only adds evidence loses in the regime `interaction`."""

import numpy as np

from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.posterior import bayes, log_likelihood
from dermimit.data.synderm.rules import Interaction


def least_loss(
    facts: Knowledge, disease: Array, body: Array, present: Array, lesions: Array, seed: int
) -> tuple[float, float]:
    """What every additive reader loses in accuracy against the exact one, at least, and the standard error.

    Take a group, t, and body parts c here and d there. If u(c) > u(d), u the difference between the two
    diseases, the reader cannot give both exact answers at (c, a, t) and (d, a, t) for one value of a, else for the
    other; which one does not depend on t. The loss there is at least the lesser of the two differences between largest
    and second posterior. Sum over t, c and d with weights P(c | here, g) P(d | there, g), and over the groups: no cell
    is counted twice, since its exact answer lies in one group.

    Args:
        facts: the process.
        disease: (m,) the diseases of the first m cases, which are used.
        body, present, lesions: as `Knowledge.draw` gives them, for m cases or more.
        seed: of the second body part drawn for each case.
    """
    m, rng = len(disease), np.random.Generator(np.random.Philox(key=np.array([seed, 2**61], dtype=np.uint64)))
    total, variance = 0.0, 0.0
    for pair in facts.interactions:
        own = np.flatnonzero(np.isin(disease, pair.diseases))
        if pair.levels[1] >= 0.5 or not len(own):
            continue
        sites = _both_sites(facts.body_part[pair.diseases[0]], pair.here, body[own], rng)
        loss = np.array([_cell_losses(facts, pair, site, present[own], lesions[own]) for site in sites]).min(axis=0)
        place = sites[0] * len(facts.body_parts) + sites[1]
        means = np.stack([np.bincount(place, column, len(facts.body_parts) ** 2) for column in loss.T])
        chosen = loss[np.arange(len(own)), means.argmin(axis=0)[place]]  # one value of the finding for each two sites
        total += float(chosen.sum()) / m
        variance += float((chosen**2).sum()) / m**2
    return total, float(np.sqrt(variance))


def _both_sites(row: Array, here: Array, body: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(c, d): for each case a body part `here` and one not, one of them its own, the other drawn from the group's."""
    drawn = [rng.choice(len(row), size=len(body), p=2 * np.where(part, row, 0)) for part in (here, ~here)]
    return np.where(here[body], body, drawn[0]), np.where(here[body], drawn[1], body)


def _cell_losses(facts: Knowledge, pair: Interaction, body: Array, present: Array, lesions: Array) -> Array:
    """(n, 2): loss where the finding is absent or present and the exact answer is not given, as a weight of each case.

    A case of the group stands for (b, t) in proportion to q(t) = (P(t | g, 0) + P(t | g, 1)) / 2. The cell (b, a, t)
    has density P(b, a, t | g) / P(g | b, a, t), so its loss is 1/4 P(t | g, a) / q(t) (largest - second) / P(g | ..),
    1/4 for the set and the finding; 0 where the exact answer is not in the group.
    """
    two, weights, losses = list(pair.diseases), [], []
    for value in (False, True):
        cell = present.copy()
        cell[:, pair.finding] = value
        likelihood = log_likelihood(body, cell, lesions, facts)
        weights.append(np.exp(likelihood[:, two]).sum(axis=1))
        posterior = np.nan_to_num(bayes(likelihood, facts.prior))  # nan where the cell is impossible
        group = posterior[:, two].sum(axis=1)
        second, largest = np.sort(posterior, axis=1)[:, -2:].T
        inside = posterior[:, two].max(axis=1) == largest
        losses.append(np.where(inside & (group > 0), (largest - second) / np.maximum(group, 1e-300) / 4, 0))
    share = 2 * np.array(weights) / np.sum(weights, axis=0)
    return (share * np.array(losses)).T
