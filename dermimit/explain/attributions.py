"""Where in the photo a prediction comes from: gradient, occlusion and attention maps, and how often they are right."""

from __future__ import annotations

import torch
from captum.attr import FeatureAblation, IntegratedGradients, LayerGradientXActivation
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.model.attention import attend, class_row_and_column

Images = Float[Tensor, "batch 3 height width"]
Maps = Float[Tensor, "batch height width"]
Targets = Int[Tensor, " batch"]


class TaskLogits(nn.Module):
    """One task's logits as a plain function of the photo, which is what Captum wants."""

    def __init__(self, model: nn.Module, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, images: Images) -> Float[Tensor, "batch classes"]:
        """Return `logits[task]`."""
        return self.model(images)[0][self.task]


def to_unit(maps: Maps) -> Maps:
    """Scale each map to [0, 1]; a constant map becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(torch.finfo(maps.dtype).tiny)


def patches_to_map(values: Float[Tensor, "batch patches"], grid: tuple[int, int], size: tuple[int, int]) -> Maps:
    """Spread one value a patch (row-major) over the photo's pixels, scaled to [0, 1]; patches stay visible squares."""
    return to_unit(F.interpolate(values.unflatten(1, grid)[:, None], size=size, mode="nearest")[:, 0])


def integrated_gradients(
    model: nn.Module, images: Images, task: str, target: Targets, *, steps: int = 32
) -> tuple[Maps, Float[Tensor, " batch"]]:
    """Integrated gradients from a mid-grey photo, absolute values summed over colour channels.

    IG_i = (x_i − x'_i) ∫₀¹ ∂f(x' + α(x − x')) / ∂x_i dα, by Gauss–Legendre quadrature.

    Args:
        model: returns `(logits, out)`; in eval mode.
        images: normalised photos, 0 = mid grey.
        task: whose logit f is explained.
        target: class index for each photo.
        steps: quadrature points.
    Returns:
        maps in [0, 1], and the convergence delta Σ_i IG_i − (f(x) − f(x')) for each photo, in logits. Completeness
        holds for functions without jumps. The hard choice of K patches makes f jump along the path, so with lesion
        selection the delta need not vanish however many steps are taken.
    Source: Sundararajan, Taly and Yan, ICML 2017; `captum.attr.IntegratedGradients`.
    """
    explain = IntegratedGradients(TaskLogits(model, task))
    values, delta = explain.attribute(
        images.detach().clone().requires_grad_(),
        target=target,
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=max(len(images), 64),
        return_convergence_delta=True,
    )
    return to_unit(values.detach().abs().sum(1)), delta.detach()


def gradient_times_activation(model: nn.Module, images: Images, task: str, target: Targets) -> Maps:
    """Gradient × activation of the trunk's last tokens, summed over channels, positive part only.

    The token form of HiResCAM: like Grad-CAM, but the gradient is not first averaged over the image.

    Returns:
        maps in [0, 1], constant on each patch.
    Raises:
        ValueError: the model looks twice, at tokens that stand for different places.

    Source: Draelos and Carin, arXiv 2011.08891; `captum.attr.LayerGradientXActivation`.
    """
    if model.config.zoom:
        raise ValueError("zoom=True: the trunk sees the photo and an enlarged detail; use integrated_gradients or "
                         "occlusion, which are maps of the photo")  # fmt: skip
    wrapped = TaskLogits(model, task)
    explain = LayerGradientXActivation(wrapped, model.trunk.blocks[-1])
    tokens = explain.attribute(images.detach().clone().requires_grad_(), target=target).detach()
    rows, columns = model.grid_size
    values = tokens.sum(-1)[:, -rows * columns :].relu()
    return patches_to_map(values, (rows, columns), images.shape[-2:])


