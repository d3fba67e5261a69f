"""Deletion and insertion: does the probability follow the pixels that a map calls important?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as F

from dermimit.explain.localisation_names import SHARES

BLUR = 1 / 16
"""Standard deviation of the blur that replaces pixels, as a share of the photo's side."""


@dataclass(frozen=True)
class Curves:
    """One curve a photo.

    Attributes:
        share: of the photo's pixels that were replaced (deletion) or shown (insertion), rising from 0 to 1.
        probability: of the explained class.
    """

    share: Float[np.ndarray, "batch steps"]
    probability: Float[np.ndarray, "batch steps"]

    @property
    def area(self) -> Float[np.ndarray, " batch"]:
        """Area under each curve, by the trapezoidal rule."""
        return np.trapezoid(self.probability, self.share, axis=1)

    def at(self, shares: Float[np.ndarray, " points"] = SHARES) -> Float[np.ndarray, "batch points"]:
        """Each curve at common shares, linearly interpolated, so that curves can be averaged."""
        pairs = zip(self.share, self.probability, strict=True)
        return np.stack([np.interp(shares, *_last_of_equals(x, y)) for x, y in pairs])


def _last_of_equals(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    keep = np.append(x[1:] != x[:-1], True)
    return x[keep], y[keep]


def blurred(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """The photos without detail: a Gaussian blur of `BLUR` of their shorter side."""
    sigma = BLUR * min(images.shape[-2:])
    return F.gaussian_blur(images, [2 * int(np.ceil(3 * sigma)) + 1] * 2, [sigma] * 2)


@torch.no_grad()
def deletion_and_insertion(
    model: nn.Module,
    images: Float[Tensor, "batch 3 height width"],
    maps: Float[Tensor, "batch height width"],
    task: str,
    classes: Int[Tensor, " batch"],
    *,
    several: bool = False,
    steps: int = 20,
    batch_size: int = 64,
) -> tuple[Curves, Curves]:
    """Replace pixels by a blurred photo from the most important on (deletion), or show them on it (insertion).

    Pixels of equal importance go together, at the step nearest to the middle of their ranks from above; `share` is
    what was really replaced. A constant map so has a curve of one straight line.

    Args:
        maps: importance of each pixel.
        classes: the class whose probability is followed.
        several: whether several classes of the task may hold: a sigmoid each, not a softmax.
        steps: equal steps of the share.
        batch_size: photos in one forward pass at most.
    Source: Petsiuk, Das and Saenko, "RISE", BMVC 2018.
    Differs from them: a blurred photo in both curves; they delete to grey.
    """
    values = maps.detach().cpu().numpy().reshape(len(maps), -1)
    ranks = stats.rankdata(-values, axis=1).reshape(maps.shape) / values.shape[1]
    ranks, background = torch.from_numpy(ranks).to(images.device), blurred(images)
    shares: list[Tensor] = []
    removed: list[Tensor] = []
    shown: list[Tensor] = []
    for step in range(steps + 1):
        chosen = ranks <= step / steps + 1e-9
        shares.append(chosen.double().mean((1, 2)))
        for found, inside, outside in ((removed, background, images), (shown, images, background)):
            mixed = torch.where(chosen[:, None], inside, outside)
            found.append(_probability(model, mixed, task, classes, several, batch_size))
    share = torch.stack(shares, 1).cpu().numpy()
    deletion, insertion = (Curves(share, torch.stack(found, 1).cpu().numpy()) for found in (removed, shown))
    return deletion, insertion


def _probability(
    model: nn.Module, images: Tensor, task: str, classes: Tensor, several: bool, batch_size: int
) -> Tensor:
    logits = torch.cat([model(some)[0][task] for some in images.split(batch_size)]).double()
    probability = logits.sigmoid() if several else logits.softmax(1)
    return probability.gather(1, classes[:, None])[:, 0]
