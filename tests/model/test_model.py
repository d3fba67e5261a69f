"""What a user of the model relies on: shapes, gradients, timm's interface and weights, clear refusals."""

import re
from contextlib import nullcontext

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from timm.optim import param_groups_layer_decay

from dermimit.model import ModelConfig, build, load_vit_state_dict
from dermimit.model.plan import no_numbers
from dermimit.train.losses import task_objectives

CLASSES = {"body_part": 5, "attributes": 7, "disease": 11}
VIT = dict(img_size=32, patch_size=8, embed_dim=24, depth=3, num_heads=3, num_classes=0)


def small(num_classes=CLASSES, seed=0, vit=None, **choices):
    torch.manual_seed(seed)
    prefix = {"reg_tokens": len(num_classes) - 1} if choices.get("class_tokens") == "per_task" else {}
    return build(VisionTransformer(**VIT | prefix | (vit or {})), num_classes, ModelConfig(**{"lsm_k": 4} | choices))


@pytest.fixture
def images():
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"class_tokens": "per_task"},
        {"lsm": False},
        {"fusion": "none"},
        {"fusion": "concat"},
        {"cim_wiring": "to_disease", "cim_depth": 2},
        {"cim_wiring": "all_pairs", "cim_queries": "class"},
        {"head_depth": 3, "lsm_layer": -2, "local_readout": "max"},
        {"lsm_score": "rollout", "lsm_k": 16},
        {"selection": "per_head"},
        {"selection": "per_head", "head_depth": 1, "class_tokens": "per_task"},
        {"selection": "every_layer", "lsm_k": 5},
        {"selection": "every_layer", "class_tokens": "per_task", "fusion": "concat"},
        {"selection": "random"},
        {"selection": "centre"},
    ],
)
def test_shapes_and_gradients_reach_every_parameter(choices, images):
    model = small(**choices)
    logits, out = model(images)
    assert {task: tuple(z.shape) for task, z in logits.items()} == {task: (2, n) for task, n in CLASSES.items()}
    assert out["tokens"].shape == (2, 16 + model.trunk.num_prefix_tokens, 24)
    assert all(out[f"{task}/class_token"].shape == (2, 24) for task in CLASSES)
    targets = {task: torch.softmax(torch.randn_like(z), 1) for task, z in logits.items()}
    sum(task_objectives(logits, out, targets, dict.fromkeys(CLASSES, 1.0), both=True)[0].values()).backward()
    largest = {name: p.grad.abs().max().item() for name, p in model.named_parameters()}
    without_choice = {name for name in largest if _asks_a_single_token(name, model)}
    assert [name for name in largest if name not in without_choice and not largest[name] > 1e-7] == []
    assert [name for name in without_choice if largest[name] > 1e-7] == []


def _asks_a_single_token(name: str, model) -> bool:
    """Attention over one token is a softmax of one number, 1 whatever the query: its query has nothing to learn."""
    pair = re.match(r"interaction\.blocks\.\w+_from_(\w+)\.\d+\.(norm_x|attn\.q)\.", name)
    return bool(pair) and model.heads[pair[1]].selection is None


def test_selection_is_only_where_the_task_has_lesions(images):
    model = small()
    _, out = model(images)
    assert "body_part/selected" not in out
    for task in ("attributes", "disease"):
        assert out[f"{task}/scores"].shape == (2, 16)
        assert out[f"{task}/selected"].shape == (2, 4)
        assert out[f"{task}/local_tokens"].shape == (2, 4, 24)
        assert out[f"{task}/selected"].max() < 16  # patches only: the class token is no candidate


def test_local_tokens_are_the_tokens_of_the_selected_patches(images):
    model = small()
    _, out = model(images)
    head = model.heads["disease"]
    x = out["tokens"]
    for block in head.blocks:
        x = block(x)
    patches = head.norm(x)[:, 1:]
    for i in range(2):
        torch.testing.assert_close(out["disease/local_tokens"][i], patches[i][out["disease/selected"][i]])


def test_without_lsm_and_cim_one_task_equals_timm(images):
    torch.manual_seed(0)
    vit = VisionTransformer(**VIT | {"num_classes": 11}).eval()
    model = small({"disease": 11}, seed=5, lsm=False, fusion="none").eval()
    load_vit_state_dict(model, vit.state_dict())
    logits, _ = model(images)
    torch.testing.assert_close(logits["disease"], vit(images), atol=1e-6, rtol=0)


@pytest.mark.parametrize("class_tokens", ["shared", "per_task"])
def test_timm_weights_fill_trunk_and_every_head(class_tokens, images, tmp_path):
    torch.manual_seed(0)
    vit = VisionTransformer(**VIT | {"img_size": 48}).eval()  # another grid: position embeddings are resampled
    torch.save(vit.state_dict(), tmp_path / "vit.pth")
    model = small(seed=5, class_tokens=class_tokens)
    load_vit_state_dict(model, torch.load(tmp_path / "vit.pth", weights_only=True))
    for i, block in enumerate([*model.trunk.blocks, *model.heads["disease"].blocks]):
        torch.testing.assert_close(block.attn.qkv.weight, vit.blocks[i].attn.qkv.weight)
    for head in model.heads.values():
        torch.testing.assert_close(head.blocks[-1].mlp.fc1.weight, vit.blocks[-1].mlp.fc1.weight)
        torch.testing.assert_close(head.norm.weight, vit.norm.weight)
    assert model.heads["disease"].blocks[0] is not model.heads["body_part"].blocks[0]
    torch.testing.assert_close(model.trunk.cls_token, vit.cls_token)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="another depth"):
        load_vit_state_dict(small(), VisionTransformer(**VIT | {"depth": 2}).state_dict())
    with pytest.raises(ValueError, match="another width"):
        load_vit_state_dict(small(), VisionTransformer(**VIT | {"embed_dim": 48}).state_dict())