def occlusion(model: nn.Module, images: Images, task: str, target: Targets) -> Maps:
    """Drop of the logit when a patch is painted mid grey, positive part only: the slowest map, and the plainest.

    Returns:
        maps in [0, 1], constant on each patch.
    Source: Zeiler and Fergus, ECCV 2014; `captum.attr.FeatureAblation`.
    """
    rows, columns = model.grid_size
    cells = torch.arange(rows * columns, device=images.device).view(1, 1, rows, columns).float()
    mask = F.interpolate(cells, size=images.shape[-2:], mode="nearest").long().expand(1, 3, -1, -1)
    with torch.no_grad():
        drop = FeatureAblation(TaskLogits(model, task)).attribute(images, target=target, feature_mask=mask)
    return to_unit(drop[:, 0].relu())


def class_attention(model: nn.Module, images: Images, task: str) -> Maps:
    """Attention from the class token to each patch in the last block of a task's head, averaged over heads.

    Fused attention returns no weights, so queries and keys are computed again from the block's own input; the
    model itself is left as it is.

    Returns:
        maps in [0, 1], constant on each patch.

    Raises:
        ValueError: the task has no head.
    """
    if task not in model.heads:
        raise ValueError(f"fusion='bottleneck': {task} has no head of its own; ask for one of {', '.join(model.heads)}")
    head, seen = model.heads[task], []
    handle = head.blocks[-1].norm1.register_forward_hook(lambda module, args, output: seen.append(output))
    try:
        with torch.no_grad():
            out = model(images)[1]
            _, q, k = attend(head.blocks[-1].attn, seen[0])  # of the whole photo, where the model looks twice
    finally:
        handle.remove()
    if head.narrows:  # the block saw the class token and the selected patches alone: the others get nothing
        row, _ = class_row_and_column(q, k, 0, 1)
        everywhere = row.new_zeros(len(row), model.grid_size[0] * model.grid_size[1])
        attention = everywhere.scatter_add(1, out[f"{task}/selected"], row.mean(1))
        return patches_to_map(attention, model.grid_size, images.shape[-2:])
    row, _ = class_row_and_column(q, k, head.class_index, head.prefix)
    return patches_to_map(row.mean(1), model.grid_size, images.shape[-2:])


def lesion_score_map(model: nn.Module, images: Images, task: str) -> Maps:
    """The Lesion Selection Module's own score of each patch; only for the tasks that select."""
    with torch.no_grad():
        scores = model(images)[1][f"{task}/scores"]
    return patches_to_map(scores, model.grid_size, images.shape[-2:])


def centre_map(images: Images) -> Maps:
    """A map that ignores the photo and points at its centre: the baseline any map has to beat."""
    rows, columns = (torch.linspace(-1, 1, n, device=images.device) for n in images.shape[-2:])
    return to_unit((-(rows[:, None] ** 2 + columns**2)).expand(len(images), -1, -1))


def pointing_hits(maps: Maps, masks: Bool[Tensor, "batch height width"]) -> Bool[Tensor, " batch"]:
    """Whether the highest place of each map lies on the lesion (the pointing game).

    A map that is constant on patches has many highest pixels; it scores by the pixel nearest to their mean place.

    Source: Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018.
    """
    return torch.stack([_hit(single, mask) for single, mask in zip(maps, masks, strict=True)])


def _hit(single: Float[Tensor, "height width"], mask: Bool[Tensor, "height width"]) -> Bool[Tensor, ""]:
    best = torch.nonzero(single == single.max()).float()
    nearest = (best - best.mean(0)).square().sum(1).argmin()
    row, column = best[nearest].long()
    return mask[row, column]


def selected_on_lesion(
    selected: Int[Tensor, "batch k"], masks: Bool[Tensor, "batch height width"], grid: tuple[int, int]
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Return the lesion's share of the selected patches' area, and its share of the whole photo (what chance gives)."""
    share = F.adaptive_avg_pool2d(masks.float()[:, None], grid).flatten(1)
    return share.gather(1, selected).mean(1), share.mean(1)
