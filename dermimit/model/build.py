"""Named builders: the only place with sizes, registered with timm."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from typing import Any

import timm
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from dermimit.model.arguments import VIT_ARGUMENTS, check_names, checked_sizes
from dermimit.model.bottleneck import CONCEPT_TASKS
from dermimit.model.classes import checked_num_classes
from dermimit.model.config import ModelConfig
from dermimit.model.control_selection import CentreSelection, GivenSelection, RandomSelection
from dermimit.model.cross_interaction import CrossInteraction, interacting_pairs
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.factory import ASKED, Request
from dermimit.model.lesion_selection import LesionSelection
from dermimit.model.part_selection import EveryLayerSelection, PerHeadSelection
from dermimit.model.photo_config import photo_config
from dermimit.model.pooling import taken_from
from dermimit.model.pretrained import load_vit_state_dict
from dermimit.model.selection import Selection
from dermimit.model.stem import ConvStem
from dermimit.model.task_head import TaskHead
from dermimit.model.zoom import ZoomDermImitFormer
from dermimit.tasks import SELECTING_TASKS

CONFIG_FIELDS = {field.name for field in fields(ModelConfig)}


def build(vit: VisionTransformer, num_classes: int | dict[str, int], config: ModelConfig) -> DermImitFormer:
    """Cuts a timm ViT into trunk and heads and assembles the model around them.

    Args:
        vit: ViT of full depth L; it is taken apart, do not use it afterwards.
        num_classes: task -> classes, or an int for disease alone.
        config: the declared choices.

    Raises:
        ValueError: an unknown task, fewer blocks than `head_depth`, K above the number of patches, an interaction
            without a second task to interact with, or a bottleneck without disease or without concepts.
    """
    num_classes = checked_num_classes(num_classes)
    depth, prefix, pooling = len(vit.blocks), vit.num_prefix_tokens, taken_from(vit)
    if depth < config.head_depth:
        raise ValueError(f"head_depth={config.head_depth}: the ViT has only {depth} blocks")
    head_blocks = vit.blocks[depth - config.head_depth :]
    heads = {
        task: TaskHead(
            blocks=nn.ModuleList(deepcopy(block) for block in head_blocks),
            norm=deepcopy(vit.norm),
            selection=selection(task, vit, config),
            selection_layer=config.lsm_layer,
            class_index=position if config.class_tokens == "per_task" else 0,
            prefix=prefix,
            pooling=deepcopy(pooling),
        )
        for position, task in enumerate(num_classes)
        if config.fusion != "bottleneck" or task in CONCEPT_TASKS
    }
    if config.fusion == "bottleneck" and ("disease" not in num_classes or not heads):
        raise ValueError(f"fusion='bottleneck' with tasks {', '.join(num_classes)}: it reads the disease from body "
                         "part and attributes; name the disease and one of them, or use fusion='none'")  # fmt: skip
    interaction = cross_interaction(vit, tuple(num_classes), config) if config.fusion == "cim" else None
    vit.blocks, vit.norm = vit.blocks[: depth - config.head_depth], nn.Identity()
    vit.fc_norm, vit.attn_pool = nn.Identity(), None  # type: ignore[assignment]  # timm's own value for no pooling
    vit.feature_info = vit.feature_info[: len(vit.blocks)]
    vit.reset_classifier(0)
    kind = ZoomDermImitFormer if config.zoom else DermImitFormer
    return kind(trunk=vit, heads=heads, interaction=interaction, num_classes=num_classes, config=config)


def selection(task: str, vit: VisionTransformer, config: ModelConfig) -> Selection | None:
    """The way of selecting patches, for the tasks that select.

    Args:
        task: one of `TASKS`.
        vit: at full depth.
        config: the declared choices.

    Raises:
        ValueError: more patches than there are, fewer than `every_layer` needs, or a ViT without a layer before the
            last for a way that needs one.
    """
    if not config.lsm or task not in SELECTING_TASKS:
        return None
    n, depth = vit.patch_embed.num_patches, len(vit.blocks)
    if config.selection in ("per_head", "every_layer") and vit.global_pool not in ("token", ""):
        raise ValueError(f"selection={config.selection!r}: the last block sees class token and selected patches "
                         f"alone, and this backbone pools all of them (global_pool={vit.global_pool!r})")  # fmt: skip
    if config.selection in ("lsm", "per_head", "every_layer") and not vit.has_class_token:
        raise ValueError(f"selection={config.selection!r} reads the attention between class token and patches; this "
                         "backbone has no class token: use lsm=False, selection='centre' or 'random'")  # fmt: skip
    if config.selection in ("per_head", "every_layer") and depth < 2:
        raise ValueError(f"selection={config.selection!r}: the layers before the last select, and the ViT has only one")
    if config.selection == "per_head":
        return PerHeadSelection(num_heads=vit.blocks[0].attn.num_heads, num_patches=n)
    if config.selection == "every_layer":
        return EveryLayerSelection(k=config.lsm_k, num_patches=n, num_layers=depth - 1, score=config.lsm_score)
    if config.selection == "random":
        return RandomSelection(k=config.lsm_k, num_patches=n)
    if config.selection == "given":
        return GivenSelection(k=config.lsm_k, grid=tuple(vit.patch_embed.grid_size))
    if config.selection == "centre":
        return CentreSelection(k=config.lsm_k, grid=tuple(vit.patch_embed.grid_size))
    return LesionSelection(k=config.lsm_k, num_patches=n, score=config.lsm_score)


def cross_interaction(vit: VisionTransformer, tasks: tuple[str, ...], config: ModelConfig) -> CrossInteraction:
    """The CIM over the tasks at hand, as wide as the ViT's blocks."""
    pairs = interacting_pairs(config.cim_wiring, tasks)
    if not pairs:
        raise ValueError(f"fusion='cim' with tasks {tasks}: no two of them interact; use fusion='none'")
    attention, mlp = vit.blocks[0].attn, vit.blocks[0].mlp
    return CrossInteraction(
        pairs=pairs,
        queries=config.cim_queries,
        dim=vit.embed_dim,
        num_heads=attention.num_heads,
        mlp_ratio=mlp.fc1.out_features / vit.embed_dim if hasattr(mlp, "fc1") else 4.0,
        depth=config.cim_depth,
        shuffled=config.cim_shuffled,
    )


