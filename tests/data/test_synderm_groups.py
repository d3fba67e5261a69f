"""The regime `groups`: four diseases that two findings tell apart only in the light of the body part."""

import copy
from itertools import product

import networkx as nx
import numpy as np
import pytest
from true_labels import scores

from dermimit.data.synderm import (
    SynDerm,
    additive_ceiling,
    describe,
    interaction_groups,
    knowledge,
    log_likelihood,
    posterior,
)
from dermimit.data.synderm.additive import (
    best_answers,
    best_table,
    cells,
    group_ceiling,
    likelihood_table,
    pattern,
)
from dermimit.data.synderm.calibration import ancestors
from dermimit.data.synderm.interactions import FOURS, interacting
from dermimit.data.synderm.knowledge import KnowledgeError, read_file
from dermimit.data.synderm.regimes import Regime, process, read_regime
from dermimit.data.synderm.rules import by_group

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def tables(strength):
    return process(Regime(groups=strength))


def fours(strength=1.0):
    return by_group(tables(strength).interactions)


def test_groups_of_four_have_two_findings_with_all_four_signs():
    facts = tables(1.0)
    assert len(fours()) == len(interaction_groups(fours=True)) == 5
    assert 0.45 < sum(facts.prior[list(group[0].diseases)].sum() for group in fours()) < 0.65
    for group in fours():
        assert len(group) == 2 and len(group[0].diseases) == 4
        assert sorted(zip(*(one.signs for one in group), strict=True)) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
        assert all(one.constructed and bool(one.known) == bool(one.sources) for one in group)


def test_no_attribute_depends_on_both_findings_of_a_group():
    """Or a group's attributes would not have the marginals that its tables say."""
    facts = tables(1.0)
    for one, two in fours():
        both = {one.finding, two.finding}
        assert not any(both <= ancestors(j, facts.dependences) for j in set(range(27)) - both)


def test_the_diseases_of_a_group_share_all_but_the_findings():
    whole = knowledge()
    for strength in (0.0, 0.75, 1.0):
        facts = tables(strength)
        for group in by_group(facts.interactions):
            together, here = list(group[0].diseases), group[0].here
            for table in (facts.prior, facts.body_part, facts.attribute, *facts.lesions):
                assert all(np.array_equal(table[together[0]], table[d]) for d in together)
            assert facts.number[together[0]] == pytest.approx(whole.number[together].mean(axis=0))
            assert facts.body_part[together[0], here].sum() == pytest.approx(0.5)
            assert whole.body_part[together][:, here].sum() / 4 == pytest.approx(0.5, abs=0.35)  # before scaling
            findings = [one.finding for one in group]
            assert facts.marginal[together][:, findings].mean(axis=0) == pytest.approx(0.5)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_draws_follow_the_tables_given_disease_and_body_part(strength):
    facts, n = tables(strength), 4000
    for k, group in enumerate(by_group(facts.interactions)):
        for x, d in enumerate(group[0].diseases):
            body, present, _ = facts.draw(np.full(n, d), np.random.default_rng([k, x]))
            for s, part in enumerate((~group[0].here, group[0].here)):
                shown = pattern(group, present[part[body]])
                share, p = np.bincount(shown, minlength=4) / len(shown), cells(group)[s, :, x]
                assert (np.abs(share - p) < 4.5 * np.sqrt(p * (1 - p) / len(shown)) + 1e-9).all()
            spread = np.sqrt(facts.marginal[d] * (1 - facts.marginal[d]) / n)
            assert (np.abs(present.mean(axis=0) - facts.marginal[d]) < 4.5 * spread + 1e-9).all()


