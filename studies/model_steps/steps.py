"""Each step of the network for one image, computed by hand beside what its modules return."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dermimit.model.attention import split_heads
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.train.losses import task_loss

ASKING, ANSWERING = "disease", "attributes"


@dataclass(frozen=True)
class Mutual:
    """Mutual attention of a head by its full attention matrix, which the module never builds.

    `row` and `column` (N,) are the two directions, `score` (N,) their product, and `difference` is the largest distance
    from the module's own score, relative to the largest score.
    """

    row: Tensor
    column: Tensor
    score: Tensor
    difference: float


@torch.no_grad()
def mutual_attention(network: DermImitFormer, image: Tensor, task: str = ASKING) -> Mutual:
    """Class token and patches, in both directions, averaged over the attention heads.

    Args:
        network: with lesion selection, one class token.
        image: (1, 3, H, W), normalised.
        task: whose head is read.
    """
    head, seen = network.heads[task], []
    block = head.blocks[head.selection_layer]  # type: ignore[union-attr]
    hook = block.norm1.register_forward_hook(lambda *call: seen.append(call[-1]))
    _, out = network(image)
    hook.remove()
    q, k, _ = split_heads(block.attn, block.attn.qkv(seen[0]))
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # query down, key across
    row = scores.softmax(dim=-1)[0, :, 0, 1:].mean(dim=0)
    column = scores.softmax(dim=-2)[0, :, 1:, 0].mean(dim=0)
    score, own = row * column, out[f"{task}/scores"][0]
    return Mutual(row, column, score, float((score - own).abs().max() / own.max()))


@torch.no_grad()
def exchange(network: DermImitFormer, out: dict[str, Tensor]) -> tuple[Tensor, float]:
    """How much each token of the attributes weighs in what the disease's class token receives.

    Args:
        network: with cross-interaction.
        out: its intermediates for one image.

    Returns:
        weights (1 + K,), the class token first, mean over the attention heads; and the largest relative distance of
        softmax(Q Kᵀ/√d) V W_o from what the module returns.
    """
    cross = network.interaction.blocks[f"{ASKING}_from_{ANSWERING}"][0]  # type: ignore[union-attr, index]
    tokens = {task: network.task_tokens(out, task) for task in (ASKING, ANSWERING)}
    x, y = cross.norm_x(tokens[ASKING]), cross.norm_y(tokens[ANSWERING])
    q, k, v = cross.attn.queries_keys_values(x, y)
    weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(dim=-1)
    by_hand = cross.attn.proj((weights @ v).transpose(1, 2).flatten(2))
    module = cross.attn(x, y)
    return weights[0, :, 0].mean(dim=0), float((by_hand - module).abs().max() / module.abs().max())


@torch.no_grad()
def similarity(out: dict[str, Tensor], patch: int) -> Tensor:
    """Cosine between the trunk's token of one patch and that of each patch, (N,)."""
    tokens = out["tokens"][0, 1:]
    return torch.nn.functional.cosine_similarity(tokens, tokens[patch, None], dim=-1)


@torch.no_grad()
def losses(
    logits: dict[str, Tensor], out: dict[str, Tensor], truth: dict[str, tuple[str, ...]], classes: dict[str, list[str]]
) -> dict[str, tuple[float, float]]:
    """Task -> its loss before and after the cross-interaction, not yet weighted, for one image.

    Args:
        logits, out: of the network.
        truth: task -> true classes.
        classes: task -> names of its classes.
    """
    found = {}
    for task, after in logits.items():
        target = torch.tensor([[float(name in truth[task]) for name in classes[task]]])
        before = out[f"{task}/logits_before"]
        found[task] = (float(task_loss(task, before, target)), float(task_loss(task, after, target)))
    return found
