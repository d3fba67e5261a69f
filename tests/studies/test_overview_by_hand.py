"""Findings by hand: which contrast stands under which claim, how it is judged, drawn and counted."""

import re
from types import SimpleNamespace

import judged
import pandas as pd
import pytest

from dermimit.evaluate.estimate import INCONCLUSIVE, NOT_RUN, Estimate
from dermimit.records import read_json
from studies.overview import claims as parts
from studies.overview import collect, matrix, sentences
from studies.overview.claims import Claim, Finding
from studies.overview.read import additive
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED


def numbers(svg: str, name: str) -> list[float]:
    """All values of an attribute, in the order of the drawing."""
    return [float(value) for value in re.findall(rf'{name}="([\d.]+)"', svg)]


def test_an_interval_is_drawn_at_its_points():
    svg = matrix.drawing(Estimate(4.0, -8.0, 12.0), "supported")
    half = matrix.WIDTH / 2 - 8  # 16 points
    low, zero, high, at = (matrix.WIDTH / 2 + half * points / 16 for points in (-8, 0, 12, 4))
    assert numbers(svg, "x1") == pytest.approx([zero, low], abs=0.05)
    assert numbers(svg, "x2") == pytest.approx([zero, high], abs=0.05)
    assert numbers(svg, "cx") == pytest.approx([at], abs=0.05) and "<path" not in svg
    assert float(re.search(r'<rect [^>]* width="([\d.]+)"', svg)[1]) == pytest.approx(half * 4 / 16, abs=0.05)


@pytest.mark.parametrize(("low", "high", "arrows"), [(-17, 15, 1), (-15, 17, 1), (-17, 17, 2), (-16, 16, 0)])
def test_an_end_beyond_the_axis_is_an_arrow(low, high, arrows):
    assert matrix.drawing(Estimate(0.0, low, high), "inconclusive").count("<path") == arrows


def test_what_synthetic_images_say_stands_in_their_column():
    made = Finding("made", Estimate(1.0, 0.5, 1.5), SUPPORTED)
    taken = Finding("taken", Estimate(-1.0, -1.5, -0.5), CONTRADICTED)
    claim = Claim("a", "b", [made], [taken])
    html, text = matrix.row(claim), matrix.plain([claim])
    of_html = dict(re.findall(r'data-label="([^"]+)">.*?class="what">(\w+)<', html))
    of_text = dict(re.findall(r"^  ([^,]+), (\w+):", text, re.M))
    assert of_html == of_text == {"Synthetic images": "made", "Real photographs": "taken"}


def test_gradients_that_agree_more_support_cross_interaction():
    up, down = Estimate(0.02, 0.01, 0.03), Estimate(-0.02, -0.03, -0.01)
    assert parts.conflict(up, 5).verdict == SUPPORTED and parts.conflict(down, 5).verdict == CONTRADICTED
    assert parts.conflict(Estimate(0.0, -0.01, 0.01), 5).verdict == INCONCLUSIVE
    assert parts.conflict(up, 5).estimate.value == pytest.approx(2.0)


def line(name: str, effect: float, seeds: int = 5, verdict: str = "helps") -> dict:
    ends = {"effect": effect, "low": effect - 0.01, "high": effect + 0.01, "samples": "150 100"}
    return {"id": name, "seeds": seeds, "level": 0.5, "verdict": verdict, **ends}


