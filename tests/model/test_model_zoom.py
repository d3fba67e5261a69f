"""The second, closer look: the box, the enlargement, and the model around them."""

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional as F

from dermimit.explain import attributions
from dermimit.model import ModelConfig, ZoomDermImitFormer, build
from dermimit.model.zoom import MIN_SIDE, connected_to_best, crop, reached_by_squaring, zoom_box
from dermimit.train import TrainConfig, fit, load_run
from dermimit.train.losses import task_objectives

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
VIT = dict(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0)
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def small(num_classes=CLASSES, **choices):
    torch.manual_seed(0)
    return build(VisionTransformer(**VIT), num_classes, ModelConfig(**{"lsm_k": 4, "zoom": True} | choices))


@pytest.fixture
def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def reach(scores, above, grid):
    """The best patch's component, by a walk."""
    best = int(scores.argmax())
    seen, todo = {best}, [best]
    while todo:
        row, column = divmod(todo.pop(), grid[1])
        for r in range(max(row - 1, 0), min(row + 2, grid[0])):
            for c in range(max(column - 1, 0), min(column + 2, grid[1])):
                n = r * grid[1] + c
                if n not in seen and above[n]:
                    seen.add(n)
                    todo.append(n)
    return seen


@pytest.mark.parametrize("grid", [(4, 4), (8, 8), (5, 9)])
@pytest.mark.parametrize("threshold", [0.8, 1.2, 1.6, 5.0])
def test_the_box_is_the_smallest_square_around_the_best_patch_s_component(grid, threshold):
    rows, columns = grid
    scores = torch.rand(40, rows * columns, generator=torch.Generator().manual_seed(rows))
    above = scores > threshold * scores.mean(1, keepdim=True)
    found = connected_to_best(scores, above, grid).flatten(1)
    box = zoom_box(scores, grid, threshold).double()
    assert box.min() >= 0 and box.max() <= 1 + 1e-6
    for i in range(40):
        patches = reach(scores[i], above[i], grid)
        assert set(found[i].nonzero()[:, 0].tolist()) == patches
        assert int(scores[i].argmax()) in patches
        top, left = (min(n // columns for n in patches) / rows, min(n % columns for n in patches) / columns)
        bottom, right = (
            (max(n // columns for n in patches) + 1) / rows,
            (max(n % columns for n in patches) + 1) / columns,
        )
        x0, y0, x1, y1 = box[i].tolist()
        assert x0 <= left + 1e-6 and y0 <= top + 1e-6 and x1 >= right - 1e-6 and y1 >= bottom - 1e-6
        assert x1 - x0 == pytest.approx(y1 - y0, abs=1e-6)
        assert x1 - x0 == pytest.approx(max(bottom - top, right - left, MIN_SIDE), abs=1e-6)


def test_equal_scores_and_a_winding_component():
    assert zoom_box(torch.ones(1, 16), (4, 4), 1.2).tolist() == [[0, 0, 0.25, 0.25]]  # the first of equals, alone
    wall = torch.tensor([[3, 2, 2, 2], [0, 0, 0, 2], [2, 2, 2, 2], [2, 0, 0, 0.0]])
    assert connected_to_best(wall.flatten()[None], wall.flatten()[None] > 1, (4, 4))[0].equal(wall > 0)


def test_the_whole_box_is_the_identity():
    images = torch.randn(3, 3, 20, 28)
    whole = torch.tensor([[0.0, 0, 1, 1]]).expand(3, -1)
    torch.testing.assert_close(crop(images, whole), images, atol=2e-5, rtol=0)


def test_a_crop_is_the_bilinear_enlargement_of_its_part():
    images = torch.randn(2, 3, 32, 32)
    box = torch.tensor([[0.25, 0.5, 0.75, 1.0], [0.5, 0.0, 1.0, 0.5]])
    parts = torch.stack([images[0, :, 16:, 8:24], images[1, :, :16, 16:]])
    expected = F.interpolate(parts, size=(32, 32), mode="bilinear", align_corners=False)
    inside = (..., slice(1, -1), slice(1, -1))  # at its border a crop sees beyond the part
    torch.testing.assert_close(crop(images, box)[inside], expected[inside], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "choices",
    [{}, {"fusion": "none"}, {"fusion": "bottleneck"}, {"lsm_score": "rollout"}, {"selection": "per_head"}],
)
def test_both_passes_are_trained_and_averaged(choices, images):
    model = small(**choices)
    logits, out = model(images)
    for task, z in logits.items():
        torch.testing.assert_close(z, (out[f"{task}/logits_first"] + out[f"{task}/logits_zoomed"]) / 2)
        out[f"{task}/logits_first"].retain_grad()
        out[f"{task}/logits_zoomed"].retain_grad()
    targets = {task: torch.softmax(torch.randn_like(z), 1) for task, z in logits.items()}
    objectives, losses = task_objectives(logits, out, targets, dict.fromkeys(CLASSES, 1.0), both=True)
    total = sum(objectives.values())
    if choices.get("fusion") in ("none", "bottleneck"):
        torch.testing.assert_close(total, sum(losses.values()))  # one set of logits, counted once
    total.backward()
    for task in CLASSES:
        assert out[f"{task}/logits_first"].grad.abs().max() > 0
        assert out[f"{task}/logits_zoomed"].grad.abs().max() > 0
    unused = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0}
    assert all(n.startswith("interaction") for n in unused)  # the question to a single token, see test_model


def test_the_second_pass_is_the_same_model_on_the_crop(images):
    model, plain = small().eval(), small(zoom=False).eval()
    assert isinstance(model, ZoomDermImitFormer) and not isinstance(plain, ZoomDermImitFormer)
    plain.load_state_dict(model.state_dict())
    _, out = model(images)
    first, seen = plain(images)
    detail, _ = plain(crop(images, out["box"]))
    assert torch.equal(out["disease/logits_first"], first["disease"])
    assert torch.equal(out["disease/logits_zoomed"], detail["disease"])
    assert torch.equal(out["disease/selected"], seen["disease/selected"])  # places in the photograph
    assert seen.keys() <= out.keys()
    assert sum(name.endswith("/selected") for name in out) == 2


def test_the_centre_as_a_control_zooms_on_the_centre(images):
    box = small(selection="centre")(images)[1]["box"]
    torch.testing.assert_close(box.sum(1), torch.full((2,), 2.0))


def test_the_attributes_choose_where_there_is_no_disease(images):
    model = small({"body_part": 5, "attributes": 7}, fusion="concat")
    assert model.zoom_task == "attributes"
    assert model(images)[0]["attributes"].shape == (2, 7)


@pytest.mark.parametrize("name", ["class_attention", "lsm_score", "lsm_selection", "rollout"])
def test_maps_are_of_the_whole_photograph(name, images):
    model, plain = small().eval(), small(zoom=False).eval()
    plain.load_state_dict(model.state_dict())
    first, second = (attributions.attribution(m, images, "disease", None, name) for m in (model, plain))
    assert torch.equal(first.map, second.map)


@pytest.mark.parametrize("name", ["gradient_times_activation", "layer_grad_cam", "gradient_attention"])
def test_a_map_that_would_mix_two_places_is_refused(name, images):
    with pytest.raises(ValueError, match="zoom=True: the trunk sees the photo and an enlarged detail"):
        attributions.attribution(small().eval(), images, "disease", None, name)


def test_a_run_looks_twice_and_is_loaded_again(tiny_photos, tmp_path):
    config = TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, samples=8, epochs=1,
                         batch_size=4, model_kwargs=MODEL | {"zoom": True, "zoom_threshold": 1})  # fmt: skip
    run = load_run(fit(config))
    assert isinstance(run.model, ZoomDermImitFormer)
    assert {len(s) for s in run.predictions["selected"]} == {4}


def test_clear_refusals():
    with pytest.raises(ValueError, match=r"zoom=True.*use lsm=True"):
        ModelConfig(zoom=True, lsm=False)
    with pytest.raises(ValueError, match="zoom_threshold=0: must be above 0"):
        ModelConfig(zoom_threshold=0)
    with pytest.raises(ValueError, match="none of them scores patches"):
        small({"body_part": 5}, fusion="none")


def test_the_tiny_builder_takes_it():
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=CLASSES, zoom=True)
    assert model(torch.zeros(2, 3, 64, 64))[0]["disease"].shape == (2, 11)


def test_without_a_loop_the_same_patches_are_reached():
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((3, 5), (6, 6), (1, 9)):
        scores = torch.rand(40, rows * columns, generator=generator)
        above = torch.rand(scores.shape, generator=generator) < 0.5
        best = torch.nn.functional.one_hot(scores.argmax(1), scores.shape[1]).bool()
        reached = reached_by_squaring(best, (above | best).float(), (rows, columns))
        assert torch.equal(reached, connected_to_best(scores, above, (rows, columns)))
        assert reached.sum((1, 2)).max() > 1 and (reached.sum((1, 2)) < (above | best).sum(1)).any()
