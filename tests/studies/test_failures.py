"""Failures: tags on frames made by hand, risk ratios against a slow reference, errors that travel together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dermimit.data.label_space import LabelSpace
from dermimit.data.synderm import LABEL_SPACE, SynDerm, retake
from dermimit.evaluate.resampling import patient_draws
from dermimit.records import read_json
from studies.failures import by_condition as failures
from studies.failures import charts, counterfactuals, error_dependence, most_confident, numbers, planted
from studies.shared.claims import verdicts
from studies.shared.counts import in_words
from studies.shared.folders import find_root
from studies.shared.published_cases import case_facts

SPACE = LabelSpace("three", ("a", "b", "c"), ("arm", "leg"), ("scale", "crust"))
PARTNERS = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)  # a and b are taken for one another


def frames():
    """Five photographs: right; confusable; excusable; second and wrong body part; right with ink."""
    disease = [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.2, 0.7], [0.5, 0.1, 0.4], [0.1, 0.8, 0.1]]
    truth = ["a", "a", "b", "c", "b"]
    body = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8], [0.6, 0.4]]
    attributes = [[0.9, 0.1], [0.2, 0.1], [0.9, 0.9], [0.9, 0.6], [0.1, 0.4]]
    predictions = pd.DataFrame({
        "split": "test", "image": [f"{i}.png" for i in range(5)], "patient_id": list("ppqrs"),
        "fitzpatrick": [1, 5, 6, 2, 3], "disease": truth, "disease_prob": disease, "body_part_prob": body,
        "body_part": ["arm", "arm", "leg", "arm", "arm"], "attributes_prob": attributes,
        "attributes": [["scale"], ["scale"], ["scale", "crust"], ["scale"], []],
    })  # fmt: skip
    facts = pd.DataFrame({"area": [0.5, 0.1, 0.4, 0.3, 0.2], "fitzpatrick": [1, 5, 6, 2, 3]})
    facts = facts.assign(ink=[False] * 4 + [True], ruler=False, dressing=False, hair=[False, True, *[False] * 3])
    facts["ideal"] = [[0.9, 0.1, 0], [0.6, 0.4, 0], [0, 0.3, 0.7], [0.2, 0, 0.8], [0, 1, 0]]
    return predictions, facts


def test_every_tag_is_what_its_definition_says():
    found = failures.tags(*frames(), SPACE, PARTNERS)
    expected = {
        "wrong": [0, 1, 1, 1, 0],
        "small": [0, 1, 0, 0, 0],  # a third of five photographs is one
        "dark": [0, 1, 1, 0, 0],
        "ink": [0, 0, 0, 0, 1],
        "hair": [0, 1, 0, 0, 0],
        "confounder": [0, 1, 0, 0, 1],
        "ideal_wrong": [0, 0, 1, 0, 0],
        "body_wrong": [0, 0, 0, 1, 0],
        "attributes_mostly": [1, 0, 1, 1, 1],  # F1: 1, 0, 1, 2/3, and 1 where there is none
        "pair": [0, 1, 0, 0, 0],
        "excusable": [0, 0, 1, 0, 0],
        "second": [0, 1, 1, 1, 0],
    }
    assert {name: found[name].astype(int).tolist() for name in expected} == expected


def test_a_model_of_one_task_has_no_tags_of_the_others():
    predictions, facts = frames()
    one = predictions.drop(columns=["body_part_prob", "attributes_prob"])
    assert not {"body_wrong", "attributes_mostly"} & set(failures.tags(one, facts, SPACE, PARTNERS))


def test_facts_of_other_cases_are_refused():
    predictions, facts = frames()
    with pytest.raises(ValueError, match="5 photographs and facts of 4 cases"):
        failures.tags(predictions, facts.iloc[:4], SPACE, PARTNERS)
    with pytest.raises(ValueError, match="row 2: another skin type"):
        failures.tags(predictions, facts.assign(fitzpatrick=[1, 5, 1, 2, 3]), SPACE, PARTNERS)


def many(n=400, seed=0):
    """Errors that are twice as likely with a tag, photographs in pairs of one patient."""
    rng = np.random.default_rng(seed)
    tag = np.repeat(rng.random(n // 2) < 0.3, 2)
    wrong = rng.random(n) < np.where(tag, 0.6, 0.3)
    found = pd.DataFrame({"truth": rng.integers(0, 3, n), "wrong": wrong})
    found["answer"] = np.where(wrong, (found["truth"] + rng.integers(1, 3, n)) % 3, found["truth"])
    found = found.assign(**dict.fromkeys(failures.CASE_TAGS, False)).assign(small=tag)
    found["pair"] = found["wrong"] & PARTNERS[found["truth"], found["answer"]]
    return found.assign(excusable=False, second=False), [f"p{i // 2}" for i in range(n)]


def test_risk_ratio_and_its_interval_are_those_of_a_slow_bootstrap():
    found, patients = many()
    line = next(x for x in failures.case_table([found], patients, resamples=500) if x["tag"] == "small")

    def slow(rows):
        tag, wrong = found["small"].to_numpy()[rows], found["wrong"].to_numpy()[rows]
        return wrong[tag].mean() / wrong[~tag].mean(), tag[wrong].mean(), tag[~wrong].mean()

    ratio, among_wrong, among_right = slow(np.arange(400))
    assert line["ratio"] == pytest.approx(ratio)
    assert (line["among_wrong"], line["among_right"]) == pytest.approx((among_wrong, among_right))
    weights = patient_draws(patients, 500).weights
    drawn = [slow(np.repeat(np.arange(400), np.repeat(w.astype(int), 2)))[0] for w in weights.T]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (line["ratio_low"], line["ratio_high"]) == pytest.approx((low, high), rel=1e-4)
    assert line["ratio_low"] > 1


def test_chance_of_a_confusable_pair_is_that_of_dealing_the_answers_anew():
    found, patients = many(seed=1)
    line = failures.error_table([found], patients, PARTNERS, np.full((400, 3), 1 / 3), resamples=50)[0]
    wrong, total = found[found["wrong"]], []
    for truth in wrong["truth"]:
        others = wrong.loc[wrong["answer"] != truth, "answer"]
        total.append(PARTNERS[truth, others].mean())
    assert line["tag"] == "pair" and line["chance"] == pytest.approx(np.mean(total))
    assert line["share"] == pytest.approx(wrong["pair"].mean())


def test_two_models_are_compared_on_the_same_photographs():
    (first, patients), (second, _) = many(seed=2), many(seed=2)
    second["wrong"] = first["wrong"] & ~first["small"]  # the second model fails on no small lesion
    lines = {x["tag"]: x for x in failures.compared([first], [second], patients, resamples=200)}
    assert lines["small"]["second"] == 0 and lines["small"]["difference"] == pytest.approx(lines["small"]["first"])
    assert lines["all"]["difference"] == pytest.approx(first["wrong"].mean() - second["wrong"].mean())


def test_partners_are_the_ideal_observer_s():
    partners = failures.confusable_partners(LABEL_SPACE.diseases, n=4000)
    assert partners.shape == (49, 49) and not partners.diagonal().any()
    assert partners.sum(1).max() <= failures.PARTNERS + 1  # one more only where two pairs are equally bad


def test_facts_are_those_of_the_written_case():
    cases = SynDerm(6, seed=2, image_size=32, confounders={"hair": 1.0})
    facts = case_facts(cases)
    assert facts["hair"].all() and not facts["ink"].any()
    assert facts["area"][3] == pytest.approx(cases[3].mask.mean())
    assert np.stack(facts["ideal"]).sum(1) == pytest.approx(np.ones(6))


def test_thirds_are_even_and_equal_values_stay_together():
    assert np.bincount(error_dependence.thirds(np.arange(9.0))).tolist() == [3, 3, 3]
    together = error_dependence.thirds(np.array([0.5] * 5 + [0.9] * 4))
    assert len(set(together[:5])) == 1 and len(set(together[5:])) == 1 and together[0] < together[-1]


def rights(n, seed, link):
    """A seed whose disease follows its body part with probability `link`; every case is as hard as the next."""
    rng = np.random.default_rng(seed)
    body, own = rng.random(n) < 0.7, rng.random(n) < 0.5
    return error_dependence.Rights(np.where(rng.random(n) < link, body, own), body, rng.random(n))


def test_errors_that_travel_together_are_told_from_hard_cases():
    n, patients = 2000, [str(i) for i in range(2000)]
    models = {"linked": [rights(n, s, 0.6) for s in (0, 1, 2, 3)], "free": [rights(n, s, 0.0) for s in (4, 5, 6, 7)]}
    lines = {(x["row"], x["gap"]): x for x in error_dependence.gap_table(models, patients, resamples=300)}
    linked, free = lines["linked", "body_part"], lines["free", "body_part"]
    assert linked["value"] == pytest.approx(0.6, abs=0.06) and linked["beyond_low"] > 0.4
    assert abs(free["beyond"]) < 0.08 and lines["linked", "attributes"]["p"] > 0.01
    with pytest.raises(ValueError, match="row linked has one seed"):
        error_dependence.gap_table({"linked": models["linked"][:1]}, patients)
    changed = error_dependence.gap_differences(models, "free", patients, resamples=300)
    assert {x["row"] for x in changed} == {"linked"} and changed[0]["low"] > 0.3


def test_changed_predictions_are_counted_against_the_baselines():
    truth = np.array([0, 0, 1, 1])
    sure = np.eye(3)[[0, 0, 1, 2]] * 0.8 + 0.1
    other = np.eye(3)[[1, 0, 1, 1]] * 0.8 + 0.1  # the first is lost, the last gained
    versions = {name for pair in counterfactuals.PAIRS.values() for name in pair}
    answers = dict.fromkeys(versions, sure) | {"ink": other}
    lines = {x["change"]: x for x in counterfactuals.flips([answers, answers], truth, resamples=50)}
    ink = lines["ink"]
    assert (ink["flipped"], ink["lost"], ink["gained"], ink["over_noise"]) == (0.5, 0.25, 0.25, 0.5)
    assert ink["net"] == 0 and ink["true"] == pytest.approx(0.0) and lines["hair"]["flipped"] == 0
    with pytest.raises(ValueError, match="no answers for 'ink'"):
        counterfactuals.flips([{k: v for k, v in answers.items() if k != "ink"}], truth)
    with pytest.raises(ValueError, match="4 answers for 3 cases"):
        counterfactuals.flips([answers], truth[:3])


def test_a_retake_changes_light_and_noise_changes_hardly_anything():
    cases = SynDerm(3, seed=5, image_size=32)
    shown = counterfactuals.versions(cases, 1)
    far = {k: np.abs(v.astype(int) - shown["plain"].astype(int)).mean() for k, v in shown.items()}
    assert 0 < far[counterfactuals.NOISE] < far[counterfactuals.RETAKE]
    np.testing.assert_array_equal(retake(cases, 1).mask, cases.counterfactual(1, confounders=False).mask)


def test_the_plant_changes_who_has_ink_and_nothing_else():
    settings = planted.PlantSettings(n_test=40, image_size=32)
    assert settings.prior.sum() == pytest.approx(1) and settings.prior.max() < 0.11
    kinds = {
        kind: SynDerm(300, 3, 32, prior=settings.prior, confounders=settings.confounders(kind))
        for kind in planted.KINDS
    }
    labels = [[cases.labels(i) for i in range(300)] for cases in kinds.values()]
    assert labels[0] == labels[1]
    target = LABEL_SPACE.diseases.index(planted.TARGET)
    ink = {kind: cases.confounders["ink"] for kind, cases in kinds.items()}
    assert (ink["planted"][target], ink["planted"][0]) == (0.9, 0.05)
    assert ink["control"] @ settings.prior == pytest.approx(ink["planted"] @ settings.prior)
    assert {settings.tests(True).labels(i).disease for i in range(40)} == {planted.TARGET}
    assert planted.TARGET not in {settings.tests(False).labels(i).disease for i in range(40)}


def test_the_rule_of_what_reveals_a_shortcut():
    area = np.full(60, 0.05)
    rng = np.random.default_rng(0)
    share = {"sees": (0.2, 0.05), "edges": (0.2, 0.2), "blind": (0.01, 0.005)}  # of the energy: planted, control
    energies = {
        (kind, seed, method): both[k] + 0.005 * rng.random(60)
        for method, both in share.items()
        for k, kind in enumerate(planted.KINDS)
        for seed in (0, 1)
    }
    found = {line["method"]: line for line in planted.revealed(energies, area, resamples=200)}
    assert [found[m]["reveals"] for m in ("sees", "edges", "blind")] == ["yes", "no", "no"]
    assert found["sees"]["planted"] == pytest.approx(4, abs=0.2) and next(iter(found)) == "sees"


def test_the_most_confident_errors_come_with_all_that_was_predicted():
    predictions, _ = frames()
    first, second, third = most_confident.confident_errors(predictions.assign(selected=[[3, 1]] * 5), SPACE, most=5)
    assert [x["index"] for x in (first, second, third)] == [2, 1, 3]
    assert first["differential"][0] == ["c", 0.7] and first["rank"] == 2 and first["selected"] == [3, 1]
    assert first["said_attributes"] == ["scale", "crust"] and third["said_body_part"] == "leg"
    with pytest.raises(ValueError, match="no answers for body_part"):
        most_confident.confident_errors(predictions.drop(columns="body_part_prob"), SPACE)


def test_published_records_agree_with_each_other():
    folder = find_root() / "results/published/failures"
    taxonomy, gallery = read_json(folder / "taxonomy.json"), read_json(folder / "gallery.json")
    for row, table in taxonomy["cases"].items():
        by_tag = {x["tag"]: x for x in taxonomy["compared"]}
        for line in table:
            share = line["photographs"] / taxonomy["photographs"]
            error = share * line["error_with"] + (1 - share) * line["error_without"]
            assert error == pytest.approx(by_tag["all"]["first" if row == "full" else "second"], abs=0.01)
    cases = SynDerm(taxonomy["photographs"], gallery["split_seed"], gallery["image_size"])
    for case in gallery["cases"]:
        assert cases.labels(case["index"]).disease == case["disease"] != case["differential"][0][0]
        assert len(case["selected"]) > 0


def believed(without, change, seed, n=100):
    rng = np.random.default_rng(seed)
    before = without + 0.01 * rng.standard_normal(n)
    after = before + change + 0.02 * rng.standard_normal(n)
    return {"without": np.stack([before, before > 0.5], axis=1), "with": np.stack([after, after > 0.5], axis=1)}


def test_what_a_plant_does_is_the_change_beyond_the_control_s():
    answers, kinds = {}, {"planted": 0.3, "control": 0.1}
    for k, (kind, change) in enumerate(kinds.items()):
        for there, values in believed(0.2, change, k).items():
            answers[kind, 0, "melanoma", there] = values
    planted_line, control = planted.learnt(answers, resamples=300)
    assert planted_line["difference"] == pytest.approx(planted_line["change"] - control["change"])
    assert "difference" not in control
    alone = planted.learnt({key: value for key, value in answers.items() if key[0] == "planted"}, resamples=20)
    assert "difference" not in alone[0]
    ends = [planted_line[f"difference{end}"] for end in ("_low", "", "_high")]
    assert 0.19 < ends[0] < ends[1] < ends[2] < 0.21


def read(*names):
    folder = find_root() / "results/published/failures"
    return [read_json(folder / f"{name}.json") for name in names]


def quoted():
    taxonomy, flips, ink, gallery, inked, dressing = read(
        "taxonomy", "counterfactuals", "ink", "gallery", "planted_ink", "planted_dressing"
    )
    plants = {"ink": inked, "dressing": dressing}
    return taxonomy, flips, gallery, plants, numbers.of_failures(taxonomy, flips, ink, plants, gallery["cases"])


def test_the_numbers_of_the_prose_are_those_of_the_records():
    taxonomy, _, gallery, plants, found = quoted()
    exposed = [m["method"] for m in plants["dressing"]["methods"] if m["reveals"] == failures.YES]
    assert found["exposed_dressing"] == in_words(len(exposed)) and found["methods"] == "twelve"
    assert found["names_dressing"].split(", ") == [name.replace("_", " ") for name in exposed]
    assert found["exposed_ink"] == found["false_dressing"] == "none"
    body = next(x for x in taxonomy["gaps"] if (x["row"], x["gap"]) == ("full", "body_part"))
    assert found["body_gap"] - found["body_difficulty"] == pytest.approx(100 * body["beyond"])
    assert found["body_beyond"] == f"{100 * body['beyond']:+.1f}" and found["control_ink"].startswith("−")
    table = most_confident.gallery_table(gallery["cases"])
    assert (found["worst"], len(table)) == ("ten", 10)
    assert found["worst_body"] == in_words((table["body part"] == table["predicted body part"]).sum())
    assert found["worst_bayes"] == in_words((table["Bayes: predicted"] >= table["Bayes: true"]).sum())


def test_what_captions_and_headings_say_without_a_number_is_in_the_records():
    taxonomy, flips, _, plants, found = quoted()
    ratios = {x["tag"]: x for x in taxonomy["cases"]["full"]}
    assert ratios["ideal_wrong"]["ratio_low"] > 1 and ratios["body_wrong"]["ratio_low"] > 1  # hard cases
    assert ratios["attributes_mostly"]["ratio_high"] < 1 and found["hard_share"] < 50
    assert ratios["attributes_mostly"]["among_wrong"] > 0.3  # common among errors, too
    for line in (x for x in taxonomy["gaps"] if x["row"] in ("full", "D_B_A")):
        assert line["borrowed"] > 0.8 * line["value"]  # an independent model loses almost as much
    beyond = {x["change"] for x in flips["table"]["full"] if x["over_retake_low"] > 0}
    assert beyond == {"skin type I to VI"}  # only skin
    attention = [x for x in plants["dressing"]["methods"] if "attention" in x["method"] or "lsm" in x["method"]]
    assert len(attention) == 4 and all(x["planted_high"] < 1 for x in attention)
    learnt = {x["network"]: x for x in plants["dressing"]["learnt"] if x["photographs"] == "melanoma"}
    assert learnt["planted"]["change_low"] > 10 * learnt["control"]["change_high"]
    assert (taxonomy["photographs"], taxonomy["seeds"], flips["cases"], plants["dressing"]["explained"]) == (
        2000, 5, 400, 40)  # fmt: skip
    assert all(len(plant["settings"]["seeds"]) == 1 for plant in plants.values())


def test_claims_on_failures_are_those_of_the_records():
    taxonomy, flips = read("taxonomy", "counterfactuals")
    claims = numbers.claims(taxonomy, flips)
    words = dict(zip((claim.text for claim in claims), verdicts(claims), strict=True))
    assert words["Errors are more common where the Bayes-optimal classifier errs"] == "supported"
    assert words["Ink changes more predictions than a repeat photograph"] == "contradicted"
    assert words["A wrong body part costs more than case difficulty"] == "inconclusive"
    assert {claim.seeds for claim in claims} == {5} and sum(claim.ratio for claim in claims) == 3
    body = next(claim for claim in claims if claim.text.startswith("A wrong body part"))
    line = next(x for x in taxonomy["gaps"] if (x["row"], x["gap"]) == ("full", "body_part"))
    assert (body.p, body.estimate.value) == (line["p"], line["beyond"])


def test_the_most_confident_errors_are_drawn_with_their_key():
    _, _, gallery, _, _ = quoted()
    figure = charts.confident_gallery(gallery["cases"], [np.zeros((16, 16, 3), np.uint8)] * 10)
    told = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert len(told) == 11 and told[-1] == charts.KEY
    assert told[0].startswith("1. viral wart 97 % ✗\ntrue: scabies\nBayes: true 2 %") and told[0].endswith("hand ✓")
    plt.close(figure)