@pytest.mark.parametrize(
    ("attention", "perfect", "seeds", "verdict", "said"),
    [
        ("no effect worth having", "helps", 5, NO_DIFFERENCE, "a perfect choice gains 4.0"),
        ("harms", "helps, by less than is worth having", 3, CONTRADICTED, "a perfect choice gains 4.0"),
        ("no effect worth having", "cannot tell", 5, INCONCLUSIVE, "a perfect choice has no proven gain here"),
        (
            "no effect worth having",
            "no effect worth having",
            5,
            INCONCLUSIVE,
            "a perfect choice has no proven gain here",
        ),
        ("harms", "harms", 5, INCONCLUSIVE, "a perfect choice has no proven gain here"),
        ("harms", "helps", 2, INCONCLUSIVE, "a perfect choice has no proven gain here"),
        ("helps", "cannot tell", 5, SUPPORTED, "a perfect choice has no proven gain here"),
    ],
)
def test_a_negative_answer_counts_only_where_a_perfect_choice_has_a_gain(attention, perfect, seeds, verdict, said):
    contrasts = pd.DataFrame([line("S1", 0.01, verdict=attention), line("P1", 0.04, seeds, perfect)])
    (found,) = parts.beside_perfect(contrasts, "S1", "a − b", "P1")
    assert (found.verdict, found.what) == (verdict, "a − b")
    assert found.note.endswith(f"; {said}") and found.estimate.value == pytest.approx(1.0)
    (other,) = parts.beside_perfect(contrasts, "S1", "a − b", "P1", "with the disease alone")
    assert other.note.endswith(f"; {said.removesuffix(' here')} with the disease alone")


@pytest.mark.parametrize(
    ("verdict", "seeds", "said"),
    [("helps", 5, "50 % more training alone gains 4.0"), ("helps", 2, ""), ("cannot tell", 5, ""), ("harms", 5, "")],
)
def test_a_longer_training_stands_beside_a_gain_where_it_is_proven(verdict, seeds, said):
    assert parts.of_more_training(pd.DataFrame([line("T5", 0.04, seeds, verdict)]), "T5") == said


def test_attention_says_nothing_before_its_seeds_have_run():
    contrasts = pd.DataFrame([line("S1", 0.01, 2), line("P1", 0.04)])
    assert parts.beside_perfect(contrasts, "S1", "a − b", "P1") == []


def test_an_effect_too_small_to_be_worth_having_is_said_to_be():
    contrasts = pd.DataFrame([line("S1", 0.01, verdict="helps, by less than is worth having"), line("S2", 0.03)])
    small, large = (parts.second_edition(contrasts, name, "a − b")[0] for name in ("S1", "S2"))
    assert small.verdict == large.verdict == SUPPORTED
    assert small.note == "5 seeds; the control scores 50.0 %; less than is worth having"
    assert large.note == "5 seeds; the control scores 50.0 %"


NOTES = [(1, "1 seed"), (2, "2 seeds, preliminary"), (3, "3 seeds"), (5, "5 seeds")]


@pytest.mark.parametrize(("seeds", "note"), NOTES)
def test_photographs_with_few_seeds_are_preliminary(seeds, note):
    row = {"row": "a", "reference": "b", "seeds": seeds, "difference": 0.1, "low": 0.0, "high": 0.2}
    row |= {"verdict": SUPPORTED}
    assert parts.on_photographs(pd.DataFrame([row]), "a", "b", "a − b").note == note
    none = parts.on_photographs(pd.DataFrame([row | {"seeds": 0}]), "a", "b", "a − b")
    assert none.estimate is None and none.verdict == NOT_RUN


LONGER_FINDINGS = {
    "Learning the body part helps": ["T3", "T1"], "Learning lesion attributes helps": ["T4", "T2"],
    "Patch tokens beside the class token help": ["S5", "S6"],
    "Attention chooses patches better than chance": ["S4", "S3", "S2", "S1"],
    "A perfect choice of patches would help": ["P2", "P1"], "Cross-interaction beats concatenation": ["I2", "I1"],
}  # fmt: skip
"""Contrasts of book/protocol.md under each claim."""