def create(
    builder: str,
    pretrained: bool,
    sizes: dict[str, Any],
    defaults: dict[str, Any],
    source: str = "",
    fill: Callable[[DermImitFormer], None] | None = None,
    stride: int = 1,
    **kwargs: Any,
) -> nn.Module:
    """Model from ViT sizes, as `timm.create_model` asks for it.

    Args:
        builder: its name.
        pretrained: start from the ImageNet weights of `source`, or those that `fill` puts in.
        sizes: the builder's arguments of timm's ViT.
        defaults: the builder's fields of `ModelConfig`.
        source: timm's ViT of the same size with weights.
        fill: puts weights from elsewhere into the model.
        stride: see `checked_sizes`.
        **kwargs: fields of `ModelConfig`, arguments of timm's ViT, and those of `Request`.

    Returns:
        a DermImitFormer; with `task` its `TaskClassifier`, with `features_only` its trunk's feature maps.

    Raises:
        ValueError: an unknown argument, or a value that does not fit, naming it.
    """
    check_names(builder, kwargs, VIT_ARGUMENTS | CONFIG_FIELDS | {*ASKED})
    request = Request.take(builder, pretrained, kwargs, source)
    if request.from_source and not (source or fill):
        raise ValueError(f"{builder} has no pretrained weights; use pretrained=False")
    model = assemble(builder, request.num_classes, sizes, defaults, stride, kwargs)
    if request.from_source and fill:
        fill(model)
    elif request.from_source:
        vit = timm.create_model(source, pretrained=True, in_chans=model.in_chans, **request.hub)
        load_vit_state_dict(model, vit.state_dict())
    return request.answer(model)


