"""A run measured: every map of every photograph against the lesion's mask, one row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dermimit.explain import localisation as of
from dermimit.explain.attributions import METHODS, Maps, attribution
from dermimit.explain.deletion import deletion_and_insertion
from studies.localisation.masked_photographs import Batch, MaskedPhotos

Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the IoU.

    Attributes:
        by_method: method -> threshold, in the order of measuring.
        split: on which they were chosen; "" where they are given.
    """

    by_method: Mapping[str, float]
    split: str = ""


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
        left_out: `MaskedPhotos.left_out`.
        thresholds: method -> threshold of the IoU.
    """

    rows: pd.DataFrame
    left_out: dict[str, int]
    thresholds: dict[str, float]


def choose_thresholds(
    photos: MaskedPhotos, methods: Sequence[str], options: Options | None = None, progress: bool = True
) -> Thresholds:
    """Choose the threshold of each method that has the highest mean IoU.

    Args:
        photos: of another split than the one to be measured.
        methods: names of `METHODS`.
        options: method -> its options.
        progress: show a bar.

    Raises:
        ValueError: an unknown method, or a split without usable masks.
    """
    _check(methods)
    tables: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    for batch in _batches(photos, progress):
        for method in methods:
            maps = _maps(photos, batch, method, options or {}).map.cpu().numpy()
            tables[method].append(of.iou_by_threshold(maps, batch.masks))
    if not tables[methods[0]]:
        raise ValueError(f"split {photos.split!r} has no usable mask to choose thresholds on: give thresholds")
    best = {method: np.concatenate(parts).mean(0).argmax() for method, parts in tables.items()}
    return Thresholds({method: float(of.THRESHOLDS[place]) for method, place in best.items()}, photos.split)


def measure(
    photos: MaskedPhotos,
    thresholds: Thresholds,
    *,
    curves: bool = True,
    tolerance: float = 0.0,
    options: Options | None = None,
    progress: bool = True,
) -> Localisation:
    """Measure every method that has a threshold.

    Args:
        photos: of the split to be measured.
        thresholds: given, or from `choose_thresholds`.
        curves: measure deletion and insertion, which cost about 40 forward passes a map; else NaN.
        tolerance: of the pointing game, in pixels.
        options: method -> its options.
        progress: show a bar.

    Raises:
        ValueError: an unknown method, thresholds chosen on the same split, or a split without usable masks.
    """
    methods, parts = list(thresholds.by_method), []
    _check(methods)
    if photos.split == thresholds.split:
        raise ValueError(f"split {photos.split!r} is measured and chose the thresholds too: choose them on another")
    for batch in _batches(photos, progress):
        for method, threshold in thresholds.by_method.items():
            maps = _maps(photos, batch, method, options or {})
            scores = _scores(batch, maps, threshold, tolerance)
            if curves:
                scores |= _curves(photos, batch, maps)
            parts.append(batch.about.assign(task=photos.task, method=method, threshold=threshold, **scores))
    if not parts:
        raise ValueError(f"split {photos.split!r} has no usable mask: {photos.left_out}")
    rows = pd.concat(parts, ignore_index=True)
    order = {method: place for place, method in enumerate(methods)}
    rows = rows.sort_values("method", key=lambda column: column.map(order), kind="stable", ignore_index=True)
    return Localisation(rows, dict(photos.left_out), dict(thresholds.by_method))


def _batches(photos: MaskedPhotos, progress: bool) -> tqdm:
    hidden = None if progress else True
    return tqdm(photos, desc=f"localisation, {photos.split}", unit="batch", disable=hidden, leave=False)


def _maps(photos: MaskedPhotos, batch: Batch, method: str, options: Options) -> Maps:
    more = {"batch_size": photos.batch_size, "progress": False} | dict(options.get(method, {}))
    return attribution(photos.run, batch.images, photos.task, batch.classes, method, **more)


def _scores(batch: Batch, maps: Maps, threshold: float, tolerance: float) -> dict[str, Any]:
    """The scores of one method's maps, a value a photo."""
    values, nothing = maps.map.cpu().numpy(), np.full(len(batch.masks), np.nan)
    return {
        "delta": nothing if maps.delta is None else maps.delta.double().cpu().numpy(),
        "pointing": of.pointing_game(values, batch.masks, tolerance),
        "energy": of.energy_inside(values, batch.masks),
        "auroc": of.pixel_auroc(values, batch.masks),
        "average_precision": of.average_precision(values, batch.masks),
        "iou": of.iou(values, batch.masks, threshold),
        "deletion": nothing,
        "insertion": nothing,
    }


def _curves(photos: MaskedPhotos, batch: Batch, maps: Maps) -> dict[str, Any]:
    """Deletion and insertion of one method's maps, a value and a curve a photo."""
    several = photos.photos.label_space.multi_label(maps.task)
    ask = (photos.run.model, batch.images, maps.map, maps.task, maps.classes)
    removed, shown = deletion_and_insertion(*ask, several=several, batch_size=photos.batch_size)
    areas = {"deletion": removed.area, "insertion": shown.area}
    return areas | {"deletion_curve": list(removed.at()), "insertion_curve": list(shown.at())}


def _check(methods: Sequence[str]) -> None:
    if not methods or (unknown := [method for method in methods if method not in METHODS]):
        raise ValueError(f"unknown method {unknown[0]!r}: choose from {', '.join(METHODS)}" if methods else "no method")
