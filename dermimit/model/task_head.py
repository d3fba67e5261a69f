"""The head of one task: the last transformer blocks, with lesion selection where the task has it."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dermimit.model.attention import Layer, block_with_queries_and_keys, complete, take
from dermimit.model.control_selection import GivenSelection
from dermimit.model.few_queries import of_last_block
from dermimit.model.pooling import Pooling
from dermimit.model.selection import Selection

Outputs = dict[str, Tensor]


class TaskHead(nn.Module):
    """The last h transformer blocks, one copy for each task, with lesion selection where the task has it.

    In the last block only the tokens that are read, the class token and the selected patches, ask and pass its
    projection and MLP; keys and values of all tokens are projected only where that is cheaper (see `few_queries`). The
    numbers are those of the whole block but for rounding, at half its cost or less.

    Args:
        blocks, norm: timm's blocks and final norm.
        selection: the LSM or another way of selecting, or None.
        selection_layer: which of `blocks` is scored, counted from the end (-1 is the last).
        class_index: position of this task's class token.
        prefix: number of class tokens and registers before the first patch.
        pooling: of a backbone that does not answer from its class token, or None.
    """

    def __init__(
        self,
        *,
        blocks: nn.ModuleList,
        norm: nn.Module,
        selection: Selection | None,
        selection_layer: int,
        class_index: int,
        prefix: int,
        pooling: Pooling | None = None,
    ) -> None:
        super().__init__()
        self.blocks: Any = blocks
        self.norm, self.selection, self.pooling = norm, selection, pooling
        self.selection_layer = len(blocks) + selection_layer
        self.class_index, self.prefix = class_index, prefix

    @property
    def narrows(self) -> bool:
        """Whether the last block sees the class token and the selected tokens alone."""
        return self.selection is not None and self.selection.narrows

    def forward(
        self,
        x: Float[Tensor, "batch tokens dim"],
        trunk_layers: Sequence[Layer] = (),
        lesion: Float[Tensor, "batch 1 height width"] | None = None,
    ) -> Outputs:
        """class_token (B, D) and, with lesion selection, scores (B, N), selected (B, K), local_tokens (B, K, D).

        Args:
            x: the trunk's tokens.
            trunk_layers: the trunk's layers, for a selection that reads all of them.
            lesion: a map of 0 (skin) to 1 (lesion), for a selection by it.
        """
        if self.pooling is not None:
            return self._pooled(self.pooling, x, [*trunk_layers], lesion)
        if self.selection is not None and self.selection.narrows:
            return self._narrowed(self.selection, x, [*trunk_layers])
        out: Outputs = {}
        layers, (*first, last) = [*trunk_layers], self.blocks
        if lesion is not None and isinstance(self.selection, GivenSelection):
            out["scores"], out["selected"] = self.selection.of_map(lesion)
        for i, block in enumerate(first):
            if self.selection is not None and (i == self.selection_layer or self.selection.reads_all_layers):
                x, q, k = block_with_queries_and_keys(block, x)
                layers.append(Layer(q, k, x))
            else:
                x = block(x)
            if self.selection is not None and i == self.selection_layer:
                out["scores"], out["selected"] = self.selection(layers, self.class_index, self.prefix)
        layer = of_last_block(last.attn, last.norm1(x), 1 if self.selection is None else 1 + self.selection.k)
        read = torch.full((x.shape[0], 1), self.class_index, device=x.device)
        if self.selection is not None:
            if "selected" not in out:
                out["scores"], out["selected"] = self.selection([*layers, layer], self.class_index, self.prefix)
            read = torch.cat([read, out["selected"] + self.prefix], dim=1)
        tokens = self.norm(complete(last, take(x, read), layer.answer(read)))
        return out | {"class_token": tokens[:, 0]} | ({} if self.selection is None else {"local_tokens": tokens[:, 1:]})

    def _narrowed(self, selection: Selection, x: Float[Tensor, "batch tokens dim"], layers: list[Layer]) -> Outputs:
        """As `forward`, where the selection comes before the last block."""
        *first, last = self.blocks
        for block in first:
            x, q, k = block_with_queries_and_keys(block, x)
            layers.append(Layer(q, k, x))
        scores, selected = selection(layers, self.class_index, self.prefix)
        local = selection.tokens(layers, selected, self.prefix)
        tokens = self.norm(last(torch.cat([x[:, self.class_index, None], local], dim=1)))
        return {"scores": scores, "selected": selected, "class_token": tokens[:, 0], "local_tokens": tokens[:, 1:]}

    def _pooled(self, pooling: Pooling, x: Tensor, layers: list[Layer], lesion: Tensor | None) -> Outputs:
        """As `forward`, where all tokens are pooled, so that all pass the last block."""
        out: Outputs = {}
        if lesion is not None and isinstance(self.selection, GivenSelection):
            out["scores"], out["selected"] = self.selection.of_map(lesion)
        for i, block in enumerate(self.blocks):
            x, q, k = block_with_queries_and_keys(block, x)
            layers.append(Layer(q, k, x))
            if self.selection is not None and i == self.selection_layer and "selected" not in out:
                out["scores"], out["selected"] = self.selection(layers, self.class_index, self.prefix)
        x = self.norm(x)
        out["class_token"] = pooling(x)
        if self.selection is not None:
            out["local_tokens"] = pooling.fc_norm(take(x, out["selected"] + self.prefix))
        return out
