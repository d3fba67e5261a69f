"""Tables of published localisation: paired gains against a slow reference, and what selected patches cover."""

import numpy as np
import pandas as pd
import pytest
import torch

from dermimit.explain.selected_patches import on_lesion
from studies.localisation.selection import covered
from studies.localisation.tables import read_localisation, with_and_without


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


def test_a_photo_that_only_one_side_has_is_refused():
    frame = rows()
    frame = frame[~((frame["row"] == "full") & (frame["image"] == "3.png"))]
    with pytest.raises(ValueError, match="1 photographs are on one side only"):
        with_and_without(frame, ("auroc",))


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


def test_what_has_not_been_measured_is_none(tmp_path):
    found = read_localisation(tmp_path)
    assert found.methods is None and found.real is None and found.record == {}


def test_gains_of_selection_need_a_second_seed():
    alone = with_and_without(rows(seeds=1), ("auroc",))
    assert alone[["low", "high", "p"]].isna().all(axis=None)
