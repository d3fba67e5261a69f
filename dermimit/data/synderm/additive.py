"""What a reader who only adds evidence can reach in the regime `interaction`, beside the exact ceiling."""

from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.ceiling import bayes, log_likelihood, macro_f1, simulated
from dermimit.data.synderm.knowledge import Array, Knowledge
from dermimit.data.synderm.process import Interaction
from dermimit.data.synderm.regimes import process, read_regime

NEVER, HARDLY = 1e3, 1e-6  # log units: so much less likely, and just enough to decide between two
BOUND_CASES = 20_000


@dataclass(frozen=True)
class Reader:
    """Scores of a reader on simulated cases, with their Monte Carlo standard errors."""

    accuracy: float
    accuracy_error: float
    macro_f1: float
    macro_f1_error: float


@dataclass(frozen=True)
class Gain:
    """Exact reader minus another on the same cases, with the standard errors of the paired differences."""

    accuracy: float
    accuracy_error: float
    macro_f1: float
    macro_f1_error: float


@dataclass(frozen=True)
class AdditiveCeiling:
    """Exact and additive readers on the same `n` cases; see `additive_ceiling`.

    `log_loss_gain` is the mean of log P(truth) of the exact minus the likelihood reader, in nats, with its error.
    """

    exact: Reader
    best: Reader
    likelihood: Reader
    bound: float
    bound_error: float
    gain_over_best: Gain
    gain_over_likelihood: Gain
    log_loss_gain: float
    log_loss_gain_error: float
    n: int


def additive_ceiling(regime: str | None = "interaction", n: int = 100_000, seed: int = 0) -> AdditiveCeiling:
    """Scores of the exact and of additive readers, who score disease d by u_d(body part) + v_d(attributes, lesions).

    Write a group g of two diseases x = +1, -1, body part b in the set s = here or there, finding a, and t for the other
    attributes and the lesion parameters. The two share all tables but that of a, and a is present in half of the
    group's cases at every b. So P(b, a, t | g) = P(b | g) 1/2 P(t | g, a): the *group's* log likelihood is additive,
    and P(x | b, a, t, g) = P(x | s, a) is a table of 2 x 2. Outside groups every log likelihood is additive.

    `likelihood`, the additive reader of maximum likelihood, which a linear multinomial model with enough features
    converges to: P(g | b, a, t) P(x | g, a). It is additive, and it meets the conditions of the maximum of that concave
    problem: its share of each disease agrees with the truth given b, since P(x | b, g) = 1/2, and given (a, t), since b
    and (a, t) are independent given g. So it is the maximum, for every strength.

    `best`, for accuracy. Within a group sign(u(s) + v(a)) is a linear threshold, so that one of the four cells of an
    exclusive or is wrong: the most is all of one set and half of the other (see `pair_ceiling`). Up to strength 1/2 the
    finding means the same in both sets; the reader then gives the answers of the exact one, so it is optimal. Above,
    this reader follows the finding `here` and always names the first disease `there`, as sure as its average; it is
    optimal given the group. Among 49 diseases others may be slightly better, by giving up cells where another disease
    is near; `bound` is an upper bound on the accuracy of every additive reader.

    The bound. Take a group, t, and body parts c here and d there. If u(c) > u(d), u the difference between the two
    diseases, the reader cannot give both exact answers at (c, a, t) and (d, a, t) for one value of a, else for the
    other; which one does not depend on t. The loss there is at least the lesser of the two differences between largest
    and second posterior. Sum over t, c and d with weights P(c | here, g) P(d | there, g), and over the groups: no cell
    is counted twice, since its exact answer lies in one group.

    Args:
        regime: as `read_regime` takes it. Without an interaction all readers are the exact one.
        n: simulated cases, a multiple of 10; the first 20,000 serve the bound.
        seed: seed of the simulation. Same cases as `ceiling` with this seed.
    """
    facts = process(read_regime(regime))
    disease, (body, present, lesions) = simulated(facts, facts.prior, n, seed)
    exact = bayes(log_likelihood(body, present, lesions, facts), facts.prior)
    scores = {"exact": exact, "best": exact.copy(), "likelihood": exact.copy()}
    for pair in facts.interactions:
        two, cell = list(pair.diseases), (pair.here[body].astype(int), present[:, pair.finding].astype(int))
        group = exact[:, two].sum(axis=1, keepdims=True)
        scores["best"][:, two] = group * np.exp(best_table(pair)[cell])
        scores["likelihood"][:, two] = group * np.exp(likelihood_table(pair)[cell])
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


def pair_ceiling(pair: Interaction) -> tuple[float, float, float]:
    """Accuracy within a group of the exact, the best additive and the likelihood reader, in closed form.

    With p, q = P(finding | first disease, here), (.. there): (p + max(q, 1 - q)) / 2; (p + max(q, 1/2)) / 2; and
    max(m, 1 - m) with m = (p + q) / 2. At presence .95 and strength 1: .95, .725, .5.
    """
    p, q = _two(pair)
    mean = (p + q) / 2
    return (p + max(q, 1 - q)) / 2, (p + max(q, 0.5)) / 2, max(mean, 1 - mean)


def likelihood_table(pair: Interaction) -> Array:
    """(set, finding, disease) log P(disease | finding, group): the same in both sets of body parts."""
    mean = sum(_two(pair)) / 2
    return np.log(np.array([[[1 - mean, mean], [mean, 1 - mean]]] * 2))


def best_table(pair: Interaction) -> Array:
    """(set, finding, disease): what the best additive reader adds to the group's score; additive in set and finding.

    Sets in the order there, here; finding absent, present; the two diseases of the group.
    """
    p, q = _two(pair)
    absent = np.array([1.0, 0.0])
    sure = np.log([max(q, 0.5), p])[:, None]
    if q >= 0.5:
        return np.stack([sure - NEVER * absent, sure - NEVER * (1 - absent)], axis=-1)
    second = np.log(p) - NEVER * (1 - absent) - NEVER * np.array([[1.0], [0.0]])
    return np.stack([sure - HARDLY * absent, second], axis=-1)


def least_loss(
    facts: Knowledge, disease: Array, body: Array, present: Array, lesions: Array, seed: int
) -> tuple[float, float]:
    """What every additive reader loses in accuracy against the exact one, at least, and the standard error.

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
        if _two(pair)[1] >= 0.5 or not len(own):
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


def _two(pair: Interaction) -> tuple[float, float]:
    """P(finding | first disease) in the set `here`, and in the other."""
    return float(pair.probability[0, pair.here.argmax()]), float(pair.probability[0, pair.here.argmin()])


def _reader(truth: Array, guess: Array, classes: int) -> Reader:
    """The scores of answers (n,)."""
    hit = float((guess == truth).mean())
    return Reader(hit, float(np.sqrt(hit * (1 - hit) / len(truth))), *macro_f1(truth, guess, classes))


def _gain(truth: Array, exact: Array, guess: Array, classes: int) -> Gain:
    """The paired difference of two readers; the error of macro-F1 from ten equal parts."""
    hits = (exact == truth).astype(float) - (guess == truth)
    parts = [
        macro_f1(truth[part], exact[part], classes)[0] - macro_f1(truth[part], guess[part], classes)[0]
        for part in np.split(np.arange(len(truth)), 10)
    ]
    f1 = macro_f1(truth, exact, classes)[0] - macro_f1(truth, guess, classes)[0]
    return Gain(
        float(hits.mean()), float(hits.std() / np.sqrt(len(truth))), f1, float(np.std(parts, ddof=1) / np.sqrt(10))
    )
