"""Lesion Selection Module (LSM): the K patches that class token and image agree upon."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dermimit.model.attention import class_row_and_column


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


class LesionSelection(nn.Module):
    """Chooses K patches by mutual attention; it has no parameters of its own.

    The choice is hard (an index has no gradient); gradients flow through the chosen tokens.

    Args:
        k: number of patches to select, at most `num_patches`.
        num_patches: number N of patches in the image.
        score: see `lesion_scores`.

    Raises:
        ValueError: k larger than the number of patches.

    Source: DermImitFormer, section 2 (Lesion Selection Module).
    Differs from the paper: K and the exact score are not documented publicly; see `ModelConfig`.
    """

    def __init__(self, *, k: int, num_patches: int, score: str) -> None:
        super().__init__()
        if k > num_patches:
            raise ValueError(f"lsm_k={k}: the image has only {num_patches} patches; lower lsm_k or enlarge the image")
        self.k, self.score = k, score

    def forward(
        self,
        q: Float[Tensor, "batch heads tokens d"],
        k: Float[Tensor, "batch heads tokens d"],
        class_index: int,
        prefix: int,
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Scores of all patches and the indices of the best K, best first (row-major patch order)."""
        scores = lesion_scores(*class_row_and_column(q, k, class_index, prefix), self.score)
        return scores, scores.topk(self.k, dim=-1).indices

    @staticmethod
    def gather(
        patches: Float[Tensor, "batch patches dim"], selected: Int[Tensor, "batch selected"]
    ) -> Float[Tensor, "batch selected dim"]:
        """The selected patches' tokens, in the order of `selected`."""
        return torch.gather(patches, 1, selected[..., None].expand(-1, -1, patches.shape[-1]))
