"""What every way of selecting patches has in common."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dermimit.model.attention import Layer


class Selection(nn.Module):
    """Scores the patches of an image and chooses K of them; no way of selecting has parameters.

    The choice is hard (an index has no gradient); gradients flow through the chosen tokens.

    Args:
        k: number of patches to select, at most `num_patches`.
        num_patches: number N of patches in the image.

    Attributes:
        reads_all_layers: whether it asks for every layer so far, the trunk's too, or the scoring layer alone.
        narrows: whether the head's last block runs on the class token and the selected tokens alone, chosen before it;
            otherwise it runs on all tokens, and the selected are taken from its output.

    Raises:
        ValueError: k larger than the number of patches.
    """

    reads_all_layers: bool = False
    narrows: bool = False

    def __init__(self, *, k: int, num_patches: int) -> None:
        super().__init__()
        if k > num_patches:
            raise ValueError(f"lsm_k={k}: the image has only {num_patches} patches; lower lsm_k or enlarge the image")
        self.k = k

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Scores of all patches and the indices of the selected ones (row-major patch order).

        Args:
            layers: the scoring layer last; before it all others, first to last, where `reads_all_layers`.
            class_index: position of the class token, below `prefix`.
            prefix: number of tokens before the first patch.
        """
        raise NotImplementedError

    def tokens(
        self, layers: Sequence[Layer], selected: Int[Tensor, "batch selected"], prefix: int
    ) -> Float[Tensor, "batch selected dim"]:
        """The selected patches' tokens as they enter the last block, where `narrows`."""
        return self.gather(layers[-1].tokens[:, prefix:], selected)  # type: ignore[index]

    @staticmethod
    def gather(
        patches: Float[Tensor, "batch patches dim"], selected: Int[Tensor, "batch selected"]
    ) -> Float[Tensor, "batch selected dim"]:
        """The selected patches' tokens, in the order of `selected`."""
        return torch.gather(patches, 1, selected[..., None].expand(-1, -1, patches.shape[-1]))
