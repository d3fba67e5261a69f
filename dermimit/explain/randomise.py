"""Parts of a network, from the answer down to the photograph, and how to make them forget what they learned."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


def stages(model: nn.Module) -> list[tuple[str, list[nn.Module | nn.Parameter]]]:
    """The network's parts from the last to the first: classifiers, interaction, heads, trunk blocks, stem.

    Returns:
        (name, modules and lone parameters); a backbone without heads has classifiers and a trunk.
    """
    names = ("classifiers_before", "classifiers_after")
    parts = [("classifiers", [getattr(model, name) for name in names if hasattr(model, name)])]
    if not hasattr(model, "heads"):
        return [*parts, ("trunk", [model.trunk])]
    joining = [part for part in (model.mixing, model.interaction) if part is not None]
    if joining:
        parts.append(("interaction", joining))
    parts.append(("heads", [model.heads]))
    blocks = list(enumerate(model.trunk.blocks, start=1))
    parts += [(f"trunk block {i}", [block]) for i, block in reversed(blocks)]
    others = [child for name, child in model.trunk.named_children() if name != "blocks"]
    return [*parts, ("stem", [*others, *model.trunk.parameters(recurse=False)])]


@torch.no_grad()
def randomise(part: nn.Module | nn.Parameter) -> None:
    """Draw weights anew in place, from torch's random state, as before training.

    Linear layers as timm initialises those of a ViT (truncated normal, standard deviation 0.02, no bias), tokens and
    positions likewise, other layers by their own `reset_parameters`.
    """
    if isinstance(part, nn.Parameter):
        nn.init.trunc_normal_(part, std=0.02)
        return
    for module in part.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif hasattr(module, "reset_parameters"):
            module.reset_parameters()
        else:
            for parameter in module.parameters(recurse=False):
                nn.init.trunc_normal_(parameter, std=0.02)


def untrained_copy(model: nn.Module, seed: int = 0) -> nn.Module:
    """The same architecture with random weights, in evaluation mode."""
    copy = deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _, parts in stages(copy):
            for part in parts:
                randomise(part)
    return copy.eval()
