"""What SynDerm-49 knows of diseases: the file, the label process it defines, the ceiling, and the SkinCon counts."""

import copy
import importlib.util
import subprocess
import sys
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dermimit.data.synderm.ceiling import OBSERVABLE, ceiling, confusable, macro_f1
from dermimit.data.synderm.knowledge import (
    ARRANGEMENTS,
    NUMBERS,
    SIZES,
    Course,
    KnowledgeError,
    definitions,
    knowledge,
    parse,
)
from dermimit.data.synderm.posterior import log_likelihood, posterior
from dermimit.records import read_json
from studies.shared.references import BEST, READERS

SCRIPT = Path(__file__).parents[2] / "studies/synderm_checks/measure_skincon.py"
REAL = Path(__file__).parents[2] / "../shared/data/skincon_concepts_partial.csv"
PRIMARY = ("papule", "plaque", "nodule", "vesicle", "bulla", "pustule", "wheal", "comedo", "ulcer", "macule", "patch")
SOURCED = {"prior", "body", "attributes", "lesions", "course"}

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def raw():
    return yaml.safe_load(resources.files("dermimit.data.synderm").joinpath("knowledge.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def drawn():
    """20,000 cases: disease (n,), body part (n,), attributes (n, 27), lesions (n, 3)."""
    facts, rng = knowledge(), np.random.default_rng(1)
    disease = rng.choice(49, 20_000, p=facts.prior)
    return disease, *facts.draw(disease, rng)


@pytest.fixture(scope="module")
def seen(drawn):
    return dict(zip(knowledge().attributes, drawn[2].T, strict=True))


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("skincon_counts", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_probabilities():
    facts = knowledge()
    tables = (facts.prior[None], facts.body_part, facts.number, facts.size, facts.arrangement)
    assert [t.shape for t in tables] == [(1, 49), (49, 15), (49, 3), (49, 3), (49, 3)]
    for table in tables:
        np.testing.assert_allclose(table.sum(axis=1), 1)
        assert (table > 0).all()
    assert facts.attribute.shape == facts.marginal.shape == (49, 27)
    assert ((facts.attribute > 0) & (facts.attribute < 1)).all()


def test_tail_is_long_and_a_validation_set_sees_every_disease():
    prior = knowledge().prior
    assert prior.max() / prior.min() == pytest.approx(25)
    assert ((1 - prior) ** 2000).sum() < 0.02


def test_every_field_of_every_disease_has_a_source(raw):
    facts = knowledge()
    assert tuple(facts.sources) == facts.diseases
    for fields in facts.sources.values():
        assert set(fields) == SOURCED and all(fields.values())
    cited = {key for row in raw["diseases"].values() for keys in row["sources"].values() for key in keys}
    assert cited == set(raw["sources"])


def test_courses_are_typed():
    facts = knowledge()
    assert len(facts.courses) == 49
    assert facts.courses[facts.diseases.index("urticaria")] == Course("migrating", 1.0, None)
    assert facts.courses[facts.diseases.index("herpes zoster")].residue == "scar"


def test_counts_are_smoothed_toward_the_textbook(raw):
    facts, row = knowledge(), raw["diseases"]["acne vulgaris"]
    s, p0, counts = raw["skincon"]["smoothing"], row["attributes"]["papule"], row["skincon"]
    a, d = facts.attributes.index, facts.diseases.index("acne vulgaris")
    assert facts.marginal[d, a("papule")] == pytest.approx((counts["papule"] + s * p0) / (counts["n"] + s))
    assert facts.marginal[d, a("purpura")] == raw["clip"][0]
    assert facts.marginal[facts.diseases.index("varicella"), a("papule")] == 0.75  # no counts: the textbook value


def keloid(change):
    """A change of the keloid's entry."""
    return lambda k: change(k["diseases"]["keloid"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k: k.update(version=1), "version must be 2"),
        (lambda k: k.pop("stray"), "top level: missing stray"),
        (lambda k: k["diseases"].pop("keloid"), "diseases must be 49"),
        (lambda k: k["attributes"].append("scar"), "attributes must be 27"),
        (lambda k: k["diseases"].update(keloid=k["diseases"]["melasma"]), "keloid and melasma have the same profile"),
        (keloid(lambda d: d.pop("number")), "keloid: missing number; add it"),
        (keloid(lambda d: d.update(prior=0)), "keloid: prior must be above 0"),
        (keloid(lambda d: d["body"].update(ear=0.9)), "keloid: body must sum to 1"),
        (keloid(lambda d: d["body"].update(knee=0.1)), r"keloid: body: unknown \['knee'\]"),
        (keloid(lambda d: d["attributes"].update(scarr=0.5)), r"keloid: attributes: unknown \['scarr'\]"),
        (keloid(lambda d: d["attributes"].update(scar=1.2)), "keloid: scar: probability"),
        (keloid(lambda d: d["number"].pop("few")), "keloid: number must give each of few, several, many"),
        (keloid(lambda d: d["size"].update(small=0.5)), "keloid: size must sum to 1"),
        (keloid(lambda d: d["size"].update(small=0, medium=0.55)), "keloid: size: every probability must be above 0"),
        (
            keloid(lambda d: d["skincon"].update(scar=10)),
            "keloid: skincon: scar must be a count of 0 to n = 9, found 10",
        ),
        (keloid(lambda d: d["skincon"].update(n=3)), "keloid: skincon: n must be 8 or more, found 3"),
        (keloid(lambda d: d["skincon"].update(annular=1)), r"keloid: skincon: unknown \['annular'\]"),
        (
            keloid(lambda d: d["course"].update(kind="fading")),
            "keloid: course: kind 'fading' is unknown; use resolving",
        ),
        (keloid(lambda d: d["course"].update(residue="pain")), "keloid: course: residue 'pain' is unknown"),
        (keloid(lambda d: d["course"].update(days=0)), "keloid: course: days must be above 0"),
        (keloid(lambda d: d["course"].pop("days")), "keloid: course: missing days"),
        (keloid(lambda d: d["sources"].pop("course")), "keloid: sources: missing course"),
        (keloid(lambda d: d["sources"].update(body=["a friend"])), r"keloid: sources: body: unknown \['a friend'\]"),
        (keloid(lambda d: d["sources"].update(body=[])), "keloid: sources: body must be a list of one or more"),
        (keloid(lambda d: d["sources"].update(skin=["ogawa2017"])), r"keloid: sources: unknown \['skin'\]"),
        (
            keloid(lambda d: d["sources"].update(attributes=["ogawa2017"])),
            "keloid: sources: attributes must name skinc",
        ),
        (lambda k: k["dependences"].append({"attribute": "papule", "any": ["scale"], "odds": 2}), "before the attri"),
        (lambda k: k["dependences"].append({"attribute": "scale", "any": ["itch"], "odds": 2}), r"unknown \['itch'\]"),
        (lambda k: k["dependences"].append({"attribute": "scale", "any": ["papule"]}), "one of odds/set"),
        (lambda k: k["dependences"].append({"attribute": "scale", "any": ["papule"], "odds": 0}), "odds must be above"),
        (lambda k: k["dependences"].append({"attribute": "scale", "any": ["papule"], "set": 2}), "set must be 0 or 1"),
    ],
)
def test_a_wrong_knowledge_file_is_refused(raw, change, message):
    wrong = copy.deepcopy(raw)
    change(wrong)
    with pytest.raises(KnowledgeError, match=message):
        parse(wrong)


def test_every_case_has_a_primary_lesion(seen):
    assert np.any([seen[p] for p in PRIMARY], axis=0).all()


def test_impossible_pairs_do_not_occur(seen):
    assert not (seen["umbilication"] & ~(seen["papule"] | seen["nodule"] | seen["vesicle"])).any()
    assert not (seen["annular"] & seen["comedo"]).any()


@pytest.mark.parametrize("wet", ["vesicle", "bulla", "wheal"])
def test_dry_scale_is_rare_on_wet_lesions(seen, wet):
    assert seen["scale"][seen[wet]].mean() < 0.15 < seen["scale"][~seen[wet]].mean()


@pytest.mark.parametrize("cause", ["erosion", "vesicle", "pustule", "ulcer", "excoriation"])
def test_crust_follows_its_causes_and_is_rare_without_any(seen, cause):
    causes = np.any([seen[c] for c in ("erosion", "vesicle", "pustule", "ulcer", "excoriation")], axis=0)
    assert seen["crust"][~causes].mean() < 0.1
    assert seen["crust"][seen[cause]].mean() > 2 * seen["crust"][~causes].mean()


@pytest.mark.parametrize(
    ("attribute", "given", "commoner"),
    [
        ("crust", "erosion", True), ("excoriation", "crust", True), ("lichenification", "excoriation", True),
        ("fissure", "scale", True), ("scale", "vesicle", False), ("macule", "plaque", False),
        ("patch", "plaque", False), ("hypopigmentation", "hyperpigmentation", False),
        ("telangiectasia", "scale", False), ("lichenification", "vesicle", False), ("wheal", "vesicle", False),
    ],
)  # fmt: skip
def test_dependences_point_the_right_way_within_a_disease(attribute, given, commoner):
    facts, n = knowledge(), 300
    disease = np.repeat(np.arange(49), n)
    _, present, _ = facts.draw(disease, np.random.default_rng(3))
    a, g = (present[:, facts.attributes.index(x)].reshape(49, n) for x in (attribute, given))
    with_, without = (a & g).sum(axis=1), (a & ~g).sum(axis=1)  # Mantel-Haenszel odds ratio over the diseases
    ratio = (with_ * (~a & ~g).sum(axis=1)).sum() / (without * (~a & g).sum(axis=1)).sum()
    assert ratio > 1.4 if commoner else ratio < 0.8


def test_draws_follow_the_tables():
    facts, n = knowledge(), 4000
    for d in (facts.diseases.index(name) for name in ("plaque psoriasis", "varicella", "tinea corporis")):
        body, present, lesions = facts.draw(np.full(n, d), np.random.default_rng(d))
        assert np.abs(np.bincount(body, minlength=15) / n - facts.body_part[d]).max() < 0.03
        assert np.abs(present.mean(axis=0) - facts.marginal[d]).max() < 0.035
        for i, table in enumerate((facts.number, facts.size, facts.arrangement)):
            assert np.abs(np.bincount(lesions[:, i], minlength=3) / n - table[d]).max() < 0.03


def test_rules_leave_the_marginals_of_the_file(raw):
    facts = knowledge()
    patch, umbilication = (facts.attributes.index(a) for a in ("patch", "umbilication"))
    plain = parse({**copy.deepcopy(raw), "dependences": []})
    moved = np.abs(facts.marginal - plain.attribute)
    moved[:, [patch, umbilication]] = 0  # a patch may be forced and an umbilication ruled out
    assert moved.max() < 0.01


def test_conditional_frequencies_match_the_formula(drawn):
    facts, (disease, _, present, _) = knowledge(), drawn
    for j in range(27):
        p = facts.attribute_probability(j, present, disease)[:, 0]
        for group in (p < np.median(p), p >= np.median(p), *present[:, :j].T):  # given each earlier attribute
            spread = np.sqrt((p[group] * (1 - p[group])).sum())
            assert abs((present[group, j] - p[group]).sum()) <= 4.5 * spread + 1e-9


def test_a_case_takes_31_uniform_numbers():
    facts = knowledge()
    one, two = np.random.default_rng(5), np.random.default_rng(5)
    facts.draw(np.array([3, 9]), one)
    two.random(2 * 31)
    assert one.random() == two.random()


def test_attribute_probabilities_sum_to_one_over_all_vectors():
    facts = knowledge()
    free = [facts.attributes.index(a) for a in ("vesicle", "erosion", "crust", "scale", "telangiectasia", "patch")]
    vectors = np.zeros((64, 27), dtype=bool)
    vectors[:, free] = (np.arange(64)[:, None] >> np.arange(6)) & 1
    p = np.exp(log_likelihood(None, vectors, None, facts))
    rest = np.ones((64, 49))
    for j in set(range(27)) - set(free):
        rest *= 1 - facts.attribute_probability(j, vectors)
    np.testing.assert_allclose((p / rest).sum(axis=0), 1, rtol=1e-9)


def test_lesion_probabilities_sum_to_one():
    grid = np.array(list(product(range(3), repeat=3)))
    np.testing.assert_allclose(np.exp(log_likelihood(None, None, grid, knowledge())).sum(axis=0), 1)


def slow_posterior(raw, body, attributes, lesions):
    """Bayes' rule in plain Python, with the rules read from the file once more."""
    facts, weight = knowledge(), []
    for d in range(49):
        p = facts.prior[d] * facts.body_part[d][facts.body_parts.index(body)]
        for j, a in enumerate(facts.attributes):
            odds, fixed = facts.attribute[d][j] / (1 - facts.attribute[d][j]), None
            for rule in raw["dependences"]:
                fires = any(x in attributes for x in rule["any"]) if "any" in rule else True
                fires = fires and not any(x in attributes for x in rule.get("none", []))
                if rule["attribute"] == a and fires and "set" in rule and fixed is None:
                    fixed = rule["set"]
                elif rule["attribute"] == a and fires:
                    odds *= rule.get("odds", 1)
            q = odds / (1 + odds) if fixed is None else fixed
            p *= q if a in attributes else 1 - q
        row = raw["diseases"][facts.diseases[d]]
        for field, name in zip(("number", "size", "arrangement"), lesions, strict=True):
            p *= row[field][name]
        weight.append(p)
    return {d: w / sum(weight) for d, w in zip(facts.diseases, weight, strict=True)}


@pytest.mark.parametrize("case", range(6))
def test_posterior_is_bayes_rule(raw, drawn, case):
    facts, (_, body, present, lesions) = knowledge(), drawn
    names = {a for a, yes in zip(facts.attributes, present[case], strict=True) if yes}
    shown = [c[i] for c, i in zip((NUMBERS, SIZES, ARRANGEMENTS), lesions[case], strict=True)]
    p = posterior(facts.body_parts[body[case]], names, shown)
    assert sum(p.values()) == pytest.approx(1)
    assert p == pytest.approx(slow_posterior(raw, facts.body_parts[body[case]], names, shown), rel=1e-6, abs=1e-12)


def test_posterior_of_known_cases():
    facts = knowledge()
    p = posterior("groin", ["erythema", "patch", "erosion", "pustule"])
    assert max(p, key=p.get) == "candidal intertrigo"
    band = posterior("chest", ["erythema", "vesicle"], ("many", "small", "linear"))
    assert max(band, key=band.get) == "herpes zoster" and band["varicella"] < 0.1
    assert posterior(None, None) == pytest.approx(dict(zip(facts.diseases, facts.prior, strict=True)))
    sure = np.zeros(49)
    sure[3] = 1
    assert posterior("groin", ["erythema", "patch"], prior=sure)[facts.diseases[3]] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("face", ["itch"]), r"attributes: unknown \['itch'\]"),
        (("knee", []), r"body_part: unknown \['knee'\]"),
        (("face", ["umbilication", "patch"]), "cannot occur together"),
        (("face", ["papule"], ("few", "small")), "lesions: must be three names"),
        (("face", ["papule"], ("few", "tiny", "linear")), r"lesions: size: unknown \['tiny'\]"),
    ],
)
def test_posterior_refuses_what_it_does_not_know(arguments, message):
    with pytest.raises(ValueError, match=message):
        posterior(*arguments)


