"""Maps read from the attention of a task's own head and of the trunk below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dermimit.explain.map_tools import Classes, Found, Images, of_patches, own_head, refuse_zoom
from dermimit.model.attention import Layer, split_heads

Rows = Float[Tensor, "batch tokens"]


def lsm_score(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """The Lesion Selection Module's own score of each patch.

    Raises:
        ValueError: the task selects no patches.
    """
    return of_patches(model, images, _selection(model, images, task)["scores"])


def lsm_selection(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """1 for the selected patches and 0 for the others (how often, where a patch may be selected several times).

    Raises:
        ValueError: the task selects no patches.
    """
    found = _selection(model, images, task)
    counts = torch.zeros_like(found["scores"])
    ones = counts.new_ones(found["selected"].shape)
    return of_patches(model, images, counts.scatter_add(1, found["selected"], ones))


def class_attention(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """Attention from the class token to each patch in the last block of the task's head, averaged over heads.

    A head that narrows gives its last block the class token and the selected patches alone: the others get nothing.

    Raises:
        ValueError: the task has no head, or its head no class token.
    """
    head = own_head(model, task)
    layers, out = _layers(model, images, task)
    row = layers[-1].attention()[:, :, _asking(head)].mean(1)
    return of_patches(model, images, _all_tokens(model, head, out, task, row)[:, head.prefix :])


def rollout(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """The class token's row of Ā_L ⋯ Ā_1, with Ā_l = ½ mean_heads(A_l) + ½ I, through the task's head and the trunk.

    Where a head narrows, its last block's row is over the class token and the selected patches; a patch selected at
    an earlier layer is followed down from the last.

    Raises:
        ValueError: the task has no head, or its head no class token.

    Source: Abnar and Zuidema, "Quantifying attention flow in transformers", ACL 2020.
    """
    head = own_head(model, task)
    layers, out = _layers(model, images, task)
    last = layers[-1].attention()[:, :, _asking(head)].mean(1)
    row = 0.5 * _all_tokens(model, head, out, task, last)
    row[:, head.class_index] += 0.5
    for layer in reversed(layers[:-1]):
        row = 0.5 * row + 0.5 * torch.einsum("bi,bij->bj", row, layer.attention().mean(1))
    return of_patches(model, images, row[:, head.prefix :])


def gradient_attention(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """Attention weighted by its gradient and followed from the class token down to the patches.

    R ← R + Ā_l R from R = I, with Ā_l = mean_heads(relu(∂f/∂A_l ⊙ A_l)) and f the class's logit; the map is the class
    token's row of R. Fused attention gives no weights, so A is computed again from queries and keys; since A enters
    as y = A v alone, ∂f/∂A = (∂f/∂y) vᵀ.

    Raises:
        ValueError: the task has no head, its head no class token, or the model looks twice.

    Source: Chefer, Gur and Wolf, "Generic attention-model explainability for interpreting bi-modal and
        encoder-decoder transformers", ICCV 2021, the rule for self-attention.
    Differs from them: f also reads the selected tokens and, after the interaction, other tasks' heads; only the way
        through the class token of the task's own head is followed.
    """
    refuse_zoom(model)
    head = own_head(model, task)
    _asking(head)
    blocks = [*model.trunk.blocks, *head.blocks]
    with torch.enable_grad(), _watched(blocks) as (normed, attended):
        logits, out = model(images.detach().clone().requires_grad_())
        f = logits[task].gather(1, classes[:, None]).sum()
        slopes = torch.autograd.grad(f, attended)
    with torch.no_grad():
        weighted = _weighted_row(head, blocks[-1], normed[-1], slopes[-1])
        row = _all_tokens(model, head, out, task, weighted)
        row[:, head.class_index] += 1
        for block, x, slope in list(zip(blocks, normed, slopes, strict=True))[-2::-1]:
            weighted = _weighted(block, x, slope, slice(None))
            row = row + torch.einsum("bi,bij->bj", row, weighted)
    return of_patches(model, images, row[:, head.prefix :])


def _weighted_row(head: nn.Module, block: nn.Module, x: Tensor, slope: Tensor) -> Rows:
    """Ā's row of the class token in a head's last block, where it is the first or the only one of those that ask."""
    asking = _asking(head)
    return _weighted(block, x, slope[:, :1], slice(asking, asking + 1))[:, 0]


def _weighted(block: nn.Module, x: Tensor, slope: Tensor, asking: slice) -> Float[Tensor, "batch asking tokens"]:
    """mean_heads(relu(∂f/∂A ⊙ A)) of some rows of a block's attention.

    Args:
        x: what the block's attention saw, (B, T, D).
        slope: ∂f/∂y of those rows, (B, asking, D).
    """
    q, k, v = split_heads(block.attn, block.attn.qkv(x))
    by_head = slope.unflatten(-1, (block.attn.num_heads, -1)).transpose(1, 2)
    return (Layer(q, k).attention()[:, :, asking] * (by_head @ v.transpose(-2, -1))).relu().mean(1)


def _selection(model: nn.Module, images: Images, task: str) -> dict[str, Tensor]:
    """The task's scores and selected patches; of the whole photo where the model looks twice."""
    with torch.no_grad():
        out = model.forward_features(images)
    if f"{task}/scores" not in out:
        raise ValueError(f"{task} selects no patches in this model: use class_attention or a method of gradients")
    return {name: out[f"{task}/{name}"] for name in ("scores", "selected")}


def _layers(model: nn.Module, images: Images, task: str) -> tuple[list[Layer], dict[str, Tensor]]:
    """Queries and keys of the trunk's and the head's blocks, first to last, and what the model put out."""
    blocks = [*model.trunk.blocks, *own_head(model, task).blocks]
    with torch.no_grad(), _watched(blocks) as (normed, _):
        out = model.forward_features(images)  # of the whole photo, where the model looks twice
        pairs = [split_heads(block.attn, block.attn.qkv(x))[:2] for block, x in zip(blocks, normed, strict=True)]
    return [Layer(q, k) for q, k in pairs], out


def _asking(head: nn.Module) -> int:
    """The class token's place among the tokens of the head's last block.

    Raises:
        ValueError: the backbone answers from what it pools of all patches, and no class token asks.
    """
    if head.pooling is not None:
        raise ValueError("this backbone answers from pooled patches, and has no class token whose attention could be "
                         "shown: use lsm_score, a method of gradients or of occlusion")  # fmt: skip
    return 0 if head.narrows else head.class_index


def _all_tokens(
    model: nn.Module, head: nn.Module, out: dict[str, Tensor], task: str, row: Rows
) -> Float[Tensor, "batch all_tokens"]:
    """A row over the last block's tokens as a row over all tokens of the photo."""
    if not head.narrows:
        return row
    wide = row.new_zeros(len(row), head.prefix + model.grid_size[0] * model.grid_size[1])
    wide[:, head.class_index] = row[:, 0]
    return wide.scatter_add(1, out[f"{task}/selected"] + head.prefix, row[:, 1:])


@contextmanager
def _watched(blocks: Iterable[nn.Module]) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Within the context, each run of a block adds what its attention sees (without gradient) and what it finds."""
    normed: list[Tensor] = []
    attended: list[Tensor] = []
    handles = []
    for block in blocks:
        handles.append(block.norm1.register_forward_hook(lambda module, args, x: normed.append(x.detach())))
        handles.append(block.attn.norm.register_forward_pre_hook(lambda module, args: attended.append(args[0])))
    try:
        yield normed, attended
    finally:
        for handle in handles:
            handle.remove()
