"""Cross-Interaction Module (CIM): each task reads the other tasks' features by cross-attention."""

from typing import Any

from jaxtyping import Float
from timm.layers import Mlp
from torch import Tensor, nn

from dermimit.model.attention import fused_attention

OTHERS = ("body_part", "attributes")
TO_DISEASE = tuple(("disease", other) for other in OTHERS)
FROM_DISEASE = tuple((other, "disease") for other in OTHERS)
WIRING = {
    "disease_hub": FROM_DISEASE + TO_DISEASE,
    "to_disease": TO_DISEASE,
    "all_pairs": FROM_DISEASE + TO_DISEASE + (OTHERS, OTHERS[::-1]),
}
"""(task that asks, task that answers) for each `ModelConfig.cim_wiring`."""


def interacting_pairs(wiring: str, tasks: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Pairs (asking task, answering task) of a wiring, among the tasks that the model has."""
    return tuple((t, s) for t, s in WIRING[wiring] if t in tasks and s in tasks)


class CrossAttention(nn.Module):
    """Multi-head attention whose queries come from one task and whose keys and values from another.

    softmax(Q Kᵀ / √d) V with Q = x W_q, [K, V] = y W_kv.
    """

    def __init__(self, *, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def queries_keys_values(
        self, x: Float[Tensor, "batch asking dim"], y: Float[Tensor, "batch answering dim"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Q (B, H, asking, d), K and V (B, H, answering, d)."""
        heads = (self.num_heads, x.shape[-1] // self.num_heads)
        q = self.q(x).unflatten(-1, heads).transpose(1, 2)
        k, v = (t.unflatten(-1, heads).transpose(1, 2) for t in self.kv(y).chunk(2, dim=-1))
        return q, k, v

    def forward(
        self, x: Float[Tensor, "batch asking dim"], y: Float[Tensor, "batch answering dim"]
    ) -> Float[Tensor, "batch asking dim"]:
        """What the tokens x find in the tokens y."""
        out = fused_attention(*self.queries_keys_values(x, y))
        return self.proj(out.transpose(1, 2).flatten(2))


class CrossBlock(nn.Module):
    """x ← x + CrossAttention(norm(x), norm(y)); x ← x + MLP(norm(x))."""

    def __init__(self, *, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm_x, self.norm_y, self.norm_mlp = (nn.LayerNorm(dim, eps=1e-6) for _ in range(3))
        self.attn = CrossAttention(dim=dim, num_heads=num_heads)
        self.mlp = Mlp(dim, int(mlp_ratio * dim))

    def forward(
        self, x: Float[Tensor, "batch asking dim"], y: Float[Tensor, "batch answering dim"]
    ) -> Float[Tensor, "batch asking dim"]:
        """The asking task's tokens, enhanced by the answering task's."""
        x = x + self.attn(self.norm_x(x), self.norm_y(y))
        return x + self.mlp(self.norm_mlp(x))


class CrossInteraction(nn.Module):
    """One stack of cross-attention blocks for each ordered pair of tasks that the wiring names.

    Args:
        pairs: (asking task, answering task), see `interacting_pairs`.
        queries: "all" tokens ask, or the "class" token alone.
        dim, num_heads, mlp_ratio, depth: of the cross-attention blocks.
        shuffled: as a control, each photograph asks the other task's tokens of the photograph before it in its batch
            (the first those of the last), in training and in evaluation: as many parameters and operations, and nothing
            to learn from the other task. A photograph alone in its batch asks itself.

    A task without lesion selection (the body part; every task where `lsm=False`) answers with its class token alone.
    Attention over one token weighs it 1 whatever the question, so such a block adds the same projection of that token
    to each asking token, and its `q` and `norm_x` get no gradient.

    Source: DermImitFormer, section 2 (Cross-Interaction Module).
    Differs from the paper: wiring, depth and what is concatenated are not documented publicly; see `ModelConfig`.
    """

    def __init__(
        self,
        *,
        pairs: tuple[tuple[str, str], ...],
        queries: str,
        dim: int,
        num_heads: int,
        mlp_ratio: float,
        depth: int,
        shuffled: bool = False,
    ) -> None:
        super().__init__()
        self.pairs, self.queries, self.shuffled = pairs, queries, shuffled
        self.blocks = nn.ModuleDict(
            {
                f"{asking}_from_{answering}": nn.ModuleList(
                    CrossBlock(dim=dim, num_heads=num_heads, mlp_ratio=mlp_ratio) for _ in range(depth)
                )
                for asking, answering in pairs
            }
        )

    def forward(self, tokens: dict[str, Tensor]) -> dict[str, list[Tensor]]:
        """Enhanced tokens of each asking task, one entry for each task that it asked.

        Args:
            tokens: task -> (B, T, D), the class token first, then the lesion tokens if the task has any.

        Returns:
            task -> list of (B, T, D), or (B, 1, D) where only the class token asks.
        """
        enhanced: dict[str, list[Tensor]] = {}
        for asking, answering in self.pairs:
            x = tokens[asking][:, :1] if self.queries == "class" else tokens[asking]
            blocks: Any = self.blocks[f"{asking}_from_{answering}"]
            answers = tokens[answering].roll(1, 0) if self.shuffled else tokens[answering]
            for block in blocks:
                x = block(x, answers)
            enhanced.setdefault(asking, []).append(x)
        return enhanced
