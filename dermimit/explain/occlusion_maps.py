"""Maps from what happens to a logit when part of the photograph is painted over, by Captum."""

from __future__ import annotations

import torch
from captum.attr import FeatureAblation, Occlusion
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.explain.map_tools import Classes, Found, Images, TaskLogits, spread


def _channels(model: nn.Module, images: Tensor) -> int:
    """Number of channels of the photograph; a lesion map, which is the last one where it is given, is no part of it."""
    return images.shape[1] - (getattr(getattr(model, "config", None), "selection", "") == "given")


class _Painted(nn.Module):
    """The logits of photographs within a margin, with what is not painted over as further channels."""

    def __init__(self, model: nn.Module, task: str, margin: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.logits, self.margin = TaskLogits(model, task), margin

    def forward(self, photos: Tensor, rest: Tensor) -> Tensor:
        """Cut the margin off, join the channels and return `logits[task]`."""
        (down, across), (height, width) = self.margin, photos.shape[-2:]
        inside = photos[..., down : height - down, across : width - across]
        return self.logits(torch.cat([inside, rest], dim=1))


@torch.no_grad()
def feature_ablation(
    model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int, baseline: float = 0.0
) -> Found:
    """Drop of the logit when one patch is painted one colour, positive part: the plainest map.

    Args:
        baseline: the paint, normalised; 0 is the mean that photographs are normalised with, mid grey where it is 0.5.
    Source: Zeiler and Fergus, ECCV 2014; `captum.attr.FeatureAblation`.
    """
    rows, columns = model.grid_size
    cells = torch.arange(rows * columns, device=images.device)[None].float()
    numbers = spread(cells, model.grid_size, (images.shape[-2], images.shape[-1])).long()
    channels = _channels(model, images)
    mask = numbers[:, None].expand(1, channels, -1, -1)
    drop = FeatureAblation(_Painted(model, task)).attribute(
        images[:, :channels],
        additional_forward_args=images[:, channels:],
        baselines=baseline,
        target=classes,
        feature_mask=mask,
        perturbations_per_eval=max(1, batch_size // len(images)),
    )[:, 0]
    return Found(drop, drop.relu())


@torch.no_grad()
def occlusion(
    model: nn.Module,
    images: Images,
    task: str,
    classes: Classes,
    *,
    batch_size: int,
    window: int = 3,
    baseline: float = 0.0,
) -> Found:
    """Drop of the logit when a sliding window is painted one colour, averaged over the windows that cover a pixel.

    Windows also slide over the photo's edges, so that every pixel is covered by equally many; else a patch near an
    edge, which always is painted together with its neighbours, could not be told from them.

    Args:
        window: side of the window in patches, at most the photo's; it moves by one patch.
        baseline: the paint, normalised; 0 is the mean that photographs are normalised with, mid grey where it is 0.5.
    Source: Zeiler and Fergus, ECCV 2014; `captum.attr.Occlusion`.
    """
    patch = [side // n for side, n in zip(images.shape[-2:], model.grid_size, strict=True)]
    if not 1 <= window <= min(model.grid_size):
        raise ValueError(f"window={window}: choose from 1 to {min(model.grid_size)} patches")
    channels = _channels(model, images)
    height, width = images.shape[-2:]
    down, across = ((window - 1) * side for side in patch)
    drop = Occlusion(_Painted(model, task, (down, across))).attribute(
        F.pad(images[:, :channels], (across, across, down, down)),
        additional_forward_args=images[:, channels:],
        sliding_window_shapes=(channels, *(window * side for side in patch)),
        strides=(channels, *patch),
        baselines=baseline,
        target=classes,
        perturbations_per_eval=max(1, batch_size // len(images)),
    )[:, 0, down : down + height, across : across + width]
    return Found(drop, drop.relu())
