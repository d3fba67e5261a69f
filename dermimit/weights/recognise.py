"""Whose names the weights of a file have, where in it the ViT is, and what is no ordinary ViT."""

import re
import warnings
from pathlib import Path

from torch import Tensor

from dermimit.weights.naming import Naming, State, converted
from dermimit.weights.namings import NAMINGS

AVERAGED = ("state_dict_ema", "model_ema", "ema")
PARTS = (*AVERAGED, "encoder", "teacher")
"""Where a file holds the same network several times: which is taken first."""
LAST = "student"
NO_VIT = (
    (r"(.*\.)?(rope.*|.*rotary.*|freqs_cos)", "rotary positions (EVA, DINOv3): a plain ViT has learnt ones"),
    (r"(.*\.)?(dist_token|distillation_token)", "a second class token (distilled DeiT)"),
    (r"(.*\.)?patch_embed\.backbone\..+", "convolutions before its blocks: it is a hybrid"),
    (r"(.*\.)?layers\.0\.blocks\.0\..+|(.*\.)?stages\.0\..+", "stages of several resolutions: it is no plain ViT"),
)
"""Names that only other networks have, and what they stand for."""
TABLE = "relative_position_bias_table"
INDEX = "relative_position_index"
BLOCKS = ("blocks.", "encoder.layer", "transformer.resblocks.")


def ordinary_vit(tensors: State, path: Path) -> tuple[State, list[str], Naming]:
    """The weights of the ViT in a file.

    Args:
        tensors: all of the file's.
        path: for messages.

    Returns:
        weights under timm's names, what has no place in an ordinary ViT, and whose naming it was.

    Raises:
        ValueError: no ViT is in the file, or none that timm's plain one can be.
    """
    if not tensors:
        raise ValueError(f"{path} holds no tensors")
    for pattern, what in NO_VIT:
        if name := next((name for name in tensors if re.fullmatch(pattern, name)), None):
            raise ValueError(f"{path}: {name} stands for {what}; take weights of a plain ViT")
    naming, prefix = recognised(tensors, path)
    inside = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
    state, left = converted(inside, naming)
    check_positions({name: inside[name] for name in left}, state, path, prefix)
    unknown = [name for name in left if name.startswith(BLOCKS) and not name.endswith((TABLE, INDEX))]
    if unknown:
        raise ValueError(f"{path}: {prefix}{unknown[0]} is nothing that a plain ViT has in its blocks ({len(unknown)} "
                         f"such; the naming is {naming.name}): it is of another architecture")  # fmt: skip
    outside = [name for name in tensors if not name.startswith(prefix)]
    return state, [*(prefix + name for name in left), *outside], naming


def recognised(tensors: dict[str, Tensor], path: Path) -> tuple[Naming, str]:
    """Whose names these are, and what stands before each of them."""
    for naming in NAMINGS:
        before = [name.removesuffix(naming.patches) for name in tensors if name.endswith(naming.patches)]
        before = [b for b in before if (b == "" or b.endswith(".")) and has_marker(tensors, b, naming.marker)]
        if before:
            best = min(before, key=rank)
            if len(before) > 1:
                others = ", ".join(sorted(b or "(no prefix)" for b in before if b != best))
                warnings.warn(f"{path} holds several ViTs: {best or '(no prefix)'} is read, {others} left over",
                              stacklevel=2)  # fmt: skip
            return naming, best
    first = next(iter(tensors))
    raise ValueError(f"{path}: no patch embedding of a ViT is among its {len(tensors)} tensors (the first is {first}): "
                     "it is of another network, or named as none of timm, DINOv2, Hugging Face, OpenCLIP and PanDerm "
                     "name theirs")  # fmt: skip


def has_marker(tensors: State, prefix: str, marker: str) -> bool:
    """Whether a name after the prefix matches the marker."""
    return not marker or any(n.startswith(prefix) and re.fullmatch(marker, n[len(prefix) :]) for n in tensors)


def rank(prefix: str) -> int:
    """The lower, the sooner a network with this before its names is taken."""
    words = prefix.split(".")
    best = min((PARTS.index(word) for word in words if word in PARTS), default=len(PARTS))
    return best + len(PARTS) * (LAST in words)


def check_positions(left: State, state: State, path: Path, prefix: str) -> None:
    """Raises ValueError where positions are not those of an ordinary ViT: relative, or none at all."""
    for name, value in left.items():
        if name.endswith(TABLE) and value.count_nonzero():
            raise ValueError(f"{path}: {prefix}{name} is a bias of relative positions, as in BEiT, which a plain ViT "
                             "does not add to its attention: without it the network would be another one; take a "
                             "checkpoint from before such fine-tuning (PanDerm's own have none)")  # fmt: skip
    if "pos_embed" not in state:
        raise ValueError(f"{path}: no position embeddings: it is no ViT with learnt or stored absolute positions")
