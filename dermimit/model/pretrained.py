"""Filling trunk and every head from the state dict of an ordinary timm ViT."""

import re
from dataclasses import dataclass
from math import isqrt

import torch
from timm.models import adapt_input_conv
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor

from dermimit.model.dermimitformer import DermImitFormer

OURS = ("classifiers_before.", "classifiers_after.", "interaction.", "mixing.")
"""Parameters that no ViT has: they keep their initial values."""
NETWORK = ("blocks.", "patch_embed.", "pos_embed", "cls_token", "reg_token", "norm_pre.")
"""A ViT's weights that all must find a place: without one of them it would be another network."""
PATCHES = "patch_embed.proj.weight"


@dataclass(frozen=True)
class Placed:
    """Where the weights of a ViT go in a model.

    Attributes:
        values: the model's names, and the value for each.
        used: names of the ViT's weights that have a place.
        left_over: names of those that have none.
        missing: names of the model that get no value: they keep their initial ones.
        wrong: names of the model whose shape is another one, with both shapes.
    """

    values: dict[str, Tensor]
    used: tuple[str, ...]
    left_over: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]

    def misfit(self) -> str:
        """Why the weights are of another network than the model, naming the first of them; "" where they fit."""
        if absent := sorted(name for name in self.missing if not name.startswith(OURS)):
            return f"nothing for {absent[0]} ({len(absent)} such): it is of another depth or not in timm's format"
        if self.wrong:
            name, (theirs, ours) = next(iter(self.wrong.items()))
            return f"{name} is {theirs}, the model's is {ours}: another width, patch or MLP"
        if surplus := [name for name in self.left_over if name.startswith(NETWORK)]:
            return f"no place for {surplus[0]} ({len(surplus)} such): it is of another depth or kind"
        return ""


def load_vit_state_dict(model: DermImitFormer, state_dict: dict[str, Tensor]) -> Placed:
    """Copies a timm ViT's weights into the trunk and into each head.

    The first L - h blocks fill the trunk, the last h and the final norm fill every head; position embeddings are
    resampled to the model's grid; with one class token per task each starts from the ViT's. A single-task model
    without lesion selection also takes the ViT's classifier if its size fits.

    Args:
        model: filled in place.
        state_dict: in timm's own format, of a ViT with the model's width and full depth.

    Returns:
        what was used, left over and missing.

    Raises:
        ValueError: weights missing, of another depth or width, or without a place in the model, naming the first.
    """
    placed = place(model, state_dict)
    if why := placed.misfit():
        raise ValueError(f"the ViT's state dict: {why}")
    model.load_state_dict(model.state_dict() | placed.values)
    return placed


def place(model: DermImitFormer, state_dict: dict[str, Tensor]) -> Placed:
    """Where each of a timm ViT's weights goes, without changing the model.

    Args:
        model: the model, on any device; its values are not read.
        state_dict: in timm's own format.
    """
    given, own = prepared(model, state_dict), model.state_dict()
    values: dict[str, Tensor] = {}
    placed: set[str] = set()
    wrong: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    ours = own.get(f"trunk.{PATCHES}")
    if PATCHES in given and ours is not None and given[PATCHES].shape[2:] != ours.shape[2:]:  # timm would resample it
        wrong[f"trunk.{PATCHES}"] = tuple(given.pop(PATCHES).shape), tuple(ours.shape)
        placed.add(PATCHES)
    for name, value in checkpoint_filter_fn(given, model.trunk).items():
        for target in [target for target in targets(name, model) if target in own]:
            if own[target].shape == value.shape:
                values[target] = value
            elif target.startswith(OURS):
                continue
            else:
                wrong[target] = tuple(value.shape), tuple(own[target].shape)
            placed.add(name)
    used = [name for name in state_dict if name in placed and not any(t in wrong for t in targets(name, model))]
    left = [name for name in state_dict if name not in placed]
    missing = [name for name in own if name not in values and name not in wrong]
    return Placed(values, tuple(used), tuple(left), tuple(missing), wrong)


def prepared(model: DermImitFormer, state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict with a class token for each task, and positions of the class token as the model has them."""
    state, trunk = dict(state_dict), model.trunk
    if PATCHES in state and state[PATCHES].ndim == 4 and state[PATCHES].shape[1] != model.in_chans:
        state[PATCHES] = adapt_input_conv(model.in_chans, state[PATCHES])
    if "cls_token" not in state or "pos_embed" not in state:
        return state
    positions = state["pos_embed"]
    counted = with_class_token(positions, trunk.patch_embed.num_patches)
    if trunk.no_embed_class and counted:
        state["cls_token"], state["pos_embed"] = state["cls_token"] + positions[:, :1], positions[:, 1:]
    elif not trunk.no_embed_class and not counted:
        state["pos_embed"] = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
    if model.config.class_tokens == "per_task" and "reg_token" not in state:
        more = trunk.num_prefix_tokens - 1
        state["reg_token"] = state["cls_token"].repeat(1, more, 1)
        if not trunk.no_embed_class:
            position = state["pos_embed"]
            state["pos_embed"] = torch.cat([position[:, :1].repeat(1, more, 1), position], dim=1)
    return state


def with_class_token(positions: Tensor, patches: int) -> bool:
    """Whether position embeddings (1, N, D) hold one for the class token, before those of a square grid or of as many
    patches as the model has."""
    n = positions.shape[1]
    return n == patches + 1 or (n != patches and isqrt(n) ** 2 != n)


def targets(name: str, model: DermImitFormer) -> list[str]:
    """Where one parameter of a ViT goes in the model."""
    cut, h = len(model.trunk.blocks), model.config.head_depth
    if match := re.match(r"blocks\.(\d+)\.(.*)", name):
        block, rest = int(match[1]), match[2]
        if block < cut:
            return [f"trunk.{name}"]
        return [f"heads.{task}.blocks.{block - cut}.{rest}" for task in model.heads if block - cut < h]
    if match := re.match(r"(norm|fc_norm|attn_pool)\.(.*)", name):
        pools = next(iter(model.heads.values())).pooling is not None
        place = f"pooling.{match[1]}" if pools and match[1] != "norm" else "norm"
        return [f"heads.{task}.{place}.{match[2]}" for task in model.heads]
    if match := re.match(r"head\.(.*)", name):
        return [f"classifiers_before.{task}.{match[1]}" for task in model.tasks] if len(model.tasks) == 1 else []
    return [f"trunk.{name}"]
