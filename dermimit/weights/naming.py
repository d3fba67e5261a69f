"""How the makers of ViTs name their weights, and timm's name for each of them."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

State = dict[str, Tensor]
FIRST = ("state_dict_ema", "model_ema", "ema", "teacher", "")
"""Where a file holds the same network several times, the average of its weights is taken, or the teacher."""


@dataclass(frozen=True)
class Naming:
    """One way of naming.

    Attributes:
        name: whose it is.
        patches: the name of the patch embedding's weight, by which it is recognised.
        renames: pairs of a pattern that a whole name matches and timm's name for it, with the pattern's groups.
        joined: patterns of three weights that timm keeps as one, query, key and value, in this order.
    """

    name: str
    patches: str
    renames: tuple[tuple[str, str], ...] = ()
    joined: tuple[str, str, str] = ("", "", "")


BLOCK = r"encoder\.layer\.(\d+)\."
EMBEDDINGS = (
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.register_tokens", "reg_token"),
    (r"embeddings\.patch_embeddings\.projection\.(weight|bias)", r"patch_embed.proj.\1"),
    (r"layernorm\.(weight|bias)", r"norm.\1"),
    (BLOCK + r"attention\.output\.dense\.(weight|bias)", r"blocks.\1.attn.proj.\2"),
)
QKV = tuple(BLOCK + rf"attention\.attention\.{part}\.(weight|bias)" for part in ("query", "key", "value"))

HF_DINOV2 = Naming(
    "Hugging Face's Dinov2",
    "embeddings.patch_embeddings.projection.weight",
    (
        *EMBEDDINGS,
        (BLOCK + r"(norm[12]|mlp\.fc[12])\.(weight|bias)", r"blocks.\1.\2.\3"),
        (BLOCK + r"layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
        (BLOCK + r"mlp\.weights_in\.(weight|bias)", r"blocks.\1.mlp.fc1.\2"),
        (BLOCK + r"mlp\.weights_out\.(weight|bias)", r"blocks.\1.mlp.fc2.\2"),
    ),
    QKV,
)


def converted(state: State, naming: Naming) -> tuple[State, list[str]]:
    """The weights under timm's names, and the names of those that timm's ViT has no place for."""
    ours: State = {}
    left: list[str] = []
    parts: dict[str, dict[int, Tensor]] = {}
    for name, value in state.items():
        which, match = next(((i, m) for i, p in enumerate(naming.joined) if (m := re.fullmatch(p, name))), (0, None))
        if match and naming.joined[0]:
            parts.setdefault(f"blocks.{match[1]}.attn.qkv.{match[2]}", {})[which] = value
        elif (new := renamed(name, naming)) is not None:
            ours[new] = value
        else:
            left.append(name)
    return ours | {name: torch.cat([three[i] for i in range(3)]) for name, three in parts.items()}, left


def renamed(name: str, naming: Naming) -> str | None:
    """timm's name, or None."""
    found = ((re.fullmatch(pattern, name), new) for pattern, new in naming.renames)
    return next((match.expand(new) for match, new in found if match), None)
