"""The central square of a photograph as a backbone was trained to see it."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchvision.transforms.v2 import functional as F


@dataclass(frozen=True)
class View:
    """Called with a photograph uint8 (3, h, w), gives float32 (3, `size`, `size`): resized, less `mean`, over `std`.

    Args:
        size: side in pixels.
        mean, std: of each channel, of pixels in [0, 1].
        interpolation: bilinear or bicubic, with antialiasing.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str

    def __call__(self, photo: UInt8[Tensor, "3 h w"]) -> Float[Tensor, "3 s s"]:
        height, width = photo.shape[-2:]
        side = min(height, width)
        box = ((height - side) // 2, (width - side) // 2, side, side)
        how = F.InterpolationMode(self.interpolation)
        square = F.resized_crop(photo, *box, [self.size, self.size], how, antialias=True)
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (square.float() / 255 - mean) / std

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}
