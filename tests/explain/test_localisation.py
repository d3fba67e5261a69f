"""Localisation scores against slow references and cases by hand; a run measured and summarised."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn

from dermimit.explain import localisation as of
from dermimit.explain.deletion import Curves, blurred, deletion_and_insertion
from dermimit.explain.localisation_names import HUMAN_IOU, SCORES
from dermimit.train import TrainConfig, fit, load_run
from studies.localisation import summary
from studies.localisation.contrast import contrast
from studies.localisation.map_scores import Thresholds, choose_thresholds, measure
from studies.localisation.masked_photographs import MaskedPhotos

RNG = np.random.default_rng(0)
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def study(n=20, side=12, levels=6, seed=0):
    """Maps with many ties, one of them constant, and masks that are neither empty nor full."""
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, levels, (n, side, side)) / (levels - 1)
    maps[0] = 0
    masks = rng.random((n, side, side)) < rng.uniform(0.1, 0.9, (n, 1, 1))
    return maps.astype(np.float32), masks


def test_ranking_scores_are_those_of_scikit_learn():
    maps, masks = study()
    for i, (auroc, ap) in enumerate(zip(of.pixel_auroc(maps, masks), of.average_precision(maps, masks), strict=True)):
        assert auroc == pytest.approx(roc_auc_score(masks[i].ravel(), maps[i].ravel()), abs=1e-12)
        assert ap == pytest.approx(average_precision_score(masks[i].ravel(), maps[i].ravel()), abs=1e-12)
    assert of.pixel_auroc(maps, masks)[0] == 0.5  # constant
    assert of.average_precision(maps, masks)[0] == pytest.approx(masks[0].mean())


def test_pointing_game_energy_and_iou_against_loops():
    maps, masks = study()
    for i, (values, mask) in enumerate(zip(maps.astype(np.float64), masks, strict=True)):
        best = [place for place in np.ndindex(values.shape) if values[place] == values.max()]
        assert of.pointing_game(maps, masks)[i] == pytest.approx(np.mean([mask[place] for place in best]))
        inside = values[mask].sum() / values.sum() if values.any() else mask.mean()
        assert of.energy_inside(maps, masks)[i] == pytest.approx(inside)
        for t in (0.0, 0.2, 0.35, np.float64(np.float32(0.6)), 1.0):
            marked = values >= t
            expected = (marked & mask).sum() / (marked | mask).sum()
            assert of.iou(maps, masks, t)[i] == pytest.approx(expected)


def test_tolerance_is_a_distance_in_pixels():
    maps, masks = np.zeros((1, 9, 9), np.float32), np.zeros((1, 9, 9), bool)
    maps[0, 4, 4] = 1
    masks[0, 1, 0] = True  # 3 up and 4 left: 5 pixels
    assert [of.pointing_game(maps, masks, t)[0] for t in (0, 4.9, 5)] == [0, 0, 1]


def test_masks_that_cannot_be_used_are_counted():
    masks = np.zeros((5, 4, 4), np.uint8)
    masks[0], masks[1], masks[2, 1, 1], masks[3, :2] = of.NO_MASK, 1, 1, 1
    keep, left_out = of.usable(masks)
    assert keep.tolist() == [False, False, True, True, False]
    assert left_out == {"no mask": 1, "empty mask": 1, "full mask": 1}


def test_lesions_are_counted_with_their_corners():
    masks = np.zeros((2, 6, 6), bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[0, 4, 4] = True
    assert of.lesions(masks) == [2, 0]


def test_contrast_is_the_colour_difference_from_the_skin_around():
    photos, masks = np.full((3, 20, 20, 3), 0.5), np.zeros((3, 20, 20), bool)
    masks[:2, 8:12, 8:12] = True
    masks[2] = True
    photos[0][masks[0]] = 0.6
    photos[:, 0, 0] = 1  # far from the lesion: not compared
    found = contrast(photos, masks)
    light, dark = (_lightness(v) for v in (0.6, 0.5))
    mean = (light + dark) / 2 - 50
    weight = 1 + 0.015 * mean**2 / np.sqrt(20 + mean**2)  # CIEDE2000 of two greys
    assert found[0] == pytest.approx((light - dark) / weight, rel=1e-3)
    assert found[1] == pytest.approx(0, abs=1e-3) and np.isnan(found[2])


def _lightness(grey):
    """CIE L* of an sRGB grey."""
    linear = ((grey + 0.055) / 1.055) ** 2.4
    return 116 * np.cbrt(linear) - 16


def test_selection_share_by_hand():
    masks = torch.zeros(1, 16, 16, dtype=torch.bool)
    masks[0, :8, :8] = True
    inside, chance = of.selected_on_lesion(torch.tensor([[0, 3]]), masks, (2, 2))
    assert inside.item() == 0.5 and chance.item() == 0.25


class Weighted(nn.Module):
    """The logit of class 1 is a weighted sum of pixels; its probability a sigmoid of it."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, images):
        z = (images.mean(1) * self.weights).sum((1, 2))
        return {"disease": torch.stack([torch.zeros_like(z), z], 1)}, {}


