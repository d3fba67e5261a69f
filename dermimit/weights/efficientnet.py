"""Recognising an EfficientNet-Lite, whose weights fill the stem of a hybrid."""

import re

import timm

from dermimit.model.lite_weights import REPEATS, timm_names
from dermimit.model.plan import no_numbers
from dermimit.weights.naming import State

HEAD = ("_conv_head.weight", "conv_head.weight")
SE = "se."
LITE = "tf_efficientnet_lite"


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


def lite_architecture(state: State) -> str:
    """timm's name of the EfficientNet-Lite that a state dict under timm's names is of; "" where it is none of them."""
    for size in range(len(REPEATS)):
        with no_numbers():
            model = timm.create_model(f"{LITE}{size}", num_classes=0)
        if _blocks(model.state_dict()) == _blocks(state):
            return f"{LITE}{size}"
    return ""


def _blocks(state: State) -> dict[str, tuple[int, ...]]:
    """Shapes of what lies in the blocks, without counters."""
    return {name: tuple(value.shape) for name, value in state.items() if name.startswith("blocks.") and value.ndim}
