"""Optimizers against their formulas in float64: convolutions that are laid out channels last, and a resumed state."""

from pathlib import Path

import pytest
import torch
from torch import nn

from dermimit.train import TrainConfig
from dermimit.train.checkpoint import load_optimizer_tensors, optimizer_tensors
from dermimit.train.gradients import replace_gradients
from dermimit.train.optimizers import build_optimizer

LR, DECAY, MOMENTUM = 0.1, 0.3, 0.9


class Small(nn.Module):
    """A convolution laid out channels last, a bias, and a token that is spared from weight decay."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.double().to(memory_format=torch.channels_last)

    def no_weight_decay(self):
        return {"token"}


def sgd(weight, gradients, decay):
    """Nesterov's momentum: v = m v + g, w = w - lr (g + m v)."""
    v = torch.zeros_like(weight)
    for g in gradients:
        g = g + decay * weight
        v = MOMENTUM * v + g
        weight = weight - LR * (g + MOMENTUM * v)
    return weight


def adamw(weight, gradients, decay):
    """Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2."""
    m, v = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, g in enumerate(gradients, 1):
        weight = weight * (1 - LR * decay)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        weight = weight - LR * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    return weight


@pytest.mark.parametrize("formula", [sgd, adamw])
def test_steps_follow_the_formula_and_go_on_from_a_saved_state(formula):
    config = TrainConfig(data_root=Path("data"), out=Path("run"), optimizer=formula.__name__, lr=LR,
                         weight_decay=DECAY, momentum=MOMENTUM)  # fmt: skip
    model = Small()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    several = [{name: torch.randn_like(p).contiguous() for name, p in before.items()} for _ in range(5)]
    optimizer = build_optimizer(model, config)
    for number, gradients in enumerate(several):
        if number == 3:
            saved = {name: value.contiguous() for name, value in optimizer_tensors(optimizer).items()}
            optimizer = build_optimizer(model, config)
            load_optimizer_tensors(optimizer, saved)
        replace_gradients(list(model.parameters()), torch.cat([gradients[n].flatten() for n in before]))
        optimizer.step()
    for name, parameter in model.named_parameters():
        decay = DECAY if name == "conv.weight" else 0.0
        torch.testing.assert_close(parameter.detach(), formula(before[name], [g[name] for g in several], decay))
