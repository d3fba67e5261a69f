"""DermImitFormer around any vision transformer of timm."""

from typing import Any

import timm
from timm.models import register_model
from timm.models.vision_transformer import Attention, Block, VisionTransformer
from torch import nn

from dermimit.model.arguments import VIT_ARGUMENTS, check_multiple, check_names, known_cfg, nearest, pair
from dermimit.model.baseline import backbones, is_backbone
from dermimit.model.build import CONFIG_FIELDS, build, choices
from dermimit.model.config import ModelConfig
from dermimit.model.factory import ASKED, Request
from dermimit.model.photo_config import colours, photo_config
from dermimit.model.pretrained import load_vit_state_dict

NAME = "dermimitformer"
OTHERWISE = 'use model="baseline" with it: one linear classifier for each task on its pooled features'
WHY = {
    "Eva": "its patches have rotary positions inside an attention of another class (EVA, DINOv3, PE), which lesion "
    "selection and the heads do not compute",
    "NaFlexVit": "it takes photographs of any shape as lists of patches, and lesion maps need a fixed grid",
    "VisionTransformerDistilled": "it answers from two class tokens (class and distillation)",
    "Beit": "its attention has a bias of relative positions, which lesion selection and the heads do not compute",
}
"""Transformers of timm that cannot be cut into trunk and heads, by the name of their class, and why."""

default_cfgs = {NAME: photo_config((224, 224), first_conv="trunk.patch_embed.proj")}


@register_model
def dermimitformer(pretrained: bool = False, backbone: str = "", **kwargs: Any) -> nn.Module:
    """DermImitFormer whose trunk and heads are cut from a vision transformer of timm.

    Patches of any size, LayerScale, register tokens, normalised queries and keys, and pooling other than the class
    token's stay as the backbone has them: AugReg, DeiT III, DINOv2 with and without registers, the towers of CLIP and
    SigLIP, MAE. Without lesion selection and interaction, one task's logits are those of the backbone with the same
    classifier.

    Args:
        pretrained: start from the weights that timm's hub has for the backbone.
        backbone: its name in timm, with a tag or without, such as vit_small_patch14_dinov2.
        **kwargs: `num_classes`, task -> classes or an int for the disease alone; fields of `ModelConfig`; and arguments
            of timm's ViT. Without `img_size` the photographs have the size of the backbone's pretraining.

    Raises:
        ValueError: no vision transformer of timm or one that cannot be cut, naming the reason; an argument or a size
            that does not fit.

    Differs from the paper: there a ViT-B/16 with ImageNet weights, of which is not said.
    """
    check_backbone(backbone)
    check_names(NAME, kwargs, VIT_ARGUMENTS | CONFIG_FIELDS | {*ASKED})
    request = Request.take(NAME, pretrained, kwargs)
    config = choices(request.num_classes, {}, kwargs)
    vit = vision_transformer(backbone, config, len(request.num_classes), kwargs)
    expected: dict[str, Any] = vit.pretrained_cfg
    model = build(vit, request.num_classes, config)
    photos = {name: colours(expected[name], model.in_chans) for name in ("mean", "std")}
    model.pretrained_cfg |= photos | {"interpolation": expected["interpolation"], "backbone": backbone}
    if request.from_source:
        source = timm.create_model(
            backbone, pretrained=True, img_size=model.image_size, in_chans=model.in_chans, **request.hub
        )
        load_vit_state_dict(model, source.state_dict())
    return request.answer(model)


def check_backbone(backbone: str) -> None:
    """Raises ValueError where a name is none of timm's own models."""
    if not backbone:
        raise ValueError(f"{NAME}: name a vision transformer of timm, as backbone='vit_small_patch14_dinov2' "
                         "(on the command line: --model-kwargs backbone vit_small_patch14_dinov2)")  # fmt: skip
    if not is_backbone(backbone):
        known = nearest(backbone, backbones(), "timm.list_models('vit*') names them")
        raise ValueError(f"{NAME}: backbone={backbone!r} is no model of timm; {known}")


def vision_transformer(backbone: str, config: ModelConfig, tasks: int, given: dict[str, Any]) -> VisionTransformer:
    """timm's ViT at full depth, without weights.

    Args:
        backbone: its name.
        config: the declared choices.
        tasks: number of tasks.
        given: arguments of the builder; those of `ModelConfig` are left out here.

    Raises:
        ValueError: it is no ViT, or one that cannot be cut; or an argument that it does not take.
    """
    arguments = {name: value for name, value in given.items() if name not in CONFIG_FIELDS}
    expected = known_cfg(NAME, backbone)
    size = arguments.pop("img_size", expected.input_size[-2:] if expected else 224)
    if config.class_tokens == "per_task":
        if "reg_tokens" in arguments:
            raise ValueError(f"{NAME}: reg_tokens={arguments['reg_tokens']!r}: with class_tokens='per_task' they are "
                             "the tasks' class tokens; leave it out")  # fmt: skip
        arguments["reg_tokens"] = tasks - 1
    try:
        vit: Any = timm.create_model(backbone, num_classes=0, img_size=pair(NAME, "img_size", size), **arguments)
    except (AssertionError, KeyError, TypeError) as error:
        kind = "" if backbone.startswith(("vit", "deit")) else f"; where it is no ViT, {OTHERWISE}"
        raise ValueError(f"{NAME}: backbone={backbone!r} does not take {given}: {error}{kind}") from error
    check_cut(backbone, vit)
    if config.class_tokens == "per_task" and (not vit.has_class_token or _registers(backbone)):
        raise ValueError(f"{NAME}: class_tokens='per_task' with backbone={backbone!r}: it has no class token, or has "
                         "registers in the place of the tasks' tokens; use class_tokens='shared'")  # fmt: skip
    for side, patch in zip(vit.patch_embed.img_size, vit.patch_embed.patch_size, strict=True):
        check_multiple(NAME, side, patch)
    return vit


def check_cut(backbone: str, vit: nn.Module) -> None:
    """Raises ValueError, with the reason, for what cannot be cut into trunk and heads."""
    kind = type(vit).__name__
    if kind in WHY:
        raise ValueError(f"{NAME}: backbone={backbone!r} is timm's {kind}: {WHY[kind]}; {OTHERWISE}")
    if type(vit) is not VisionTransformer:
        raise ValueError(f"{NAME}: backbone={backbone!r} is timm's {kind}, no plain vision transformer; {OTHERWISE}")
    for block in vit.blocks:
        attention = getattr(block, "attn", None)
        if type(block) is not Block or type(attention) is not Attention or getattr(attention, "gate", None) is not None:
            names = f"{type(block).__name__} with {type(attention).__name__}"
            raise ValueError(f"{NAME}: backbone={backbone!r} has blocks of another kind ({names}); {OTHERWISE}")


def _registers(backbone: str) -> bool:
    """Whether the backbone has register tokens of its own."""
    return "_reg" in backbone.partition(".")[0]
