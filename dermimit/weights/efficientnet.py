"""Recognising an EfficientNet-Lite, whose weights fill the stem of a hybrid."""

import re

from dermimit.model.lite_weights import REPEATS, timm_names
from dermimit.weights.naming import State

HEAD = ("_conv_head.weight", "conv_head.weight")
SE = "se."


def lite_names(tensors: State) -> State | None:
    """The state dict of an EfficientNet-Lite under timm's names; None where it is none.

    Args:
        tensors: all of a file's, under the names of EfficientNet-PyTorch or timm.
    """
    if not any(name in tensors for name in HEAD) or any(f".{SE}" in name or "_se_" in name for name in tensors):
        return None
    numbers = [int(match[1]) for name in tensors if (match := re.match(r"_blocks\.(\d+)\.", name))]
    if not numbers:
        return tensors
    repeats = next((repeats for repeats in REPEATS if sum(repeats) == max(numbers) + 1), None)
    return None if repeats is None else timm_names(tensors, repeats)
