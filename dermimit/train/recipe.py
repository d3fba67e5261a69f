"""The plain way of training: which photographs an epoch sees, what is minimised, and how it becomes gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from dermimit.data.labelled import LabelledPhotos
from dermimit.train.config import TrainConfig
from dermimit.train.losses import task_objectives
from dermimit.train.order import sample_order

Values = dict[str, Tensor]
Order = Callable[[int], list[int]]
Objectives = Callable[[Values, Values, Values, Tensor], tuple[Values, Values]]
Total = Callable[[Mapping[str, Tensor]], Tensor]
Backward = Callable[[Mapping[str, Tensor], Tensor, int], dict[str, float]]


@dataclass(frozen=True)
class Recipe:
    """What an epoch of training does with its photographs; chosen once, before the first epoch.

    Attributes:
        order: epoch, from 0 -> positions of the photographs that it sees, `steps_per_epoch * batch_size` of them.
        objectives: logits, intermediates and targets of a part of a batch, each by task, and the photographs'
            positions (B,) -> by task, what is minimised, with a graph, and the loss to report, without one.
        total: the objectives -> the one scalar that is minimised.
        backward: the objectives, their total and the step, from 0 -> what was measured of the gradients, by name,
            mostly nothing; adds the gradients to the parameters' `.grad`.
        mode: puts the model in training mode.
    """

    order: Order
    objectives: Objectives
    total: Total
    backward: Backward
    mode: Callable[[nn.Module], object] = nn.Module.train


def plain_recipe(config: TrainConfig, photos: LabelledPhotos, accelerator: Accelerator) -> Recipe:
    """Shuffled passes over the photographs, the sum of the tasks' weighted losses, one backward pass, all weights."""
    count = config.steps_per_epoch * config.batch_size

    def order(epoch: int) -> list[int]:
        return sample_order(len(photos), epoch * count, count, config.seed)

    def total(objectives: Mapping[str, Tensor]) -> Tensor:
        first, *others = objectives.values()
        return sum(others, start=first)

    def backward(objectives: Mapping[str, Tensor], loss: Tensor, step: int) -> dict[str, float]:
        accelerator.backward(loss)
        return {}

    return Recipe(order, of_tasks(loss_terms(config, photos)), total, backward)


def loss_terms(config: TrainConfig, photos: LabelledPhotos) -> dict[str, Any]:
    """The arguments of `losses.task_objectives` that a run keeps throughout."""
    return {
        "weights": {task: config.weight(task) for task in config.tasks},
        "both": config.supervise == "both",
        "multi_label": [task for task in config.tasks if photos.label_space.multi_label(task)],
    }


def of_tasks(terms: Mapping[str, Any]) -> Objectives:
    """The objectives of `losses.task_objectives`, with the arguments of `loss_terms`."""
    return lambda logits, out, targets, index: task_objectives(logits, out, targets, **terms)
