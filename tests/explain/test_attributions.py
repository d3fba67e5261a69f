"""Maps of every kind: where they point on a planted network, their sums, their shape, and what they refuse."""

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.explain.attributions import METHODS, attribution, methods_for
from dermimit.explain.localisation import pointing_game
from dermimit.explain.localisation_names import BASELINES
from dermimit.explain.randomise import untrained_copy
from dermimit.model import ModelConfig, build, few_queries

CLASSES = {"disease": 4, "body_part": 3, "attributes": 5}
TARGET = torch.tensor([0, 2])
FAST = {
    "integrated_gradients": {"steps": 4},
    "gradient_shap": {"samples": 5},
    "smooth_grad": {"samples": 5},
    "untrained": {"of": "gradient_times_activation"},
}
PLACE, DISTRACTOR = 4 * 8 + 5, 1 * 8 + 1


def tiny(num_classes=CLASSES, **choices):
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0)
    choices = {"head_depth": 1, "lsm_k": 4, "fusion": "cim" if len(num_classes) > 1 else "none"} | choices
    return build(vit, num_classes, ModelConfig(**choices)).eval()


@pytest.fixture(scope="module")
def model():
    return tiny(lsm=True, fusion="cim")


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def ask(model, images, method, task="disease", classes=TARGET, **options):
    return attribution(model, images, task, classes, method, **FAST.get(method, {}) | options)


@torch.no_grad()
def planted():
    """A network of one head whose logit 1 is 5 times the mean of patch `PLACE`, which the class token attends to.

    Channels of a token: 0 says class token, 1 the planted place, 2 the patch's mean, 3 what the class token read.
    """
    vit = VisionTransformer(img_size=64, patch_size=8, embed_dim=8, depth=2, num_heads=1, num_classes=0)
    model = build(vit, {"disease": 2}, ModelConfig(fusion="none", head_depth=1, lsm_k=1)).eval()
    for parameter in model.parameters():
        parameter.zero_()
    head = model.heads["disease"]
    for block in (*model.trunk.blocks, *head.blocks):
        block.norm1, block.norm2 = nn.Identity(), nn.Identity()
    head.norm = nn.Identity()
    model.trunk.cls_token[..., 0] = model.trunk.pos_embed[:, 1 + PLACE, 1] = 1
    model.trunk.patch_embed.proj.weight[2] = 1 / (3 * 64)
    qkv = head.blocks[0].attn.qkv.weight
    qkv[0, 0] = qkv[1, 1] = qkv[8, 1] = qkv[9, 0] = 6  # class token and planted place look at each other
    qkv[16 + 3, 2] = head.blocks[0].attn.proj.weight[3, 3] = 1
    model.classifiers_before["disease"].weight[1, 3] = 5
    return model


