"""From a file or a name to the weights of an ordinary timm ViT."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from dermimit.weights.efficientnet import lite_architecture, lite_names
from dermimit.weights.files import read_origin, read_tensors, sha256_of, write_tensors
from dermimit.weights.known import KNOWN, KnownWeights
from dermimit.weights.location import locate
from dermimit.weights.recognise import ordinary_vit


@dataclass(frozen=True)
class Weights:
    """The weights of an ordinary ViT, cut nowhere; or of an EfficientNet-Lite, for a stem.

    Attributes:
        state: under timm's names.
        name: of known weights, else of the file.
        architecture: timm's name of the network where it is known, else "".
        source: whose it is, or "".
        licence: as its author says, or "".
        sha256: of the file.
        naming: whose names the file had.
        preprocessing: mean, std and interpolation where known, else {}.
        left_over: names in the file that the network has no place for.
        path: the file.
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
    path: Path = Path()


LITE_NAMING = "EfficientNet-Lite's"


def read_weights(path_or_name: Path | str) -> Weights:
    """The weights of a file, or of a name that `dermimit weights list` prints.

    Args:
        path_or_name: a key of `KNOWN`; or a file, .safetensors, a checkpoint that holds tensors and nothing else, or an
            ONNX file that torch exported from Hugging Face's Dinov2. Its names are timm's, DINOv2's, Hugging Face's,
            OpenCLIP's or PanDerm's; what stands before them, such as module. or backbone., does not matter.

    Raises:
        FileNotFoundError: the file is not there, with the way to get it.
        OSError: the hub cannot be reached.
        ValueError: it is damaged, holds more than tensors, no plain ViT, or not what is known under its name.
    """
    known = KNOWN.get(str(path_or_name))
    path = locate(known.name) if known else Path(path_or_name)
    tensors, digest = read_tensors(path), sha256_of(path)
    if known:
        check_hash(known, path, digest)
    origin = (facts(known) if known else {}) | read_origin(path)
    state, left, naming = lite_names(tensors), list[str](), LITE_NAMING
    if state is None:
        state, left, whose = ordinary_vit(tensors, path)
        naming = whose.name
    usual = {
        "name": path.name,
        "architecture": lite_architecture(state) if naming == LITE_NAMING else "",
        "source": "",
        "licence": "",
        "preprocessing": {},
    }
    return Weights(state=state, sha256=digest, naming=naming, left_over=tuple(left), path=path, **usual | origin)


def facts(known: KnownWeights) -> dict[str, Any]:
    """The fields of `Weights` that the list knows."""
    return {
        "name": known.name,
        "architecture": known.architecture,
        "source": known.source,
        "licence": known.licence,
        "preprocessing": known.preprocessing,
    }


def check_hash(known: KnownWeights, path: Path, digest: str) -> None:
    """Raises ValueError where a file is not the one that is known."""
    if known.sha256 and known.sha256 != digest:
        raise ValueError(f"{path} is not the file that {known.name} stands for (sha256 {digest[:12]}..., known is "
                         f"{known.sha256[:12]}...): get it again, or give the file itself as weights")  # fmt: skip


def write_weights(path: Path, weights: Weights) -> None:
    """Writes weights as safetensors under timm's names; `read_weights` finds name, source and licence again in it.

    Args:
        path: ends in .safetensors.
        weights: of any naming.

    Raises:
        ValueError: another ending.
    """
    origin = {name: getattr(weights, name) for name in ("name", "architecture", "licence", "preprocessing")}
    source = f"{weights.source or weights.name}; converted from a file of sha256 {weights.sha256}"
    write_tensors(path, weights.state, origin | {"source": source})