def test_ceiling_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="prior: must be 49 weights"):
        ceiling(prior=[1, 2])
    with pytest.raises(ValueError, match=r"observed: unknown \['age'\]"):
        ceiling(("age",))


@pytest.mark.slow
def test_the_ceiling_is_that_of_the_prior_that_made_the_cases_and_as_published():
    facts, n = knowledge(), 20_000
    rng = np.random.Generator(np.random.Philox(key=np.array([0, 2**63], dtype=np.uint64)))
    disease = rng.choice(len(facts.prior), size=n, p=facts.prior)
    body, present, lesions = facts.draw(disease, rng)

    def accuracy(prior, *seen):
        with np.errstate(divide="ignore"):
            return ((log_likelihood(*seen, facts) + np.log(prior)).argmax(axis=1) == disease).mean()

    best = accuracy(facts.prior, body, present, lesions)
    assert ceiling(n=n).accuracy == best
    others = [
        np.full(len(facts.prior), 1 / len(facts.prior)),
        np.roll(facts.prior, 7),
        facts.prior[::-1],
        facts.prior**2,
    ]
    assert all(accuracy(prior / prior.sum(), body, present, lesions) < best for prior in others)
    assert accuracy(facts.prior, body, present, None) < best - 0.04  # the lesion parameters count
    published = read_json(ROOT / "results/published/synderm/ceiling.json")
    for name, seen in READERS.items():
        now = ceiling(seen, n=published["n"])
        stored = published["readers"][name]
        assert (now.accuracy, now.macro_f1, now.top3_accuracy) == pytest.approx(
            (stored["accuracy"], stored["macro_f1"], stored["top3_accuracy"])
        )
    assert published["accuracy"] == published["readers"][BEST]["accuracy"]


