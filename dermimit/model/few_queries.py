"""The last block of a head, in which few tokens ask: keys and values of all tokens are mostly not projected.

q · (W_k n) = (W_kᵀ q) · n, and Σ a (W_v n) = W_v (Σ a n): the queries are taken to the tokens, and not the tokens to
them. M queries in H heads then cost 2 M H multiplications for each number of a token, where keys and values cost 2 D. A
key's bias adds the same to all scores of a query, which softmax takes out; a value's bias is added once, since the
weights sum to one. Numbers are those of the whole block but for rounding.
"""

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from timm.models.vision_transformer import Attention
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.model.attention import Layer, answer, split_heads, take


class Projected(Layer):
    """The layer with queries, keys and values of all tokens; what some ask is answered.

    Args:
        attention: timm's module.
        normed: its input.
    """

    def __init__(self, attention: Attention, normed: Float[Tensor, "batch tokens dim"]) -> None:
        q, k, self.v = split_heads(attention, attention.qkv(normed))
        super().__init__(q, k)
        self.module = attention

    def answer(self, read: Int[Tensor, "batch asking"]) -> Float[Tensor, "batch asking dim"]:
        """What the tokens at these positions find, after the output projection."""
        q = self.q.gather(2, read[:, None, :, None].expand(-1, self.q.shape[1], -1, self.q.shape[-1]))
        return answer(self.module, q, self.k, self.v)


class Folded(Layer):
    """The same without projecting all tokens; they are projected only for a selection that reads them all.

    Args:
        attention: timm's module, see `folds`.
        normed: its input.
    """

    def __init__(self, attention: Any, normed: Float[Tensor, "batch tokens dim"]) -> None:
        self.module, self.normed = attention, normed
        self.weights = attention.qkv.weight.unflatten(0, (3, attention.num_heads, -1))  # of q, k, v: (H, d, D) each
        bias = attention.qkv.bias
        self.biases = (None, None, None) if bias is None else bias.chunk(3)

    @cached_property
    def _projected(self) -> tuple[Tensor, Tensor, Tensor]:
        return split_heads(self.module, self.module.qkv(self.normed))

    @property
    def q(self) -> Float[Tensor, "batch heads tokens d"]:
        """Queries of all tokens."""
        return self._projected[0]

    @property
    def k(self) -> Float[Tensor, "batch heads tokens d"]:
        """Keys of all tokens."""
        return self._projected[1]

    @property
    def batch(self) -> int | torch.SymInt:
        return self.normed.shape[0]

    def class_row_and_column(
        self, class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch heads patches"], Float[Tensor, "batch heads patches"]]:
        """As `attention.class_row_and_column`."""
        one = self.normed[:, class_index, None]
        asking = [self._taken(one, own, other) for own, other in ((0, 1), (1, 0))]
        both = (torch.cat(asking, dim=1) @ self.normed.transpose(1, 2)).softmax(dim=-1)[..., prefix:]
        row, column = both.chunk(2, dim=1)
        return row, column

    def answer(self, read: Int[Tensor, "batch asking"]) -> Float[Tensor, "batch asking dim"]:
        """What the tokens at these positions find, after the output projection."""
        asking = self._taken(take(self.normed, read), 0, 1)  # (B, H M, D)
        found = (asking @ self.normed.transpose(1, 2)).softmax(dim=-1) @ self.normed
        by_head = found.unflatten(1, (self.module.num_heads, -1)).transpose(0, 1)
        values = by_head.flatten(1, 2) @ self.weights[2].transpose(1, 2)  # (H, B M, d)
        y = values.unflatten(1, read.shape).permute(1, 2, 0, 3).flatten(2)
        y = y if self.biases[2] is None else y + self.biases[2]
        return self.module.proj_drop(self.module.proj(self.module.norm(y)))

    def _taken(
        self, tokens: Float[Tensor, "batch asking dim"], own: int, other: int
    ) -> Float[Tensor, "batch rows dim"]:
        """W_otherᵀ (W_own x + b_own) / √d for each token and head, heads first: rows = H M."""
        projected = F.linear(tokens, self.weights[own].flatten(0, 1), self.biases[own]) * self.module.scale
        by_head = projected.unflatten(-1, (self.module.num_heads, -1)).flatten(0, 1).transpose(0, 1)  # (H, B M, d)
        taken = by_head @ self.weights[other]
        return taken.unflatten(1, tokens.shape[:2]).transpose(0, 1).flatten(1, 2)


def of_last_block(attention: Any, normed: Float[Tensor, "batch tokens dim"], asking: int) -> Projected | Folded:
    """The cheaper of the two for a number of queries."""
    return (Folded if folds(attention, asking) else Projected)(attention, normed)


def folds(attention: Any, asking: int) -> bool:
    """Whether the queries can be taken to the tokens, and whether that is cheaper.

    Keys that are normalised after their projection have to be projected; and dropout makes weights that do not sum to
    one.
    """
    plain = isinstance(attention.q_norm, nn.Identity) and isinstance(attention.k_norm, nn.Identity)
    dropping = attention.training and attention.attn_drop.p > 0
    return plain and not dropping and asking * attention.num_heads < attention.qkv.in_features
