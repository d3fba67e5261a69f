"""The regime `interaction`: its tables, its exact probabilities, and what an additive reader can reach."""

import copy
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.stats import binom
from true_labels import scores

from dermimit.data.synderm import SynDerm, ceiling, confusable, knowledge, log_likelihood, posterior, split_seed
from dermimit.data.synderm.additive import (
    additive_ceiling,
    best_table,
    group_ceiling,
    likelihood_table,
)
from dermimit.data.synderm.additive_bound import least_loss
from dermimit.data.synderm.ceiling import simulated
from dermimit.data.synderm.interactions import at_strength, interacting
from dermimit.data.synderm.knowledge import KnowledgeError, read_file
from dermimit.data.synderm.regimes import LEAST_SHARE, Regime, process, raised

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def tables(strength):
    return process(Regime(interaction=strength))


@pytest.fixture(scope="module")
def file():
    return copy.deepcopy(read_file("interactions.yaml"))


@pytest.fixture(scope="module")
def readers():
    """Exact and additive readers by strength, on 20,000 cases."""
    return {strength: additive_ceiling(f"interaction={strength}", n=20_000) for strength in (0.0, 0.5, 0.75, 1.0)}


def joint(pair, facts, prior=(0.5, 0.5)):
    """P(disease, set, finding) within a group, from the tables; sets in the order there, here."""
    table = np.zeros((2, 2, 2))
    for x, d in enumerate(pair.diseases):
        for b, mass in enumerate(facts.body_part[d]):
            p = pair.probability[x, b]
            table[x, int(pair.here[b])] += prior[x] * mass * np.array([1 - p, p])
    return table


def test_groups_cover_half_of_the_cases_and_say_what_is_made_up():
    facts = tables(1.0)
    assert 10 <= len(facts.interactions) <= 14
    assert 0.45 < sum(facts.prior[list(pair.diseases)].sum() for pair in facts.interactions) < 0.6
    for pair in facts.interactions:
        assert pair.constructed and bool(pair.known) == bool(pair.sources)


def test_the_diseases_of_a_group_share_all_but_the_finding():
    whole = knowledge()
    for strength in STRENGTHS:
        facts = tables(strength)
        for pair in facts.interactions:
            a, b = pair.diseases
            shared = (facts.prior, facts.body_part, facts.attribute, *facts.lesions)
            assert all(np.array_equal(table[a], table[b]) for table in shared)
            assert facts.prior[a] == pytest.approx(tables(1.0).prior[b])
            assert facts.number[a] == pytest.approx((whole.number[a] + whole.number[b]) / 2)
            assert facts.body_part[a, pair.here].sum() == pytest.approx(0.5)
            assert whole.body_part[[a, b]][:, pair.here].sum() / 2 == pytest.approx(0.5, abs=0.35)  # before scaling


def test_everything_else_is_that_of_plain():
    plain, facts = process(Regime()), tables(1.0)
    rest = sorted(set(range(49)) - {d for pair in facts.interactions for d in pair.diseases})
    for name in ("prior", "body_part", "attribute", "marginal", "number", "size", "arrangement"):
        assert np.array_equal(getattr(facts, name)[rest], getattr(plain, name)[rest]), name
        if name != "prior":
            assert np.array_equal(getattr(plain, name), getattr(knowledge(), name)), name
    assert facts.prior.sum() == pytest.approx(1)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_finding_has_the_probability_of_the_formula(strength):
    b = np.log(0.95 / 0.05)
    for pair in tables(strength).interactions:
        for x, row in zip((1, -1), pair.probability, strict=True):
            s = np.where(pair.here, 1, -1)
            assert row == pytest.approx(1 / (1 + np.exp(-b * x * ((1 - strength) + strength * s))), abs=1e-6)
        assert (pair.probability.sum(axis=0) == pytest.approx(1)) and at_strength(pair, 0).probability[1].max() < 0.051


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_draws_follow_the_tables_given_disease_and_body_part(strength):
    facts, n = tables(strength), 4000
    for k, pair in enumerate(facts.interactions):
        for x, d in enumerate(pair.diseases):
            body, present, lesions = facts.draw(np.full(n, d), np.random.default_rng([k, x]))
            for part in (pair.here, ~pair.here):
                seen, p = present[part[body], pair.finding], pair.probability[x, part.argmax()]
                assert abs(seen.mean() - p) < 4 * np.sqrt(p * (1 - p) / len(seen))
            spread = np.sqrt(facts.marginal[d] * (1 - facts.marginal[d]) / n)
            assert (np.abs(present.mean(axis=0) - facts.marginal[d]) < 4.5 * spread + 1e-9).all()
            assert np.abs(np.bincount(lesions[:, 0], minlength=3) / n - facts.number[d]).max() < 0.04


