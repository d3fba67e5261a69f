"""Where in the photo a prediction comes from: one interface to every kind of map."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from tqdm import tqdm

from dermimit.explain import attention_maps, baseline_maps, gradient_maps, occlusion_maps
from dermimit.explain.map_tools import Classes, Found, Images, Relevance, patches_to_map, spread, to_unit
from dermimit.explain.randomise import untrained_copy

__all__ = ["METHODS", "Maps", "attribution", "methods_for", "patches_to_map", "spread", "to_unit"]


def untrained(
    model: nn.Module,
    images: Images,
    task: str,
    classes: Classes,
    *,
    batch_size: int,
    of: str = "integrated_gradients",
    seed: int = 0,
    **options: Any,
) -> Found:
    """What another method shows of the same architecture with random weights.

    Args:
        of: the other method.
        seed: of the weights.
        options: of the other method.
    """
    maps = attribution(
        untrained_copy(model, seed), images, task, classes, of, batch_size=batch_size, progress=False, **options
    )
    return Found(maps.raw, maps.map, maps.delta)


METHODS: dict[str, Callable[..., Found]] = {
    "lsm_score": attention_maps.lsm_score,
    "lsm_selection": attention_maps.lsm_selection,
    "class_attention": attention_maps.class_attention,
    "rollout": attention_maps.rollout,
    "gradient_attention": attention_maps.gradient_attention,
    "integrated_gradients": gradient_maps.integrated_gradients,
    "gradient_shap": gradient_maps.gradient_shap,
    "smooth_grad": gradient_maps.smooth_grad,
    "layer_grad_cam": gradient_maps.layer_grad_cam,
    "gradient_times_activation": gradient_maps.gradient_times_activation,
    "occlusion": occlusion_maps.occlusion,
    "feature_ablation": occlusion_maps.feature_ablation,
    "centre_prior": baseline_maps.centre_prior,
    "edge_density": baseline_maps.edge_density,
    "random": baseline_maps.random,
    "untrained": untrained,
}
MOST_AT_ONCE = {"rollout": 16, "gradient_attention": 16}  # these hold an N×N matrix for each attention head


@dataclass(frozen=True)
class Maps:
    """Maps of some photographs.

    Attributes:
        map: in [0, 1]: the method's relevance, scaled in each photo by its own least and greatest value, so that it
            says where within a photo and nothing about how much; a constant map is 0. Gradients of pixels count by
            their absolute values summed over colours, what is painted over and tokens by their positive part.
        raw: the method's own values, unscaled, signed where it has a sign.
        classes: index of the class that each map explains.
        method, task: as asked.
        delta: what is missing from completeness (Captum's convergence delta), in logits; None where the method
            promises none.
    """

    map: Relevance
    raw: Relevance
    classes: Classes
    method: str
    task: str
    delta: Tensor | None = None


def attribution(
    run_or_model: Any,
    images: Images,
    task: str,
    classes: Int[Tensor, " given"] | None,
    method: str,
    *,
    batch_size: int = 64,
    progress: bool = True,
    **options: Any,
) -> Maps:
    """Map what an answer comes from, by any of `METHODS`.

    Args:
        run_or_model: a finished run, or a model in evaluation mode.
        images: photos of the model's size, normalised as it expects (`run.preprocessing`).
        task: whose logits are explained.
        classes: the class explained in each photo; None for the model's answer, its most probable class.
        method: one of `METHODS`.
        batch_size: photos, as they are or altered, in one forward pass at most: the memory.
        progress: a progress bar, where there is a terminal to draw it on.
        options: of the method, see its function.

    Raises:
        ValueError: an unknown method or option, a task or a class that the model has not, a model in training mode,
            or one that the method cannot explain.
    """
    model = getattr(run_or_model, "model", run_or_model)
    _check(model, images, task, method, batch_size, options)
    step = min(batch_size, MOST_AT_ONCE.get(method, batch_size))
    classes = _checked_classes(model, images, task, classes, batch_size)
    found = []
    with torch.inference_mode(False), torch.enable_grad():  # the caller may be in either mode
        parts = list(zip(images.split(step), classes.split(step), strict=True))
        for some, theirs in tqdm(parts, desc=method, unit="batch", disable=None if progress else True, leave=False):
            found.append(METHODS[method](model, some.clone(), task, theirs.clone(), batch_size=batch_size, **options))
    raw, relevance = (torch.cat([getattr(f, name) for f in found]).detach() for name in ("raw", "relevance"))
    delta = None if found[0].delta is None else torch.cat([f.delta for f in found if f.delta is not None])
    return Maps(to_unit(relevance.float()), raw.float(), classes, method, task, delta)


def methods_for(run_or_model: Any, task: str) -> list[str]:
    """The names of `METHODS` that can explain this task of this model, baselines last."""
    model = getattr(run_or_model, "model", run_or_model)
    heads = getattr(model, "heads", {})
    scored = "attributes" if model.config.fusion == "bottleneck" and task == "disease" else task
    without = set()
    if scored not in heads or heads[scored].selection is None:
        without |= {"lsm_score", "lsm_selection"}
    if task not in heads or heads[task].pooling is not None:
        without |= {"class_attention", "rollout", "gradient_attention"}
    if model.config.zoom:
        without |= {"gradient_attention"}
    if model.config.zoom or not heads or not len(model.trunk.blocks):
        without |= {"layer_grad_cam", "gradient_times_activation"}
    return [name for name in METHODS if name not in without]


def _check(model: nn.Module, images: Tensor, task: str, method: str, batch_size: int, options: dict) -> None:
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    if task not in model.tasks:
        raise ValueError(f"the model has no task {task!r}: it has {', '.join(model.tasks)}")
    if model.training:
        raise ValueError("the model is in training mode, where chance changes its answers: call model.eval() first")
    if not len(images) or batch_size < 1:
        raise ValueError(f"{len(images)} photos in batches of {batch_size}: give at least one of each")
    takes = inspect.signature(METHODS[options.get("of", "integrated_gradients") if method == "untrained" else method])
    known = set(takes.parameters) - {"model", "images", "task", "classes", "batch_size"}
    known |= {"of", "seed"} if method == "untrained" else set()
    if unknown := sorted(set(options) - known):
        raise ValueError(f"{method} has no option {unknown[0]!r}: it has {', '.join(sorted(known)) or 'none'}")


@torch.no_grad()
def _checked_classes(model: nn.Module, images: Tensor, task: str, classes: Tensor | None, batch_size: int) -> Tensor:
    """The classes as asked for, or the answers."""
    n = model.num_classes[task]
    if classes is None:
        return torch.cat([model(some)[0][task].argmax(1) for some in images.split(batch_size)])
    if len(classes) != len(images):
        raise ValueError(f"{len(classes)} classes for {len(images)} photos: give one a photo, or None for the answers")
    if wrong := [c for c in classes.tolist() if not 0 <= c < n]:
        raise ValueError(f"class {wrong[0]} of {task}: choose from 0 to {n - 1}")
    return classes.to(images.device)
