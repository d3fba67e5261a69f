"""What a reader who only adds evidence can reach where findings interact, beside the exact ceiling."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from dermimit.data.synderm.additive_bound import least_loss
from dermimit.data.synderm.ceiling import macro_f1, simulated
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.posterior import bayes, log_likelihood
from dermimit.data.synderm.regimes import process, read_regime
from dermimit.data.synderm.rules import Interaction, by_group

NEVER, HARDLY = 1e3, 1e-6  # log units: so much less likely, and just enough to decide between two
BOUND_CASES = 20_000


@dataclass(frozen=True)
class Scores:
    """Scores of a reader, or paired differences between two, with their Monte Carlo standard errors."""

    accuracy: float
    accuracy_error: float
    macro_f1: float
    macro_f1_error: float


@dataclass(frozen=True)
class AdditiveCeiling:
    """Exact and additive readers on the same `n` cases; see `additive_ceiling`.

    `gain_over_best` and `gain_over_likelihood` are exact minus additive; `bound` is of accuracy. `log_loss_gain` is the
    mean of log P(truth) of the exact minus the likelihood reader, in nats, with its error.
    """

    exact: Scores
    best: Scores
    likelihood: Scores
    bound: float
    bound_error: float
    gain_over_best: Scores
    gain_over_likelihood: Scores
    log_loss_gain: float
    log_loss_gain_error: float
    n: int


def additive_ceiling(regime: str | None = "interaction", n: int = 100_000, seed: int = 0) -> AdditiveCeiling:
    """Scores of the exact and of additive readers, who score disease d by u_d(body part) + v_d(attributes, lesions).

    Write a group g of diseases x, body part b in the set s = here or there, a for the pattern of the findings that tell
    its diseases apart (one finding of two diseases, two of four), and t for the other attributes and the lesion
    parameters. The diseases share all tables but those of a, and every pattern is equally common in the group at every
    b. So P(b, a, t | g) = P(b | g) P(a | g) P(t | g, a): the *group's* log likelihood is additive, and
    P(x | b, a, t, g) = P(x | s, a) is a small table (`cells`). Outside groups every log likelihood is additive.

    `likelihood`, the additive reader of maximum likelihood, which a linear multinomial model with enough features
    converges to: P(g | b, a, t) P(x | g, a). It is additive, and it meets the conditions of the maximum of that concave
    problem: its share of each disease agrees with the truth given b, since all x are equally common given (b, g), and
    given (a, t), since b and (a, t) are independent given g. So it is the maximum, for every strength.

    `best`, for accuracy. Within a group a reader u_x(s) + v_x(a) can change its answer to a pattern from `here` to
    `there` only towards a disease that it prefers more there (see `best_answers`), so that an exclusive or is out of
    its reach. Up to strength 1/2 the findings mean the same in both sets; the reader then gives the answers of the
    exact one, so it is optimal. Above, this reader has the most right answers in the group, each as sure as the average
    of its set; it is optimal given the group. Among 49 diseases others may be slightly better, by giving up cells where
    another disease is near; `bound` is an upper bound on the accuracy of every additive reader (see `least_loss`).

    Args:
        regime: as `read_regime` takes it. Without an interaction all readers are the exact one.
        n: simulated cases, a multiple of 10; the first 20,000 serve the bound.
        seed: seed of the simulation. Same cases as `ceiling` with this seed.
    """
    facts = process(read_regime(regime))
    disease, (body, present, lesions) = simulated(facts, facts.prior, n, seed)
    exact = bayes(log_likelihood(body, present, lesions, facts), facts.prior)
    scores = {"exact": exact, "best": exact.copy(), "likelihood": exact.copy()}
    for group in by_group(facts.interactions):
        inside, cell = list(group[0].diseases), (group[0].here[body].astype(int), pattern(group, present))
        mass = exact[:, inside].sum(axis=1, keepdims=True)
        scores["best"][:, inside] = mass * np.exp(best_table(group)[cell])
        scores["likelihood"][:, inside] = mass * np.exp(likelihood_table(group)[cell])
    guesses = {name: score.argmax(axis=1) for name, score in scores.items()}
    readers = {name: _reader(disease, guess, len(facts.diseases)) for name, guess in guesses.items()}
    gains = {name: _gain(disease, guesses["exact"], guess, len(facts.diseases)) for name, guess in guesses.items()}
    rows = np.arange(n)
    surer = np.log(exact[rows, disease]) - np.log(scores["likelihood"][rows, disease])
    lost = least_loss(facts, disease[:BOUND_CASES], body, present, lesions, seed)
    return AdditiveCeiling(
        **readers,
        bound=readers["exact"].accuracy - lost[0],
        bound_error=float(np.hypot(readers["exact"].accuracy_error, lost[1])),
        gain_over_best=gains["best"],
        gain_over_likelihood=gains["likelihood"],
        log_loss_gain=float(surer.mean()),
        log_loss_gain_error=float(surer.std() / np.sqrt(n)),
        n=n,
    )


def pattern(group: Sequence[Interaction], present: Array) -> Array:
    """(n,) int: which of the group's findings n cases (n, 27) show, a bit for each."""
    bits = [present[:, one.finding].astype(int) << k for k, one in enumerate(group)]
    return np.sum(bits, axis=0)