def test_group_marginals_stay_at_the_mean_of_both_diseases_but_for_forced_patches():
    facts, whole = tables(1.0), knowledge()
    for pair in facts.interactions:
        two = list(pair.diseases)
        moved = np.abs(facts.marginal[two[0]] - whole.marginal[two].mean(axis=0))
        moved[[pair.finding, facts.attributes.index("patch")]] = 0
        assert moved.max() < 1e-3 and facts.marginal[two[0], pair.finding] == pytest.approx(0.5)


def test_rules_still_hold_in_the_regime():
    facts = tables(1.0)
    rng = np.random.default_rng(0)
    _, present, _ = facts.draw(rng.choice(49, 20_000, p=facts.prior), rng)
    seen = dict(zip(facts.attributes, present.T, strict=True))
    primary = (
        "papule",
        "plaque",
        "nodule",
        "vesicle",
        "bulla",
        "pustule",
        "wheal",
        "comedo",
        "ulcer",
        "macule",
        "patch",
    )
    assert np.any([seen[name] for name in primary], axis=0).all()
    assert not (seen["annular"] & seen["comedo"]).any()
    assert not (seen["umbilication"] & ~(seen["papule"] | seen["nodule"] | seen["vesicle"])).any()


def test_the_probabilities_of_all_cases_of_a_disease_sum_to_one():
    facts = tables(0.75)
    pair = facts.interactions[0]
    others = [facts.attributes.index(a) for a in ("vesicle", "patch", "fissure", "excoriation")]
    free = sorted([*others, pair.finding])
    vectors = np.zeros((32, 27), dtype=bool)
    vectors[:, free] = (np.arange(32)[:, None] >> np.arange(5)) & 1
    body, present = np.repeat(np.arange(15), 32), np.tile(vectors, (15, 1))
    p = np.exp(log_likelihood(body, present, None, facts))
    for j in set(range(27)) - set(free):
        p /= 1 - facts.attribute_probability(j, present, body=body)
    np.testing.assert_allclose(p.sum(axis=0), 1, rtol=1e-9)
    alone = np.exp(log_likelihood(None, vectors, None, facts))  # the body part not observed: its mean
    together = np.exp(log_likelihood(body, present, None, facts)).reshape(15, 32, 49).sum(axis=0)
    np.testing.assert_allclose(alone, together, rtol=1e-9)


def test_a_case_takes_31_uniform_numbers_and_strength_changes_the_finding_alone():
    low, high = tables(0.0), tables(1.0)
    for pair in high.interactions:
        for d in pair.diseases:
            one, two = (facts.draw_one(d, np.random.default_rng(d)) for facts in (low, high))
            assert one[0] == two[0] and one[2] == two[2]
            assert one[1][: pair.finding] == two[1][: pair.finding]
    rngs = [np.random.default_rng(5) for _ in range(2)]
    high.draw_one(high.interactions[0].diseases[0], rngs[0])
    rngs[1].random(31)
    assert rngs[0].random() == rngs[1].random()


def test_a_single_draw_is_the_same_as_a_batch_of_one():
    facts = tables(0.75)
    for d in range(49):
        for seed in range(6):
            body, present, lesions = facts.draw(np.array([d]), np.random.default_rng([d, seed]))
            one = facts.draw_one(d, np.random.default_rng([d, seed]))
            assert one == (int(body[0]), present[0].tolist(), lesions[0].tolist())


def test_posterior_of_hand_made_cases():
    lesions, red = ("few", "large", "scattered"), ["plaque", "erythema"]

    def within(part, attributes, strength):
        p = posterior(part, attributes, lesions, regime=f"interaction={strength}")
        return p["plaque psoriasis"] / (p["plaque psoriasis"] + p["tinea cruris"])

    assert within("lower_leg", [*red, "scale"], 1) == pytest.approx(0.95)
    assert within("groin", [*red, "scale"], 1) == pytest.approx(0.05)
    assert within("groin", red, 1) == pytest.approx(0.95)
    assert within("groin", [*red, "scale"], 0) == pytest.approx(0.95)
    assert within("groin", red, 0.5) == pytest.approx(0.5)
    assert within(None, [*red, "scale"], 1) == within("groin", None, 1) == pytest.approx(0.5)
    p = posterior("groin", [*red, "annular", "scale"], lesions, regime="interaction")
    assert max(p, key=p.get) == "tinea cruris" and sum(p.values()) == pytest.approx(1)
    assert posterior("groin", red, lesions, regime="plain") != posterior("groin", red, lesions)  # another prior


