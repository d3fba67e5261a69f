"""Every way of selecting patches against a slow float64 reference written with loops, and what it promises."""

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer

from dermimit.data import load
from dermimit.model import ModelConfig, build
from dermimit.model.attention import traced
from dermimit.model.control_selection import CentreSelection
from dermimit.model.lesion_selection import lesion_scores
from dermimit.train import TrainConfig, fit, load_run

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
VIT = dict(img_size=32, patch_size=8, embed_dim=24, depth=4, num_heads=3, num_classes=0)
ALL = [{"lsm_score": "rollout"}, *({"selection": s} for s in ("per_head", "every_layer", "random", "centre"))]


def small(vit=None, **choices):
    torch.manual_seed(0)
    prefix = {"reg_tokens": 2} if choices.get("class_tokens") == "per_task" else {}
    model = build(VisionTransformer(**VIT | prefix | (vit or {})), CLASSES, ModelConfig(**{"lsm_k": 4} | choices))
    for name, p in model.named_parameters():  # attention far from uniform, so that ranks are not left to rounding
        if "qkv.weight" in name:
            p.data *= 20
    return model.eval()


@pytest.fixture
def images():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def layer_by_layer(model, images, task):
    """(Q, K, output) of every block before the last, and of the last, in float64, block by block."""
    model = model.double()
    trunk, head = model.trunk, model.heads[task]
    x = trunk.norm_pre(trunk._pos_embed(trunk.patch_embed(images.double())))
    found = []
    for block in [*trunk.blocks, *head.blocks]:
        attention = block.attn
        b, n, _ = x.shape
        qkv = attention.qkv(block.norm1(x)).reshape(b, n, 3, attention.num_heads, -1)
        q, k = qkv[:, :, 0].transpose(1, 2), qkv[:, :, 1].transpose(1, 2)
        x = block(x)
        found.append((q, k, x))
    return found


def matrices(q, k):
    """Attention of each head, row by row."""
    a = torch.zeros(*q.shape[:3], q.shape[2], dtype=torch.float64)
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            for i in range(q.shape[2]):
                logits = torch.stack([q[b, h, i] @ k[b, h, j] for j in range(k.shape[2])]) / q.shape[3] ** 0.5
                a[b, h, i] = logits.exp() / logits.exp().sum()
    return a


@pytest.mark.parametrize("choices", [{}, {"class_tokens": "per_task"}, {"lsm_layer": -2}, {"head_depth": 3}])
def test_rollout_equals_the_product_of_whole_matrices(choices, images):
    model = small(lsm_score="rollout", **choices)
    _, out = model(images)
    head, last = model.heads["disease"], model.config.lsm_layer
    layers = layer_by_layer(model, images, "disease")
    for i in range(len(images)):
        product = torch.eye(layers[0][0].shape[2], dtype=torch.float64)
        for q, k, _ in layers[: len(layers) + 1 + last]:
            mean = matrices(q[i : i + 1], k[i : i + 1])[0].mean(0)
            product = (0.5 * mean + 0.5 * torch.eye(len(mean))) @ product
        expected = product[head.class_index, head.prefix :]
        torch.testing.assert_close(out["disease/scores"][i].double(), expected, rtol=1e-3, atol=1e-6)
        assert torch.equal(out["disease/selected"][i].sort().values, expected.topk(4).indices.sort().values)
        torch.testing.assert_close(product.sum(1), torch.ones(len(product), dtype=torch.float64))


def test_all_patches_can_be_selected(images):
    _, out = small(lsm_score="rollout", lsm_k=16)(images)
    assert torch.equal(out["disease/selected"].sort().values, torch.arange(16).expand(3, -1))


