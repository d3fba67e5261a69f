"""The page on selection: what each way takes, which sign attention has, and what the sentences say."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from judged import first_edition

from dermimit.evaluate.estimate import INCONCLUSIVE, Estimate
from dermimit.evaluate.runs import read_experiments
from dermimit.explore.onnx_model import OnnxModel
from dermimit.records import read_json
from studies.evidence import backbone_tables
from studies.evidence.components import with_rows
from studies.evidence.verdicts import CLAIMS
from studies.localisation import against_attention, choice_charts, four_ways, numbers, pointing, summary, tables
from studies.localisation import backbone_tables as map_tables
from studies.localisation.measure_backbones import merged
from studies.shared.evidence import read_evidence, with_controls
from studies.shared.folders import find_root
from studies.shared.verdict_words import CONTRADICTED, NO_DIFFERENCE, SUPPORTED
from studies.shared.worked_case import picture, worked_case

matplotlib.use("Agg")
ROOT = find_root()
PUBLISHED = ROOT / "results/published"
BACKBONES = ROOT / "workflow/experiments/real/pad_ufes_20_backbones.csv"


@pytest.fixture(scope="module")
def chosen():
    return four_ways.chosen(OnnxModel(PUBLISHED / "explorer/model.onnx"), worked_case())


@pytest.fixture(scope="module")
def controlled():
    return with_controls(ROOT)


@pytest.fixture(scope="module")
def informed():
    return read_evidence(ROOT, "selection")


@pytest.fixture(scope="module")
def compared(controlled, informed):
    selected = read_json(PUBLISHED / "localisation/selection.json")
    return four_ways.compared(selected, controlled, informed)


def test_each_way_takes_twelve_patches_of_its_own_kind(chosen):
    case, grid = worked_case(), (8, 8)
    assert list(chosen) == list(four_ways.WAYS)
    assert all(len(set(patches.tolist())) == 12 for patches in chosen.values())
    assert {27, 28, 35, 36} <= set(chosen["centre"].tolist())
    share = case.mask.reshape(8, 8, 8, 8).mean((1, 3)).ravel()
    best = four_ways.precision(case, chosen["outline"], grid)
    assert best == pytest.approx(np.sort(share)[-12:].mean())
    for patches in chosen.values():
        assert four_ways.precision(case, patches, grid) == pytest.approx(share[patches].mean())
        assert four_ways.precision(case, patches, grid) <= best + 1e-9


def test_what_is_said_below_the_images_is_that_of_the_records(compared, informed):
    half = informed.against("full").set_index("row")["value"]
    assert compared.loc["outline", "value"] == half["oracle"] and compared.loc["outline", "half"] == half["full"]
    assert compared.loc[["attention", "random", "centre"], "half"].isna().all()
    assert compared["seeds"].tolist() == [5, 5, 5, 3]
    assert (compared["low"] < compared["value"]).all() and compared["precision"].between(0, 1).all()


def test_only_chosen_patches_are_lit(chosen, compared):
    image = picture(64)
    shown = choice_charts.lit(image, [0, 63], (8, 8))
    assert (shown[:8, :8] == image[:8, :8]).all() and (shown[-8:, -8:] == image[-8:, -8:]).all()
    rest = shown[:8, 8:]
    assert (rest == rest[..., :1]).all() and rest.max() <= 0.45 * 255
    figure = choice_charts.four_ways(picture(128), worked_case(128).mask, chosen, (8, 8), compared)
    assert [axis.get_title() for axis in figure.axes] == list(four_ways.WAYS.values())
    assert all(len(axis.patches) == 12 for axis in figure.axes)
    texts = [axis.texts[0].get_text() for axis in figure.axes]
    assert f"{100 * compared.loc['random', 'value']:.1f} %" in texts[1] and "half training" in texts[3]
    plt.close(figure)


def test_every_line_names_what_is_subtracted_from_what(controlled, informed):
    scores = controlled.records.groupby("row")["test/disease/macro_f1"].mean()
    table = against_attention.controls(with_rows(first_edition(), CLAIMS)).set_index("label")
    for (row, reference), label in against_attention.CONTROLS.items():
        assert table.loc[label, "difference"] == pytest.approx(scores[row] - scores[reference], abs=1e-9)
    outlines = against_attention.informed(informed).set_index("label")
    found = informed.against("full").set_index("row")
    for row, label in against_attention.INFORMED.items():
        assert label.endswith(" − attention")
        assert outlines.loc[label, "difference"] == found.loc[row, "difference"]
        assert outlines.loc[label, "low"] == found.loc[row, "difference_low"]
    means = informed.records.groupby("row")["test/disease/macro_f1"].mean()
    better = outlines.loc["true outline − attention"]
    assert (better["difference"] > 0) == (means["oracle"] > means["full"]) and better["verdict"] == SUPPORTED
    assert (outlines["low"] <= outlines["difference"]).all() and (outlines["difference"] <= outlines["high"]).all()


def test_real_photographs_have_a_line_for_each_backbone_that_has_run():
    pair = {"seeds": 3, "difference": 0.03, "difference_low": 0.01, "difference_high": 0.05, "p": 0.001}
    record = {"pairs": [{"row": "tuned_D_LSM", "reference": "tuned_D_random"} | pair]}
    judged = backbone_tables.judged(record, read_experiments(BACKBONES))
    table = against_attention.real(judged)
    assert table["label"].tolist() == ["real: attention − random, ViT-S/14 fine-tuned"] and table[
        "verdict"
    ].tolist() == [SUPPORTED]
    assert against_attention.real(backbone_tables.judged({"pairs": []}, read_experiments(BACKBONES))).empty
    assert numbers.waiting(judged) == "3 of 4 planned backbones have not been trained yet."


def choices(first, second, outline=SUPPORTED):
    lines = [("attention − random, disease only", -0.03, first), ("attention − random, three tasks", 0.03, second),
             ("attention − centre, three tasks", 0.0, NO_DIFFERENCE),
             ("true outline − attention", 0.03, outline)]  # fmt: skip
    table = pd.DataFrame(lines, columns=["label", "difference", "verdict"])
    return table.assign(low=table["difference"] - 0.01, high=table["difference"] + 0.01)


def test_sentences_follow_the_verdicts():
    told = numbers.of_choice(choices(INCONCLUSIVE, INCONCLUSIVE))
    assert told["chance"] == (
        "On large lesions, first edition, whether attention beats chance is inconclusive: between −4.0 and −2.0 points "
        "with the disease only and between +2.0 and +4.0 points with three tasks"
    )
    assert told["outline"] == "The true outline instead of attention raised macro-F1 by 3.0 points (95 % CI 2.0 to 4.0)"
    assert told["centre"].startswith("Attention instead of the image centre made no difference larger than two points")
    assert told["real"].endswith("not tested")
    other = numbers.of_choice(choices(CONTRADICTED, SUPPORTED, INCONCLUSIVE))
    assert "with the disease only, lowered macro-F1 by 3.0 points" in other["chance"]
    assert "with three tasks, raised macro-F1 by 3.0 points" in other["chance"]
    assert "inconclusive" in other["outline"]


@pytest.mark.parametrize(
    ("value", "p", "told"),
    [
        (-0.25, 0.02, "hits the lesion less often, by 25.0 points (20.0 to 30.0) of the images."),
        (0.25, 0.02, "hits the lesion more often, by 25.0 points (20.0 to 30.0) of the images."),
        (-0.25, 0.2, "is inconclusive."),
    ],
)
def test_what_selection_does_to_attention_is_told_by_the_corrected_test(value, p, told):
    line = {"method": "class_attention", "score": "pointing", "p_holm": p, "value": value}
    assert numbers.attended(pd.DataFrame([line | {"low": value - 0.05, "high": value + 0.05}])).endswith(told)


def test_maps_are_told_beside_the_centre():
    found = tables.read_localisation(ROOT)
    unet = read_json(PUBLISHED / "segmentation/unet.json")
    table = pointing.pointing(found.methods, found.real, map_tables.read_backbones(ROOT), unet)
    drawn = table[table["images"] == pointing.SYNTHETIC].set_index("label")
    means = found.methods.groupby("method")["auroc"].mean()
    assert drawn.loc["attention", "auroc"] == pytest.approx(means["lsm_score"])
    assert drawn.loc["image centre", "auroc"] == pytest.approx(means["centre_prior"])
    assert drawn.loc["U-Net, trained on outlines", "iou"] == unet["iou"]
    without = pointing.pointing(found.methods, found.real, None, unet)
    assert without["label"].tolist() == [label for label in table["label"] if "ViT" not in label]
    assert table["label"].str.contains("ViT").sum() >= 2
    figure = choice_charts.pointing(table)
    assert len(figure.axes[0].get_yticklabels()) == len(table)
    plt.close(figure)
    every = summary.summarise(found.methods)
    centre = pointing.against_centre(found.selection, found.methods)
    for gap, than in ((Estimate(-0.2, -0.3, -0.1), "better than"), (Estimate(0.2, 0.1, 0.3), "worse than")):
        told = numbers.of_maps(table, every, gap, centre, found.sanity)
        assert f"points at the lesion {than} the model's attention (AUROC 0.94 against 0.67)" in told["pointing"]


@pytest.mark.parametrize(
    ("value", "told"), [(0.05, "better with"), (-0.05, "less well with"), (0.01, "about as well as")]
)
def test_what_training_with_selection_does_to_attention_is_told_by_its_interval(value, told):
    pair = {"model": "tuned_D_LSM", "map": "class_attention", "reference": "tuned_D", "score": "auroc"}
    said = numbers.after_fine_tuning({"pairs": [pair | {"value": value, "low": value - 0.02, "high": value + 0.02}]})
    assert told in said and "covers patients only" in said
    assert numbers.after_fine_tuning(None) == numbers.after_fine_tuning({"pairs": []}) == ""


def test_models_that_are_measured_later_join_the_record():
    pairs = [{"model": "frozen_D", "reference": "frozen_D"}, {"model": "tuned_D", "reference": "frozen_D"}]
    models = {"frozen_D": {"label": "a"}, "tuned_D": {"label": "b"}}
    old = {"models": models, "pairs": pairs, "provenance": {"commit": "1"}}
    pair = {"model": "tuned_D_LSM", "reference": "tuned_D"}
    new = merged(old, {"tuned_D_LSM": {"label": "c"}, "tuned_D": {"label": "d"}}, [pair], {"commit": "2"})
    assert [(name, model["label"], model["commit"]) for name, model in new["models"].items()] == [
        ("frozen_D", "a", "1"), ("tuned_D", "d", "2"), ("tuned_D_LSM", "c", "2"),
    ]  # fmt: skip
    assert new["pairs"] == [pairs[0], pair]  # tuned_D was measured anew, and frozen_D was not
    assert merged({}, {"tuned_D": {}}, [], {"commit": "2"})["pairs"] == []


def test_attention_is_tested_against_the_centre_over_seeds():
    rng = np.random.default_rng(0)
    images = [f"{i}.png" for i in range(40)]
    base = pd.DataFrame({"image": images, "patient_id": range(40), "iou": 0.1, "pointing": 0.1})
    centre = base.assign(method="centre_prior", auroc=0.9 + 0.01 * rng.standard_normal(40))
    for gain, verdict in ((-0.2, CONTRADICTED), (0.05, SUPPORTED)):
        seeds = [
            base.assign(method="class_attention", row="full", seed=s, auroc=0.9 + gain + 0.01 * rng.standard_normal(40))
            for s in range(5)
        ]
        found = pointing.against_centre(pd.concat(seeds), centre)
        assert found["low"] < gain < found["high"] and found["seeds"] == 5 and found["verdict"] == verdict


def test_the_best_map_is_none_of_the_baselines():
    every = summary.summarise(tables.read_localisation(ROOT).methods)
    name, value, kinds = pointing.best_map(every)
    assert name == "occlusion" and 0.7 < value < 0.9 and kinds == 12