def test_ceiling_leaves_room_and_more_evidence_never_hurts():
    everything, nothing = ceiling(n=20_000), ceiling((), n=20_000)
    single = {name: ceiling((name,), n=20_000).accuracy for name in OBSERVABLE}
    both = ceiling(("body_part", "attributes"), n=20_000)
    assert 0.6 < everything.accuracy < 0.85
    assert everything.accuracy > both.accuracy > single["attributes"] > single["body_part"] > nothing.accuracy
    assert both.accuracy > single["lesions"] > nothing.accuracy
    assert nothing.accuracy == pytest.approx(knowledge().prior.max(), abs=4 * nothing.mc_standard_error + 1e-3)
    assert everything.accuracy < everything.top3_accuracy < 1 and everything.mc_standard_error < 0.004


def test_posterior_is_calibrated(drawn):
    facts, (disease, *evidence) = knowledge(), drawn
    joint = np.exp(log_likelihood(*evidence, facts)) * facts.prior
    p = joint / joint.sum(axis=1, keepdims=True)
    assert p.max(axis=1).mean() == pytest.approx((p.argmax(axis=1) == disease).mean(), abs=0.015)


def concept_table(script, path, rows):
    """A made-up SkinCon table: (label, annotated, rejected, concepts present) for each row."""
    frame = pd.DataFrame(0, index=range(len(rows)), columns=[*script.CONCEPTS.values(), script.REJECTED])
    frame["label"] = [label for label, *_ in rows]
    frame["ImageID"] = [f"{i}.jpg" if annotated else None for i, (_, annotated, *_) in enumerate(rows)]
    for i, (_, _, rejected, concepts) in enumerate(rows):
        frame.loc[i, [*concepts]] = 1
        frame.loc[i, script.REJECTED] = int(rejected)
    frame.to_csv(path, index=False)
    return path


