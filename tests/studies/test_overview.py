"""Results in one view: every claim, its findings by the rules, and the sentences that follow from them."""

import re
from pathlib import Path

import judged
import numpy as np
import pandas as pd
import pytest

from dermimit.evaluate.estimate import INCONCLUSIVE, NOT_RUN, Estimate
from studies.overview import claims as parts
from studies.overview import collect, matrix, sentences
from studies.overview.claims import Claim, Finding
from studies.overview.read import read_levels
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED, VERDICTS, word

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claims():
    return judged.claims()


def finding(value, low, high, verdict, unit=parts.MACRO_F1):
    return Finding("a − b", Estimate(value, low, high), verdict, "5 seeds", unit)


def test_every_claim_has_findings_with_one_of_five_words(claims):
    assert len(claims) == sum(collect.BLOCKS.values())
    for claim in claims:
        assert collect.findings(claim), claim.text
        for found in collect.findings(claim):
            assert word(found.verdict) in VERDICTS
            assert (found.estimate is None) == (found.verdict == NOT_RUN)


def test_the_places_of_claims_are_those_that_the_sentences_mean(claims):
    texts = [claims[place].text for place in (sentences.WHOLE, sentences.BODY_PART, sentences.ATTENTION, sentences.MAP)]
    for text, part in zip(texts, ("whole model", "body part", "Attention chooses", "attention map"), strict=True):
        assert part in text


def test_a_contrast_with_too_few_seeds_says_nothing_yet():
    line = {"id": "S1", "level": 0.068, "effect": 0.03, "low": 0.01, "high": 0.05, "verdict": "helps"}
    for seeds, said in (
        (0, []),
        (2, []),
        (3, ["3 seeds, preliminary; the control scores 6.8 %"]),
        (5, ["5 seeds; the control scores 6.8 %"]),
    ):
        found = parts.second_edition(pd.DataFrame([line | {"seeds": seeds}]), "S1", "attention − random")
        assert [one.note for one in found] == said
        assert all(one.verdict == SUPPORTED and one.estimate.value == pytest.approx(3.0) for one in found)


def test_every_outcome_of_the_protocol_has_a_word():
    from studies.protocol import contrasts

    outcomes = {contrasts.HELPS, contrasts.HARMS, contrasts.LITTLE_HELP, contrasts.LITTLE_HARM, contrasts.NO_EFFECT}
    assert set(parts.PROTOCOL) == outcomes | {contrasts.CANNOT_TELL}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (finding(6.1, 3.8, 9.0, SUPPORTED), "It rose by 6.1 points (95 % CI 3.8 to 9.0)."),
        (finding(-6.1, -9.0, -3.8, CONTRADICTED), "It fell by 6.1 points (95 % CI 3.8 to 9.0)."),
        (finding(0.5, -1.0, 1.5, NO_DIFFERENCE), "The gain makes no difference larger than two points (−1.0 to +1.5)."),
        (finding(0.5, -3.0, 4.0, INCONCLUSIVE), "The gain is inconclusive: between −3.0 and +4.0 points."),
        (Finding("a − b", None, NOT_RUN), "The gain was not tested."),
    ],
)
def test_a_sentence_follows_from_the_verdict(found, said):
    assert sentences.outcome(found, "It rose", "It fell", "The gain") == said


def test_five_sentences_and_a_box_of_sixty_words(claims):
    told = sentences.five(claims, read_levels(ROOT), {"text": "No cancer was found."})
    assert len(told) == 5 and told[-1] == "No cancer was found."
    assert all(re.match(r"[A-Z].*\.$", sentence) for sentence in told)
    page = (ROOT / "notebooks/10_results.ipynb").read_text(encoding="utf-8")
    answer = re.sub(
        r"\{glue:text\}`(\w+)`", lambda m: sentences.box(claims)[m[1]], re.search(r"Does imit[^\\]*", page)[0]
    )
    assert "glue" not in answer and len(answer.split()) <= 60


def test_comparisons_with_chance_are_counted_by_verdict():
    every = [finding(0.0, -3.0, 3.0, INCONCLUSIVE)] * 2 + [finding(0.0, -1.0, 1.0, NO_DIFFERENCE)]
    said = "Of three comparisons of attention with chance, two are inconclusive "
    said += "and one shows no meaningful difference."
    assert sentences.attention(every) == said
    assert sentences.attention(every[:1]) == "Of one comparison of attention with chance, one is inconclusive."


def test_the_matrix_draws_intervals_within_its_axis_and_escapes_words():
    claim = Claim("<b>x</b>", "y & z", [finding(-12.0, -30.0, 6.0, INCONCLUSIVE)], [Finding("a", None, NOT_RUN)])
    html = matrix.row(claim)
    assert "<b>x</b>" not in html and "&lt;b&gt;" in html and "y &amp; z" in html
    numbers = [float(n) for n in re.findall(r'(?:x1|x2|cx)="([\d.]+)"', html)]
    assert min(numbers) >= 0 and max(numbers) <= matrix.WIDTH
    assert html.count("<path") == 1  # an arrow where the interval leaves the axis
    assert html.count("<svg") == 1 and 'class="chip not-tested"' in html


def test_other_units_are_not_drawn_on_the_axis_of_macro_f1():
    assert "<svg" not in matrix.shown(finding(-26.0, -28.0, -24.0, CONTRADICTED, "points of AUROC"))


def test_all_claims_are_in_the_matrix_and_its_text(claims):
    html, text = matrix.matrix(claims), matrix.plain(claims)
    for claim in claims:
        assert claim.text in text and claim.text.split("%")[0][:20] in html
    assert html.count('<tr class="block">') == len(collect.BLOCKS)


def test_the_readme_quotes_the_short_form(claims):
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- in short -->")[1]
    assert block.split("<!-- end of in short -->")[0].strip() == sentences.short_form(claims, read_levels(ROOT)).strip()


def test_rare_diseases_gain_most_only_where_the_gain_falls_with_their_number():
    ends = {"slope": -0.02, "slope_low": -0.03, "slope_high": -0.01, "seeds": 5}
    assert parts.rare_first(ends).verdict == SUPPORTED
    up = {"slope": 0.02, "slope_low": 0.01, "slope_high": 0.03, "seeds": 5}
    assert parts.rare_first(up).verdict == CONTRADICTED
    assert np.isclose(parts.rare_first(up).estimate.value, 2.0)
