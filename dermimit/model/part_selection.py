"""Two published ways to select patches before the last block: by each attention head, and at every layer."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from dermimit.model.attention import Layer
from dermimit.model.lesion_selection import lesion_scores
from dermimit.model.rollout import head_rollout
from dermimit.model.selection import Selection


class PerHeadSelection(Selection):
    """Each attention head names the patch that it leads to most, by rollout up to the layer before the last.

    K is the number of heads; a patch that several heads name is selected as often. Score of a patch: the mean over
    heads. `selected` has head h's patch at position h.

    Args:
        num_heads: attention heads of the ViT.
        num_patches: number N of patches in the image; `lsm_k` is not read.

    Source: part selection of TransFG (He et al., AAAI 2022).
    Differs from TransFG: it happens in each task's head; the last block keeps its pretrained weights and is not
    trained anew; the classifier reads the class token and the pooled selected tokens; no contrastive loss.
    """

    reads_all_layers = True
    narrows = True

    def __init__(self, *, num_heads: int, num_patches: int) -> None:
        super().__init__(k=num_heads, num_patches=max(num_patches, num_heads))  # duplicates are allowed

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Mean rollout of every patch, and the best patch of each head."""
        rows = head_rollout(layers, class_index, prefix)
        return rows.mean(dim=1), rows.argmax(dim=-1)


class EveryLayerSelection(Selection):
    """Every layer but the last selects patches; the tokens as that layer puts them out enter the last block.

    K is split evenly over the layers, later ones taking what is left over. A patch may be selected at several layers.
    Score of a patch: the mean over layers. `selected` begins with the latest layer's patches, each layer's best first.

    Args:
        k: patches over all layers, at least one for each.
        num_patches: number N of patches in the image; no layer selects more.
        num_layers: layers before the last, the trunk's included.
        score: see `lesion_scores`.

    Raises:
        ValueError: fewer patches than layers, or more than the layers have.

    Source: FFVT (Wang et al., BMVC 2021), mutual attention weight selection.
    Differs from FFVT: K is the number over all layers, not of each; the class token is no candidate; it happens in
    each task's head; the last block keeps its pretrained weights and is not trained anew; the classifier reads the
    class token and the pooled selected tokens.
    """

    reads_all_layers = True
    narrows = True

    def __init__(self, *, k: int, num_patches: int, num_layers: int, score: str) -> None:
        super().__init__(k=-(-k // num_layers), num_patches=num_patches)  # the most that a layer selects
        self.k = k
        if k < num_layers:
            raise ValueError(f"lsm_k={k}: selection='every_layer' spreads them over {num_layers} layers; "
                             f"choose lsm_k of at least {num_layers}")  # fmt: skip
        share, left = divmod(k, num_layers)
        self.score, self.shares = score, [share + (i < left) for i in range(num_layers)]  # latest layer first

    def forward(
        self, layers: Sequence[Layer], class_index: int, prefix: int
    ) -> tuple[Float[Tensor, "batch patches"], Int[Tensor, "batch selected"]]:
        """Mean mutual attention score of every patch, and each layer's best patches, latest layer first."""
        scores = [lesion_scores(*x.class_row_and_column(class_index, prefix), self.score) for x in layers]
        parts = zip(reversed(scores), self.shares, strict=True)
        return torch.stack(scores).mean(dim=0), torch.cat([s.topk(n, dim=-1).indices for s, n in parts], dim=1)

    def tokens(
        self, layers: Sequence[Layer], selected: Int[Tensor, "batch selected"], prefix: int
    ) -> Float[Tensor, "batch selected dim"]:
        """Each layer's output at the patches selected there."""
        parts = zip(reversed(layers), selected.split(self.shares, dim=1), strict=True)
        tokens = [self.gather(layer.tokens[:, prefix:], part) for layer, part in parts]  # type: ignore[index]
        return torch.cat(tokens, dim=1)
