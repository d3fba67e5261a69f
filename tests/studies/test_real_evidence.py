"""Tables of the cross-validation on real photographs, from a record made by hand."""

from pathlib import Path

import pandas as pd
import pytest

from dermimit.evaluate.comparisons import ONE_SEED
from dermimit.evaluate.estimate import NOT_RUN
from dermimit.evaluate.runs import read_experiments
from studies.evidence.real import (
    GUESSING,
    confusion_table,
    pairs_table,
    read_real_evidence,
    recall_table,
    runs_text,
    scores_table,
)
from studies.evidence.verdicts import REAL_CLAIMS, judge_real
from studies.shared.verdict_words import CONTRADICTED, NOT_TESTED, SUPPORTED, word

ROOT = Path(__file__).parents[2]
EXPERIMENTS = pd.DataFrame({"row": ["a", "b", "c"], "group": ["stem"] * 3, "label": ["A", "B", "C"]})


def line(row, value, seeds=(0,), guessing=False):
    ends = {"": 0, "_low": -0.1, "_high": 0.1}
    score = {f"{name}{end}": value + d for name in ("macro_f1", "balanced_accuracy") for end, d in ends.items()}
    confusion = {"BCC": {"BCC": 3, "MEL": 1}, "MEL": {"BCC": 2, "MEL": 0}}
    more = {"recall": {"BCC": [value, 0.1, 0.9], "MEL": [0.0, 0.0, 0.1]}, "confusion": confusion}
    return {"row": row, "seeds": list(seeds), "guessing": guessing} | score | more


def pair(row, reference, value, seeds=5, p=0.01):
    ends = {"difference": value, "difference_low": value - 0.05, "difference_high": value + 0.05}
    return {"row": row, "reference": reference, "seeds": seeds, "p": p if seeds > 1 else None} | ends


@pytest.fixture
def record():
    return {"table": [line("a", 0.4), line("b", 0.6, (0, 1)), line("c", 0.2, guessing=True)]}


def test_scores_carry_intervals_and_what_has_not_run_says_so(record):
    record["table"].pop()
    table = scores_table(record, EXPERIMENTS).set_index("model")
    assert table.loc["A", "macro-F1"] == "0.400 (0.300 to 0.500)"
    assert table["seeds"].tolist() == [1, 2, 0] and table.loc["A", "above guessing"] == "yes"
    assert table.loc["C", "macro-F1"] == table.loc["C", "above guessing"] == NOT_RUN


def test_without_a_record_every_row_is_not_run(tmp_path):
    table = scores_table(read_real_evidence(tmp_path), EXPERIMENTS)
    assert (table["macro-F1"] == NOT_RUN).all()


def test_recall_and_confusion_keep_the_names(record):
    assert recall_table(record, EXPERIMENTS)["BCC"].tolist()[:2] == ["0.400 (0.100 to 0.900)", "0.600 (0.100 to 0.900)"]
    counts = confusion_table(record, "b")
    assert counts.loc["BCC", "MEL"] == 1
    assert counts.loc["MEL", "BCC"] == 2


def test_pairs_are_named_and_tested_only_where_they_can_be(record):
    pairs = [pair("b", "a", 0.1), pair("b", "a", -0.2), pair("b", "a", 0.3, seeds=1), pair("c", "a", 0.3, seeds=1)]
    table = pairs_table(record | {"pairs": pairs}, EXPERIMENTS)
    assert table["rows"].tolist()[::3] == ["B − A", "C − A"]
    assert table["p (t, Holm)"].tolist() == ["0.020", "0.020", "one seed: not tested", "guessing: not tested"]
    assert table["verdict"].tolist() == ["higher", "lower", "inconclusive", GUESSING]
    weak = pairs_table(record | {"pairs": [pair("b", "a", 0.1, p=0.2), pair("c", "a", -0.3)]}, EXPERIMENTS)
    assert weak["verdict"].tolist() == ["inconclusive", GUESSING]  # not shown, and a row that guesses
    beside = pairs_table(record | {"pairs": [pair("b", "a", 0.1, p=0.04), pair("c", "a", 0.1, p=0.03)]}, EXPERIMENTS)
    assert beside["p (t, Holm)"].tolist() == ["0.040", GUESSING] and beside["verdict"].tolist() == ["higher", GUESSING]


def test_claims_on_real_photographs_are_judged_after_correction_over_what_is_tested():
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20.csv")
    two, one, three = list(REAL_CLAIMS)
    pairs = [pair(*two, 0.05, p=0.03), pair(*one, -0.05, p=0.001), pair("imagenet_D_B", "imagenet_D", 0.2, seeds=1)]
    judged = judge_real({"pairs": pairs}, rows).set_index("claim")
    assert judged.loc[REAL_CLAIMS[one], ["verdict", "p_holm"]].tolist() == [CONTRADICTED, 0.002]
    assert judged.loc[REAL_CLAIMS[two], ["verdict", "p_holm"]].tolist() == [SUPPORTED, 0.03]
    assert judged.loc[REAL_CLAIMS[three], "verdict"] == NOT_RUN
    alone = judge_real({"pairs": [pair(*two, 0.05, seeds=1)]}, rows).set_index("claim")
    assert alone.loc[REAL_CLAIMS[two], "verdict"] == ONE_SEED
    assert (judge_real({"table": []}, rows)["verdict"] == NOT_RUN).all()
    guessing = {"table": [line(row, 0.1, guessing=True) for row in two], "pairs": [pair(*two, 0.05, p=0.001)]}
    assert word(judge_real(guessing, rows).set_index("claim").loc[REAL_CLAIMS[two], "verdict"]) == NOT_TESTED


def test_a_record_of_several_calls_says_where_each_run_comes_from():
    facts = {"commit": "a" * 40, "dirty": False, "platform": "Linux", "seconds": 3600}
    text = runs_text({"runs": [facts, facts, facts | {"commit": "b" * 40, "dirty": True}]})
    assert "3 trainings" in text and "`aaaaaaaaaa` (2)" in text and "`bbbbbbbbbb` (1)" in text
    assert "1 of them with uncommitted changes" in text and "3.0 hours" in text
