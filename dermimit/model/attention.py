"""Self-attention of a timm block, returning the queries and keys that lesion selection reads."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from timm.models.vision_transformer import Attention, Block
from torch import Tensor, nn
from torch.nn import functional as F


def attend(
    attention: Attention, x: Float[Tensor, "batch tokens dim"]
) -> tuple[
    Float[Tensor, "batch tokens dim"], Float[Tensor, "batch heads tokens d"], Float[Tensor, "batch heads tokens d"]
]:
    """Multi-head self-attention exactly as timm's `Attention`, plus its queries and keys.

    Fused attention stays on: no N×N matrix is built, and nothing is computed twice.

    Args:
        attention: timm's module, whose weights are used.
        x: normalised tokens.

    Returns:
        the attended tokens, the queries and the keys.
    """
    q, k, v = split_heads(attention, attention.qkv(x))
    return answer(attention, q, k, v), q, k


def answer(
    attention: Attention,
    q: Float[Tensor, "batch heads asking d"],
    k: Float[Tensor, "batch heads tokens d"],
    v: Float[Tensor, "batch heads tokens d"],
) -> Float[Tensor, "batch asking dim"]:
    """What the queries find, after the output projection, as timm's `Attention` computes it."""
    dropout = attention.attn_drop.p if attention.training else 0.0
    y = fused_attention(q, k, v, dropout_p=dropout, scale=attention.scale)
    return attention.proj_drop(attention.proj(attention.norm(y.transpose(1, 2).flatten(2))))


def fused_attention(
    q: Float[Tensor, "batch heads asking d"],
    k: Float[Tensor, "batch heads tokens d"],
    v: Float[Tensor, "batch heads tokens d"],
    **options: Any,
) -> Float[Tensor, "batch heads asking d"]:
    """softmax(Q Kᵀ · scale) V by torch's fused kernel; on a CPU always in float32.

    There the kernel's backward pass takes six times as long in bfloat16 (torch 2.14, AVX-512 with AMX), and all that
    mixed precision gains elsewhere would be lost.

    Args:
        q, k, v: queries, keys and values by head.
        options: of `torch.nn.functional.scaled_dot_product_attention`.
    """
    if q.device.type != "cpu" or q.dtype not in (torch.bfloat16, torch.float16):
        return F.scaled_dot_product_attention(q, k, v, **options)
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), **options).to(q.dtype)


def unfuse(model: nn.Module) -> None:
    """Makes timm's attention layers build their matrices, for bfloat16 on a CPU (see `fused_attention`); in place."""
    module: Any
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False


