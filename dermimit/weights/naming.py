"""How the makers of ViTs name their weights, and timm's name for each of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

State = dict[str, Tensor]


def as_it_is(state: State) -> State:
    """No change."""
    return state


@dataclass(frozen=True)
class Naming:
    """One way of naming.

    Attributes:
        name: whose it is.
        patches: the name of the patch embedding's weight, which says what stands before all names.
        marker: pattern of a whole name that only this naming has; "" for any.
        renames: pairs of a pattern that a whole name matches and timm's name for it, with the pattern's groups.
        joined: patterns of three weights that timm keeps as one, query, key and value, in this order.
        finish: what is left to do once the names are timm's.
    """

    name: str
    patches: str
    marker: str = ""
    renames: tuple[tuple[str, str], ...] = ()
    joined: tuple[str, ...] = ()
    finish: Callable[[State], State] = as_it_is


def converted(state: State, naming: Naming) -> tuple[State, list[str]]:
    """The weights under timm's names, and the names of those that an ordinary ViT has no place for."""
    ours: State = {}
    left: list[str] = []
    parts: dict[str, dict[int, Tensor]] = {}
    for name, value in state.items():
        which, match = next(((i, m) for i, p in enumerate(naming.joined) if (m := re.fullmatch(p, name))), (0, None))
        if match:
            parts.setdefault(f"blocks.{match[1]}.attn.qkv.{match[2]}", {})[which] = value
        elif (new := renamed(name, naming)) is not None:
            ours[new] = value
        else:
            left.append(name)
    joined = {name: torch.cat([three[i] for i in range(3)]) for name, three in parts.items() if len(three) == 3}
    return naming.finish(ours | joined), left


def renamed(name: str, naming: Naming) -> str | None:
    """timm's name, or None."""
    found = ((re.fullmatch(pattern, name), new) for pattern, new in naming.renames)
    return next((match.expand(new) for match, new in found if match), None)


def registers_after_positions(state: State) -> State:
    """With registers, which have no positions, timm adds the class token's own position to the token itself."""
    return without_class_position(state) if "reg_token" in state else state


def without_class_position(state: State) -> State:
    """The class token with its own position added, and positions of the patches alone."""
    if "pos_embed" not in state:
        return state
    position = state["pos_embed"]
    return state | {"cls_token": state["cls_token"] + position[:, :1], "pos_embed": position[:, 1:]}


def bias_without_keys(state: State) -> State:
    """One bias for query, key and value, from those of query and value: that of the key is zero, as in BEiT."""
    done = {name: value for name, value in state.items() if not name.endswith((".q_bias", ".v_bias"))}
    for name in state:
        if name.endswith(".q_bias"):
            q, v = state[name], state[name.removesuffix("q_bias") + "v_bias"]
            done[name.removesuffix("q_bias") + "qkv.bias"] = torch.cat([q, torch.zeros_like(v), v])
    return without_class_position(done)


def clip_shapes(state: State) -> State:
    """Class token and positions of CLIP, with the batch dimension that timm keeps."""
    return state | {n: state[n].reshape(1, -1, state[n].shape[-1]) for n in ("cls_token", "pos_embed") if n in state}
