"""Tables of the cross-validation on real photographs, from a record made by hand."""

from pathlib import Path

import pandas as pd
import pytest

from dermimit.evaluate.evidence import NOT_RUN
from dermimit.evaluate.real_evidence import (
    competition_text,
    confusion_table,
    pairs_table,
    read_real_evidence,
    recall_table,
    scores_table,
)
from dermimit.evaluate.tables import read_experiments
from dermimit.evaluate.verdicts import CONTRADICTED, NOT_SHOWN, REAL_CLAIMS, judge_real

ROOT = Path(__file__).parents[1]
EXPERIMENTS = pd.DataFrame({"row": ["a", "b", "c"], "group": ["stem"] * 3, "label": ["A", "B", "C"]})


def line(row, value, p):
    ends = {"": 0, "_low": -0.1, "_high": 0.1}
    score = {f"{name}{end}": value + d for name in ("macro_f1", "balanced_accuracy") for end, d in ends.items()}
    difference = {"difference": value - 0.4, "difference_low": value - 0.5, "difference_high": value - 0.3, "p": p}
    confusion = {"BCC": {"BCC": 3, "MEL": 1}, "MEL": {"BCC": 2, "MEL": 0}}
    more = {"recall": {"BCC": [value, 0.1, 0.9]}, "confusion": confusion}
    return {"row": row} | score | difference | more


@pytest.fixture
def record():
    return {"table": [line("a", 0.4, None), line("b", 0.6, 0.01)]}


def test_scores_carry_intervals_and_what_has_not_run_says_so(record):
    table = scores_table(record, EXPERIMENTS).set_index("model")
    assert table.loc["A", "macro-F1"] == "0.400 (0.300 to 0.500)"
    assert table.loc["A", "difference (95 %)"] == "–"
    assert table.loc["B", "difference (95 %)"] == "+0.200 (+0.100 to +0.300)"
    assert table.loc["B", "p (Holm)"] == "0.010"
    assert table.loc["C", "macro-F1"] == NOT_RUN


def test_without_a_record_every_row_is_not_run(tmp_path):
    table = scores_table(read_real_evidence(tmp_path), EXPERIMENTS)
    assert (table["macro-F1"] == NOT_RUN).all()


def test_recall_and_confusion_keep_the_names(record):
    assert recall_table(record, EXPERIMENTS)["BCC"].tolist() == ["0.40 (0.10 to 0.90)", "0.60 (0.10 to 0.90)"]
    counts = confusion_table(record, "b")
    assert counts.loc["BCC", "MEL"] == 1
    assert counts.loc["MEL", "BCC"] == 2


def test_pairs_are_named_corrected_and_judged(record):
    def pair(row, reference, value):
        return {"row": row, "reference": reference, "difference": value, "difference_low": value - 0.05,
                "difference_high": value + 0.05, "p": 0.01}  # fmt: skip

    pairs = [pair("b", "a", 0.1), pair("c", "a", -0.2)]
    table = pairs_table(record | {"pairs": pairs}, EXPERIMENTS)
    assert table["rows"].tolist() == ["B − A", "C − A"]
    assert table["p (Holm)"].tolist() == ["0.020", "0.020"]
    assert competition_text(record).count("not run yet") == 2
    names = [("bottleneck_B_A", "bottleneck_B"), ("bottleneck_B_A", "bottleneck_A")]
    worse = competition_text({"pairs": [pair(*names[0], -0.2), pair(*names[1], 0.1)]})
    assert "In the bottleneck" in worse and "**competition is shown**" in worse
    same = competition_text({"pairs": [pair(*names[0], 0.02), pair(*names[1], 0.1)]})
    assert "no competition is shown" in same


def test_claims_on_real_photographs_are_judged_after_correction_over_all_pairs():
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20.csv")
    ends = {"difference_low": 0.01, "difference_high": 0.09}
    pairs = [{"row": r, "reference": d, "difference": 0.05, "p": 0.03, **ends} for r, d in list(REAL_CLAIMS)[:2]]
    pairs.append({"row": "imagenet_full", "reference": "imagenet_concat", "difference": -0.05, "p": 0.001, **ends})
    judged = judge_real({"pairs": pairs}, rows).set_index("claim")
    assert judged.loc["Cross-interaction beats concatenation", ["verdict", "p_holm"]].tolist() == [CONTRADICTED, 0.003]
    assert judged.loc["Learning attributes too helps the disease", ["verdict", "p_holm"]].tolist() == [NOT_SHOWN, 0.06]
    assert judged.loc["The whole model beats the plain one", "verdict"] == NOT_RUN
    assert (judge_real({"table": []}, rows)["verdict"] == NOT_RUN).all()