def choices(num_classes: dict[str, int], defaults: dict[str, Any], given: dict[str, Any]) -> ModelConfig:
    """The fields of `ModelConfig` among what is `given`, over a builder's `defaults`; one task is joined to nothing."""
    alone = {"fusion": "none"} if len(num_classes) == 1 else {}
    return ModelConfig(**alone | defaults | {name: given[name] for name in CONFIG_FIELDS & given.keys()})


def assemble(
    builder: str, num_classes: dict[str, int], sizes: dict[str, Any], defaults: dict[str, Any], stride: int, given: dict
) -> DermImitFormer:
    """The network: what is `given` goes to `ModelConfig` where it is a field of it, and else to timm's ViT."""
    config = choices(num_classes, defaults, given)
    arguments = sizes | {name: value for name, value in given.items() if name not in CONFIG_FIELDS}
    if config.class_tokens == "per_task":
        if "reg_tokens" in given:
            raise ValueError(f"{builder}: reg_tokens={given['reg_tokens']!r}: with class_tokens='per_task' they are "
                             "the tasks' class tokens; leave it out")  # fmt: skip
        arguments["reg_tokens"] = len(num_classes) - 1
    arguments = checked_sizes(builder, arguments, stride)
    try:
        vit = VisionTransformer(num_classes=0, **arguments)
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{builder}: timm's VisionTransformer refuses {given}: {error}") from error
    return build(vit, num_classes, config)


default_cfgs = {
    "dermimitformer_tiny_patch8_64": photo_config((64, 64), first_conv="trunk.patch_embed.conv"),
    "dermimitformer_small_patch16_224": photo_config((224, 224), first_conv="trunk.patch_embed.proj"),
    "dermimitformer_base_patch16_224": photo_config((224, 224), first_conv="trunk.patch_embed.proj"),
    "dermimitformer_base_patch16_384": photo_config((384, 384), first_conv="trunk.patch_embed.proj"),
    "dermimitformer_large_patch16_224": photo_config((224, 224), first_conv="trunk.patch_embed.proj"),
}
"""What timm knows of each builder before it builds; `register_model` looks it up here by name."""


@register_model
def dermimitformer_tiny_patch8_64(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """64-pixel model for two CPU cores: convolutional stem, width 128, one shared block and one block a head.

    12 of its 64 patches are selected: 24, as in the larger builders, would be more than a third of the photograph.
    """
    sizes = dict(img_size=64, patch_size=8, embed_dim=128, depth=2, num_heads=4, mlp_ratio=2.0, embed_layer=ConvStem)
    return create("dermimitformer_tiny_patch8_64", pretrained, sizes, {"head_depth": 1, "lsm_k": 12}, **kwargs)


@register_model
def dermimitformer_small_patch16_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ViT-S/16 at 224 pixels."""
    sizes = dict(img_size=224, patch_size=16, embed_dim=384, depth=12, num_heads=6)
    source = "vit_small_patch16_224.augreg_in21k"
    return create("dermimitformer_small_patch16_224", pretrained, sizes, {}, source, **kwargs)


@register_model
def dermimitformer_base_patch16_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ViT-B/16 at 224 pixels, the paper's backbone."""
    sizes = dict(img_size=224, patch_size=16, embed_dim=768, depth=12, num_heads=12)
    source = "vit_base_patch16_224.augreg_in21k"
    return create("dermimitformer_base_patch16_224", pretrained, sizes, {}, source, **kwargs)


@register_model
def dermimitformer_base_patch16_384(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ViT-B/16 at 384 pixels; ImageNet-21k weights are those at 224, with resampled position embeddings."""
    sizes = dict(img_size=384, patch_size=16, embed_dim=768, depth=12, num_heads=12)
    source = "vit_base_patch16_224.augreg_in21k"
    return create("dermimitformer_base_patch16_384", pretrained, sizes, {}, source, **kwargs)


@register_model
def dermimitformer_large_patch16_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ViT-L/16 at 224 pixels, larger than the paper's ViT-B/16: 24 blocks, of which 22 are shared."""
    sizes = dict(img_size=224, patch_size=16, embed_dim=1024, depth=24, num_heads=16)
    source = "vit_large_patch16_224.augreg_in21k"
    return create("dermimitformer_large_patch16_224", pretrained, sizes, {}, source, **kwargs)
