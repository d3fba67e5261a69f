"""Filling a model with weights, and saying what was used, left over and missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from dermimit.model import DermImitFormer
from dermimit.model.pretrained import load_vit_state_dict
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
    """Puts the weights of a ViT into a model; the position embeddings are resampled to its grid.

    Args:
        model: a DermImitFormer, filled in place.
        weights: of a ViT of the same width and depth.

    Returns:
        what was used, left over and missing.

    Raises:
        ValueError: they are of another architecture, naming the first weight that does not fit and the remedy.
    """
    if not isinstance(model, DermImitFormer):
        raise ValueError(f"{weights.name}: a {type(model).__name__} is not filled with weights; "
                         "build a dermimitformer")  # fmt: skip
    try:
        placed = load_vit_state_dict(model, weights.state)
    except ValueError as error:
        raise ValueError(f"{weights.name}: {error}") from error
    return Filled(placed.used, (*placed.left_over, *weights.left_over), placed.missing)


def provenance_of(weights: Weights) -> dict[str, Any]:
    """What a run's record says of the weights that it started from: name, architecture, source, licence, sha256."""
    return {name: getattr(weights, name) for name in ("name", "architecture", "source", "licence", "sha256")}
