"""Attribution maps and figures on the tiny model."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.explain import attributions, charts, figures, style
from dermimit.predict import DISCLAIMER, Prediction

matplotlib.use("Agg")
CLASSES = {"disease": 4, "body_part": 3, "attributes": 5}


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def tiny(**choices):
    torch.manual_seed(0)
    return timm.create_model("dermimitformer_tiny_patch8_64", num_classes=CLASSES, **choices).eval()


@pytest.fixture(scope="module")
def model():
    return tiny(lsm=True, fusion="cim")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


TARGET = torch.tensor([0, 2])
MAPS = {
    "integrated": lambda m, x: attributions.integrated_gradients(m, x, "disease", TARGET, steps=4)[0],
    "gradient": lambda m, x: attributions.gradient_times_activation(m, x, "disease", TARGET),
    "occlusion": lambda m, x: attributions.occlusion(m, x, "disease", TARGET),
    "attention": lambda m, x: attributions.class_attention(m, x, "disease"),
    "body part attention": lambda m, x: attributions.class_attention(m, x, "body_part"),
    "lesion score": lambda m, x: attributions.lesion_score_map(m, x, "disease"),
    "centre": lambda m, x: attributions.centre_map(x),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_have_the_photo_s_shape_and_unit_range(model, images, name):
    maps = MAPS[name](model, images)
    assert maps.shape == (2, 64, 64)
    assert not maps.requires_grad
    assert maps.min() == 0 and maps.max() == 1
    assert torch.equal(maps, MAPS[name](model, images))


def test_integrated_gradients_are_complete_without_lesion_selection(images):
    model = tiny(lsm=False, fusion="concat")
    with torch.no_grad():
        change = model(images)[0]["disease"] - model(torch.zeros_like(images))[0]["disease"]
    _, delta = attributions.integrated_gradients(model, images, "disease", TARGET, steps=128)
    change = change.gather(1, TARGET[:, None])[:, 0].abs()
    assert (delta.abs() <= 0.02 * change + 1e-3).all()


def test_class_attention_is_the_softmax_of_the_last_block(model, images):
    head, seen = model.heads["disease"], []
    handle = head.blocks[-1].norm1.register_forward_hook(lambda module, args, output: seen.append(output))
    model(images)
    handle.remove()
    attention = head.blocks[-1].attn
    q, k, _ = attention.qkv(seen[0]).unflatten(-1, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    row = (q @ k.transpose(-2, -1) / attention.head_dim**0.5).softmax(-1)[:, :, 0, 1:].mean(1)
    expected = attributions.patches_to_map(row, model.grid_size, (64, 64))
    torch.testing.assert_close(attributions.class_attention(model, images, "disease"), expected.detach())
    assert not head.blocks[-1].norm1._forward_hooks


def test_patch_maps_are_row_major():
    values = torch.zeros(1, 64)
    values[0, 10] = 1.0  # row 1, column 2 of an 8 × 8 grid
    spread = attributions.patches_to_map(values, (8, 8), (64, 64))[0]
    assert spread[8:16, 16:24].min() == 1 and spread.sum() == 64


def test_pointing_game_by_hand():
    maps = torch.zeros(3, 8, 8)
    maps[0, 2, 3] = maps[1, 7, 7] = 1.0
    maps[2, 0:2, 0:2] = 1.0  # a plateau: the pixel nearest to its middle counts
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[:, 0:4, 0:4] = True
    assert attributions.pointing_hits(maps, masks).tolist() == [True, False, True]
    assert attributions.pointing_hits(attributions.centre_map(torch.zeros(1, 3, 9, 9)), torch.ones(1, 9, 9) > 0).all()


def test_selection_share_by_hand():
    masks = torch.zeros(1, 16, 16, dtype=torch.bool)
    masks[0, :8, :8] = True
    inside, chance = attributions.selected_on_lesion(torch.tensor([[0, 3]]), masks, (2, 2))
    assert inside.item() == 0.5 and chance.item() == 0.25


def test_figures_are_drawn(images):
    style.use_style()
    photos = [(image.permute(1, 2, 0) * 127 + 128).byte().numpy() for image in images]
    masks = np.zeros((2, 64, 64), dtype=bool)
    masks[:, 20:40, 20:40] = True
    history = pd.DataFrame(
        {"samples_seen": [1, 2], "val": [0.1, 0.2], "loss/disease": [3.0, 2.0], "row": "D", "seed": 0}
    )
    estimates = pd.DataFrame({"label": ["D"], "row": ["D"], "value": [0.5], "low": [0.4], "high": [0.6]})
    probabilities = {"disease": pd.Series([0.1, 0.9], ["a", "b"]), "attributes": pd.Series([0.2], ["scale"])}
    answer = Prediction(photos[0], probabilities, {"disease": np.array([0, 9])}, (8, 8))
    drawn = [
        charts.class_counts({"disease": pd.Series([3, 1], ["a", "b"])}),
        figures.photo_grid(photos, ["a", "b"], masks=[masks[0], None]),
        charts.learning_curves(history, "val", label="score", names={"D": "D"}, references={"line": 0.3}, over=history),
        charts.task_curves(history, {"disease": "val"}, label="score"),
        charts.losses(history),
        charts.forest(estimates, label="score", references={"line": 0.3}),
        charts.confusion(["a", "b"], ["a", "a"], ["a", "b"]),
        figures.selection_panel(photos, {"disease": np.array([[0, 1], [2, 3]])}, (8, 8), masks),
        figures.map_panel(photos, {"map": np.zeros((2, 64, 64))}, masks, ["a", "b"]),
        figures.map_row(photos[0], {"map": np.zeros((64, 64))}, masks[0]),
        figures.answer_figure(answer, {"disease": ["b"]}),
        charts.shares(estimates.assign(baseline=True), label="share"),
    ]
    for figure in drawn:
        figure.canvas.draw()
    assert drawn[10].get_supxlabel() == DISCLAIMER


def test_colours_are_fixed_and_differ():
    assert len(set(style.ROW_COLOURS.values())) == len(style.ROW_COLOURS)
    rows = [*style.ROW_COLOURS, "new", "newer"]
    assert style.row_colour("new", rows) != style.row_colour("newer", rows)
    assert style.row_colour("D") == style.row_colour("D", rows)
