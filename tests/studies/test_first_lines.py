"""What the chapters on evidence say first is what their tables say."""

from pathlib import Path

import pandas as pd
import pytest
from judged import first_edition

from dermimit.evaluate.runs import read_experiments
from studies.evidence import gradient_conflict, verdict_texts, verdicts
from studies.evidence import numbers as first_lines
from studies.evidence import real as real_evidence
from studies.evidence import tables as evidence_pages
from studies.shared import evidence
from studies.shared.listing import listed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables():
    names = ("choices", "baselines", "labels", "data_share")
    found = {name: evidence_pages.explored(evidence_pages.evidence_of(ROOT, name)) for name in names}
    return found | {"gradients": evidence_pages.evidence_of(ROOT, "gradients")}


def test_parts_choices_rivals_and_real_photographs(tables):
    ablation = evidence.read_evidence(ROOT, "ablation").against("D")
    pairs = real_evidence.read_real_evidence(ROOT)["pairs"]
    first = first_lines.of_evidence(ablation, tables["choices"], tables["baselines"], pairs)
    (full,) = ablation[ablation["row"] == "full"].to_dict("records")
    assert first["full"] == full["difference"] and first["full_low"] < first["full"] < first["full_high"]
    assert first["choices"] == 22 and first["rivals"] == 10 and first["full_seeds"] == 5
    assert first["choices_by_chance"] == pytest.approx(1.1)
    for name in ("choices", "rivals"):
        assert sum(first[f"{name}_{key}"] for key in ("above", "below", "inside", "stuck")) == first[name]
    assert "optimizer: SGD" in first["choices_below_names"] and "optimizer: SGD" not in first["choices_above_names"]
    assert first["rivals_stuck"] == 4 and "Swin-T" in first["rivals_stuck_names"]


def test_verdicts_are_counted_and_named():
    drawn = first_edition()
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20.csv")
    real = verdicts.judge_real(real_evidence.read_real_evidence(ROOT), rows)
    first = first_lines.of_verdicts(drawn, real)
    for name, table in (("drawn", drawn), ("real", real)):
        kinds = [first[f"{name}_{kind}"] for kind in ("held", "inconclusive", "same", "contradicted", "untested")]
        assert sum(kinds) == first[f"{name}_claims"] == len(table)  # each has run and has one verdict
        assert first[f"{name}_held_claims"].count(";") == max(kinds[0] - 1, 0)
    assert {name: first[name] for name in ("tokens_answer", "choosing_answer")} == verdict_texts.answers(drawn)


def test_labels_photographs_and_conflicts(tables):
    watched = tables["gradients"]
    runs = watched.records[watched.records["row"].isin(watched.own)]
    cosines = gradient_conflict.mean_cosines(gradient_conflict.seed_cosines(runs), watched.experiments)
    first = first_lines.of_labels(tables["labels"], tables["data_share"], cosines)
    lines = tables["labels"].set_index("label")
    assert first["no_attributes"] == lines.loc["100 % missing", "difference"]
    assert first["wrong_beside_missing"] == pytest.approx(first["wrong_attributes"] - first["no_attributes"])
    assert first["two_seeds_band"] > first["labels_band"] > 0
    assert (cosines["cosine"] >= first["least_cosine"]).all()
    assert any(first["least_pair"].endswith(model) for model in cosines["model"])


def test_findings_are_listed_and_their_absence_is_said():
    assert listed(["one", "two"]) == "one; two" and listed(iter(["one", "two"]), separator=", ") == "one, two"
    assert listed(["one"], "Wider") == "Wider: one" and listed([], "Wider") == "Wider: none" and listed([]) == "none"


def test_rows_are_named_with_their_differences():
    rows = pd.DataFrame({"group": ["K", "loss"], "label": ["4", "focal"], "difference": [-0.1, float("nan")]})
    assert first_lines.row_names(rows, True) == "K: 4 (−0.100), loss: focal"
    assert first_lines.row_names(rows, False) == "4 (−0.100), focal" and first_lines.row_names(rows[:0], True) == "none"
