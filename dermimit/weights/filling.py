"""Filling a model with weights, and saying what was used, left over and missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from timm.layers import HybridEmbed
from torch import nn

from dermimit.model import DermImitFormer
from dermimit.model.hybrid import fill_stem
from dermimit.model.pretrained import NETWORK as NETWORK  # a probe fills a backbone by the same rules
from dermimit.model.pretrained import PATCHES as PATCHES
from dermimit.model.pretrained import load_vit_state_dict
from dermimit.weights.architecture import architectures
from dermimit.weights.reading import Weights

SHOWN = 3
"""Names in one message; the others are counted."""


@dataclass(frozen=True)
class Filled:
    """What became of the weights.

    Attributes:
        used: names of the weights that are in the model now.
        left_over: names in the file that the model has no place for.
        missing: names of the model that keep their initial values, such as classifiers.
    """

    used: tuple[str, ...]
    left_over: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        words = {"used": self.used, "left over": self.left_over, "missing": self.missing}
        return "\n".join(f"{word}: {counted(names)}" for word, names in words.items())


def counted(names: Sequence[str]) -> str:
    """How many names, and the first of them."""
    first = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{len(names)} ({first})" if names else "none"


def fill(model: nn.Module, weights: Weights) -> Filled:
    """Puts weights into a model: a ViT's into trunk and heads, an EfficientNet-Lite's into the stem of a hybrid.

    Position embeddings are resampled to the model's grid; register tokens are kept.

    Args:
        model: a DermImitFormer, filled in place.
        weights: of a network of the same architecture.

    Returns:
        what was used, left over and missing.

    Raises:
        ValueError: they are of another architecture, naming the first weight that does not fit and the remedy.
    """
    if not isinstance(model, DermImitFormer):
        raise ValueError(f"{weights.name}: a {type(model).__name__} is not filled with weights; build a dermimitformer")
    if is_lite(model.trunk.patch_embed):
        used = fill_stem(model, weights.state, weights.name)
        left = [name for name in weights.state if name not in {*used}]
        stem = "trunk.patch_embed.backbone."
        missing = [name for name in model.state_dict() if not name.startswith(stem)]
        return Filled(tuple(used), (*left, *weights.left_over), tuple(missing))
    try:
        placed = load_vit_state_dict(model, weights.state)
    except ValueError as error:
        raise ValueError(f"{weights.name}: {error}; {remedy(weights)}") from error
    return Filled(placed.used, (*placed.left_over, *weights.left_over), placed.missing)


def is_lite(embed: nn.Module) -> bool:
    """Whether a stem is an EfficientNet-Lite's; those of timm's other hybrids come with the whole ViT's weights."""
    return isinstance(embed, HybridEmbed) and hasattr(getattr(embed.backbone, "feature_info", None), "channels")


def remedy(weights: Weights) -> str:
    """The backbone to build for weights that do not fit."""
    fitting = [weights.architecture] if weights.architecture else architectures(weights.state)
    if not fitting:
        return "none of the usual backbones is of their shapes; name that of timm which they were trained with"
    if fitting[0].startswith("tf_efficientnet_lite"):
        return f"they are for the stem of dermimitformer_lite{fitting[0][-1]}_stem_224"
    return f"they fit backbone={' or '.join(fitting)}"


def provenance_of(weights: Weights) -> dict[str, Any]:
    """What a run's record says of the weights that it started from: name, architecture, source, licence, sha256."""
    return {name: getattr(weights, name) for name in ("name", "architecture", "source", "licence", "sha256")}
