"""What keeps its weights, which learning rate each part has, and the named recipes."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch

import dermimit.model  # noqa: F401  (registers the builders)
from dermimit.commands.train import with_recipe
from dermimit.data.label_space import LabelSpace
from dermimit.model.plan import no_numbers
from dermimit.train import TrainConfig
from dermimit.train.assemble import build_model
from dermimit.train.freezing import freeze, frozen_mode
from dermimit.train.losses import task_objectives
from dermimit.train.optimizers import build_optimizer, learning_rate_scales
from dermimit.train.recipes import RECIPES

TASKS = {"body_part": 2, "attributes": 3, "disease": 4}
SIZES = {"backbone": "vit_small_patch14_reg4_dinov2", "img_size": 28, "depth": 4, "embed_dim": 24, "num_heads": 2}


def model(**more: Any) -> torch.nn.Module:
    return timm.create_model("dermimitformer", num_classes=TASKS, lsm_k=2, head_depth=1, **SIZES, **more)


def config(**settings: Any) -> TrainConfig:
    return TrainConfig(data_root=Path("data"), out=Path("run"), **settings)


def trained(what: str) -> set[str]:
    net = model()
    freeze(net, what)
    return {name for name, parameter in net.named_parameters() if parameter.requires_grad}


def test_what_is_frozen() -> None:
    everything = trained("")
    assert trained("trunk") == {name for name in everything if not name.startswith("trunk.")}
    new = ("classifiers_before.", "classifiers_after.", "interaction.")
    assert trained("all-but-heads") == {name for name in everything if name.startswith(new)}
    two = everything - trained("blocks:2")
    assert {"trunk.cls_token", "trunk.reg_token", "trunk.pos_embed", "trunk.patch_embed.proj.weight"} < two
    assert {name.split(".")[2] for name in two if ".blocks." in name} == {"0", "1"}
    left = {name for name in trained("blocks:4") if not name.startswith(new)}
    assert left == {f"heads.{task}.norm.{what}" for task in TASKS for what in ("weight", "bias")}
    with pytest.raises(ValueError, match=r"blocks:5.*4 blocks: 3 in the trunk, 1 in each head"):
        trained("blocks:5")


@pytest.mark.parametrize("tasks", [tuple(TASKS), ("disease",)])
@pytest.mark.parametrize("fusion", ["none", "concat", "cim", "bottleneck"])
@pytest.mark.parametrize("train_only", ["all", "classifiers"])
def test_with_the_answers_alone_every_trained_weight_has_a_gradient(tasks, fusion, train_only) -> None:
    """Several processes wait for one of each, and stop without."""
    small = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    run = config(tasks=tasks, fusion=fusion, train_only=train_only, supervise="after", model_kwargs=small)
    space = LabelSpace("any", ("a", "b"), ("arm", "leg"), ("papule", "scale"))
    net = build_model(run, space)
    logits, out = net(torch.randn(2, 3, 16, 16))
    targets = {task: torch.eye(2) for task in logits}
    sum(task_objectives(logits, out, targets, dict.fromkeys(tasks, 1.0), both=False)[0].values()).backward()
    trained = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert [name for name, parameter in trained.items() if parameter.grad is None] == []
    answers = set(net.classifier_names.values())
    assert {name.rpartition(".")[0] for name in trained if name.startswith("classifiers")} == answers


def test_frozen_parts_stay_in_evaluation_mode() -> None:
    net = model(drop_path_rate=0.5)
    frozen = freeze(net, "trunk")
    frozen_mode(frozen, torch.nn.Module.train)(net)
    assert not any(module.training for module in net.trunk.modules())
    assert all(module.training for module in net.heads.modules())
    images = torch.randn(2, 3, 28, 28)
    torch.testing.assert_close(net.trunk.forward_features(images), net.trunk.forward_features(images))


def test_frozen_weights_reach_no_optimizer_and_do_not_move() -> None:
    net = model()
    freeze(net, "trunk")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimizer = build_optimizer(net, config(optimizer="adamw", lr=0.1, freeze="trunk"))
    logits, _ = net(torch.randn(2, 3, 28, 28))
    sum(z.square().sum() for z in logits.values()).backward()
    optimizer.step()
    moved = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and not any(name.startswith("trunk.") for name in moved)


def test_learning_rates_fall_from_the_heads_to_the_patches() -> None:
    net = model()
    scales = learning_rate_scales(net, config(layer_decay=0.5, new_lr=3.0))
    first, last = scales["trunk.blocks.0.attn.qkv.weight"], scales["trunk.blocks.2.attn.qkv.weight"]
    assert last == 4 * first and scales["trunk.patch_embed.proj.weight"] == first / 2
    assert scales["heads.disease.blocks.0.attn.qkv.weight"] == 2 * last == scales["heads.disease.norm.weight"] == 0.5
    assert scales["classifiers_after.disease.weight"] == 3.0
    groups = build_optimizer(net, config(layer_decay=0.5)).param_groups
    assert sum(len(group["params"]) for group in groups) == len([*net.parameters()])
    assert {group.get("lr_scale", 1.0) for group in groups} == {0.5**i for i in range(6)}
    assert learning_rate_scales(net, config()) == {}


@pytest.mark.parametrize(
    ("backbone", "first", "last"),
    [
        ("vit_base_patch16_clip_224.openai", "trunk.norm_pre.weight", None),
        ("vit_base_patch16_siglip_224", None, "heads.disease.pooling"),
    ],
)
def test_a_norm_before_the_blocks_and_a_pooling_after_them_are_layers_too(backbone, first, last) -> None:
    with no_numbers():
        net = timm.create_model("dermimitformer", backbone=backbone, img_size=32, num_classes=3, depth=4, lsm=False)
    scales = learning_rate_scales(net, config(layer_decay=0.5))
    if first:
        assert scales[first] == scales["trunk.patch_embed.proj.weight"]
    if last:
        pooled = {scale for name, scale in scales.items() if name.startswith(last)}
        assert pooled == {scales["heads.disease.norm.weight"]} != {1.0}


def test_recipes_are_settings_of_a_run_and_what_is_given_holds() -> None:
    for name, settings in RECIPES.items():
        assert config(**settings).to_dict().items() >= settings.items(), name
    words = with_recipe(["train", "--recipe", "finetune", "--lr", "0.1"])
    assert words[0] == "train" and words.index("0.0003") < words.index("0.1")
    assert with_recipe(["train", "--recipe=paper"]) == ["train", "--recipe=paper"]
    assert with_recipe(["predict", "--recipe", "finetune"]) == ["predict", "--recipe", "finetune"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"freeze": "heads"}, "trunk, all-but-heads, blocks:N or empty"),
        ({"freeze": "blocks:two"}, "trunk, all-but-heads"),
        ({"layer_decay": 1.5}, "at most 1"),
        ({"layer_decay": 0.0}, "above 0"),
        ({"drop_path": 1.0}, "below 1"),
        ({"views": 4}, "freeze=trunk"),
        ({"tokens": "kept"}, "empty without views"),
        ({"views": 4, "freeze": "trunk"}, "cutmix_probability=0.5: must be 0 with views"),
        ({"weights": "a.safetensors", "pretrained": True}, "empty with pretrained"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**settings)
