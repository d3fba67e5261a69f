"""Tables of published localisation: paired gains against a slow reference, and what selected patches cover."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.explain.selected_patches import on_lesion
from studies.localisation.numbers import of_localisation, of_precision
from studies.localisation.selection import SELECTORS, choices_table, covered, read_selection, selection_table
from studies.localisation.summary import summarise
from studies.localisation.tables import (
    Published,
    precision_table,
    read_localisation,
    real_table,
    scores_table,
    with_and_without,
    with_and_without_table,
)
from studies.shared.evidence import with_controls
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
    assert text["with selection"].tolist() == ["higher", "cannot tell"]


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


def summary_of(methods):
    return [
        {"method": method, "score": score, "value": value}
        for method, values in methods.items()
        for score, value in zip(("auroc", "iou"), values, strict=True)
    ]


SUMMARY = summary_of({"lsm_score": (0.6, 0.2), "occlusion": (0.8, 0.3), "centre_prior": (0.9, 0.5)})


@pytest.mark.parametrize(
    ("value", "p", "told"),
    [(-25, 0.02, "less often"), (25, 0.02, "more often"), (-25, 0.2, "cannot tell")],
)
def test_the_first_lines_tell_what_selection_does_to_attention_by_the_corrected_test(value, p, told):
    gains = {"method": "class_attention", "score": "pointing", "p_holm": p, "seeds": 5, "positive": 1}
    gains = pd.DataFrame([gains | {"value": value / 100, "low": (value - 5) / 100, "high": (value + 5) / 100}])
    chosen = pd.DataFrame([{"row": "oracle", "difference": 0.02, "difference_low": 0.01, "difference_high": 0.03}])
    first = of_localisation(pd.DataFrame(SUMMARY), pd.DataFrame(SUMMARY), gains, chosen)
    assert (first["attended_verdict"], first["attended_p"]) == (told, f"{p:.3f}")
    attended = [first[name] for name in ("attended", "attended_low", "attended_high", "attended_up", "attended_seeds")]
    assert attended == pytest.approx([value, value - 5, value + 5, 1, 5]) and first["attended_compared"] == 1
    assert (first["drawn_best"], first["drawn_best_auroc"], first["real_iou"]) == ("occlusion", 0.8, 0.3)
    assert (first["drawn_centre"], first["real_lesion"], first["oracle_low"]) == (0.9, 0.6, 0.01)


def test_choices_of_patches_are_told_by_the_corrected_test():
    root = find_root()
    informed, controlled = read_selection(root), with_controls(root)
    table = choices_table(informed, controlled).set_index("patches chosen by")
    assert table.index.tolist() == ["chance", "centre", "all 64 patches", *list(SELECTORS.values())[1:4]]
    both = pd.concat([of.against("full").set_index("row") for of in (controlled, informed)])
    for row, name in (("full_random", "chance"), ("oracle", "true mask (oracle)"), ("unet", "U-Net")):
        difference, p = both.loc[row, ["difference", "p_holm"]]
        told = "cannot tell" if p >= 0.05 else "higher" if difference > 0 else "lower"
        assert table.loc[name, "than attention"] == told
        assert table.loc[name, "minus attention (95 %)"].replace("−", "-").startswith(f"{difference:+.3f} (")
    assert {"higher", "cannot tell"} <= set(table["than attention"])
    few = replace(informed, records=informed.records[informed.records["row"] != "unet"])
    assert choices_table(few, controlled).set_index("patches chosen by").loc["U-Net", "than attention"] == "not run yet"


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

    for gain, told in ((0.2, "better"), (-0.2, "worse"), (0.0, "cannot tell")):
        published = Published(frame(gain), None, None, {}, None)
        table = precision_table(published)
        assert table["score"].tolist() == ["pointing game", "AUROC"] and set(table["than the centre"]) == {told}
        assert table["lesion score − centre (95 %)"][0].startswith("−") == (gain < 0) or not gain
        assert of_precision(published.methods) == {"lesion_iou": pytest.approx(0.4), "people": 0.76}
    assert set(precision_table(Published(None, None, None, {}, None))["than the centre"]) == {"not run yet"}


def test_real_photographs_name_the_best_map_that_looks():
    (line,) = real_table({"models": {"m": {"label": "from random weights", "summary": SUMMARY}}}).to_dict("records")
    assert line["highest AUROC of a map"] == "0.80 (occlusion)" and line["lesion score"] == "0.60"
    assert (line["centre"], line["highest mean IoU of a map"]) == ("0.90", "0.30 (occlusion)")
    assert line["two people"] == "0.76" and line["model"] == "from random weights"
