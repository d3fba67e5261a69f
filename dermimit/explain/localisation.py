"""How well maps point at lesions, pixel by pixel against masks; every score is one number a photograph."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

Batch = Float[np.ndarray, "batch height width"]
Masks = Bool[np.ndarray, "batch height width"]
Scores = Float[np.ndarray, " batch"]

THRESHOLDS = np.linspace(0, 1, 101)
NO_MASK = 255


def usable(masks: UInt8[np.ndarray, "batch height width"]) -> tuple[Bool[np.ndarray, " batch"], dict[str, int]]:
    """Which photos can be measured, and how many of the others have no mask, an empty one, or one of all pixels.

    Args:
        masks: 0 skin, 1 lesion, all `NO_MASK` where the photo has no mask.
    """
    flat = masks.reshape(len(masks), -1)
    absent = (flat == NO_MASK).all(1)
    empty, full = ~absent & ~(flat == 1).any(1), (flat == 1).all(1)
    kinds = {"no mask": absent, "empty mask": empty, "full mask": full}
    return ~(absent | empty | full), {name: int(kind.sum()) for name, kind in kinds.items()}


def pointing_game(maps: Batch, masks: Masks, tolerance: float = 0.0) -> Scores:
    """Whether the highest place of each map lies on the lesion.

    Where several pixels are the highest, as in a map that is constant on patches, one is drawn at random, and the
    score is the chance of a hit: their share on the lesion. A constant map scores the lesion's share of the photo.

    Args:
        tolerance: pixels; a place this far from the lesion still counts.
    Source: Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018 (their tolerance: 15).
    """
    if tolerance:
        masks = np.stack([ndimage.distance_transform_edt(~mask) <= tolerance for mask in masks])
    highest = maps == maps.max((1, 2), keepdims=True)
    return (highest & masks).sum((1, 2)) / highest.sum((1, 2))


def energy_inside(maps: Batch, masks: Masks) -> Scores:
    """Share of a map's sum that lies on the lesion; a map of zeros counts as even.

    Source: Wang et al., "Score-CAM", CVPR workshops 2020, the energy-based pointing game.
    """
    values = maps.astype(np.float64)
    values = np.where(values.any((1, 2), keepdims=True), values, 1.0)
    return (values * masks).sum((1, 2)) / values.sum((1, 2))


def pixel_auroc(maps: Batch, masks: Masks) -> Scores:
    """Chance that a lesion's pixel is higher than one of the skin, half for ties."""
    hits, false, hits_before, false_before = _steps(maps, masks)
    return ((false - false_before) * (hits + hits_before)).sum(1) / (2 * hits[:, -1] * false[:, -1])


def average_precision(maps: Batch, masks: Masks) -> Scores:
    """Σ (R_n − R_{n−1}) P_n over the distinct values from the highest down, with recall R and precision P of pixels."""
    hits, false, hits_before, _ = _steps(maps, masks)
    return ((hits - hits_before) * hits / np.maximum(hits + false, 1)).sum(1) / hits[:, -1]


def _steps(maps: Batch, masks: Masks) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lesion and skin pixels from the highest down to the end of each run of ties, and to the end of the run before.

    A pixel inside a run of ties stands where the last run ended, and so adds nothing to a sum of differences.

    Returns:
        lesion, skin, lesion before, skin before; each (batch, pixels).
    """
    values, lesion = maps.reshape(len(maps), -1), masks.reshape(len(masks), -1)
    order = np.argsort(-values, axis=1, kind="stable")
    values, lesion = (np.take_along_axis(part, order, 1) for part in (values, lesion))
    ends = np.ones(values.shape, bool)
    ends[:, :-1] = values[:, 1:] != values[:, :-1]
    counts = [np.maximum.accumulate(np.cumsum(kind, 1) * ends, 1).astype(np.float64) for kind in (lesion, ~lesion)]
    hits, false = counts
    before, false_before = (np.pad(count, ((0, 0), (1, 0)))[:, :-1] for count in counts)
    return hits, false, before, false_before


def iou_by_threshold(
    maps: Batch, masks: Masks, thresholds: Float[np.ndarray, " t"] = THRESHOLDS
) -> Float[np.ndarray, "batch t"]:
    """Intersection over union of the lesion and the pixels at or above each threshold.

    Args:
        thresholds: ascending.
    """
    n, levels = len(maps), len(thresholds) + 1
    level = np.searchsorted(thresholds, maps.reshape(n, -1), side="right") + levels * np.arange(n)[:, None]
    lesion = masks.reshape(n, -1)

    def at_or_above(weights: np.ndarray | None) -> np.ndarray:
        counts = np.bincount(level.ravel(), weights, minlength=n * levels).reshape(n, levels)
        return counts[:, ::-1].cumsum(1)[:, ::-1][:, 1:]

    inside, marked = at_or_above(lesion.ravel().astype(np.float64)), at_or_above(None)
    return inside / (marked + lesion.sum(1, keepdims=True) - inside)


def iou(maps: Batch, masks: Masks, threshold: float) -> Scores:
    """IoU of the lesion and the pixels at or above one threshold."""
    return iou_by_threshold(maps, masks, np.array([threshold]))[:, 0]


def lesions(masks: Masks) -> list[int]:
    """Number of connected parts of each mask, corners included."""
    return [int(ndimage.label(mask, np.ones((3, 3)))[1]) for mask in masks]


def selected_on_lesion(
    selected: Int[Tensor, "batch k"], masks: Bool[Tensor, "batch height width"], grid: tuple[int, int]
) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """Return the lesion's share of the selected patches' area, and its share of the whole photo (what chance gives)."""
    share = F.adaptive_avg_pool2d(masks.float()[:, None], grid).flatten(1)
    return torch.gather(share, 1, selected).mean(1), share.mean(1)
