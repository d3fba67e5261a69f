"""Set the base probabilities of attributes so that rules and marginal probabilities agree."""

from dataclasses import replace

import numpy as np

from dermimit.data.synderm.process import Knowledge, apply_rules
from dermimit.data.synderm.rules import Array, Dependence


def calibrate(facts: Knowledge) -> Knowledge:
    """Set `attribute` so that each attribute's marginal probability stays at its table value in spite of the rules.

    For each attribute with rules, sum over every combination of the attributes that it depends on, directly or not, and
    solve for the base probability by bisection. Where a rule alone forces more or less than the table value (a patch
    where no other primary lesion is present), `marginal` takes the nearest value that the rules allow.
    """
    base = facts.attribute.copy()
    facts = replace(facts, attribute=base)  # filled in below
    for j in sorted(facts.ruled):
        patterns, weight = _histories(facts, j)
        effect, wanted = facts.rule_effect(j, patterns), base[:, j].copy()
        low, high = np.full(len(wanted), -7.0), np.full(len(wanted), 7.0)  # logits
        for _ in range(30):
            middle = (low + high) / 2
            short = (weight * apply_rules(1 / (1 + np.exp(-middle)), *effect)).sum(axis=0) < wanted
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        base[:, j] = (1 / (1 + np.exp(-middle))).round(6)  # the same on every processor
    return replace(facts, marginal=marginals(facts))


def marginals(facts: Knowledge) -> Array:
    """(49, 27): P(attribute | disease), exactly, from base probabilities, rules and interactions."""
    found = facts.attribute.copy()
    for j in sorted(facts.ruled):
        patterns, weight = _histories(facts, j)
        found[:, j] = (weight * facts.attribute_probability(j, patterns)).sum(axis=0)
    for (d, j), row in facts.findings.items():
        found[d, j] = row @ facts.body_part[d]
    return found


def _histories(facts: Knowledge, j: int) -> tuple[Array, Array]:
    """Every combination (n, 27) of the attributes that attribute j depends on, and its probability (n, 49)."""
    earlier = sorted(ancestors(j, facts.dependences))
    patterns = np.zeros((2 ** len(earlier), len(facts.attributes)), dtype=bool)
    patterns[:, earlier] = (np.arange(len(patterns))[:, None] >> np.arange(len(earlier))) & 1
    weight = np.ones((len(patterns), len(facts.diseases)))
    for a in earlier:
        p = facts.attribute_probability(a, patterns)
        weight *= np.where(patterns[:, a, None], p, 1 - p)
    return patterns, weight


def ancestors(j: int, dependences: tuple[Dependence, ...]) -> set[int]:
    """Attributes that attribute j depends on, directly or through others."""
    parents = {p for rule in dependences if rule.attribute == j for p in rule.parents}
    return parents.union(*(ancestors(p, dependences) for p in parents))
