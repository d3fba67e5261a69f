"""Attention rollout: how much of each patch reaches the class token through several layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from dermimit.model.attention import Layer


@torch.no_grad()
def class_rollout(layers: Sequence[Layer], class_index: int, prefix: int) -> Float[Tensor, "batch patches"]:
    """The class token's row of Ā_L ⋯ Ā_1 with Ā_l = ½ mean_heads(A_l) + ½ I; entries in [0, 1].

    Only a row is carried from the last layer to the first, so products of matrices are never formed; the N×N matrices
    themselves are, one a layer.

    Args:
        layers: first to last.
        class_index: position of the class token, below `prefix`.
        prefix: number of tokens before the first patch; the entries of all tokens sum to 1, the patches' to less.

    Source: Abnar and Zuidema, "Quantifying attention flow in transformers", ACL 2020.
    """
    row = _one_hot(layers[-1], class_index)
    with torch.autocast(row.device.type, enabled=False):
        for layer in reversed(layers):
            row = 0.5 * row + 0.5 * (row @ layer.mean_attention)
    return row[:, 0, prefix:]


@torch.no_grad()
def head_rollout(layers: Sequence[Layer], class_index: int, prefix: int) -> Float[Tensor, "batch heads patches"]:
    """The class token's row of A_L,h ⋯ A_1,h for each attention head h: no residual, no mean over heads.

    Args: as `class_rollout`.

    Source: part selection of TransFG (He et al., AAAI 2022).
    """
    row = _one_hot(layers[-1], class_index)[:, None]
    with torch.autocast(row.device.type, enabled=False):
        for layer in reversed(layers):
            row = row @ layer.attention()
    return row[:, :, 0, prefix:]


def _one_hot(layer: Layer, index: int) -> Float[Tensor, "batch 1 tokens"]:
    row = layer.q.new_zeros(layer.q.shape[0], 1, layer.q.shape[2], dtype=torch.float32)
    row[..., index] = 1
    return row
