"""What a reader who only adds evidence can reach in the regime `interaction`, beside the exact ceiling."""

from dataclasses import dataclass

import numpy as np

from dermimit.data.synderm.additive_bound import least_loss
from dermimit.data.synderm.ceiling import macro_f1, simulated
from dermimit.data.synderm.knowledge import Array
from dermimit.data.synderm.posterior import bayes, log_likelihood
from dermimit.data.synderm.regimes import process, read_regime
from dermimit.data.synderm.rules import Interaction

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
    is near; `bound` is an upper bound on the accuracy of every additive reader (see `least_loss`).

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
    p, q = pair.levels
    mean = (p + q) / 2
    return (p + max(q, 1 - q)) / 2, (p + max(q, 0.5)) / 2, max(mean, 1 - mean)


def likelihood_table(pair: Interaction) -> Array:
    """(set, finding, disease) log P(disease | finding, group): the same in both sets of body parts."""
    mean = sum(pair.levels) / 2
    return np.log(np.array([[[1 - mean, mean], [mean, 1 - mean]]] * 2))


def best_table(pair: Interaction) -> Array:
    """(set, finding, disease): what the best additive reader adds to the group's score; additive in set and finding.

    Sets in the order there, here; finding absent, present; the two diseases of the group.
    """
    p, q = pair.levels
    absent = np.array([1.0, 0.0])
    sure = np.log([max(q, 0.5), p])[:, None]
    if q >= 0.5:
        return np.stack([sure - NEVER * absent, sure - NEVER * (1 - absent)], axis=-1)
    second = np.log(p) - NEVER * (1 - absent) - NEVER * np.array([[1.0], [0.0]])
    return np.stack([sure - HARDLY * absent, second], axis=-1)


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