def split_heads(
    attention: Attention, qkv: Float[Tensor, "batch tokens three_dim"]
) -> tuple[
    Float[Tensor, "batch heads tokens d"], Float[Tensor, "batch heads tokens d"], Float[Tensor, "batch heads tokens d"]
]:
    """Queries, keys and values by head from the joint projection of timm's `Attention`, normalised as it does."""
    b, n, _ = qkv.shape
    q, k, v = qkv.reshape(b, n, 3, attention.num_heads, attention.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
    return attention.q_norm(q), attention.k_norm(k), v


def block_with_queries_and_keys(
    block: Block, x: Float[Tensor, "batch tokens dim"]
) -> tuple[
    Float[Tensor, "batch tokens dim"], Float[Tensor, "batch heads tokens d"], Float[Tensor, "batch heads tokens d"]
]:
    """One pre-norm transformer block as timm computes it, plus its queries and keys."""
    attn: Any = block.attn
    y, q, k = attend(attn, block.norm1(x))
    return complete(block, x, y), q, k


def complete(
    block: Block, x: Float[Tensor, "batch tokens dim"], y: Float[Tensor, "batch tokens dim"]
) -> Float[Tensor, "batch tokens dim"]:
    """The rest of a pre-norm block after its attention: x ← x + y; x ← x + MLP(norm(x)), token by token."""
    x = x + block.drop_path1(block.ls1(y))
    return x + block.drop_path2(block.ls2(block.mlp(block.norm2(x))))


def take(x: Float[Tensor, "batch tokens dim"], tokens: Int[Tensor, "batch some"]) -> Float[Tensor, "batch some dim"]:
    """Some tokens of each image, by their positions."""
    return x.gather(1, tokens[..., None].expand(-1, -1, x.shape[-1]))


def class_row_and_column(
    q: Float[Tensor, "batch heads tokens d"], k: Float[Tensor, "batch heads tokens d"], class_index: int, prefix: int
) -> tuple[Float[Tensor, "batch heads patches"], Float[Tensor, "batch heads patches"]]:
    """Attention between the class token c and each patch i, in both directions, in O(N).

    a_i = softmax over keys of (q_c · k_j / √d), at j = i: how much the class token looks at the patch.
    b_i = softmax over queries of (q_j · k_c / √d), at j = i: how much of the class token's audience the patch is.
    Both softmaxes run over all tokens; only the patches' entries are returned.

    Args:
        q, k: queries and keys of one attention layer.
        class_index: position of the class token, below `prefix`.
        prefix: number of tokens before the first patch.

    Source: FFVT's mutual attention weight selection (Wang et al., BMVC 2021); section 2 of DermImitFormer names the
    idea. Differs from FFVT: the class token itself is never a candidate.
    """
    scale = q.shape[-1] ** -0.5
    row = (q[:, :, class_index, None, :] * scale) @ k.transpose(-2, -1)  # (B, H, 1, N)
    column = q @ (k[:, :, class_index, :, None] * scale)  # (B, H, N, 1)
    a = row.softmax(dim=-1)[:, :, 0, prefix:]
    b = column.softmax(dim=-2)[:, :, prefix:, 0]
    return a, b


@dataclass(frozen=True)
class Layer:
    """What the selection of patches may read of one transformer block.

    Attributes:
        q, k: its queries and keys.
        tokens: its output; None for the last block of a head, which is computed for the selected tokens alone.
    """

    q: Float[Tensor, "batch heads tokens d"]
    k: Float[Tensor, "batch heads tokens d"]
    tokens: Float[Tensor, "batch tokens dim"] | None = None

    @property
    def batch(self) -> int | torch.SymInt:
        """Number of photographs."""
        return self.q.shape[0]

    def class_row_and_column(
        self, class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch heads patches"], Float[Tensor, "batch heads patches"]]:
        """See the function of this name."""
        return class_row_and_column(self.q, self.k, class_index, prefix)

    def attention(self) -> Float[Tensor, "batch heads tokens tokens"]:
        """The attention matrix of each head, softmax over keys of Q Kᵀ/√d, in float32 and without gradient."""
        with torch.no_grad(), torch.autocast(self.q.device.type, enabled=False):
            q, k = self.q.float(), self.k.float()
            return ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1)

    @cached_property
    def mean_attention(self) -> Float[Tensor, "batch tokens tokens"]:
        """`attention` averaged over the heads; kept, since each task's rollout passes through the same trunk."""
        return self.attention().mean(dim=1)


@contextmanager
def traced(blocks: Iterable[nn.Module]) -> Iterator[list[Layer]]:
    """Within the context, each run of a block adds its `Layer` to the list that is given out.

    The blocks run as timm wrote them, with fused attention; forward hooks pick up what they compute anyway.
    """
    layers: list[Layer] = []
    projected: dict[nn.Module, Tensor] = {}

    def keep_projection(qkv: nn.Module, inputs: tuple, output: Tensor) -> None:
        projected[qkv] = output

    def keep_layer(block: nn.Module, inputs: tuple, output: Tensor) -> None:
        q, k, _ = split_heads(block.attn, projected.pop(block.attn.qkv))
        layers.append(Layer(q, k, output))

    blocks = [*blocks]
    handles = [block.attn.qkv.register_forward_hook(keep_projection) for block in blocks]
    handles += [block.register_forward_hook(keep_layer) for block in blocks]
    try:
        yield layers
    finally:
        for handle in handles:
            handle.remove()
