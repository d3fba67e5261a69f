"""Claims and verdicts: p of an interval by hand, one family, ratios, single trainings; tables as CSV."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import Estimate
from studies.shared.answer import file_list, wordy
from studies.shared.claims import Claim, claims_table, p_of_interval, verdicts


def test_p_of_an_interval_is_that_of_the_t_test_over_its_seeds():
    for seeds in (2, 3, 5):
        assert p_of_interval(Estimate(0.0, -0.1, 0.1), seeds) == pytest.approx(1)
        assert p_of_interval(Estimate(0.1, 0.0, 0.2), seeds) == pytest.approx(0.05)  # an end on zero
    values = np.array([0.28, 0.30, 0.32])
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) / 3**0.5
    one = Estimate(0.3, 0.3 - half, 0.3 + half)
    assert p_of_interval(one, 3) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert (p_of_interval(Estimate(0.0, 0.0, 0.0), 3), p_of_interval(Estimate(0.1, 0.1, 0.1), 3)) == (1, 0)


def claims():
    return [
        Claim("up", Estimate(0.1, 0.06, 0.14), 3),
        Claim("down", Estimate(-0.1, -0.14, -0.06), 3),
        Claim("small", Estimate(0.001, -0.015, 0.017), 3),
        Claim("open", Estimate(0.03, -0.03, 0.09), 3),
        Claim("one training", Estimate(0.1, 0.06, 0.14), 1),
    ]


def test_each_claim_gets_the_rule_s_word():
    table = claims_table(claims()).set_index("claim")
    words = ["supported", "contradicted", "no meaningful difference", "inconclusive", ONE_SEED]
    assert table["verdict"].tolist() == words == verdicts(claims())
    assert table.loc["one training", "p (Holm)"] == "–"
    assert table.loc["down", "effect as claimed, points (95 % CI)"] == "−10.0 (−14.0 to −6.0)"


def test_claims_of_a_page_are_one_family():
    close = Claim("close", Estimate(0.1, 0.01, 0.19), 3)  # p = 0.03
    assert verdicts([close]) == ["supported"]
    assert verdicts([close, close]) == ["inconclusive"] * 2
    assert verdicts([Claim("tested", close.estimate, 3, p=0.2)]) == ["inconclusive"]


def test_a_ratio_is_tested_on_its_logarithm():
    ratio = Claim("twice", Estimate(2.0, 1.0, 4.0), 3, ratio=True)
    assert ratio.tested == pytest.approx(0.05) and ratio.difference.value == pytest.approx(np.log(2))
    more = Claim("more", Estimate(1.4, 1.3, 1.5), 3, ratio=True)
    assert verdicts([more]) == ["supported"]
    assert claims_table([more])["effect as claimed, points (95 % CI)"][0] == "× 1.40 (1.30 to 1.50)"


def test_tables_without_room_are_linked_and_written(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("studies.shared.answer.display", lambda data, **more: shown.append(data["text/html"]))
    frame = pd.DataFrame({"a": [1, 2]})
    file_list({"by type": frame}, tmp_path / "csv", "14_skin_tone")
    assert pd.read_csv(tmp_path / "csv/14_skin_tone-by-type.csv").equals(frame)
    assert 'href="../../_static/tables/14_skin_tone-by-type.csv"' in shown[0] and ">by type</a>" in shown[0]
    file_list({"by type": frame}, None, "14_skin_tone")
    assert len(shown) == 1


def test_a_table_of_sentences_is_marked_for_narrow_screens():
    sentences = ["Attention chooses better patches than chance", "Random patches beside the class token help"]
    assert wordy(pd.DataFrame({"claim": sentences, "n": [1, 2]})) == "wordy"
    assert wordy(pd.DataFrame({"model": ["D", "full", sentences[0]], "n": [1, 2, 3]})) == ""
    assert wordy(pd.DataFrame({"claim": []})) == ""