def test_counts_of_a_made_up_table(script, tmp_path, capsys):
    rows = [("acne", True, False, ["Papule"]), ("acne vulgaris", True, False, ["Papule", "Erythema"])] * 4
    rows += [("acne", False, False, ["Papule"]), ("acne", True, True, ["Papule"]), ("keloid", True, False, ["Scar"])]
    table = concept_table(script, tmp_path / "table.csv", rows)
    script.main(table)
    assert yaml.safe_load(capsys.readouterr().out) == {
        "acne vulgaris": {"skincon": {"n": 8, "papule": 8, "erythema": 4}}
    }
    with pytest.raises(SystemExit) as stop:
        script.main(table, check=True)
    assert stop.value.code == 1
    assert "keloid: table None, file {'n': 9" in capsys.readouterr().out


def test_the_script_names_what_is_missing(script, tmp_path):
    with pytest.raises(SystemExit, match="no file"):
        script.main(tmp_path / "nowhere.csv")
    table = concept_table(script, tmp_path / "table.csv", [("acne", True, False, [])])
    pd.read_csv(table).drop(columns=["Papule", "label"]).to_csv(table, index=False)
    with pytest.raises(SystemExit, match=r"no column \['Papule', 'label'\]"):
        script.main(table)


def test_the_script_speaks_of_our_names_only(script):
    facts = knowledge()
    assert set(script.LABELS) <= set(facts.diseases)
    assert set(facts.attributes) - set(script.CONCEPTS) == {"annular"} and set(script.CONCEPTS) < set(facts.attributes)
    labels = [label for group in script.LABELS.values() for label in group]
    assert len(labels) == len(set(labels))


