"""Concept bottleneck: the disease is read from the predicted body part and attributes, and from nothing else."""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor

CONCEPT_TASKS = ("body_part", "attributes")


def concept_probabilities(
    logits: dict[str, Tensor], several: Collection[str] = ("attributes",)
) -> Float[Tensor, "batch concepts"]:
    """Probabilities of all concepts side by side: a sigmoid each for the tasks in `several`, else a softmax.

    Args:
        logits: concept task -> (B, classes); any of `CONCEPT_TASKS`, in the model's order.
        several: tasks of which several classes may hold at once.

    Returns:
        entries in [0, 1]; with gradient, so that disease and concepts are trained jointly.

    Source: Koh et al., "Concept bottleneck models", ICML 2020, their joint bottleneck.
    Differs from them: the loss of each concept task and of the disease weigh the same unless the run says otherwise
    (their λ), and mutually exclusive body parts share one softmax.
    """
    return torch.cat([z.sigmoid() if task in several else z.softmax(dim=1) for task, z in logits.items()], dim=1)
