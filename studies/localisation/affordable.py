"""How many photographs a page explains on a processor: fewer with a model that takes long for each."""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

OPERATIONS = 5e10
"""Floating-point operations of one forward pass over all photographs: about 500 through the small model at 64 pixels,
4 through a ViT-S/14 at 224. Maps take some hundred times as many, so a page is done within minutes."""


def affordable(model: nn.Module, photo: Tensor) -> int:
    """How many photographs `OPERATIONS` pays for, at least 1.

    Args:
        model: in evaluation mode.
        photo: one normalised photograph, float (channels, height, width).
    """
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        model(photo[None])  # the CPU's fused attention would not be counted
    return max(1, int(OPERATIONS / counter.get_total_flops()))
