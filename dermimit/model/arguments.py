"""What the builders take: names and sizes are checked before anything is built."""

import difflib
import inspect
from collections.abc import Iterable
from typing import Any

import timm
from timm.models.vision_transformer import VisionTransformer

NOT_OURS = {"self", "num_classes", "global_pool", "class_token", "fc_norm", "pool_include_prefix", "dynamic_img_size",
            "dynamic_img_pad", "patch_drop_rate", "block_fn", "mlp_layer", "attn_layer", "device", "dtype"}  # fmt: skip
"""Arguments of timm's ViT that the heads or the fixed image size leave no room for."""
VIT_ARGUMENTS = set(inspect.signature(VisionTransformer.__init__).parameters) - NOT_OURS
HUB = ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "pretrained_model_args")
"""What `timm.create_model` hands on to every builder."""


def check_names(builder: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises ValueError for the first name that is unknown, with the nearest known ones."""
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"{builder}: unknown argument {unknown[0]!r}; {nearest(unknown[0], known)}")


def nearest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of an error about an unknown name: the nearest known ones, or else all, or what `otherwise` says."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), known, n=3)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else otherwise or f"known: {', '.join(known)}"


def known_cfg(builder: str, backbone: str) -> Any:
    """What timm knows of a model's pretraining, or None.

    Raises:
        ValueError: the name has a tag that timm does not know.
    """
    try:
        return timm.get_pretrained_cfg(backbone)
    except RuntimeError as error:
        tags = ", ".join(timm.list_pretrained(backbone.partition(".")[0] + ".*")) or "none"
        raise ValueError(f"{builder}: backbone={backbone!r}: timm knows no such weights; there are {tags}") from error


def check_pooling(builder: str, global_pool: str | None) -> None:
    """Raises ValueError for a pooling other than DermImitFormer's own."""
    if global_pool not in (None, "token"):
        raise ValueError(
            f"{builder}: global_pool={global_pool!r}: DermImitFormer reads class and lesion tokens; use 'token'"
        )


def checked_sizes(builder: str, sizes: dict[str, Any], stride: int = 1) -> dict[str, Any]:
    """A ViT's arguments, image and patch size as a number where both sides are the same.

    Args:
        builder: its name, for errors.
        sizes: arguments of timm's ViT; at least img_size, patch_size, embed_dim, depth and num_heads.
        stride: pixels that a stem turns into one before the patches are cut.

    Raises:
        ValueError: a size that is no positive whole number, a width that the heads do not divide, or an image that is
            no multiple of the patch.
    """
    sides = {name: pair(builder, name, sizes[name]) for name in ("img_size", "patch_size")}
    for name in ("embed_dim", "depth", "num_heads", "in_chans"):
        if name in sizes and not is_size(sizes[name]):
            raise ValueError(f"{builder}: {name}={sizes[name]!r}: give a whole number above 0")
    if sizes["embed_dim"] % sizes["num_heads"]:
        raise ValueError(f"{builder}: embed_dim={sizes['embed_dim']} is no multiple of num_heads={sizes['num_heads']}")
    for side, patch in zip(sides["img_size"], sides["patch_size"], strict=True):
        check_multiple(builder, side, patch * stride)
    return sizes | {name: a if a == b else (a, b) for name, (a, b) in sides.items()}


def check_multiple(builder: str, side: int, step: int) -> None:
    """Raises ValueError for an image's side, in pixels, that is no multiple of a patch's."""
    if side % step:
        low, high = side // step * step, (side // step + 1) * step
        raise ValueError(f"{builder}: img_size={side} is no multiple of the {step} pixels of a patch: choose "
                         f"{f'{low} or ' if low else ''}{high} (on the command line: --image-size)")  # fmt: skip


def pair(builder: str, name: str, value: Any) -> tuple[int, int]:
    """Height and width of a size given as one number or as two.

    Raises:
        ValueError: it is neither.
    """
    both = (value, value) if is_size(value) else tuple(value) if isinstance(value, list | tuple) else ()
    if len(both) != 2 or not all(map(is_size, both)):
        raise ValueError(f"{builder}: {name}={value!r}: give a whole number of pixels, or height and width")
    return both


def is_size(value: Any) -> bool:
    """Whether it is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