@pytest.mark.parametrize("choices", [{}, {"class_tokens": "per_task"}, {"head_depth": 1}])
def test_each_head_names_the_patch_of_its_own_product(choices, images):
    model = small(selection="per_head", **choices)
    _, out = model(images)
    head = model.heads["disease"]
    *before, _ = layer_by_layer(model, images, "disease")
    for i in range(len(images)):
        rows = []
        for h in range(3):
            product = torch.eye(before[0][0].shape[2], dtype=torch.float64)
            for q, k, _ in before:
                product = matrices(q[i : i + 1, h : h + 1], k[i : i + 1, h : h + 1])[0, 0] @ product
            rows.append(product[head.class_index, head.prefix :])
        rows = torch.stack(rows)
        assert torch.equal(out["disease/selected"][i], rows.argmax(1))
        torch.testing.assert_close(out["disease/scores"][i].double(), rows.mean(0), rtol=1e-3, atol=1e-6)


def test_heads_may_name_the_same_patch(images):
    model = small(selection="per_head", vit={"img_size": 8})  # one patch, three heads
    assert model(images[..., :8, :8])[1]["disease/selected"].tolist() == [[0, 0, 0]] * 3


@pytest.mark.parametrize("choices", [{}, {"class_tokens": "per_task"}, {"lsm_score": "mean_of_products"}])
def test_every_layer_selects_its_own_tokens(choices, images):
    model = small(selection="every_layer", lsm_k=7, **choices)
    _, out = model(images)
    head, score = model.heads["disease"], model.config.lsm_score
    *before, _ = layer_by_layer(model, images, "disease")
    assert len(before) == 3
    for i in range(len(images)):
        tokens, selected, scores = [before[-1][2][i, head.class_index]], [], []
        for (q, k, x), share in zip(reversed(before), (3, 2, 2), strict=True):
            logit = q[i] @ k[i].transpose(1, 2) / q.shape[3] ** 0.5
            rows, columns = logit.softmax(2), logit.softmax(1)
            a, c = rows[:, head.class_index, head.prefix :], columns[:, head.prefix :, head.class_index]
            scores.append(lesion_scores(a[None], c[None], score)[0])
            order = sorted(range(16), key=lambda n, s=scores[-1]: -s[n])[:share]
            selected += order
            tokens += [x[i, head.prefix + n] for n in order]
        assert out["disease/selected"][i].tolist() == selected
        torch.testing.assert_close(out["disease/scores"][i].double(), sum(scores) / 3, rtol=1e-3, atol=1e-8)
        last = head.norm(head.blocks[-1](torch.stack(tokens)[None]))[0]
        torch.testing.assert_close(out["disease/class_token"][i].double(), last[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(out["disease/local_tokens"][i].double(), last[1:], rtol=1e-3, atol=1e-4)


def test_random_patches_change_in_training_and_stay_in_evaluation(images):
    model = small(selection="random")
    first, again = (model(images)[1]["disease/selected"] for _ in range(2))
    assert torch.equal(first, again) and torch.equal(first, small(selection="random")(images)[1]["disease/selected"])
    assert torch.equal(first[0], model(images[1:])[1]["disease/selected"][0])  # nothing depends on the batch
    model.train()
    drawn = [model(images)[1]["disease/selected"] for _ in range(2)]
    assert not torch.equal(*drawn) and not torch.equal(drawn[0][0], drawn[0][1])
    torch.manual_seed(3)
    a = model(images)[1]["disease/selected"]
    torch.manual_seed(3)
    assert torch.equal(a, model(images)[1]["disease/selected"])


def test_centre_patches_are_the_middle_ones(images):
    _, out = small(selection="centre")(images)
    assert out["disease/selected"].tolist() == [[5, 6, 9, 10]] * 3
    assert torch.equal(out["disease/scores"].topk(4).indices.sort().values, out["disease/selected"])
    wide = CentreSelection(k=3, grid=(1, 5))
    assert wide.order.tolist() == [2, 1, 3]


@pytest.mark.parametrize("choices", ALL)
def test_every_selection_keeps_the_names_and_weights_of_the_default(choices, images):
    model, default = small(**choices), small()
    assert model.state_dict().keys() == default.state_dict().keys()
    model.load_state_dict(default.state_dict())
    _, out = model(images)
    assert out.keys() == default(images)[1].keys()
    k = 3 if choices.get("selection") == "per_head" else 4
    for task in ("attributes", "disease"):
        assert out[f"{task}/scores"].shape == (3, 16)
        assert out[f"{task}/selected"].shape == (3, k) and out[f"{task}/selected"].dtype == torch.int64
        assert out[f"{task}/local_tokens"].shape == (3, k, 24)
        assert out[f"{task}/selected"].min() >= 0 and out[f"{task}/selected"].max() < 16


@pytest.mark.parametrize("choices", ALL[:3])
def test_gradient_checkpointing_changes_nothing(choices, images):
    gradients = []
    for checkpointed in (False, True):
        model = small(**choices).train()
        model.set_grad_checkpointing(checkpointed)
        model(images)[0]["disease"].square().sum().backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, rtol=1e-4, atol=1e-6)


def test_tracing_leaves_no_hook_and_changes_nothing(images):
    vit = VisionTransformer(**VIT).eval()
    plain = vit.forward_features(images)
    with traced(vit.blocks) as layers:
        assert torch.equal(vit.forward_features(images), plain)
    assert len(layers) == 4
    vit.forward_features(images)
    assert len(layers) == 4
    torch.testing.assert_close(layers[0].attention().sum(-1), torch.ones(3, 3, 17))


def test_matrices_are_built_for_rollout_only(images, monkeypatch):
    def refuse(self):
        raise AssertionError("an N×N matrix was built")

    monkeypatch.setattr("dermimit.model.attention.Layer.attention", refuse)
    for choices in ({}, *ALL[2:]):
        small(**choices)(images)
    with pytest.raises(AssertionError, match="N×N"):
        small(lsm_score="rollout")(images)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"selection": "random", "lsm": False}, "selection='random': nothing is selected with lsm=False"),
        ({"selection": "per_head", "lsm_layer": -2}, "lsm_layer=-2: selection='per_head'"),
        ({"selection": "centre", "lsm_score": "class_row"}, "lsm_score='class_row': selection='centre'"),
        ({"selection": "every_layer", "lsm_score": "rollout"}, "lsm_score='rollout': selection='every_layer'"),
        ({"selection": "every_layer", "lsm_k": 2}, "lsm_k of at least 3"),
        ({"selection": "every_layer", "lsm_k": 49}, "only 16 patches"),
        ({"selection": "random", "lsm_k": 17}, "only 16 patches"),
        ({"selection": "centre", "lsm_k": 17}, "only 16 patches"),
    ],
)
def test_wrong_values_name_their_field(choices, message):
    with pytest.raises(ValueError, match=message):
        small(**choices)


