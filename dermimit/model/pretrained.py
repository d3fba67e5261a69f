"""Filling trunk and every head from the state dict of an ordinary timm ViT."""

import re

import torch
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor

from dermimit.model.dermimitformer import DermImitFormer

OURS = ("classifiers_before.", "classifiers_after.", "interaction.", "mixing.")
"""Parameters that no ViT has: they keep their initial values."""


def load_vit_state_dict(model: DermImitFormer, state_dict: dict[str, Tensor]) -> None:
    """Copies a timm ViT's weights into the trunk and into each head.

    The first L - h blocks fill the trunk, the last h and the final norm fill every head; position embeddings are
    resampled to the model's grid; with one class token per task each starts from the ViT's. A single-task model
    without lesion selection also takes the ViT's classifier if its size fits.

    Args:
        model: filled in place.
        state_dict: in timm's own format, of a ViT with the model's width and full depth.

    Raises:
        ValueError: weights missing, of another depth or width, naming the first of them.
    """
    prefix = model.trunk.num_prefix_tokens
    state = dict(state_dict)
    if prefix > 1 and "reg_token" not in state:
        state["reg_token"] = state["cls_token"].repeat(1, prefix - 1, 1)
        position = state["pos_embed"]
        state["pos_embed"] = torch.cat([position[:, :1].repeat(1, prefix, 1), position[:, 1:]], dim=1)
    state = checkpoint_filter_fn(state, model.trunk)
    ours = {}
    for name, value in state.items():
        for target in targets(name, model):
            ours[target] = value
    needed = {name: p for name, p in model.state_dict().items() if not name.startswith(OURS)}
    if missing := sorted(needed.keys() - ours.keys()):
        raise ValueError(f"the ViT's state dict has nothing for {missing[0]} ({len(missing)} such): "
                         "it is of another depth or not in timm's format")  # fmt: skip
    wrong = [
        n for n, p in model.state_dict().items() if n in ours and ours[n].shape != p.shape and not n.startswith(OURS)
    ]
    if wrong:
        raise ValueError(f"the ViT's {wrong[0]} is {tuple(ours[wrong[0]].shape)}, "
                         f"the model's is {tuple(needed[wrong[0]].shape)}: another width")  # fmt: skip
    own = model.state_dict()
    model.load_state_dict(own | {n: v for n, v in ours.items() if n in own and v.shape == own[n].shape})


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