def cells(group: Sequence[Interaction]) -> Array:
    """(2, patterns, diseases) P(pattern of the findings | set, disease); sets in the order there, here."""
    table = np.ones((2, 2 ** len(group), len(group[0].diseases)))
    for k, one in enumerate(group):
        shown = (np.arange(2 ** len(group)) >> k & 1)[:, None]
        for s, b in enumerate((one.here.argmin(), one.here.argmax())):
            p = one.probability[:, b]
            table[s] *= np.where(shown, p, 1 - p)
    return table


def group_ceiling(group: Sequence[Interaction]) -> tuple[float, float, float]:
    """Accuracy within a group of the exact, the best additive and the likelihood reader, in closed form.

    At presence .95 and strength 1: .95, .725 and .5 of two diseases; of four see the test that tries all readers.
    """
    table = cells(group)
    classes, rows = table.shape[2], np.arange(table.shape[1])
    right = sum(table[s, rows, named].sum() for s, named in enumerate(best_answers(group)))
    likely = table.mean(axis=0).max(axis=1).sum()
    return float(table.max(axis=2).sum() / (2 * classes)), float(right / (2 * classes)), float(likely / classes)


def likelihood_table(group: Sequence[Interaction]) -> Array:
    """(set, pattern, disease) log P(disease | pattern, group): the same in both sets of body parts."""
    mean = cells(group).mean(axis=0)
    return np.log(np.repeat([mean / mean.sum(axis=1, keepdims=True)], 2, axis=0))


def best_answers(group: Sequence[Interaction]) -> Array:
    """(2, patterns) the disease of the group that the best additive reader names; sets in the order there, here.

    An answer i `here` and j `there` to one pattern is possible for all patterns at once exactly if i = j or
    w_j > w_i for each, with w_x = u_x(there) - u_x(here): v_x(a) can then favour i by less than w_j - w_i, and
    everything else is free. So for each order of the w the best pair of answers is chosen pattern by pattern.
    """
    return _best(group)[0]


def best_table(group: Sequence[Interaction]) -> Array:
    """(set, pattern, disease): what the best additive reader adds to the group's score; additive in set and pattern.

    Sets in the order there, here; patterns as `pattern` numbers them; the diseases of the group.
    """
    table, (named, ranks) = cells(group), _best(group)
    rows, share = np.arange(table.shape[1]), table / table.sum(axis=2, keepdims=True)
    v = np.full(table.shape[1:], -NEVER)
    v[rows, named[0]] = -HARDLY
    v[rows, named[1]] = 0.0
    sure = [np.log(share[s, rows, named[s]].mean()) for s in (0, 1)]
    return np.stack([sure[0] + v + 2 * HARDLY * ranks, sure[1] + v])


def _best(group: Sequence[Interaction]) -> tuple[Array, Array]:
    """`best_answers`, and the rank of each disease in the order of the w that they need."""
    table, found = cells(group), []
    for order in permutations(range(table.shape[2])):
        ranks = np.argsort(order)[::-1]  # the first disease is preferred most in the first order
        allowed = (ranks[None, :] > ranks[:, None]) | np.eye(len(ranks), dtype=bool)  # (answer here, answer there)
        right = table[1][:, :, None] + table[0][:, None, :] + 1e-9 * np.eye(len(ranks))  # where equal, the same answer
        both = np.where(allowed, right, -1.0).reshape(len(table[0]), -1)
        named = np.stack(np.unravel_index(both.argmax(axis=1), allowed.shape)[::-1])
        found.append((both.max(axis=1).sum(), named, ranks))
    best = max(total for total, _, _ in found)
    return next((named, ranks) for total, named, ranks in found if total > best - 1e-8)


def _reader(truth: Array, guess: Array, classes: int) -> Scores:
    """The scores of answers (n,)."""
    hit = float((guess == truth).mean())
    return Scores(hit, float(np.sqrt(hit * (1 - hit) / len(truth))), *macro_f1(truth, guess, classes))


def _gain(truth: Array, exact: Array, guess: Array, classes: int) -> Scores:
    """The paired difference of two readers; the error of macro-F1 from ten equal parts."""
    hits = (exact == truth).astype(float) - (guess == truth)
    parts = [
        macro_f1(truth[part], exact[part], classes)[0] - macro_f1(truth[part], guess[part], classes)[0]
        for part in np.split(np.arange(len(truth)), 10)
    ]
    f1 = macro_f1(truth, exact, classes)[0] - macro_f1(truth, guess, classes)[0]
    return Scores(
        float(hits.mean()), float(hits.std() / np.sqrt(len(truth))), f1, float(np.std(parts, ddof=1) / np.sqrt(10))
    )