def test_neither_body_part_nor_findings_alone_tell_a_group_apart():
    for group in fours():
        table = cells(group) / 8  # P(set, pattern, disease)
        assert table.sum() == pytest.approx(1)
        for alone in (table.sum(axis=0), table.sum(axis=1)):  # the findings; the set
            assert alone.max(axis=1).sum() < 0.5
        assert table.sum(axis=2) == pytest.approx(1 / 8)  # and they say nothing about the group
        assert table.sum(axis=1) == pytest.approx(1 / 8)
        assert table.max(axis=2).sum() == pytest.approx(0.95**2)


def test_a_case_without_its_body_part_has_the_sum_over_the_body_parts():
    facts = tables(1.0)
    rng = np.random.default_rng(3)
    _, present, lesions = facts.draw(rng.choice(49, 60, p=facts.prior), rng)
    each = [np.exp(log_likelihood(np.full(60, b), present, lesions, facts)) for b in range(15)]
    np.testing.assert_allclose(np.exp(log_likelihood(None, present, lesions, facts)), np.sum(each, axis=0), rtol=1e-9)


def test_posterior_of_hand_made_cases():
    group = ["plaque psoriasis", "seborrhoeic dermatitis", "atopic dermatitis", "tinea corporis"]

    def within(part, attributes, strength):
        p = posterior(part, ["plaque", "erythema", *attributes], regime=f"groups={strength}")
        return [p[d] / sum(p[d] for d in group) for d in group]

    assert within("scalp", ["scale", "excoriation"], 1) == pytest.approx([0.9025, 0.0475, 0.0475, 0.0025])
    assert within("groin", ["scale", "excoriation"], 1) == pytest.approx([0.0025, 0.0475, 0.0475, 0.9025])
    assert within("groin", ["scale"], 1) == pytest.approx([0.0475, 0.0025, 0.9025, 0.0475])
    assert within("groin", ["scale"], 0) == pytest.approx(within("scalp", ["scale"], 0))
    assert within("groin", ["scale"], 0.5) == pytest.approx([0.25] * 4)
    mixed = 0.5 * (0.9025 + 0.0025)  # the body part not observed: here and there are equally common
    assert within(None, ["scale", "excoriation"], 1) == pytest.approx([mixed, 0.0475, 0.0475, mixed])


def possible(here, there):
    """Whether u(set) + v(pattern) can give these answers: no circle of preferences."""
    graph = nx.DiGraph([(i, j) for i, j in zip(here, there, strict=True) if i != j])
    return nx.is_directed_acyclic_graph(graph)


@pytest.mark.parametrize("strength", [0.25, 0.75, 1.0])
def test_the_best_additive_reader_is_the_best_of_all_answers_that_add(strength):
    """All 4^4 x 4^4 answers, in the order of what they get right, down to the first that is possible."""
    group = fours(strength)[0]
    table = cells(group)
    answers = np.array(list(product(range(4), repeat=4)))
    right = [table[s, np.arange(4), answers].sum(axis=1) for s in (0, 1)]
    total = right[0][:, None] + right[1][None, :]
    exact, best, likelihood = group_ceiling(group)
    order = np.dstack(np.unravel_index(np.argsort(-total, axis=None, kind="stable"), total.shape))[0]
    there, here = next((t, h) for t, h in order if possible(answers[h], answers[t]))
    assert best == pytest.approx(total[there, here] / 8, abs=1e-9)
    assert exact == pytest.approx(total.max() / 8) and likelihood <= best + 1e-9 <= exact + 2e-9
    assert possible(*best_answers(group)[::-1])


def test_the_closed_form_of_a_group_by_hand():
    """Strength 0 and 1: .95 twice. At 1/2 two coins `there`; a reader of maximum likelihood has half of them at 1."""
    for group in fours(0.0):
        assert group_ceiling(group) == pytest.approx([0.9025] * 3)
    for group in fours(0.5):
        assert group_ceiling(group) == pytest.approx([(0.9025 + 0.25) / 2] * 3)
    for group in fours(1.0):
        exact, best, likelihood = group_ceiling(group)
        assert (exact, likelihood) == pytest.approx((0.9025, 0.4525)) and 0.68 < best < 0.69