def test_deletion_and_insertion_against_loops():
    rng = torch.Generator().manual_seed(0)
    images, weights = torch.randn(2, 3, 8, 8, generator=rng), torch.randn(8, 8, generator=rng)
    maps = torch.randint(0, 5, (2, 8, 8), generator=rng) / 4
    classes, model = torch.tensor([1, 1]), Weighted(weights)
    removed, shown = deletion_and_insertion(model, images, maps, "disease", classes, steps=10, batch_size=1)
    soft = blurred(images)
    for i in range(2):
        values = maps[i].double().numpy().ravel()
        above = np.array([(values > v).sum() + ((values == v).sum() + 1) / 2 for v in values])
        for step in range(11):
            chosen = torch.from_numpy(above <= step / 10 * 64 + 1e-9).view(8, 8)
            assert removed.share[i, step] == shown.share[i, step] == pytest.approx(chosen.double().mean().item())
            for curve, inside, outside in ((removed, soft, images), (shown, images, soft)):
                z = (torch.where(chosen, inside[i], outside[i]).mean(0).double() * weights).sum()
                assert curve.probability[i, step] == pytest.approx(torch.sigmoid(z).item(), abs=1e-6)
    assert (removed.share[:, 0] == 0).all() and (removed.share[:, -1] == 1).all()


def test_the_area_of_a_constant_map_is_that_of_a_straight_line():
    images = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    removed, shown = deletion_and_insertion(
        Weighted(torch.ones(8, 8)), images, torch.zeros(1, 8, 8), "disease", torch.tensor([1]), several=True
    )
    assert removed.area == pytest.approx(removed.probability[:, [0, -1]].mean())
    assert removed.area == pytest.approx(shown.area)
    assert removed.at(np.array([0.5]))[0] == pytest.approx(removed.area)


def test_important_pixels_first_is_better_than_last():
    weights = torch.zeros(16, 16)
    weights[4:8, 4:8] = 1
    images = torch.zeros(1, 3, 16, 16)
    images[..., 4:8, 4:8] = 2
    ask = ("disease", torch.tensor([1]))
    good, bad = (deletion_and_insertion(Weighted(weights), images, m[None], *ask) for m in (weights, 1 - weights))
    assert good[0].area < bad[0].area and good[1].area > bad[1].area


def test_curves_are_interpolated_at_common_shares():
    curves = Curves(np.array([[0, 0, 0.5, 1]]), np.array([[1.0, 1.0, 0.5, 0.0]]))
    assert curves.at(np.array([0, 0.25, 1])).tolist() == [[1.0, 0.75, 0.0]]
    assert curves.area == 0.5


