"""Lesion Selection Module (LSM): the K patches that class token and image agree upon."""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from dermimit.model.attention import Layer
from dermimit.model.rollout import class_rollout
from dermimit.model.selection import Selection


def lesion_scores(
    a: Float[Tensor, "batch heads patches"], b: Float[Tensor, "batch heads patches"], score: str
) -> Float[Tensor, "batch patches"]:
    """Mutual attention score m_i of every patch, averaged over the attention heads.

    product_of_means: m_i = mean_h(a_i) · mean_h(b_i); mean_of_products: m_i = mean_h(a_i · b_i);
    class_row: m_i = mean_h(a_i).
    """
    if score == "product_of_means":
        return a.mean(dim=1) * b.mean(dim=1)
    if score == "mean_of_products":
        return (a * b).mean(dim=1)
    return a.mean(dim=1)


class LesionSelection(Selection):
    """Chooses the K patches with the best attention scores; it has no parameters of its own.

    The choice is hard (an index has no gradient); gradients flow through the chosen tokens.

    Args:
        k: number of patches to select, at most `num_patches`.
        num_patches: number N of patches in the image.
        score: see `lesion_scores`; or "rollout", see `class_rollout`, the only one that builds N×N matrices.

    Raises:
        ValueError: k larger than the number of patches.

    Source: DermImitFormer, section 2 (Lesion Selection Module).
    Differs from the paper: K and the exact score are not documented publicly; see `ModelConfig`.
    """

    def __init__(self, *, k: int, num_patches: int, score: str) -> None:
        super().__init__(k=k, num_patches=num_patches)
        self.score = score
        self.reads_all_layers = score == "rollout"

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Scores of all patches and the indices of the best K, best first (row-major patch order)."""
        if self.score == "rollout":
            scores = class_rollout(layers, class_index, prefix)
        else:
            scores = lesion_scores(*layers[-1].class_row_and_column(class_index, prefix), self.score)
        return scores, scores.topk(self.k, dim=-1).indices
