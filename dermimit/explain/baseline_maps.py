"""Maps that know nothing of the network's reasons: what a map worth looking at has to beat."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from dermimit.explain.map_tools import Classes, Found, Images, of_patches, photo_seed

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


def centre_prior(
    model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int, width: float = 0.5
) -> Found:
    """A Gaussian about the photo's centre, where most photographers put the lesion.

    Args:
        width: standard deviation, in halves of a side.
    """
    rows, columns = (torch.linspace(-1, 1, n, device=images.device) for n in images.shape[-2:])
    bump = (-(rows[:, None] ** 2 + columns**2) / (2 * width**2)).exp().expand(len(images), -1, -1).to(images.dtype)
    return Found(bump, bump)


def edge_density(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """Mean length of the Sobel gradient of the luminance in each patch."""
    grey = torch.einsum("bchw,c->bhw", images[:, :3], images.new_tensor(LUMINANCE))[:, None]
    sobel = images.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), torch.stack([sobel, sobel.T])[:, None])
    return of_patches(model, images, F.adaptive_avg_pool2d(slopes.norm(dim=1), tuple(model.grid_size)).flatten(1))


def random(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int, seed: int = 0) -> Found:
    """A uniform number for each patch, drawn anew for each photo.

    Args:
        seed: of the draws, with the photo's own pixels.
    """
    n = model.grid_size[0] * model.grid_size[1]
    draws = [torch.rand(n, generator=torch.Generator().manual_seed(photo_seed(image, seed))) for image in images]
    return of_patches(model, images, torch.stack(draws).to(images))
