"""How a backbone without a class token for an answer sums up its tokens: timm's pooling, one copy for each task."""

from jaxtyping import Float
from timm.layers import AttentionPoolLatent
from timm.layers.pool1d import global_pool_nlc
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

POOLINGS = ("avg", "max", "avgmax", "map")


class Pooling(nn.Module):
    """The mean, maximum or attention pooling of a timm ViT, with the norm that follows it.

    Args:
        how: "avg", "max", "avgmax", or "map" for a learnt query that attends to the tokens (SigLIP).
        prefix: number of tokens before the first patch.
        include_prefix: whether these are pooled too.
        attn_pool: timm's module, with "map".
        fc_norm: the norm after it.
    """

    def __init__(
        self, *, how: str, prefix: int, include_prefix: bool, attn_pool: AttentionPoolLatent | None, fc_norm: nn.Module
    ) -> None:
        super().__init__()
        self.how, self.prefix, self.include_prefix = how, prefix, include_prefix
        self.attn_pool, self.fc_norm = attn_pool, fc_norm

    def forward(self, x: Float[Tensor, "batch tokens dim"]) -> Float[Tensor, "batch dim"]:
        """One vector of all tokens, as timm's ViT computes it before its classifier."""
        if self.attn_pool is not None:
            return self.fc_norm(self.attn_pool(x if self.include_prefix else x[:, self.prefix :]))
        pooled = global_pool_nlc(
            x, pool_type=self.how, num_prefix_tokens=self.prefix, reduce_include_prefix=self.include_prefix
        )
        return self.fc_norm(pooled)


def taken_from(vit: VisionTransformer) -> Pooling | None:
    """The pooling of a ViT, whose modules are taken; None where it answers from its class token.

    Raises:
        ValueError: a pooling that is none of `POOLINGS`.
    """
    if vit.global_pool in ("token", ""):
        return None
    if vit.global_pool not in POOLINGS:
        raise ValueError(f"global_pool={vit.global_pool!r} of the backbone: known are token, {', '.join(POOLINGS)}")
    return Pooling(
        how=vit.global_pool,
        prefix=vit.num_prefix_tokens,
        include_prefix=vit.pool_include_prefix,
        attn_pool=vit.attn_pool,
        fc_norm=vit.fc_norm,
    )
