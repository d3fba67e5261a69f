"""Losses of the three tasks, with unknown labels left out."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def soft_cross_entropy(
    logits: Float[Tensor, "batch classes"], target: Float[Tensor, "batch classes"]
) -> Float[Tensor, ""]:
    """-Σ_c t_c log softmax(z)_c, averaged over the rows that are known.

    Args:
        logits: z.
        target: t, a distribution over classes in each row (one-hot, or mixed by CutMix); a row with NaN is unknown.

    Returns:
        zero, with a gradient of zero, where no row is known.
    """
    known = ~target.isnan().any(dim=1)
    loss = -(target.nan_to_num() * logits.log_softmax(dim=1)).sum(dim=1)
    return (loss * known).sum() / known.sum().clamp(min=1)


def masked_bce(logits: Float[Tensor, "batch classes"], target: Float[Tensor, "batch classes"]) -> Float[Tensor, ""]:
    """Binary cross-entropy averaged over the entries that are known (not NaN); zero where none is."""
    known = ~target.isnan()
    loss = F.binary_cross_entropy_with_logits(logits, target.nan_to_num(), reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1)


def task_loss(
    task: str,
    logits: Float[Tensor, "batch classes"],
    target: Float[Tensor, "batch classes"],
    multi_label: Collection[str] = ("attributes",),
) -> Float[Tensor, ""]:
    """Binary cross-entropy for the tasks in `multi_label`, cross-entropy for the others."""
    return masked_bce(logits, target) if task in multi_label else soft_cross_entropy(logits, target)


def task_objectives(
    logits: dict[str, Tensor],
    out: dict[str, Tensor],
    targets: dict[str, Tensor],
    weights: dict[str, float],
    both: bool,
    multi_label: Collection[str] = ("attributes",),
    own: Mapping[str, Callable[[Tensor, Tensor], Tensor]] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """w_t (loss after the interaction + loss before it) of each task.

    Args:
        logits: task -> (B, C), the answer.
        out: the model's intermediates, with "<task>/logits_before".
        targets: task -> (B, C), NaN where unknown.
        weights: task -> w_t.
        both: whether the logits before the interaction are trained too; without an interaction there is one set.
        multi_label: tasks whose classes do not exclude each other (`LabelSpace.multi_label`).
        own: task -> a loss of its own, in place of `task_loss`.

    Returns:
        task -> its weighted loss, with a graph; task -> the loss on its answer alone, without one.

    Source: DermImitFormer trains both sets of logits as far as is known; the weights are our declared choice.
    """
    usual = {task: partial(task_loss, task, multi_label=multi_label) for task in logits}
    loss_of = usual | {task: loss for task, loss in (own or {}).items() if task in logits}
    losses = {task: loss_of[task](z, targets[task]) for task, z in logits.items()}
    objectives = {task: weights[task] * loss for task, loss in losses.items()}
    for task, z in logits.items():
        before = out[f"{task}/logits_before"]
        if both and before is not z:
            objectives[task] = objectives[task] + weights[task] * loss_of[task](before, targets[task])
    return objectives, {task: loss.detach() for task, loss in losses.items()}


def first_nonfinite(losses: dict[str, Tensor], total: Tensor) -> str | None:
    """The name of the first loss that is not finite, "total" if only their sum is, None if all are finite."""
    for task, loss in losses.items():
        if not torch.isfinite(loss):
            return task
    return None if torch.isfinite(total) else "total"
