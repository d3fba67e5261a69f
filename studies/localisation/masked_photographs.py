"""A run measured: every map of every photograph of a split against the lesion's mask, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from dermimit.data import PhotoSet
from dermimit.explain import localisation as of
from dermimit.explain.attributions import METHODS, Maps, attribution
from dermimit.explain.deletion import deletion_and_insertion
from dermimit.train.run import Run
from studies.localisation.contrast import contrast

IDENTITY = ["image", "patient_id", "fitzpatrick", "body_part", "disease"]


@dataclass(frozen=True)
class Localisation:
    """What `measure` found.

    Attributes:
        rows: one a photo and method, ready for Parquet: `image, patient_id, fitzpatrick, body_part, disease` (lists
            joined by "; "), `area` (the lesion's share of the photo), `lesions` (connected parts of its mask),
            `contrast` (with the skin around it, CIEDE2000), `task, answer, right` (missing where the truth is
            unknown), `explained` (the class that the map explains), `method, threshold, delta`, and the scores of
            `SCORES`, each in [0, 1]; with curves also `deletion_curve` and `insertion_curve`, probabilities at
            `localisation_names.SHARES`.
        left_out: how many photos of the split have "no mask", an "empty mask" or a "full mask".
        thresholds: method -> threshold of the IoU.
    """

    rows: pd.DataFrame
    left_out: dict[str, int]
    thresholds: dict[str, float]


def measure(
    run: Run,
    photos: PhotoSet,
    methods: Sequence[str],
    *,
    task: str = "disease",
    split: str = "test",
    explain: str = "answer",
    thresholds: Mapping[str, float] | None = None,
    threshold_split: str = "val",
    curves: bool = True,
    tolerance: float = 0.0,
    limit: int | None = None,
    batch_size: int = 32,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: bool = True,
) -> Localisation:
    """Measure every method on the photos of a split that have a usable mask.

    Args:
        run: a finished run.
        photos: the dataset, at the run's image size.
        methods: names of `METHODS`.
        task: whose answer is explained.
        explain: "answer", the run's most probable class, or "truth", the first true class, where one is known.
        thresholds: method -> threshold of the IoU; those not given are chosen on `threshold_split`.
        curves: measure deletion and insertion, which cost about 40 forward passes a map; else NaN.
        tolerance: of the pointing game, in pixels.
        limit: the first so many usable photos of each split; None for all.
        batch_size: photos at once.
        options: method -> its options.
    Raises:
        ValueError: an unknown method or `explain`, another label space, or a split without usable masks.
    """
    _check(run, photos, methods, task, explain, split, thresholds or {}, threshold_split)
    options, chosen = options or {}, dict(thresholds or {})

    def draw(method: str, images: Tensor, classes: Tensor) -> Maps:
        extra = options.get(method, {})
        return attribution(run, images, task, classes, method, batch_size=batch_size, progress=False, **extra)

    def batches(which: str, left: dict[str, int]) -> tqdm:
        found = usable_batches(run, photos, which, task, explain, limit, batch_size, left)
        return tqdm(found, desc=f"localisation, {which}", unit="batch", disable=None if progress else True, leave=False)

    if unset := [method for method in methods if method not in chosen]:
        tables: dict[str, list[np.ndarray]] = {method: [] for method in unset}
        for batch in batches(threshold_split, {}):
            for method in unset:
                maps = draw(method, batch.images, batch.classes).map.cpu().numpy()
                tables[method].append(of.iou_by_threshold(maps, batch.masks))
        if not tables[unset[0]]:
            raise ValueError(f"split {threshold_split!r} has no usable mask to choose thresholds on: give thresholds")
        chosen |= {m: float(of.THRESHOLDS[np.concatenate(parts).mean(0).argmax()]) for m, parts in tables.items()}

    left_out: dict[str, int] = {}
    parts = []
    for batch in batches(split, left_out):
        for method in methods:
            maps = draw(method, batch.images, batch.classes)
            scores = _scores(run, photos, batch, maps, chosen[method], tolerance, curves, batch_size)
            parts.append(batch.about.assign(task=task, method=method, threshold=chosen[method], **scores))
    if not parts:
        raise ValueError(f"split {split!r} has no usable mask: {left_out}")
    rows = pd.concat(parts, ignore_index=True)
    order = {method: place for place, method in enumerate(methods)}
    rows = rows.sort_values("method", key=lambda column: column.map(order), kind="stable", ignore_index=True)
    return Localisation(rows, left_out, {method: chosen[method] for method in methods})


@dataclass(frozen=True)
class Batch:
    """Photos with usable masks.

    Attributes:
        images: normalised.
        masks: (B, H, W) bool.
        classes: to be explained.
        about: their identity and answers, a row a photo.
    """

    images: Tensor
    masks: np.ndarray
    classes: Tensor
    about: pd.DataFrame


@torch.no_grad()
def usable_batches(
    run: Run,
    photos: PhotoSet,
    split: str,
    task: str,
    explain: str,
    limit: int | None,
    batch_size: int,
    left_out: dict[str, int],
) -> Iterator[Batch]:
    """The photos of a split that can be measured, in the manifest's order; the others are added up in `left_out`."""
    data, device = photos.photos(split, with_mask=True), next(run.model.parameters()).device
    names, taken = photos.label_space.classes(task), 0
    for item in DataLoader(data, batch_size, shuffle=False):
        masks = item["mask"][:, 0].numpy()
        keep, counts = of.usable(masks)
        truth, found = item["targets"][task].numpy(), item["index"].numpy()
        known = ~np.isnan(truth).any(1) & (np.nan_to_num(truth) > 0).any(1)
        if explain == "truth":
            counts["no known class"] = int((keep & ~known).sum())
            keep &= known
        if limit is not None:
            keep &= np.cumsum(keep) <= limit - taken
        for reason, n in counts.items():
            left_out[reason] = left_out.get(reason, 0) + n
        if not keep.any():
            if limit is not None and taken >= limit:
                return
            continue
        taken += int(keep.sum())
        images = item["image"][torch.from_numpy(keep)].to(device)
        answer = run.model(images)[0][task].argmax(1)
        truth, known, masks = truth[keep], known[keep], masks[keep] == 1
        classes = torch.from_numpy(np.nan_to_num(truth).argmax(1)).to(device) if explain == "truth" else answer
        said = answer.cpu().numpy()
        right = pd.array(truth[np.arange(len(said)), said] == truth.max(1), dtype="boolean")
        right[~known] = pd.NA
        about = data.frame[IDENTITY].iloc[found[keep]].reset_index(drop=True)
        about["body_part"] = [_joined(part) for part in about["body_part"]]
        about = about.assign(
            area=masks.mean((1, 2)),
            lesions=of.lesions(masks),
            contrast=contrast((images / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy(), masks),
            answer=[names[c] for c in said],
            right=right,
            explained=[names[c] for c in classes.tolist()],
        )
        yield Batch(images, masks, classes, about)


def _scores(
    run: Run,
    photos: PhotoSet,
    batch: Batch,
    maps: Maps,
    threshold: float,
    tolerance: float,
    curves: bool,
    batch_size: int,
) -> dict[str, Any]:
    """The scores of one method's maps, a value a photo."""
    values, nothing = maps.map.cpu().numpy(), np.full(len(batch.masks), np.nan)
    found = {
        "delta": nothing if maps.delta is None else maps.delta.double().cpu().numpy(),
        "pointing": of.pointing_game(values, batch.masks, tolerance),
        "energy": of.energy_inside(values, batch.masks),
        "auroc": of.pixel_auroc(values, batch.masks),
        "average_precision": of.average_precision(values, batch.masks),
        "iou": of.iou(values, batch.masks, threshold),
        "deletion": nothing,
        "insertion": nothing,
    }
    if curves:
        several = photos.label_space.multi_label(maps.task)
        ask = (run.model, batch.images, maps.map, maps.task, maps.classes)
        removed, shown = deletion_and_insertion(*ask, several=several, batch_size=batch_size)
        found |= {"deletion": removed.area, "insertion": shown.area}
        found |= {"deletion_curve": list(removed.at()), "insertion_curve": list(shown.at())}
    return found


def _joined(part: Any) -> str | None:
    return "; ".join(part) if isinstance(part, list) else part if isinstance(part, str) else None


def _check(run: Run, photos: PhotoSet, methods, task: str, explain: str, split: str, given, threshold_split) -> None:
    if not methods or (unknown := [method for method in methods if method not in METHODS]):
        raise ValueError(f"unknown method {unknown[0]!r}: choose from {', '.join(METHODS)}" if methods else "no method")
    if explain not in ("answer", "truth"):
        raise ValueError(f"explain={explain!r}: choose 'answer' or 'truth'")
    if task not in run.model.tasks:
        raise ValueError(f"the run has no task {task!r}: it has {', '.join(run.model.tasks)}")
    if tuple(photos.label_space.classes(task)) != tuple(run.label_space.classes(task)):
        raise ValueError(f"the photos' classes of {task} are not the run's: measure a run on the dataset of its kind")
    if split == threshold_split and set(methods) - set(given):
        raise ValueError(f"split {split!r} is measured and would choose the thresholds too: choose them on another")
