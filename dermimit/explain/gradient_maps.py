"""Maps from gradients of a logit with respect to pixels or to the trunk's tokens, by Captum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import GradientShap, IntegratedGradients, LayerGradCam, LayerGradientXActivation, NoiseTunnel, Saliency
from torch import Tensor, nn

from dermimit.explain.map_tools import (
    Classes,
    Found,
    Images,
    TaskLogits,
    of_patches,
    of_pixels,
    photo_seed,
    refuse_zoom,
)


def integrated_gradients(
    model: nn.Module,
    images: Images,
    task: str,
    classes: Classes,
    *,
    batch_size: int,
    steps: int = 32,
    baseline: float = 0.0,
) -> Found:
    """Integrated gradients from a photo of one colour; relevance is absolute, summed over colour channels.

    IG_i = (x_i − x'_i) ∫₀¹ ∂f(x' + α(x − x')) / ∂x_i dα, by Gauss–Legendre quadrature.

    Args:
        steps: quadrature points.
        baseline: x', normalised; 0 is the mean that photographs are normalised with, mid grey where it is 0.5.
    Returns:
        with the convergence delta Σ_i IG_i − (f(x) − f(x')). Completeness holds for functions without jumps. The hard
        choice of K patches makes f jump along the path, so with lesion selection the delta need not vanish however
        many steps are taken.
    Source: Sundararajan, Taly and Yan, ICML 2017; `captum.attr.IntegratedGradients`.
    """
    values, delta = IntegratedGradients(TaskLogits(model, task)).attribute(
        _leaf(images),
        baselines=baseline,
        target=classes,
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=max(len(images), batch_size),
        return_convergence_delta=True,
    )
    return of_pixels(values, delta)


def gradient_shap(
    model: nn.Module,
    images: Images,
    task: str,
    classes: Classes,
    *,
    batch_size: int,
    samples: int = 32,
    noise: float = 0.1,
    baselines: Images | None = None,
    seed: int = 0,
) -> Found:
    """Expected gradients: (x − x') ∂f/∂x at random places between noisy copies of the photo and a random baseline.

    Args:
        samples: draws for each photo.
        noise: standard deviation of the noise on normalised pixels; with mean and deviation 0.5 black is −1, white 1.
        baselines: photos x' to draw from; None is one of zeros, the mean colour.
        seed: of the draws, with the photo's own pixels.
    Returns:
        with the delta, the mean over draws of Captum's; it vanishes only in the limit of many.
    Source: Lundberg and Lee, NeurIPS 2017; Erion et al., Nat. Mach. Intell. 3 (2021); `captum.attr.GradientShap`.
    """
    explain = GradientShap(TaskLogits(model, task))
    origin = torch.zeros_like(images[:1]) if baselines is None else baselines.to(images)

    def draw(image: Tensor, target: Tensor, n: int) -> tuple[Tensor, Tensor]:
        values, delta = explain.attribute(
            image, origin, n_samples=n, stdevs=noise, target=target, return_convergence_delta=True
        )
        return values, delta.mean()[None]

    found = [_mean_over_draws(draw, *one, samples, batch_size, seed) for one in _one_by_one(images, classes)]
    return of_pixels(torch.cat([values for values, _ in found]), torch.cat([delta for _, delta in found]))


def smooth_grad(
    model: nn.Module,
    images: Images,
    task: str,
    classes: Classes,
    *,
    batch_size: int,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
) -> Found:
    """SmoothGrad: the gradient of the logit, averaged over noisy copies of the photo; relevance is absolute.

    Args: as `gradient_shap`.

    Source: Smilkov et al., arXiv 1706.03825; `captum.attr.NoiseTunnel` over `captum.attr.Saliency`.
    """
    explain = NoiseTunnel(Saliency(TaskLogits(model, task)))

    def draw(image: Tensor, target: Tensor, n: int) -> tuple[Tensor, Tensor]:
        values = explain.attribute(image, nt_type="smoothgrad", nt_samples=n, stdevs=noise, target=target, abs=False)
        return values, values.new_zeros(1)

    found = [_mean_over_draws(draw, *one, samples, batch_size, seed) for one in _one_by_one(images, classes)]
    return of_pixels(torch.cat([values for values, _ in found]))


def layer_grad_cam(model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int) -> Found:
    """Grad-CAM on the patch tokens of the trunk's last block, positive part.

    relu(Σ_c w_c x_c), with w_c the gradient of channel c averaged over patches. Since the gradient is averaged over
    places, the map says where the channels that count are active, not which places count.

    It is taken on the trunk and not on the last block of the task's head: that block is computed only for the tokens
    that are read, the class token and the selected patches (`TaskHead`), so most places have no token there.

    Raises:
        ValueError: the model has no transformer trunk, or looks twice.

    Source: Selvaraju et al., ICCV 2017; `captum.attr.LayerGradCam`.
    """
    last = _last_block(model)
    picture, prefix = _TokensAsPicture(model.grid_size), model.trunk.num_prefix_tokens

    def through_picture(block: nn.Module, args: tuple, tokens: Tensor) -> Tensor:
        return torch.cat([tokens[:, :prefix], picture(tokens[:, prefix:]).flatten(2).transpose(1, 2)], dim=1)

    handle = last.register_forward_hook(through_picture)
    try:
        values = LayerGradCam(TaskLogits(model, task), picture).attribute(_leaf(images), target=classes)
    finally:
        handle.remove()
    return of_patches(model, images, values.flatten(1))


def gradient_times_activation(
    model: nn.Module, images: Images, task: str, classes: Classes, *, batch_size: int
) -> Found:
    """Gradient × activation of the trunk's last tokens, summed over channels, positive part.

    The token form of HiResCAM: like Grad-CAM, but the gradient is not first averaged over the image.

    Raises:
        ValueError: the model has no transformer trunk, or looks twice.

    Source: Draelos and Carin, arXiv 2011.08891; `captum.attr.LayerGradientXActivation`.
    """
    explain = LayerGradientXActivation(TaskLogits(model, task), _last_block(model))
    tokens = explain.attribute(_leaf(images), target=classes)
    return of_patches(model, images, tokens.sum(-1)[:, model.trunk.num_prefix_tokens :])


class _TokensAsPicture(nn.Module):
    """Patch tokens (B, N, D) as (B, D, rows, columns), the shape that Grad-CAM was made for."""

    def __init__(self, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = tuple(grid)

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.transpose(1, 2).unflatten(2, self.grid)


def _last_block(model: nn.Module) -> nn.Module:
    refuse_zoom(model)
    if not hasattr(model, "heads"):
        raise ValueError(f"{type(model).__name__} has no trunk of transformer blocks: use integrated_gradients or "
                         "occlusion")  # fmt: skip
    if not len(model.trunk.blocks):
        raise ValueError("the trunk has no block, all are in the heads: build the model with a smaller head_depth")
    return model.trunk.blocks[-1]


def _leaf(images: Tensor) -> Tensor:
    return images.detach().clone().requires_grad_()


def _one_by_one(images: Tensor, classes: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(images.split(1), classes.split(1), strict=True)


def _mean_over_draws(draw, image: Tensor, target: Tensor, samples: int, batch_size: int, seed: int) -> tuple:
    """The mean over `samples` draws of one photo, at most `batch_size` at once."""
    sizes = [len(part) for part in torch.arange(samples).split(batch_size)]
    with _seeded(photo_seed(image[0], seed), image.device):
        parts = [[part.detach() * n / samples for part in draw(_leaf(image), target, n)] for n in sizes]
    return tuple(map(sum, zip(*parts, strict=True)))


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's and NumPy's global random states, both of which Captum draws from, set here and put back after."""
    state = np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)