@pytest.fixture(scope="module")
def rows():
    """Rows of two methods on 40 photos of 15 patients."""
    rng = np.random.default_rng(3)
    photos = pd.DataFrame(
        {
            "image": [f"{i}.png" for i in range(40)],
            "patient_id": [f"P{p}" for p in rng.integers(0, 15, 40)],
            "fitzpatrick": pd.array(rng.choice([1, 3, 6, None], 40), dtype="Int64"),
            "body_part": rng.choice(["arm", "leg"], 40),
            "disease": rng.choice(["acne", "eczema"], 40),
            "area": rng.random(40),
            "lesions": rng.integers(1, 5, 40),
            "contrast": np.where(np.arange(40) < 4, np.nan, rng.random(40)),
            "right": pd.array(rng.choice([True, False, None], 40), dtype="boolean"),
        }
    )
    return pd.concat(
        [photos.assign(method=m, **{s: rng.random(40) + shift for s in SCORES}) for m, shift in (("a", 0), ("b", 0.5))],
        ignore_index=True,
    )


def test_means_and_intervals_by_patient_against_a_slow_bootstrap(rows):
    table = summary.summarise(rows, resamples=300)
    assert len(table) == 2 * len(SCORES) and (table["low"] < table["value"]).all()
    these = rows[rows["method"] == "a"]
    line = table[(table["method"] == "a") & (table["score"] == "iou")].iloc[0]
    assert line["value"] == pytest.approx(these["iou"].mean()) and line["photographs"] == 40
    order = these["patient_id"].drop_duplicates().to_list()
    rng, draws = np.random.default_rng(0), []
    for _ in range(300):
        drawn = [order[i] for i in rng.integers(len(order), size=len(order))]
        draws.append(np.concatenate([these.loc[these["patient_id"] == p, "iou"] for p in drawn]).mean())
    assert [line["low"], line["high"]] == pytest.approx(np.quantile(draws, [0.025, 0.975]))


def test_groups_by_hand(rows):
    sizes = summary.group(rows, "size")
    photos = rows.assign(size=sizes).drop_duplicates("image").sort_values("area")
    assert photos["size"].to_list() == ["small"] * 13 + ["medium"] * 13 + ["large"] * 14
    faint = photos.assign(contrast_group=summary.group(photos, "contrast")).sort_values("contrast")
    thirds = ["faint"] * 12 + ["middling"] * 12 + ["distinct"] * 12
    assert faint["contrast_group"].to_list() == thirds + ["not recorded"] * 4
    assert set(summary.group(rows, "count")) == {"1", "2", "3 or more"}
    assert set(summary.group(rows, "skin")) == {"I–II", "III–IV", "V–VI", "not recorded"}
    assert set(summary.group(rows, "right")) == {"right", "wrong", "not recorded"}
    by = summary.summarise(rows, "skin", ["iou"], resamples=50)
    assert by.groupby("method")["photographs"].sum().eq(40).all()
    with pytest.raises(ValueError, match="unknown grouping 'sex'"):
        summary.summarise(rows, "sex")


def test_a_group_of_one_patient_says_nothing_of_spread(rows):
    alone = rows[rows["patient_id"] == rows["patient_id"][0]]
    table = summary.summarise(alone, scores=["iou"])
    assert table["low"].isna().all() and table["value"].notna().all()


def test_paired_differences(rows):
    table = summary.paired_methods(rows, "b", "a", resamples=400).set_index("score")
    a, b = (rows[rows["method"] == m].set_index("image") for m in "ab")
    assert table.loc["iou", "value"] == pytest.approx((b["iou"] - a["iou"]).mean())
    assert table.loc["iou", "low"] > 0 and table.loc["iou", "p"] < 0.05
    shuffled = rows[rows["method"] == "a"].sample(frac=1, random_state=0)
    same = summary.paired(shuffled, rows[rows["method"] == "a"], ["iou"]).iloc[0]
    assert same["value"] == 0 and same["p"] == 1
    with pytest.raises(ValueError, match="on one side only"):
        summary.paired(rows[rows["method"] == "a"].head(10), rows[rows["method"] == "b"])
    with pytest.raises(ValueError, match="twice"):
        summary.paired(rows, rows)
    with pytest.raises(ValueError, match="'c' was not measured; measured: a, b"):
        summary.paired_methods(rows, "a", "c")


@pytest.fixture
def run(tiny_photos, tmp_path):
    return load_run(fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, samples=8,
                                    epochs=1, batch_size=4, model_kwargs=MODEL)))  # fmt: skip


