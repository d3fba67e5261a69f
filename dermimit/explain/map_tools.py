"""What every kind of map needs: one task's logits as a function of the photograph, and patches as pixels."""

from __future__ import annotations

import zlib
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

Images = Float[Tensor, "batch channels height width"]
Relevance = Float[Tensor, "batch height width"]
Classes = Int[Tensor, " batch"]


class Found(NamedTuple):
    """What a method found.

    Attributes:
        raw: the method's own values, (B, H, W), signed where it has a sign.
        relevance: what the map in [0, 1] is scaled from, (B, H, W), at least 0.
        delta: what is missing from completeness, (B,), in logits; None where the method promises none.
    """

    raw: Tensor
    relevance: Tensor
    delta: Tensor | None = None


class TaskLogits(nn.Module):
    """One task's logits as a plain function of the photo, which is what Captum wants."""

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, images: Images) -> Float[Tensor, "batch classes"]:
        """Return `logits[task]`."""
        return self.model(images)[0][self.task]


def to_unit(maps: Relevance) -> Relevance:
    """Scale each map to [0, 1] by its own least and greatest value; a constant map becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(torch.finfo(maps.dtype).tiny)


def spread(values: Float[Tensor, "batch patches"], grid: tuple[int, int], size: tuple[int, int]) -> Relevance:
    """One value a patch (row-major) over the photo's pixels; patches stay visible squares."""
    return F.interpolate(values.unflatten(1, tuple(grid))[:, None], size=tuple(size), mode="nearest")[:, 0]


def patches_to_map(values: Float[Tensor, "batch patches"], grid: tuple[int, int], size: tuple[int, int]) -> Relevance:
    """As `spread`, scaled to [0, 1]."""
    return to_unit(spread(values, grid, size))


def of_patches(model: nn.Module, images: Images, values: Float[Tensor, "batch patches"]) -> Found:
    """Values of patches as what a method found; only those above 0 are relevance."""
    raw = spread(values.detach(), model.grid_size, (images.shape[-2], images.shape[-1]))
    return Found(raw, raw.relu())


def of_pixels(values: Float[Tensor, "batch channels height width"], delta: Tensor | None = None) -> Found:
    """Signed values of pixels: summed over colour channels, and as relevance their absolute values summed."""
    values = values.detach()
    return Found(values.sum(1), values.abs().sum(1), None if delta is None else delta.detach().to(values.dtype))


def photo_seed(image: Float[Tensor, "channels height width"], seed: int) -> int:
    """A seed from the photo's own pixels, so that chance does not depend on which photos it is explained with."""
    return zlib.crc32(image.detach().float().cpu().contiguous().numpy().tobytes(), seed)


def own_head(model: nn.Module, task: str) -> nn.Module:
    """The task's head.

    Raises:
        ValueError: the model is no transformer with heads, or the task has none.
    """
    heads = getattr(model, "heads", None)
    if heads is None:
        raise ValueError(f"{type(model).__name__} has no attention to read: use a method of gradients or of occlusion")
    if task not in heads:
        raise ValueError(f"fusion='bottleneck': {task} has no head of its own; ask for one of {', '.join(heads)}")
    return heads[task]


def refuse_zoom(model: nn.Module) -> None:
    """Raise a ValueError for a model that looks twice, at tokens that stand for different places."""
    if model.config.zoom:
        raise ValueError("zoom=True: the trunk sees the photo and an enlarged detail; use integrated_gradients or "
                         "occlusion, which are maps of the photo")  # fmt: skip