@pytest.mark.skipif(not REAL.is_file(), reason="the SkinCon table is not at hand")
def test_the_file_holds_the_counts_of_the_real_table():
    command = [sys.executable, str(SCRIPT), str(REAL), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_attribute_has_a_definition_of_its_own():
    found = definitions()
    assert tuple(found) == knowledge().attributes
    assert len(set(found.values())) == 27 and all(len(text) > 20 for text in found.values())


def test_pairs_that_the_bayes_rule_confuses():
    pairs = confusable(n=20_000)
    assert len(pairs) == 49 * 48 // 2 and len({frozenset(p[:2]) for p in pairs}) == len(pairs)
    shares = [share for _, _, share in pairs]
    assert shares == sorted(shares, reverse=True) and 0.05 < shares[0] < 0.5 and shares[-1] == 0


def test_a_single_draw_is_the_same_as_a_batch_of_one():
    facts = knowledge()
    for seed in range(300):
        body, present, lesions = facts.draw(np.array([seed % 49]), np.random.default_rng(seed))
        one = facts.draw_one(seed % 49, np.random.default_rng(seed))
        assert one == (int(body[0]), present[0].tolist(), lesions[0].tolist())


def test_a_disease_that_is_guessed_and_does_not_occur_counts_nothing():
    truth, guess = np.tile([0, 1], 10), np.tile([0, 2], 10)
    score, error = macro_f1(truth, guess, 3)
    assert (score, error) == (0.5, 0.0)  # 1 and 0; over the three classes it would be a third
