"""Remedies for rare diseases: losses that count them more, batches that show them more."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from dermimit.train.losses import soft_cross_entropy
from dermimit.train.order import even_groups

Loss = Callable[[Tensor, Tensor], Tensor]
BETA = 0.999
"""Of the class-balanced loss, for some thousands of photographs (Cui et al. 2019)."""
FOCUS = 2.0
"""γ of the focal loss (Lin et al. 2017)."""


def disease_loss(kind: str, targets: Float[Tensor, "photographs classes"]) -> Loss:
    """The loss of the disease as a function of logits and targets (one-hot, or mixed by CutMix; NaN rows unknown).

    cross_entropy: -Σ_c t_c log p_c.
    class_balanced: each class times (1 - β) / (1 - β^n_c), the inverse of its effective number of photographs, scaled
        so that the mean over the training photographs is 1 (Cui et al. 2019); a class without any has the weight of
        one photograph.
    logit_adjusted: cross-entropy of z + log π, with the training frequencies π, a class without any counted as one
        photograph; answers are read from z alone, as for diseases that are all equally frequent (Menon et al. 2021).
    focal: -Σ_c t_c (1 - p_c)^γ log p_c (Lin et al. 2017).

    Args:
        kind: one of these.
        targets: of the training photographs.
    """
    counts = targets.nan_to_num().sum(dim=0)
    at_least_one = counts.clamp(min=1)
    if kind == "cross_entropy":
        return soft_cross_entropy
    if kind == "class_balanced":
        weight = (1 - BETA) / (1 - BETA**at_least_one)
        weight = weight * counts.sum() / (weight * counts).sum()
        return lambda logits, target: soft_cross_entropy(logits, target * weight.to(target))
    if kind == "logit_adjusted":
        prior = (at_least_one / at_least_one.sum()).log()
        return lambda logits, target: soft_cross_entropy(logits + prior.to(logits), target)
    if kind == "focal":
        return focal
    raise ValueError(f"unknown loss {kind!r}: cross_entropy, class_balanced, logit_adjusted or focal")


def focal(
    logits: Float[Tensor, "batch classes"], target: Float[Tensor, "batch classes"], focus: float = FOCUS
) -> Float[Tensor, ""]:
    """-Σ_c t_c (1 - p_c)^γ log p_c, averaged over the rows that are known."""
    known, log_p = ~target.isnan().any(dim=1), logits.log_softmax(dim=1)
    loss = -(target.nan_to_num() * (1 - log_p.exp()).clamp(min=0) ** focus * log_p).sum(dim=1)
    return (loss * known).sum() / known.sum().clamp(min=1)


def even_order(targets: Float[Tensor, "photographs classes"], count: int, seed: int) -> list[int]:
    """Positions of `count` photographs, drawn with repeats so that every class that occurs is equally likely.

    Args:
        targets: one-hot rows; unknown rows (NaN) are drawn as one more class.
        count: how many.
        seed: of the draw.
    """
    label = torch.where(targets.isnan().any(dim=1), targets.shape[1], targets.nan_to_num().argmax(dim=1))
    return even_groups(label, count, seed)


def freeze_all_but_classifiers(model: torch.nn.Module) -> None:
    """Leave only the classifiers, and the weights of their losses, to be trained: the second stage of decoupled
    training (Kang et al. 2020, cRT)."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("classifiers", "loss_weights")))


def classifiers_alone(model: torch.nn.Module) -> None:
    """Put the classifiers in training mode and the frozen parts in evaluation mode: no running mean of theirs moves."""
    model.train()
    for name, part in model.named_children():
        part.train(name.startswith("classifiers"))