def test_a_single_layer_has_none_before_the_last():
    with pytest.raises(ValueError, match=r"selection='per_head'.*only one"):
        small(selection="per_head", head_depth=1, vit={"depth": 1})


@pytest.mark.parametrize("choices", ALL)
@pytest.mark.parametrize(
    "name", ["class_attention", "lsm_score", "lsm_selection", "rollout", "gradient_attention", "layer_grad_cam"]
)
def test_maps_are_drawn_for_every_selection(choices, name, images):
    from dermimit.explain import attributions

    maps = attributions.attribution(small(**choices).eval(), images, "disease", torch.tensor([0, 1, 2]), name).map
    assert maps.shape == (3, 32, 32)
    assert maps.min() == 0 and maps.max() == 1


@pytest.mark.parametrize("choices", ALL)
def test_a_run_with_any_selection_is_loaded_to_the_recorded_answers(choices, tiny_photos, tmp_path):
    sizes = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    run = load_run(fit(TrainConfig(data_root=tiny_photos.root, out=tmp_path / "run", image_size=16, samples=8,
                                   epochs=1, batch_size=4, model_kwargs=sizes | choices)))  # fmt: skip
    photos = load("synderm", tiny_photos.root, 16).photos("test")
    with torch.inference_mode():
        logits, out = run.model(torch.stack([photos[i]["image"] for i in range(len(photos))]))
    recorded = run.predictions.query("split == 'test'")
    np.testing.assert_allclose(logits["disease"].softmax(1).numpy(), np.stack(recorded["disease_prob"]), atol=1e-3)
    assert out["disease/selected"].tolist() == [list(s) for s in recorded["selected"]]
