"""Tables of where a pretrained backbone looks, from a record made by hand."""

from pathlib import Path

import pytest

from dermimit.evaluate.estimate import NOT_RUN
from studies.localisation.backbone_tables import CAUTION, maps_table, of_backbones, pairs_table, read_backbones


def summary(method, value, photographs=938):
    ends = {"value": value, "low": value - 0.02, "high": value + 0.02}
    scores = ("pointing", "auroc", "iou")
    return [{"method": method, "score": score, "photographs": photographs, **ends} for score in scores]


def pair(model, name, reference, reference_map, value):
    named = {"model": model, "map": name, "reference": reference, "reference_map": reference_map, "score": "auroc"}
    return named | {"value": value, "low": value - 0.01, "high": value + 0.01}


@pytest.fixture
def record():
    plain = [*summary("lsm_score", 0.93), *summary("class_attention", 0.8), *summary("centre_prior", 0.967)]
    models = {
        "vit_s14": {"label": "as it is", "summary": plain},
        "frozen_D": {"label": "D", "summary": [*summary("class_attention", 0.7), *summary("centre_prior", 0.967)]},
    }
    pairs = [pair("vit_s14", "lsm_score", "vit_s14", "centre_prior", -0.037)]
    return {"models": models, "pairs": [*pairs, pair("vit_s14", "lsm_score", "frozen_D", "class_attention", 0.005)]}


def test_maps_of_all_models_stand_together_and_what_knows_nothing_stands_once(record):
    small = {"models": {"s": {"label": "small", "summary": summary("lsm_score", 0.72, 300)}}}
    table = maps_table(record, small)
    assert list(zip(table["model"], table["map"], strict=True)) == [
        ("as it is", "lsm score"), ("as it is", "class attention"), ("D", "class attention"), ("small", "lsm score"),
        ("none", "centre prior"),
    ]  # fmt: skip
    assert table["AUROC"][0] == "0.93 (0.91 to 0.95)" and table["photographs"].tolist() == [938, 938, 938, 300, 938]


def test_differences_say_which_is_higher_and_where_it_cannot_be_told(record):
    table = pairs_table(record)
    assert table["maps"].tolist() == ["lsm score − centre prior", "lsm score, as it is − class attention, D"]
    assert table["which"].tolist() == ["lower", "cannot tell"]


def test_prose_follows_the_record_and_says_what_has_not_run(record, tmp_path):
    told = of_backbones(record)
    assert told["focus_lesion"] == "0.930" and told["focus_centre"] == "0.967"
    assert told["focus_against"] == "below the centre by −0.037 (−0.047 to −0.027)"
    assert read_backbones(tmp_path) is None and set(of_backbones(None).values()) == {NOT_RUN}
    assert told.keys() == of_backbones(None).keys()


def test_the_caution_says_what_the_weights_are():
    assert "not DINOv2" in CAUTION and "taught" in CAUTION
    page = Path(__file__).parents[2] / "notebooks/12_localisation.ipynb"
    assert "backbone_tables.CAUTION" in page.read_text(encoding="utf-8")
