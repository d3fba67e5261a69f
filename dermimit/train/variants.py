"""What each of `StudyOptions` that concerns the steps of training puts in place of the plain recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator
from jaxtyping import Int
from torch import Tensor, nn

from dermimit.data.labelled import LabelledPhotos
from dermimit.data.skin import skin_group
from dermimit.train.config import TrainConfig
from dermimit.train.freezing import frozen_mode, frozen_names
from dermimit.train.gradients import conflict, project_conflicts, replace_gradients, task_gradients
from dermimit.train.group_dro import GroupWeights, objectives_by_group
from dermimit.train.long_tail import classifiers_alone, disease_loss, even_order
from dermimit.train.losses import task_objectives
from dermimit.train.order import epoch_seed, even_groups
from dermimit.train.recipe import Backward, Objectives, Recipe, Values, loss_terms, of_tasks, plain_recipe


def recipe_of(config: TrainConfig, photos: LabelledPhotos, model: nn.Module, accelerator: Accelerator) -> Recipe:
    """The plain recipe, changed where the run asks for it.

    Args:
        config: the run.
        photos: of the training split.
        model: without wrappers, from `assemble.build_model`.
        accelerator: of the run.
    """
    recipe, terms = plain_recipe(config, photos, accelerator), loss_terms(config, photos)
    count = config.steps_per_epoch * config.batch_size
    if config.sampling == "diseases":
        label = photos.targets["disease"]
        recipe = replace(recipe, order=lambda epoch: even_order(label, count, epoch_seed(config.seed, epoch) + 11))
    if config.even_skin:
        skin = skin_of(photos)
        recipe = replace(recipe, order=lambda epoch: even_groups(skin, count, epoch_seed(config.seed, epoch) + 13))
    if config.disease_loss != "cross_entropy":
        terms["own"] = {"disease": disease_loss(config.disease_loss, photos.targets["disease"])}
        recipe = replace(recipe, objectives=of_tasks(terms))
    if config.group_dro:
        recipe = replace(recipe, objectives=group_dro(terms, skin_of(photos), model.group_weights))
    if config.balance == "uncertainty":
        recipe = replace(recipe, total=model.loss_weights)
    if config.balance == "pcgrad":
        recipe = replace(recipe, backward=pcgrad(shared_weights(model), config, accelerator))
    if config.watch_gradients:
        watched = watching(recipe.backward, shared_weights(model), config.watch_gradients, accelerator)
        recipe = replace(recipe, backward=watched)
    if config.train_only == "classifiers":
        recipe = replace(recipe, mode=classifiers_alone)
    if config.freeze:
        recipe = replace(recipe, mode=frozen_mode(frozen_names(model, config.freeze), recipe.mode))
    return recipe


def skin_of(photos: LabelledPhotos) -> Int[Tensor, " photographs"]:
    """The group of skin types of each photograph, see `data.skin.skin_group`."""
    return torch.from_numpy(skin_group(photos.frame["fitzpatrick"]))


def shared_weights(model: nn.Module) -> list[nn.Parameter]:
    """The trained parameters of the trunk, on which every task depends."""
    return [p for p in model.trunk.parameters() if p.requires_grad]


def check_shared(config: TrainConfig, model: nn.Module) -> None:
    """Raises ValueError where the tasks' gradients of the trunk are asked for and nothing of the trunk is trained."""
    if config.reads_task_gradients and not shared_weights(model):
        raise ValueError("balance=pcgrad and watch_gradients read the tasks' gradients of the trunk, of which nothing "
                         "is trained here: leave them out, or train some of it (--freeze, --train-only)")  # fmt: skip


def group_dro(terms: Mapping[str, Any], group: Int[Tensor, " photographs"], weights: GroupWeights) -> Objectives:
    """Objectives in which the groups with the largest losses count most; the losses reported are of all photographs.

    Args:
        terms: from `loss_terms`.
        group: of each training photograph.
        weights: of the groups; each call updates them.
    """

    def objectives(logits: Values, out: Values, targets: Values, index: Tensor) -> tuple[Values, Values]:
        by_group = objectives_by_group(group[index.cpu()], logits, out, targets, **terms)
        usual, losses = task_objectives(logits, out, targets, **terms)
        return usual | weights(by_group), losses  # usual: 0 for a task of which no group knows a label

    return objectives


def pcgrad(shared: Sequence[nn.Parameter], config: TrainConfig, accelerator: Accelerator) -> Backward:
    """A backward pass after which the shared parameters hold the tasks' gradients without their conflicts.

    The order in which conflicts are taken is by chance, and follows from the seed and the epoch.
    """
    chance = torch.Generator()

    def backward(objectives: Mapping[str, Tensor], loss: Tensor, step: int) -> dict[str, float]:
        epoch, first = divmod(step, config.steps_per_epoch)
        if first == 0:
            chance.manual_seed(epoch_seed(config.seed, epoch))
        projected = project_conflicts(gradients_of(objectives, shared, accelerator), chance)
        accelerator.backward(loss)
        replace_gradients(shared, projected)
        return {}

    return backward


def watching(backward: Backward, shared: Sequence[nn.Parameter], every: int, accelerator: Accelerator) -> Backward:
    """The same backward pass, before which the conflict of the tasks' gradients is measured in each `every`-th step."""

    def measured(objectives: Mapping[str, Tensor], loss: Tensor, step: int) -> dict[str, float]:
        found = {} if step % every else conflict(gradients_of(objectives, shared, accelerator))
        return {f"gradient/{name}": value for name, value in found.items()} | backward(objectives, loss, step)

    return measured


def gradients_of(
    objectives: Mapping[str, Tensor], shared: Sequence[nn.Parameter], accelerator: Accelerator
) -> dict[str, Tensor]:
    """`task_gradients`, as the mean over all processes."""
    return {task: accelerator.reduce(g, "mean") for task, g in task_gradients(objectives, shared).items()}