def test_a_run_is_measured(run, tiny_photos, tmp_path):
    methods = ["class_attention", "integrated_gradients", "centre_prior"]
    options = {"integrated_gradients": {"steps": 4}}
    thresholds = choose_thresholds(MaskedPhotos(run, tiny_photos, "val", batch_size=4), methods, options)
    assert list(thresholds.by_method) == methods and thresholds.split == "val"
    found = measure(MaskedPhotos(run, tiny_photos, "train", batch_size=8), thresholds, options=options)
    rows = found.rows
    assert found.left_out == {"no mask": 1, "empty mask": 0, "full mask": 0}  # photo 4
    assert rows["method"].drop_duplicates().to_list() == methods
    assert len(rows) == 5 * len(methods) and not rows[["image", "method"]].duplicated().any()
    assert rows[list(SCORES)].apply(lambda column: column.between(0, 1).all()).all()
    assert rows.groupby("method")["delta"].apply(lambda column: column.notna().all()).to_dict() == {
        "centre_prior": False, "class_attention": False, "integrated_gradients": True,
    }  # fmt: skip
    assert (rows["lesions"] == 1).all() and rows["area"].between(0.1, 0.3).all()
    assert (rows["right"] == (rows["answer"] == rows["disease"])).all()
    rows.to_parquet(tmp_path / "rows.parquet")
    back = pd.read_parquet(tmp_path / "rows.parquet")
    assert len(back["deletion_curve"][0]) == 21 and back["fitzpatrick"].to_list() == rows["fitzpatrick"].to_list()
    one = Thresholds({methods[0]: found.thresholds[methods[0]]})
    again = measure(MaskedPhotos(run, tiny_photos, "train", limit=2, batch_size=2), one)
    pd.testing.assert_frame_equal(again.rows.drop(columns="delta"), rows.head(2).drop(columns="delta"), atol=1e-5)
    few = measure(MaskedPhotos(run, tiny_photos, "train", limit=2, batch_size=1), one, curves=False)
    assert len(few.rows) == 2 and few.rows["deletion"].isna().all()
    assert set(summary.summarise(few.rows)["score"]) == set(SCORES) - {"deletion", "insertion"}


def test_the_truth_can_be_explained(run, tiny_photos):
    photos = MaskedPhotos(run, tiny_photos, "test", explain="truth")
    found = measure(photos, Thresholds({"random": 0.5}), curves=False)
    assert found.left_out == measure(photos, Thresholds({"random": 0.5}), curves=False).left_out  # counted anew
    assert found.left_out["no known class"] == 1  # photo 9
    assert (found.rows["explained"] == found.rows["disease"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"task": "stage"}, "no task 'stage'"), ({"explain": "both"}, "explain='both'")],
)
def test_photos_that_cannot_be_explained_are_refused(run, tiny_photos, arguments, message):
    with pytest.raises(ValueError, match=message):
        MaskedPhotos(run, tiny_photos, **arguments)


def test_wrong_measurements_are_refused(run, tiny_photos):
    photos = MaskedPhotos(run, tiny_photos, "val")
    with pytest.raises(ValueError, match="unknown method 'cam'"):
        measure(photos, Thresholds({"cam": 0.5}))
    with pytest.raises(ValueError, match="unknown method 'cam'"):
        choose_thresholds(photos, ["random", "cam"])
    with pytest.raises(ValueError, match="no method"):
        choose_thresholds(photos, [])
    with pytest.raises(ValueError, match="chose the thresholds too"):
        measure(photos, choose_thresholds(photos, ["random"]))
    none = MaskedPhotos(run, tiny_photos, "test", limit=0)
    with pytest.raises(ValueError, match="no usable mask to choose thresholds on"):
        choose_thresholds(none, ["random"])
    with pytest.raises(ValueError, match="has no usable mask: "):
        measure(none, Thresholds({"random": 0.5}))


def test_human_agreement_is_the_documented_one():
    assert HUMAN_IOU == 0.76
    assert stats.rankdata([1, 1, 2]).tolist() == [1.5, 1.5, 3]  # what the curves rely on for ties