@pytest.fixture
def made(monkeypatch):
    """All claims, of contrasts each of which has an effect of its own."""
    names = [name for several in LONGER_FINDINGS.values() for name in several]
    effects = {name: number / 1000 for number, name in enumerate(names, 1)}
    contrasts = pd.DataFrame([line(name, effects.get(name, 0.05)) for name in (*effects, "E1", "E3", "E4", "I5", "T5")])
    found = SimpleNamespace(effects=effects, real=[])
    first = Finding("first edition", Estimate(0.0, -1.0, 1.0), INCONCLUSIVE)
    monkeypatch.setattr(collect, "first_edition", lambda *_: first)
    untested = {"tuned_D_random"}

    def on_photographs(table, row, reference, what):
        if row in untested:
            return Finding(what, None, NOT_RUN)
        return Finding(what, Estimate(0.0, -1.0, 1.0), INCONCLUSIVE)

    monkeypatch.setattr(collect, "on_photographs", on_photographs)
    centre = [{"score": "auroc", "photographs": 9, "value": 0.1, "low": 0.05, "high": 0.2}]
    rare = {"slope": 0.0, "slope_low": -0.1, "slope_high": 0.1, "seeds": 5}
    found.claims = collect.claims(
        pd.DataFrame(), pd.DataFrame(), contrasts, pd.DataFrame(), {"synthetic": centre, "real": centre}, rare,
        (Estimate(0.0, -0.1, 0.1), 5), 61.25,
    )  # fmt: skip
    return found


def test_longer_trainings_stand_under_the_claim_that_they_test(made):
    by_text = {claim.text: claim for claim in made.claims}
    for text, names in LONGER_FINDINGS.items():
        longer = [one for one in by_text[text].synthetic if parts.LONGER in one.what]
        assert [one.estimate.value for one in longer] == pytest.approx([100 * made.effects[name] for name in names])
    part = by_text["Learning the body part helps"].synthetic
    assert [one.note.endswith("; 50 % more training alone gains 5.0") for one in part] == [False, False, True]
    interaction = by_text["Cross-interaction beats concatenation"].synthetic[-1]
    assert interaction.note.endswith("can reach 61.2 %; widening the concatenation to that size gains 5.0")
    large, small = by_text["Attention chooses patches better than chance"].synthetic[-2:]
    for finding, name, lesions in ((large, "P2", "large"), (small, "P1", "small")):
        assert f"a perfect choice gains {100 * made.effects[name]:.1f}" in finding.note and lesions in finding.what


def test_the_pretrained_network_stands_under_the_claims_that_it_tests(made):
    found = {claim.text: [one.what for one in claim.synthetic if parts.PRETRAINED in one.what] for claim in made.claims}
    assert {text: what for text, what in found.items() if what} == {
        "Attention chooses patches better than chance": ["frozen ViT-S, small lesions"],
        "A perfect choice of patches would help": ["frozen ViT-S, small lesions"],
        "Cross-interaction beats concatenation": ["frozen ViT-S, findings interact"],
    }


def test_a_backbone_that_was_not_tested_is_left_out_beside_one_that_was(made):
    real = {claim.text: [one.what for one in claim.real] for claim in made.claims}
    assert real["The whole model beats a plain vision transformer"] == [
        "full model − disease only, frozen ViT-S", "full model − disease only, fine-tuned ViT-S",
    ]  # fmt: skip
    assert real["Patch tokens beside the class token help"] == ["random patches − none, frozen ViT-S"]


def test_the_additive_ceiling_is_that_of_interacting_findings():
    table = read_json(judged.ROOT / "results/published/synderm_checks/ceilings.json")["table"]
    (row,) = (row for row in table if row["regime"] == "interaction=1")
    assert additive(judged.ROOT) == pytest.approx(100 * row["additive"]["best"]["macro_f1"])


def test_findings_are_counted_by_verdict_and_untested_ones_apart():
    kinds = [SUPPORTED, INCONCLUSIVE, INCONCLUSIVE, NO_DIFFERENCE]
    made = [Finding("a", Estimate(0.0, -1.0, 1.0), kind) for kind in kinds] + [Finding("a", None, NOT_RUN)]
    counts = sentences.answer([Claim("a", "b", made[:2], made[2:3]), Claim("c", "d", [], made[3:])])
    assert counts == {"findings": 5, "tested": 4, "supported": 1, "inconclusive": 2, "no_meaningful_difference": 1,
                      "not_tested": 1}  # fmt: skip
