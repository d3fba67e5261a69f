"""Tables of published localisation: paired gains against a slow reference, and what selected patches cover."""

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.explain.selected_patches import on_lesion
from studies.localisation.selection import SELECTORS, covered, selection_table
from studies.localisation.summary import summarise
from studies.localisation.tables import (
    Published,
    attended_text,
    precision_text,
    read_localisation,
    real_text,
    scores_table,
    with_and_without,
    with_and_without_table,
)
from studies.shared.folders import find_root


def rows(seeds=3, photos=40):
    rng = np.random.default_rng(0)
    lines = []
    for row, gain in (("full", 0.1), ("D_B_A_CIM", 0.0)):
        for seed in range(seeds):
            for method in ("a_map", "another"):
                for i in range(photos):
                    lines.append(
                        {"row": row, "seed": seed, "method": method, "image": f"{i}.png", "patient_id": f"p{i // 2}",
                         "auroc": 0.6 + (gain if method == "a_map" else 0) + 0.05 * rng.standard_normal()}
                    )  # fmt: skip
    return pd.DataFrame(lines)


def test_the_gain_of_selection_is_the_mean_over_photos_and_seeds_and_the_interval_holds_it():
    frame = rows()
    found = with_and_without(frame, ("auroc",)).set_index("method")
    for method, line in found.iterrows():
        these = frame[frame["method"] == method]
        slow = np.mean([
            these[(these["row"] == "full") & (these["seed"] == s)]["auroc"].mean()
            - these[(these["row"] == "D_B_A_CIM") & (these["seed"] == s)]["auroc"].mean()
            for s in range(3)
        ])  # fmt: skip
        assert line["value"] == pytest.approx(slow, abs=1e-9)
        assert line["low"] < slow < line["high"]
        assert line["photographs"] == 40 and line["patients"] == 20 and line["seeds"] == 3
    assert found.loc["a_map", "p_holm"] < 0.01 and found.loc["a_map", "positive"] == 3
    assert found.loc["another", "low"] < 0 < found.loc["another", "high"]
    text = with_and_without_table(found.reset_index())
    assert list(text["map"]) == ["a map", "another"] and text["seeds above 0"][0] == "3 of 3"


def test_a_photo_that_only_one_side_has_is_refused():
    frame = rows()
    frame = frame[~((frame["row"] == "full") & (frame["image"] == "3.png"))]
    with pytest.raises(ValueError, match="1 photographs are on one side only"):
        with_and_without(frame, ("auroc",))


def test_the_table_of_scores_keeps_the_order_of_methods_and_groups():
    frame = rows().query("row == 'full' and seed == 0").assign(area=0.1, lesions=1, fitzpatrick=2)
    whole = scores_table(summarise(frame, scores=("auroc",)))
    assert list(whole.columns) == ["method", "AUROC"] and list(whole["method"]) == ["a map", "another"]
    grouped = scores_table(summarise(frame, "skin", ("auroc",)))
    assert list(grouped.columns) == ["method", "group", "AUROC"] and set(grouped["group"]) == {"I–II"}
    alone = scores_table(summarise(frame[frame["patient_id"] == frame["patient_id"].iloc[0]], scores=("auroc",)))
    assert alone["AUROC"].str.endswith("(one patient)").all()


def test_what_selected_patches_cover_is_counted_pixel_by_pixel(tiny_photos):
    test = tiny_photos.photos("test", with_mask=True)
    names = list(test.frame["image"])
    chosen = {name: [5, 0, 1, 6] for name in names}
    predictions = pd.DataFrame(
        {"image": names, "split": "test", "selected": [np.array(chosen[n], np.int16) for n in names]}
    )
    found = on_lesion(predictions, tiny_photos, (4, 4)).set_index("image")
    for i, name in enumerate(names):
        lesion = test[i]["mask"][0].numpy() == 1
        inside = np.zeros_like(lesion)
        for patch in chosen[name]:
            r, c = divmod(patch, 4)
            inside[4 * r : 4 * r + 4, 4 * c : 4 * c + 4] = True
        assert found.loc[name, "precision"] == pytest.approx((lesion & inside).sum() / inside.sum())
        assert found.loc[name, "recall"] == pytest.approx((lesion & inside).sum() / lesion.sum())
        assert found.loc[name, "chance"] == pytest.approx(lesion.mean())
    line = covered(found.reset_index())
    assert line["precision_low"] <= line["precision"] <= line["precision_high"]
    assert torch.tensor(line["recall"]) <= 1


def test_published_tables_hold_a_line_for_each_selector_and_say_what_has_not_run():
    from studies.localisation.selection import read_selection

    root = find_root()
    evidence = read_selection(root)
    table = selection_table(evidence, root)
    assert list(table["selected by"]) == list(SELECTORS.values())
    there = set(evidence.records["row"])
    for row, value in zip(SELECTORS, table["macro-F1"], strict=True):
        assert (value == "not run yet") == (row not in there)


def test_what_has_not_been_measured_is_none(tmp_path):
    found = read_localisation(tmp_path)
    assert found.methods is None and found.real is None and found.record == {}


def test_what_selection_does_to_attention_is_said_in_words():
    line = {"method": "class_attention", "score": "pointing", "p_holm": 0.02, "seeds": 5, "positive": 0}
    told = {"less often": (-0.25, -0.39, -0.1), "more often": (0.25, 0.1, 0.39), "cannot be told": (-0.1, -0.3, 0.1)}
    for words, (value, low, high) in told.items():
        text = attended_text(pd.DataFrame([line | {"value": value, "low": low, "high": high}]))
        assert words in text and "0.020" in text and "-0." not in text
    less = attended_text(pd.DataFrame([line | {"value": -0.25, "low": -0.39, "high": -0.1}]))
    assert "by 25 of 100 photographs (10 to 39), in 5 of 5 seeds" in less


def test_gains_of_selection_need_a_second_seed():
    alone = with_and_without(rows(seeds=1), ("auroc",))
    assert alone[["low", "high", "p"]].isna().all(axis=None)


def test_precision_is_judged_against_the_centre_and_against_people():
    rng = np.random.default_rng(0)

    def frame(gain):
        values = {"lsm_score": 0.5 + gain, "centre_prior": 0.5}
        return pd.DataFrame(
            [{"method": m, "image": f"{i}.png", "patient_id": i, "iou": 0.4, "auroc": v + 0.05 * rng.standard_normal(),
              "pointing": v + 0.05 * rng.standard_normal()} for m, v in values.items() for i in range(50)]
        )  # fmt: skip

    better = precision_text(Published(frame(0.2), None, None, {}, None))
    assert "it points better than the centre" in better and "lesion of a synthetic image is 0.40" in better
    assert "points **worse** than the centre" in precision_text(Published(frame(-0.2), None, None, {}, None))
    assert "**not shown**" in precision_text(Published(frame(0.0), None, None, {}, None))
    assert precision_text(Published(None, None, None, {}, None)) == "**Not run yet.**"


def test_real_photographs_in_words_name_the_best_map_that_looks():
    summary = [
        {"method": method, "score": score, "value": value}
        for method, values in {"lsm_score": (0.6, 0.2), "occlusion": (0.8, 0.3), "centre_prior": (0.9, 0.5)}.items()
        for score, value in zip(("auroc", "iou"), values, strict=True)
    ]
    text = real_text({"models": {"m": {"label": "from random weights", "summary": summary}}})
    assert "occlusion has the highest AUROC, 0.80" in text and "the lesion score has 0.60" in text
    assert "0.90" in text and "0.30 (occlusion)" in text and "0.76" in text
