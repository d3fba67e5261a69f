"""From a file or a name to the weights of an ordinary timm ViT."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from dermimit.weights.files import read_tensors, sha256_of
from dermimit.weights.known import KNOWN
from dermimit.weights.locate import locate
from dermimit.weights.naming import FIRST, HF_DINOV2, Naming, converted

NAMINGS: tuple[Naming, ...] = (HF_DINOV2,)


@dataclass(frozen=True)
class Weights:
    """The weights of an ordinary ViT, cut nowhere.

    Attributes:
        state: under timm's names.
        name: of known weights, else of the file.
        architecture: timm's name of the network, or "".
        source: whose it is.
        licence: as its author says, or "".
        sha256: of the file.
        naming: whose names the file had.
        preprocessing: mean, std and interpolation where known, else {}.
        left_over: names in the file that the ViT has no place for.
    """

    state: dict[str, Tensor]
    name: str
    architecture: str
    source: str
    licence: str
    sha256: str
    naming: str
    preprocessing: dict[str, Any] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()


def read_weights(path_or_name: Path | str) -> Weights:
    """The weights of a file, or of a name that `dermimit weights list` prints.

    Args:
        path_or_name: a file, or a key of `KNOWN`.
    """
    known = KNOWN.get(str(path_or_name))
    path = locate(known.name) if known else Path(path_or_name)
    tensors = read_tensors(path)
    naming, prefix = recognised(tensors, path)
    state, left = converted({n[len(prefix) :]: v for n, v in tensors.items() if n.startswith(prefix)}, naming)
    left += [name for name in tensors if not name.startswith(prefix)]
    return Weights(
        state=state,
        name=known.name if known else path.name,
        architecture=known.architecture if known else "",
        source=known.source if known else "",
        licence=known.licence if known else "",
        sha256=sha256_of(path),
        naming=naming.name,
        preprocessing=known.preprocessing if known else {},
        left_over=tuple(left),
    )


def recognised(tensors: dict[str, Tensor], path: Path) -> tuple[Naming, str]:
    """Whose names these are, and what stands before each of them."""
    for naming in NAMINGS:
        before = [n.removesuffix(naming.patches) for n in tensors if n.endswith(naming.patches)]
        if before:
            place = {name: i for i, name in enumerate(FIRST)}
            return naming, min(before, key=lambda b: place.get(b.split(".")[0], len(FIRST)))
    raise ValueError(f"{path}: no patch embedding of a ViT is among its {len(tensors)} tensors")
