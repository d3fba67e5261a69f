"""How many melanomas and squamous cell carcinomas are found in real photographs, and how that is told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermimit.evaluate.answers import Answers
from dermimit.evaluate.out_of_fold import scored
from dermimit.evaluate.runs import read_experiments
from dermimit.records import read_json
from studies.evidence import backbone_tables, real
from studies.real_photographs import datasheets, numbers, score_charts, scores
from studies.real_photographs.sensitivity import CHOICES, RealModels, read_models
from studies.shared.counts import in_words
from studies.shared.folders import find_root
from studies.shared.real_backbones import SEEDS
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED

ROOT = find_root()
DISEASES = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")
MEL, NEV, SCC, ACK = (DISEASES.index(name) for name in ("MEL", "NEV", "SCC", "ACK"))


def invented(**networks: list[list[int]]) -> RealModels:
    """Models of 24 photographs, four of each disease, two of each patient; one list of predictions for each seed."""
    truth = np.repeat(np.arange(6), 4)
    patients = pd.Series([f"P{i // 2}" for i in range(24)])
    models = {
        row: Answers(truth, [np.array(answer) for answer in answers], patients, seeds=tuple(range(len(answers))))
        for row, answers in networks.items()
    }
    return RealModels({"diseases": DISEASES, "scores": scored(models, DISEASES, 50), "probes": []}, models)


def right(but: dict[int, int]) -> list[int]:
    """Every photograph correct but those at these places."""
    answer = list(np.repeat(np.arange(6), 4))
    for place, predicted in but.items():
        answer[place] = predicted
    return answer


MELANOMAS = range(8, 12)
CARCINOMAS = range(16, 20)


def test_hits_are_counted_by_hand_and_are_a_mean_over_seeds():
    three = {place: NEV for place in list(MELANOMAS)[:3]}
    found = invented(x_full=[right(three), right({})]).sensitivity("x_full")
    assert found.loc["MEL", ["hits", "photographs", "patients"]].tolist() == [2.5, 4, 2]
    assert found.loc["MEL", "value"] == pytest.approx(2.5 / 4)
    assert found.loc["SCC", "hits"] == 4 and found.loc["SCC", "high"] == 1


def test_none_found_is_no_certainty():
    found = invented(x_full=[right({place: ACK for place in CARCINOMAS})]).sensitivity("x_full")
    assert found.loc["SCC", "value"] == found.loc["SCC", "low"] == 0
    assert found.loc["SCC", "high"] == pytest.approx(0.658, abs=0.001)  # Wilson, none of two patients


def test_an_interval_stays_between_none_and_all():
    apart = [right({place: NEV for place in MELANOMAS}), right({})]
    found = invented(x_full=apart).sensitivity("x_full")  # two seeds far apart: Student's interval is wider than 0 to 1
    assert found.loc["MEL", ["low", "high"]].tolist() == [0, 1]


def test_what_misses_become():
    predicted = dict(zip(MELANOMAS, (NEV, NEV, ACK, MEL), strict=True)) | {CARCINOMAS[0]: NEV}
    models = invented(x_full=[right(predicted)])
    assert numbers.missed(models, "x_full") == {
        "mel_benign": "2", "mel_treated": "1", "scc_benign": "1", "scc_treated": "0",
    }  # fmt: skip
    assert models.called("x_full").sum(axis=1).tolist() == [4.0] * 6


def test_a_network_with_all_seeds_comes_before_a_better_one_with_fewer():
    worse = [right({MELANOMAS[0]: NEV})] * SEEDS
    models = invented(frozen_D=worse, frozen_full=[right({})])
    assert models.chosen("best") == "frozen_D" and models.chosen("full") == "frozen_full"
    assert models.chosen("frozen_D") == "frozen_D"
    assert numbers.paper_text(models) == ("The table below shows the paper's model too: Full model (ViT-S, frozen).")
    with pytest.raises(ValueError, match="no scores of 'x'; there are frozen_D, frozen_full"):
        models.chosen("x")


def test_no_published_answers_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="measure_backbones FOLDER"):
        read_models(tmp_path)


def test_one_sentence_says_counts_shares_and_intervals():
    told = {
        "model": "Full model",
        "photographs": 948,
        "mel_of": "19 of 40",
        "mel_percent": 47.5,
        "mel_low": 30.2,
        "mel_high": 65.4,
    }
    told |= {"scc_of": "14 of 58", "scc_percent": 24.1, "scc_low": 14.3, "scc_high": 37.3}
    said = numbers.found_text(told)
    assert "19 of 40 melanomas (47.5 %, 95 % CI 30.2 to 65.4)" in said
    assert "seeds, Full model, finds" in said
    assert "14 of 58 squamous cell carcinomas (24.1 %, 95 % CI 14.3 to 37.3). Counts are means" in said


@pytest.fixture(scope="module")
def models():
    return read_models(ROOT)


@pytest.mark.parametrize("which", CHOICES)
def test_the_published_numbers_agree_with_the_record(models, which):
    told, line = numbers.sensitivity_of(models, which, "x_"), models.line(models.chosen(which))
    for name in ("mel", "scc"):
        hits, n, percent = (told[f"x_{name}_{key}"] for key in ("hits", "n", "percent"))
        assert percent == pytest.approx(100 * hits / n) == pytest.approx(100 * line["recall"][name.upper()][0])
        assert 0 <= told[f"x_{name}_low"] <= percent <= told[f"x_{name}_high"] <= 100
        assert told[f"x_{name}_of"].endswith(f" of {n}")
    assert told["x_seeds"] == len(line["seeds"]) and told["x_photographs"] == line["photographs"]


def test_the_call_that_other_pages_make(models):
    assert numbers.sensitivity(ROOT) == numbers.sensitivity_of(models, "best")


def test_every_published_row_has_a_name_and_an_interval_around_its_value(models):
    table = scores.full_table(models)
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert (table["high"] > table["low"]).all(), "no share of few photographs is certain"
    sizes = table.groupby("model", sort=False)["photographs"].sum()
    assert (sizes == models.record["scores"][0]["photographs"]).all()


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (SUPPORTED, "It raised macro-F1 by 2.5 points (95 % CI +1.0 to +4.0; 3 seeds)."),
        (CONTRADICTED, "It lowered macro-F1 by 2.5 points (95 % CI +1.0 to +4.0; 3 seeds)."),
        ("inconclusive", "It is inconclusive: between +1.0 and +4.0 points of macro-F1."),
        (NO_DIFFERENCE, "It made no difference larger than 2 points (95 % CI +1.0 to +4.0; 3 seeds)."),
    ],
)
def test_a_difference_is_worded_by_its_verdict(verdict, said):
    line = {"difference": 0.025, "low": 0.01, "high": 0.04, "seeds": 3, "verdict": verdict}
    assert numbers.difference_text(line) == said
    assert "preliminary" in numbers.difference_text(line | {"seeds": 2})


def test_what_was_not_tested_says_so():
    line = {"difference": 0.025, "low": -0.01, "high": 0.06, "seeds": 1, "verdict": "one seed"}
    assert numbers.difference_text(line, "A") == "A: not tested, +2.5 (−1.0 to +6.0) points in one seed."
    nothing = {"difference": np.nan, "low": np.nan, "high": np.nan, "seeds": 0, "verdict": "not run yet"}
    assert numbers.difference_text(nothing, "A") == "A: not tested, since no run is published yet."


@pytest.mark.parametrize(
    ("p", "low", "high", "said"),
    [(0.01, 0.01, 0.05, "scored higher than"), (0.5, -0.01, 0.07, "is inconclusive"), (None, 0.01, 0.05, "not tested")],
)
def test_the_best_network_and_the_best_probe_are_compared_by_the_rule(p, low, high, said):
    pair = {"row": "a", "reference": "b", "seeds": 1 if p is None else 3, "p": p, "difference": 0.03}
    assert said in numbers.beside_text(pair | {"difference_low": low, "difference_high": high})


def test_what_waits_is_counted_and_named():
    seeds, pairs = {"tuned_D": 3, "tuned_full": 0, "lite0_D": 0, "lite0_full": 0}, pd.Series([3, 0, 0, 1])
    assert numbers.plan_text(seeds, pairs) == (
        "Of 4 planned networks, 3 have not run: variants on the fine-tuned ViT-S and the EfficientNet-Lite0 stem. "
        "Among 4 planned comparisons are two without a run and one with one seed."
    )
    assert numbers.plan_text({"tuned_D": 3, "tuned_full": 1}, pd.Series([3])) == (
        "Each planned network has run, one of them with one seed."
    )


def test_networks_that_scored_higher_with_fewer_seeds_are_counted(models):
    best, few = models.line(models.chosen("best")), len(models.record["scores"])
    higher = sum(line["macro_f1"] > best["macro_f1"] for line in models.record["scores"])
    assert 0 <= higher < few and (f" {in_words(higher)} network" in numbers.unsettled_text(models)) == bool(higher)


@pytest.fixture(scope="module")
def published(models):
    rows = read_experiments(ROOT / "workflow/experiments/real/pad_ufes_20_backbones.csv")
    return backbone_tables.judged(models.record, rows), real.read_real_evidence(ROOT)


def test_the_comparisons_are_those_that_ran_and_say_where_a_seed_is_missing(models, published):
    judged, _ = published
    shown = scores.comparison_table(judged)
    assert len(shown) == (judged["seeds"] > 0).sum() and shown.shape[1] == 4
    ran = judged.loc[judged["seeds"] > 0, "seeds"]
    assert (shown["seeds"].str.contains(f" of {SEEDS}").to_numpy() == (ran < SEEDS)).all()
    assert (shown["seeds"].str.contains("preliminary").to_numpy() == ran.between(2, SEEDS - 1)).all()


def test_all_that_was_scored_is_in_the_figure(models, published):
    lines = scores.score_lines(models, published[1])
    assert len(lines[lines["group"] == "ViT-S, frozen"]) == sum(
        line["row"].startswith("frozen_") for line in models.record["scores"]
    )
    best = scores.PROBES[models.chosen("probe")]
    assert best in set(lines["name"]) and lines["value"].between(lines["low"], lines["high"]).all()
    axis = score_charts.scores_forest(lines).axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == lines["name"].tolist()
    many = pd.concat([lines.head(1).assign(group=f"group {i}") for i in range(12)])
    assert len(score_charts.scores_forest(many).axes[0].get_yticklabels()) == 12, "any number of groups has a colour"


def test_the_figures_show_counts_and_parts(models):
    row = models.chosen("best")
    axis = score_charts.sensitivity_by_diagnosis({"a": models.sensitivity(row), "b": models.sensitivity(row)}).axes[0]
    said = {text.get_text() for text in axis.texts}
    found = models.sensitivity(row)
    assert f"{found.loc['MEL', 'hits']:.0f} of {found.loc['MEL', 'photographs']:.0f}" in said and len(said) == 6
    bars = score_charts.called_instead(models.called(row)).axes[0].patches
    assert sum(bar.get_width() for bar in bars) == pytest.approx(found.loc[["MEL", "SCC"], "photographs"].sum())


def test_the_page_s_numbers_are_those_of_the_records(models, published):
    judged, evidence = published
    leaks = read_json(ROOT / "results/published/real_checks/leakage.json")["table"]
    told = numbers.of_page(models, judged, evidence, leaks)
    pair = next(p for p in evidence["pairs"] if (p["row"], p["reference"]) == ("imagenet_full", "imagenet_concat"))
    assert told["joined"].startswith(f"{100 * pair['difference']:+.1f}".replace("-", "−"))
    assert told["joined_verdict"] == ("not tested" if pair["seeds"] == 1 else told["joined_verdict"])
    assert "planned network" in told["waiting"]
    assert told["leak_gain"] == 100 * max(
        r["value"] for r in leaks if (r["metric"], r["score"], r["photographs"]) == ("macro-F1", "difference", "all")
    )


def test_the_appendix_holds_the_readers_own_facts(tmp_path):
    text = datasheets.APPENDIX.read_text(encoding="utf-8")
    assert datasheets.with_sheets(text) == text, "run python -m studies.real_photographs.datasheets"
    assert all(f"(`{one.name}`)" in text and one.licence in text for one in datasheets.public_datasets())
    copy = Path(tmp_path / "data.md")
    copy.write_text(f"a\n{datasheets.START}\nold\n{datasheets.END}\nb\n", encoding="utf-8")
    datasheets.main(copy)
    assert (
        copy.read_text(encoding="utf-8") == f"a\n{datasheets.START}\n\n{datasheets.sheets()}\n\n{datasheets.END}\nb\n"
    )
    with pytest.raises(ValueError, match="is missing: put both"):
        datasheets.with_sheets("nothing")


def test_a_network_keeps_its_capitals_within_a_comparison():
    line = {"difference": 0.1, "low": 0.0, "high": 0.2, "seeds": 3, "verdict": "inconclusive"}
    pairs = [("tuned_full", "tuned_D"), ("frozen_D", "lite0_D"), ("frozen_D_LSM", "frozen_D")]
    judged = pd.DataFrame([{"row": row, "reference": reference} | line for row, reference in pairs])
    assert scores.comparison_table(judged)["comparison"].tolist() == [
        "Full model (ViT-S, fine-tuned) against disease only (ViT-S, fine-tuned)",
        "Disease only against disease only (EfficientNet-Lite0 stem)",
        "Lesion selection against disease only",
    ]