def test_pretrained_goes_through_timms_loader(tmp_path):
    vit = timm.create_model("vit_small_patch16_224.augreg_in21k", num_classes=3)
    torch.save(vit.state_dict(), tmp_path / "weights.pth")
    overlay = {"file": str(tmp_path / "weights.pth"), "num_classes": 3}
    model = timm.create_model(
        "dermimitformer_small_patch16_224", pretrained=True, num_classes=CLASSES, pretrained_cfg_overlay=overlay
    )
    torch.testing.assert_close(model.trunk.blocks[0].attn.qkv.weight, vit.blocks[0].attn.qkv.weight)
    torch.testing.assert_close(model.heads["attributes"].blocks[-1].mlp.fc2.weight, vit.blocks[-1].mlp.fc2.weight)


@pytest.mark.parametrize(
    "name",
    ["tiny_patch8_64", "small_patch16_224", "base_patch16_224", "base_patch16_384", "large_patch16_224"],
)
def test_timm_users_find_what_they_expect(name):
    with no_numbers() if "base" in name or "large" in name else nullcontext():
        model = timm.create_model(f"dermimitformer_{name}", num_classes=8)
    assert model.num_classes == {"disease": 8}
    assert model.config.fusion == "none"
    assert timm.is_model(f"dermimitformer_{name}")
    assert "trunk.pos_embed" in model.no_weight_decay()
    model.reset_classifier(3)
    assert model.get_classifier()["disease"].out_features == 3


@pytest.mark.parametrize(("ours", "theirs"), [("base", "vit_base_patch16_224"), ("large", "vit_large_patch16_224")])
def test_builders_have_the_size_of_timms_vit(ours, theirs):
    with no_numbers():
        alone = timm.create_model(f"dermimitformer_{ours}_patch16_224", num_classes=8, lsm=False)
        vit = timm.create_model(theirs, num_classes=8)
    assert sum(p.numel() for p in alone.parameters()) == sum(p.numel() for p in vit.parameters())


def test_forward_head_and_reset_classifier(images):
    model = small()
    out = model.forward_features(images)
    features = model.forward_head(out, pre_logits=True)
    assert features["disease"].shape[1] == model.get_classifier()["disease"].in_features
    model.reset_classifier({**CLASSES, "disease": 2})
    assert model(images)[0]["disease"].shape == (2, 2)
    model.reset_classifier(dict.fromkeys(CLASSES, 0))
    torch.testing.assert_close(model(images)[0]["disease"], model(images)[1]["disease/enhanced"])


def test_layer_groups_go_from_the_stem_to_the_classifiers():
    model = small()
    groups = param_groups_layer_decay(model, layer_decay=0.5)
    by_parameter = {p: g["lr_scale"] for g in groups for p in g["params"]}
    scale = {name: by_parameter[p] for name, p in model.named_parameters()}
    order = ["trunk.pos_embed", "trunk.blocks.0.mlp.fc1.weight", "heads.disease.blocks.0.mlp.fc1.weight"]
    order += ["heads.disease.blocks.1.mlp.fc1.weight", "classifiers_after.disease.weight"]
    assert [scale[name] for name in order] == sorted(scale[name] for name in order)
    assert len({scale[name] for name in order}) == len(order)


def test_clear_refusals(images):
    with pytest.raises(ValueError, match="only 16 patches"):
        small(lsm_k=17)
    with pytest.raises(ValueError, match="model expects"):
        small()(images[..., :16, :16])
    with pytest.raises(ValueError, match="unknown task 'diagnosis'"):
        small({"diagnosis": 3})
    with pytest.raises(ValueError, match="no two of them interact"):
        small({"disease": 3}, fusion="cim")
    with pytest.raises(ValueError, match="only 3 blocks"):
        small(head_depth=4)
    with pytest.raises(ValueError, match="choose from -2 to -1"):
        ModelConfig(lsm_layer=-3)
    with pytest.raises((ValueError, TypeError), match=r"lsm_score[\s\S]*gradient[\s\S]*product_of_means"):
        ModelConfig(lsm_score="gradient")
    with pytest.raises(ValueError, match="give a class count for each"):
        small().reset_classifier(4)


@pytest.mark.parametrize(
    "choices", [{}, {"head_depth": 2, "lsm_layer": -2}, {"lsm": False}, {"class_tokens": "per_task"}]
)
def test_a_head_computes_what_its_whole_blocks_would(choices, images):
    model = small(**choices).double().eval()
    out = model.forward_features(images.double())
    for task, head in model.heads.items():
        x = out["tokens"]
        for block in head.blocks:
            x = block(x)  # timm's own block, on every token
        x = head.norm(x)
        torch.testing.assert_close(out[f"{task}/class_token"], x[:, head.class_index], rtol=1e-10, atol=1e-12)
        if head.selection is not None:
            patches = x[:, head.prefix :]
            chosen = torch.stack([row[places] for row, places in zip(patches, out[f"{task}/selected"], strict=True)])
            torch.testing.assert_close(out[f"{task}/local_tokens"], chosen, rtol=1e-10, atol=1e-12)