@pytest.mark.parametrize("strength", STRENGTHS)
def test_additive_readers_are_additive_and_give_the_answers_that_they_should(strength):
    for group in fours(strength):
        for table in (best_table(group), likelihood_table(group)):
            mixed = table[0][:, None] + table[1][None, :]
            assert mixed == pytest.approx(mixed.transpose(1, 0, 2))
        assert np.array_equal(best_table(group).argmax(axis=2), best_answers(group))


def test_what_groups_earn_grows_with_their_strength_and_the_bound_holds():
    found = {s: additive_ceiling(f"groups={s}", n=20_000) for s in (0.0, 0.5, 1.0)}
    assert found[0.0].gain_over_best.accuracy == pytest.approx(0, abs=1e-3)
    assert found[0.0].bound == found[0.0].exact.accuracy
    assert abs(found[0.5].gain_over_best.accuracy) < 4 * found[0.5].gain_over_best.accuracy_error
    full = found[1.0]
    assert full.likelihood.accuracy + 0.08 < full.best.accuracy < full.exact.accuracy - 0.08
    assert full.best.accuracy + 0.03 < full.bound < full.exact.accuracy - 0.03
    assert found[0.0].log_loss_gain == pytest.approx(0, abs=1e-6) and full.log_loss_gain > 0.2


def test_a_linear_model_stays_below_and_products_reach_the_ceiling():
    """Diseases of the groups only: true body part, attributes and lesion parameters."""
    found = scores(tables(1.0), 24_000)
    assert found["linear"] < found["exact"] - 0.2
    assert abs(found["products"] - found["exact"]) < 0.03


def test_the_regime_has_a_name_that_is_read_back_and_draws_cases():
    assert read_regime("groups") == read_regime("groups=1") == Regime(groups=1.0)
    assert str(read_regime("groups=0.5+small")) == "groups=0.5+small"
    with pytest.raises(ValueError, match="interaction and groups have diseases in common"):
        read_regime("interaction+groups")
    with pytest.raises(ValueError, match="groups=2: the strength must be a number from 0 to 1"):
        read_regime("groups=2")
    data = SynDerm(6, seed=2, image_size=32, regime="groups")
    one, plain = data[3], SynDerm(6, seed=2, image_size=32, regime="plain")[3]
    assert one.labels == data.labels(3)
    assert one.parameters["nuisance"]["melanin"] == plain.parameters["nuisance"]["melanin"]


def test_the_fingerprint_of_a_folder_names_the_tables_in_force(monkeypatch):
    """A change of the groups of four touches no dataset of another regime."""
    settings = [{"regime": regime} for regime in ("groups=1", "interaction=1")]
    before = [describe.fingerprint(s) for s in settings]
    monkeypatch.setattr(describe, "FOURS", "noise.yaml")
    after = [describe.fingerprint(s) for s in settings]
    assert before[0] != after[0] and before[1] == after[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g["diseases"].pop(), "must be four known diseases"),
        (lambda g: g.update(finding="scale"), "give constructed, diseases, findings, here, there"),
        (lambda g: g["findings"].pop("scale"), "must be two, each of the first disease and one more"),
        (lambda g: g["findings"].update(excoriation=g["findings"]["scale"]), "not of the same one"),
        (lambda g: g["findings"].update(excoriation=g["diseases"][2:]), "each of the first disease"),
        (lambda g: g.update(findings={"scale": g["diseases"][:2], "crust": g["diseases"][::2]}), "depends on both"),
        (lambda g: g.update(findings={"scale": g["diseases"][:2], "annular": g["diseases"][::2]}), "no rule fixes"),
    ],
)
def test_a_wrong_file_is_refused(change, message):
    wrong = copy.deepcopy(read_file(FOURS))
    change(wrong["groups"][0])
    with pytest.raises(KnowledgeError, match=message):
        interacting(knowledge(), 1.0, wrong)
