"""Self-attention of a timm block, returning the queries and keys that lesion selection reads."""

from jaxtyping import Float
from timm.models.vision_transformer import Attention, Block
from torch import Tensor
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
    b, n, _ = x.shape
    qkv = attention.qkv(x).reshape(b, n, 3, attention.num_heads, attention.head_dim).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)  # (B, H, N, d) each
    q, k = attention.q_norm(q), attention.k_norm(k)
    dropout = attention.attn_drop.p if attention.training else 0.0
    y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=attention.scale)
    y = attention.norm(y.transpose(1, 2).reshape(b, n, -1))
    return attention.proj_drop(attention.proj(y)), q, k


def block_with_queries_and_keys(
    block: Block, x: Float[Tensor, "batch tokens dim"]
) -> tuple[
    Float[Tensor, "batch tokens dim"], Float[Tensor, "batch heads tokens d"], Float[Tensor, "batch heads tokens d"]
]:
    """One pre-norm transformer block as timm computes it, plus its queries and keys."""
    y, q, k = attend(block.attn, block.norm1(x))
    x = x + block.drop_path1(block.ls1(y))
    x = x + block.drop_path2(block.ls2(block.mlp(block.norm2(x))))
    return x, q, k


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
