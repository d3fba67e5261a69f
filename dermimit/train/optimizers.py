"""SGD or AdamW over groups of parameters, each with its own learning rate and weight decay."""

from typing import Any

import torch
from timm.models import group_parameters
from torch import nn

from dermimit.train.config import TrainConfig
from dermimit.train.freezing import NEW


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """SGD or AdamW, all weights in one kernel; weight decay on matrices only; frozen weights are left out.

    A group has an `lr_scale` where its learning rate is not the run's: `layer_decay` to the power of the layers above
    it (1 for the last block, as in timm and BEiT), times `new_lr` for classifiers and interaction.
    """
    groups = parameter_groups(model, config)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    nesterov = config.momentum > 0
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=True)


def parameter_groups(model: Any, config: TrainConfig) -> list[dict[str, Any]]:
    """`params`, `weight_decay` and, where it is not 1, `lr_scale` of each group."""
    spared, scales = model.no_weight_decay(), learning_rate_scales(model, config)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim >= 2 and name not in spared
            groups.setdefault((scales.get(name, 1.0), decays), []).append(parameter)
    return [
        {"params": groups[scale, decays], "weight_decay": config.weight_decay if decays else 0.0}
        | ({"lr_scale": scale} if scale != 1.0 else {})
        for scale, decays in sorted(groups, reverse=True)
    ]


def learning_rate_scales(model: Any, config: TrainConfig) -> dict[str, float]:
    """Parameter -> factor of the learning rate; empty where all are alike.

    With `layer_decay` timm's groups are the layers: stem, blocks of the trunk, blocks of the heads with their norms,
    and classifiers and interaction with a factor of 1.
    """
    scales: dict[str, float] = {}
    if config.layer_decay < 1:
        layers: dict[str, int] = group_parameters(model, model.group_matcher(coarse=False), reverse=True)
        last = max(layers.values())
        scales = {name: config.layer_decay ** (last - layer) for name, layer in layers.items()}
    if config.new_lr != 1:
        names = [name for name, _ in model.named_parameters() if name.startswith(NEW)]
        scales |= {name: scales.get(name, 1.0) * config.new_lr for name in names}
    return scales
