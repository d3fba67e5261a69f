"""Which of timm's networks weights are of, by the names and shapes of their tensors."""

from functools import cache
from math import isqrt

import timm
from torch import Tensor

from dermimit.model.plan import no_numbers

WIDTHS = {"tiny": 192, "small": 384, "base": 768, "large": 1024, "huge": 1280, "giant": 1536, "so400m": 1152}
CANDIDATES = (
    *(f"vit_{size}_patch16_224" for size in ("tiny", "small", "base", "large")),
    *(f"vit_{size}_patch32_224" for size in ("small", "base", "large")),
    *(f"vit_{size}_patch8_224" for size in ("small", "base")),
    *(f"vit_{size}_patch14_224" for size in ("large", "huge")),
    *(f"vit_{size}_patch14_dinov2" for size in ("small", "base", "large", "giant")),
    *(f"vit_{size}_patch14_reg4_dinov2" for size in ("small", "base", "large", "giant")),
    *(f"deit3_{size}_patch16_224" for size in ("small", "base", "large")),
    "deit3_huge_patch14_224",
    *(f"vit_base_patch{patch}_clip_{act}224" for patch in (16, 32) for act in ("", "quickgelu_")),
    *(f"vit_large_patch14_clip_{act}224" for act in ("", "quickgelu_")),
    *(f"vit_base_patch16_siglip_{kind}224" for kind in ("", "gap_")),
    *(f"vit_large_patch16_siglip_{kind}256" for kind in ("", "gap_")),
    *(f"vit_so400m_patch14_siglip_{kind}224" for kind in ("", "gap_")),
)
"""Plain ViTs with published weights; the side of the photographs in a name says nothing of the weights."""
ANSWERS = ("head.", "fc_norm.")


def architectures(state: dict[str, Tensor]) -> list[str]:
    """Names of timm's ViTs that the weights fit: all of them, whatever the grid of their positions.

    Args:
        state: under timm's names.

    Returns:
        names; of several the plainer first (shapes do not tell GELU from QuickGELU); [] for none of `CANDIDATES`.
    """
    if "patch_embed.proj.weight" not in state:
        return []
    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    names = [n for n in CANDIDATES if WIDTHS[n.split("_")[1]] == width and n.split("_")[2] == f"patch{patch}"]
    wanted = described(state)
    return [name for name in names if shapes(name) == wanted]


@cache
def shapes(name: str) -> dict[str, tuple[int, ...]]:
    """What `described` says of one of timm's networks, which takes no memory for it."""
    with no_numbers():
        return described(timm.create_model(name).state_dict())


def described(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by name, without classifiers; of positions whether the class token has one."""
    found = {name: tuple(value.shape) for name, value in state.items() if not name.startswith(ANSWERS)}
    if "pos_embed" in found:
        n, width = found["pos_embed"][-2:]
        found["pos_embed"] = (int(isqrt(n) ** 2 != n), width)
    return found