def bright(patches):
    """A dim noisy photo with some patches at a given level."""
    images = 0.05 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for patch, level in patches.items():
        row, column = divmod(patch, 8)
        images[..., 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += level
    return images


@pytest.mark.parametrize("method", [name for name in METHODS if name not in BASELINES])
def test_every_method_points_at_the_one_patch_that_is_read(method):
    model = planted()
    # Grad-CAM averages the gradient over places, so it may not be distracted by a brighter patch
    photo = bright({PLACE: 0.5} if method == "layer_grad_cam" else {PLACE: 0.5, DISTRACTOR: 0.9})
    read = torch.zeros(1, 64, 64, dtype=torch.bool)
    read[:, 32:40, 40:48] = True
    maps = ask(model, photo, method, classes=torch.tensor([1]))
    assert pointing_game(maps.map.numpy(), read.numpy()).tolist() == [1.0]
    level = model(photo)[0]["disease"][0, 1].item()
    assert level == pytest.approx(5 * float(photo[..., 32:40, 40:48].mean()), rel=1e-3)


def test_grad_cam_follows_channels_and_not_places():
    photo = bright({PLACE: 0.5, DISTRACTOR: 0.9})
    cam = ask(planted(), photo, "layer_grad_cam", classes=torch.tensor([1])).map[0]
    assert cam[8:16, 8:16].min() == 1 and cam[32:40, 40:48].max() < 1
    placed = ask(planted(), photo, "gradient_times_activation", classes=torch.tensor([1])).map[0]
    assert placed[8:16, 8:16].max() < 1e-3 and placed[32:40, 40:48].min() == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", CLASSES)
def test_maps_have_the_photo_s_shape_and_unit_range(model, images, method, task):
    if method not in methods_for(model, task):
        with pytest.raises(ValueError, match="body_part selects no patches"):
            ask(model, images, method, task)
        return
    maps = ask(model, images, method, task)
    assert maps.map.shape == maps.raw.shape == (2, 32, 32) and torch.equal(maps.classes, TARGET)
    assert not maps.map.requires_grad and not maps.raw.requires_grad
    for single in maps.map:
        assert single.min() == 0 and single.max() in (0, 1)
    assert (maps.delta is not None) == (method in ("integrated_gradients", "gradient_shap"))
    if task == "disease":
        again = ask(model, images, method, task, batch_size=1)
        torch.testing.assert_close(maps.raw, again.raw, atol=1e-4, rtol=1e-3)
        assert torch.equal(maps.raw, ask(model, images, method, task).raw)


@pytest.mark.parametrize("method", ["smooth_grad", "gradient_shap", "occlusion"])
def test_the_caller_s_random_state_and_gradients_are_left_alone(model, images, method):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.inference_mode():
        ask(model, images, method)
    assert torch.equal(torch.rand(3), expected)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.trunk.blocks[-1]._forward_hooks


def test_integrated_gradients_are_complete_without_lesion_selection(images):
    model = tiny(lsm=False, fusion="concat")
    with torch.no_grad():
        change = model(images)[0]["disease"] - model(torch.zeros_like(images))[0]["disease"]
    maps = ask(model, images, "integrated_gradients", steps=128)
    change = change.gather(1, TARGET[:, None])[:, 0]
    assert (maps.delta.abs() <= 0.02 * change.abs() + 1e-3).all()
    torch.testing.assert_close(maps.raw.sum((1, 2)), change + maps.delta, atol=1e-3, rtol=1e-3)


def test_gradient_shap_is_complete_for_a_linear_logit():
    photo = bright({PLACE: 0.5})
    maps = ask(planted(), photo, "gradient_shap", classes=torch.tensor([1]), samples=40, noise=0.0)
    assert maps.delta.abs().item() < 1e-4
    assert maps.raw.sum().item() == pytest.approx(5 * float(photo[..., 32:40, 40:48].mean()), rel=1e-3)


def test_without_classes_the_answer_is_explained(model, images):
    with torch.no_grad():
        answer = model(images)[0]["attributes"].argmax(1)
    maps = ask(model, images, "feature_ablation", "attributes", None)
    assert torch.equal(maps.classes, answer)
    assert torch.equal(maps.raw, ask(model, images, "feature_ablation", "attributes", answer).raw)


def test_feature_ablation_by_hand(model, images):
    with torch.no_grad():
        before = model(images)[0]["disease"][1, 2]
        painted = images.clone()
        painted[1, :, 8:16, 16:24] = 0
        drop = before - model(painted)[0]["disease"][1, 2]
    raw = ask(model, images, "feature_ablation").raw[1, 8:16, 16:24]
    torch.testing.assert_close(raw, drop.expand(8, 8), atol=1e-5, rtol=1e-4)


def test_occlusion_by_hand(model, images):
    with torch.no_grad():
        before = model(images)[0]["disease"][0, 0]
        drops = []
        for top in (-8, 0):  # windows of 2 patches that cover the corner patch
            for left in (-8, 0):
                painted = images.clone()
                painted[0, :, max(top, 0) : top + 16, max(left, 0) : left + 16] = 0
                drops.append(before - model(painted)[0]["disease"][0, 0])
    raw = ask(model, images, "occlusion", window=2).raw[0, :8, :8]
    torch.testing.assert_close(raw, torch.stack(drops).mean().expand(8, 8), atol=1e-5, rtol=1e-4)


def test_class_attention_is_the_softmax_of_the_last_block(model, images):
    head, seen = model.heads["disease"], []
    handle = head.blocks[-1].norm1.register_forward_hook(lambda module, args, output: seen.append(output))
    model(images)
    handle.remove()
    attention = head.blocks[-1].attn
    q, k, _ = attention.qkv(seen[0]).unflatten(-1, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
    row = (q @ k.transpose(-2, -1) / attention.head_dim**0.5).softmax(-1)[:, :, 0, 1:].mean(1)
    raw = ask(model, images, "class_attention").raw[:, ::8, ::8].flatten(1)
    torch.testing.assert_close(raw, row.detach())
    assert not head.blocks[-1].norm1._forward_hooks


def explicit_attention(kept):
    """Attention with its matrix kept, and its gradient."""

    def attend(q, k, v, scale=None, **others):
        weights = (q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5 if scale is None else scale)).softmax(-1)
        weights.retain_grad()
        kept.append(weights)
        return weights @ v

    return attend


@pytest.mark.parametrize("lsm", [True, False])
def test_rollout_and_gradient_attention_against_explicit_matrices(lsm, images, monkeypatch):
    model, kept = tiny({"disease": 4}, lsm=lsm), []
    found = {name: ask(model, images, name).raw[:, ::8, ::8].flatten(1) for name in ("rollout", "gradient_attention")}
    monkeypatch.setattr(F, "scaled_dot_product_attention", explicit_attention(kept))
    monkeypatch.setattr(few_queries, "folds", lambda attention, asking: False)  # the last block has its matrix too
    model(images)[0]["disease"].gather(1, TARGET[:, None]).sum().backward()
    assert len(kept) == 3
    eye = torch.eye(17)
    plain, weighted = eye.expand(2, -1, -1), eye.expand(2, -1, -1)
    for matrix in kept[:-1]:
        plain = (0.5 * matrix.mean(1) + 0.5 * eye) @ plain
        weighted = weighted + (matrix * matrix.grad).relu().mean(1) @ weighted
    last, slope = kept[-1][:, :, :1], kept[-1].grad[:, :, :1]  # the class token asks first
    plain = (0.5 * last.mean(1) + 0.5 * eye[:1]) @ plain
    weighted = weighted[:, :1] + (last * slope).relu().mean(1) @ weighted
    torch.testing.assert_close(found["rollout"], plain[:, 0, 1:].detach(), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found["gradient_attention"], weighted[:, 0, 1:].detach(), atol=1e-7, rtol=1e-3)
    model.zero_grad()


def test_lsm_maps_are_the_model_s_own(model, images):
    with torch.no_grad():
        out = model(images)[1]
    scores = ask(model, images, "lsm_score").raw[:, ::8, ::8].flatten(1)
    torch.testing.assert_close(scores, out["disease/scores"])
    chosen = ask(model, images, "lsm_selection").raw[:, ::8, ::8].flatten(1)
    assert [set(row.nonzero()[:, 0].tolist()) for row in chosen] == [set(s.tolist()) for s in out["disease/selected"]]


def test_baselines_know_only_what_they_should(model, images):
    centre = ask(model, images, "centre_prior").map
    assert centre[0, 15:17, 15:17].min() == 1 and centre[0, 0, 0] == 0 and torch.equal(centre[0], centre[1])
    edged = torch.zeros(1, 3, 32, 32)
    edged[..., 10:14, 26:] = 1
    row, column = divmod(int(ask(model, edged, "edge_density", classes=TARGET[:1]).map[0].argmax()), 32)
    assert 8 <= row < 16 and column >= 24
    draws = ask(model, images, "random").raw
    assert not torch.equal(draws[0], draws[1])
    assert torch.equal(draws[1:], ask(model, images[1:], "random", classes=TARGET[1:]).raw)
    assert not torch.equal(draws, ask(model, images, "random", seed=1).raw)
    forgotten, state = ask(model, images, "untrained").raw, torch.get_rng_state()
    assert not torch.allclose(forgotten, ask(model, images, "gradient_times_activation").raw)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "grad_cam"}, "unknown method 'grad_cam': choose one of lsm_score"),
        ({"method": "rollout", "task": "stage"}, "no task 'stage': it has body_part, attributes, disease"),
        ({"method": "rollout", "classes": torch.tensor([0, 4])}, "class 4 of disease: choose from 0 to 3"),
        ({"method": "rollout", "classes": torch.tensor([0, -1])}, "class -1 of disease"),
        ({"method": "rollout", "classes": torch.tensor([0])}, "1 classes for 2 photos"),
        ({"method": "integrated_gradients", "stepps": 3}, "no option 'stepps': it has baseline, steps"),
        ({"method": "untrained", "of": "rollout", "steps": 3}, "untrained has no option 'steps'"),
        ({"method": "occlusion", "window": 9}, "window=9: choose from 1 to 4"),
        ({"method": "random", "batch_size": 0}, "in batches of 0"),
    ],
)
def test_wrong_questions_are_refused(model, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ask(model, images, **arguments)


def test_models_that_a_method_cannot_explain(images):
    concepts = tiny(fusion="bottleneck")
    for method in ("class_attention", "rollout", "gradient_attention"):
        assert method not in methods_for(concepts, "disease")
        with pytest.raises(ValueError, match="disease has no head of its own"):
            ask(concepts, images, method)
    assert ask(concepts, images, "lsm_score").map.shape == (2, 32, 32)
    with pytest.raises(ValueError, match="selects no patches"):
        ask(tiny(lsm=False), images, "lsm_score")
    with pytest.raises(ValueError, match="in training mode"):
        ask(tiny().train(), images, "random")
    plain = timm.create_model("baseline", backbone="resnet18", img_size=32, num_classes=CLASSES).eval()
    assert set(methods_for(plain, "disease")) == {"integrated_gradients", "gradient_shap", "smooth_grad", "occlusion",
                                                  "feature_ablation", *BASELINES}  # fmt: skip
    for method, message in (("layer_grad_cam", "no trunk of"), ("rollout", "no attention"), ("lsm_score", "selects")):
        with pytest.raises(ValueError, match=message):
            ask(plain, images, method)


def pooled(kind):
    """A network that answers from pooled patches: their mean, or what a learnt query reads of them."""
    torch.manual_seed(0)
    vit = VisionTransformer(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0,
                            global_pool=kind, class_token=False, reg_tokens=2 if kind == "avg" else 0)  # fmt: skip
    return build(vit, CLASSES, ModelConfig(head_depth=1, lsm_k=4, selection="random", fusion="cim")).eval()


@pytest.mark.parametrize("kind", ["avg", "map"])
def test_without_a_class_token_no_attention_of_it_is_drawn(kind, images):
    model, readers = pooled(kind), ("class_attention", "rollout", "gradient_attention")
    offered = methods_for(model, "disease")
    assert not {*readers} & {*offered} and "lsm_score" in offered
    for method in readers:
        with pytest.raises(ValueError, match="has no class token whose attention could be shown"):
            ask(model, images, method)
    for method in offered:
        assert torch.isfinite(ask(model, images, method).map).all()


def test_a_given_lesion_map_is_not_painted_over():
    given, four = tiny(selection="given"), torch.rand(2, 4, 32, 32)
    seen = []
    given.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach().clone()))
    for method in ("feature_ablation", "occlusion"):
        seen.clear()
        ask(given, four, method)
        painted = torch.cat(seen)
        assert len(painted) > 32  # two photographs with each of 16 patches painted over
        assert torch.equal(painted[:, 3], four[:, 3].repeat(len(painted) // 2, 1, 1)), method
        assert not torch.equal(painted[:, :3], four[:, :3].repeat(len(painted) // 2, 1, 1, 1)), method


def test_maps_of_what_is_painted_over_take_the_channels_that_the_model_takes():
    given, four = tiny(selection="given"), torch.rand(2, 4, 32, 32)
    for method in ("feature_ablation", "edge_density", "centre_prior"):
        assert ask(given, four, method).map.shape == (2, 32, 32)


@pytest.mark.parametrize(
    "choices",
    [{}, {"lsm": False}, {"fusion": "concat", "concat_hidden": 16}, {"fusion": "none"}, {"fusion": "bottleneck"}],
)
def test_an_untrained_copy_keeps_no_matrix(choices):
    model = tiny(**choices)
    copy = dict(untrained_copy(model).named_parameters())
    kept = [name for name, value in model.named_parameters() if value.ndim > 1 and torch.equal(value, copy[name])]
    assert kept == []