def test_neither_body_part_nor_findings_alone_tell_a_group_apart():
    facts = tables(1.0)
    for pair in facts.interactions:
        table = joint(pair, facts)
        assert table.sum() == pytest.approx(1)
        for alone in (table.sum(axis=1), table.sum(axis=2)):  # the finding; the set
            assert alone.max(axis=0).sum() == pytest.approx(0.5, abs=1e-12)
        assert np.array_equal(*facts.body_part[list(pair.diseases)])  # no single body part either
        assert table.max(axis=0).sum() == pytest.approx(0.95)


def test_the_closed_form_of_a_pair_by_hand():
    """Presence .95: strength 1 gives .95; all of one set, half of the other; a coin. Strength .5: nothing `there`."""
    by_hand = {0.0: (0.95, 0.95, 0.95), 0.5: (0.725, 0.725, 0.725), 1.0: (0.95, 0.725, 0.5)}
    for strength, expected in by_hand.items():
        for pair in tables(strength).interactions:
            assert group_ceiling((pair,)) == pytest.approx(expected)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_closed_form_is_the_best_of_all_linear_thresholds(strength):
    facts = tables(strength)
    pair = facts.interactions[2]
    table = joint(pair, facts)
    exact, best, likelihood = group_ceiling((pair,))
    answers = [np.array(x).reshape(2, 2) for x in product((0, 1), repeat=4)]
    linear = [x for x in answers if not x[0, 0] == x[1, 1] != x[0, 1] == x[1, 0]]
    assert len(linear) == 14  # all but the exclusive or and its opposite
    right = [np.where(x == 0, table[0], table[1]).sum() for x in linear]
    assert best == pytest.approx(max(right), abs=1e-6) and exact == pytest.approx(table.max(axis=0).sum(), abs=1e-6)
    assert likelihood == pytest.approx(table.sum(axis=1).max(axis=0).sum(), abs=1e-6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_additive_readers_are_additive(strength):
    facts = tables(strength)
    rng = np.random.default_rng(2)
    for pair in facts.interactions:
        for table in (best_table((pair,)), likelihood_table((pair,))):
            assert table[0, 0] + table[1, 1] == pytest.approx(table[0, 1] + table[1, 0])
        two = list(pair.diseases)
        body, present, lesions = facts.draw(np.full(40, two[0]), rng)

        def group(places, rows, two=two, present=present, lesions=lesions):
            terms = log_likelihood(places, present[rows], lesions[rows], facts)[:, two]
            return np.logaddexp(terms[:, 0], terms[:, 1])

        first, second = np.arange(20), np.arange(20, 40)
        straight = group(body[:20], first) + group(body[20:], second)
        crossed = group(body[:20], second) + group(body[20:], first)
        assert straight == pytest.approx(crossed)


def test_the_likelihood_reader_meets_the_conditions_of_its_maximum():
    """Its share of each disease given the body part, and given the attributes, is the true one."""
    facts = tables(0.75)
    pair = facts.interactions[0]
    table, answer = joint(pair, facts), np.exp(likelihood_table((pair,)))  # (x, s, a) and (s, a, x)
    cells = table.sum(axis=0)
    said = np.moveaxis(answer, 2, 0) * cells
    assert said.sum(axis=2) == pytest.approx(table.sum(axis=2))  # given the set
    assert said.sum(axis=1) == pytest.approx(table.sum(axis=1), abs=1e-6)  # given the finding


def test_without_interaction_all_readers_agree(readers):
    for found in (readers[0.0], additive_ceiling("plain", n=5000)):
        assert found.gain_over_best.accuracy == pytest.approx(0, abs=1e-3)
        assert found.gain_over_likelihood.accuracy == pytest.approx(0, abs=1e-3)
        assert found.log_loss_gain == pytest.approx(0, abs=1e-6)
        assert found.bound == found.exact.accuracy
    assert readers[1.0].exact.accuracy == ceiling(n=20_000, regime="interaction").accuracy


def test_what_an_interaction_earns_grows_with_its_strength(readers):
    loss = [readers[s].log_loss_gain for s in (0.0, 0.5, 0.75, 1.0)]
    assert all(b - a > 10 * readers[0.5].log_loss_gain_error for a, b in pairwise(loss))
    assert abs(readers[0.5].gain_over_best.accuracy) < 4 * readers[0.5].gain_over_best.accuracy_error
    assert 0.05 < readers[0.75].gain_over_best.accuracy < readers[1.0].gain_over_best.accuracy - 0.02
    for gain in (readers[1.0].gain_over_best, readers[1.0].gain_over_likelihood):
        assert gain.accuracy > 0.08 and gain.macro_f1 > 0.07 and gain.accuracy_error < 0.005
    assert readers[1.0].gain_over_likelihood.accuracy > 0.15


def test_the_bound_lies_between_the_best_known_additive_reader_and_the_exact_one(readers):
    found = readers[1.0]
    assert found.best.accuracy + 0.03 < found.bound < found.exact.accuracy - 0.03
    facts = tables(1.0)
    disease, drawn = simulated(facts, facts.prior, 5000, 3)
    assert 0.03 < least_loss(facts, disease, *drawn, 3)[0] < 0.095  # less than a reader is known to lose


def test_the_bound_is_the_closed_form_where_there_is_one_group_alone():
    """Nothing else to confuse with: .95 exact, .725 at most for an additive reader, so .225 is lost."""
    facts = tables(1.0)
    for k in (0, 3, 9):
        prior = np.zeros(49)
        prior[list(facts.interactions[k].diseases)] = 0.5
        alone = replace(facts, prior=prior)
        disease, drawn = simulated(alone, prior, 4000, k)
        loss, error = least_loss(alone, disease, *drawn, k)
        assert loss == pytest.approx(0.225, abs=max(4 * error, 0.01)) and error < 0.005


def test_the_regime_changes_no_other_random_numbers():
    plain, other = (SynDerm(4, seed=2, image_size=32, regime=name) for name in ("plain", "interaction"))
    for i in range(4):
        one, two = plain[i].parameters["nuisance"], other[i].parameters["nuisance"]
        same = {"melanin", "exposure", "noise", "quality"} & one.keys()
        assert len(same) == 4 and all(one[name] == two[name] for name in same)
        assert other[i].labels == other.labels(i)


def test_a_linear_model_stays_below_and_products_reach_the_ceiling():
    """Diseases of the groups only: true body part, attributes and lesion parameters."""
    found = scores(tables(1.0), 40_000)
    assert found["linear"] < found["exact"] - 0.2
    assert abs(found["products"] - found["exact"]) < 0.03


def test_pairs_are_confused_where_strength_leaves_no_way_to_tell_them():
    pairs = {frozenset(p[:2]): p[2] for p in confusable(n=20_000, regime="interaction=0.5")}
    facts = tables(0.5)
    names = [frozenset(facts.diseases[d] for d in pair.diseases) for pair in facts.interactions]
    assert all(pairs[name] > 0.15 for name in names)


def test_rare_diseases_are_raised_and_the_others_keep_their_proportions():
    assert raised(np.array([0.6, 0.3, 0.08, 0.02]), 0.1) == pytest.approx([0.6 * 8 / 9, 0.3 * 8 / 9, 0.1, 0.1])
    assert raised(np.array([0.5, 0.5]), 0.1) == pytest.approx([0.5, 0.5])
    old, new = knowledge().prior, process(Regime()).prior
    low = new <= LEAST_SHARE
    assert new.min() == LEAST_SHARE and new.sum() == pytest.approx(1) and 5 < low.sum() < 15
    assert np.ptp(new[~low] / old[~low]) < 1e-12 and (new[~low] < old[~low]).all()
    assert process(Regime(version=3)) is knowledge()
    for regime in (Regime(), Regime(interaction=1.0)):
        assert 1 - np.prod(1 - binom.cdf(99, 20_000, process(regime).prior)) < 0.006


@pytest.mark.parametrize("regime", ["plain", "interaction"])
def test_the_test_set_holds_a_hundred_cases_of_every_disease(regime):
    data = SynDerm(20_000, seed=split_seed(4242, "test"), regime=regime)
    counts = Counter(data.labels(i).disease for i in range(len(data)))
    assert len(counts) == 49 and min(counts.values()) >= 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k.update(version=2), "version must be 1"),
        (lambda k: k.update(presence=0.4), r"presence lie in 0.5..1"),
        (lambda k: k["groups"][0].pop("constructed"), "plaque psoriasis and tinea cruris: give"),
        (lambda k: k["groups"][0].pop("sources"), "known with sources or neither"),
        (lambda k: k["groups"][1].update(diseases=["rosacea", "tinea cruris"]), "in no other group"),
        (lambda k: k["groups"][1].update(diseases=["rosacea", "acne"]), "two known diseases"),
        (lambda k: k["groups"][0]["there"].remove("groin"), "every body part must be in one of here and there"),
        (lambda k: k["groups"][0]["here"].append("groin"), "every body part must be in one of here and there"),
        (lambda k: k["groups"][0].update(finding="annular"), "'annular' must be an attribute that no rule fixes"),
        (lambda k: k["groups"][0].update(sources=["a friend"]), r"unknown \['a friend'\]"),
    ],
)
def test_a_wrong_file_is_refused(file, change, message):
    wrong = copy.deepcopy(file)
    change(wrong)
    with pytest.raises(KnowledgeError, match=message):
        interacting(knowledge(), 1.0, wrong)
