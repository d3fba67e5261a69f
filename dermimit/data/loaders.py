"""The loader of each dataset, by name, and its options."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.data import ddi, dermacon_in, fitzpatrick17k, folder, pad_ufes_20, scin, sd198
from dermimit.data.folds import carve_validation, fold_split
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import ManifestError
from dermimit.data.stored import load_dataset

Loaded = tuple[pd.DataFrame, LabelSpace]


def _load_pad_ufes_20(
    root: Path, fold: int | None = None, folds_by: str = "patient", final: bool = False, missing: str = "error"
) -> Loaded:
    """PAD-UFES-20, without splits or with one of the five folds of `dermimit.data.folds` as the test split.

    Args:
        fold: 0 to 4, or None.
        folds_by: "patient"; or "image", which divides the photographs of a patient. That is wrong, and there to
            measure how wrong: the manifest then names neither patients nor lesions, since the check for leaks would
            refuse it.
        final: for a model that is used and not measured: a tenth of the photographs, by patient, is the validation
            split, all others are for training, and none for testing.
        missing: as in `dermimit.data.pad_ufes_20.load`; the folds are of the photographs that are there.
    """
    frame, label_space = pad_ufes_20.load(root, missing)
    if folds_by not in ("patient", "image"):
        raise ManifestError(f"folds_by {folds_by!r}: give 'patient', or 'image' to measure leakage")
    if final and fold is not None:
        raise ManifestError(f"final with fold {fold}: a final model is tested on nothing; leave one of the two out")
    if final:
        return carve_validation(frame.assign(split="train"), 0.1, seed=42), label_space
    if fold is None:
        return frame, label_space
    frame = fold_split(frame, fold, group="patient_id" if folds_by == "patient" else "image")
    return (frame if folds_by == "patient" else frame.assign(patient_id=None, lesion_id=None)), label_space


LOADERS: dict[str, Callable[..., Loaded]] = {
    "synderm": load_dataset,
    "pad_ufes_20": _load_pad_ufes_20,
    "dermacon_in": dermacon_in.load,
    "sd198": sd198.load,
    "fitzpatrick17k": fitzpatrick17k.load,
    "scin": scin.load,
    "ddi": ddi.load,
    "folder": folder.load,
}
DATASETS = tuple(LOADERS)


def options_of(dataset: str) -> dict[str, Any]:
    """The options of a dataset's loader, with their defaults."""
    parameters = list(inspect.signature(LOADERS[dataset]).parameters.values())[1:]  # without root
    return {p.name: p.default for p in parameters}


def check_options(dataset: str, options: Mapping[str, Any]) -> None:
    """Raise ManifestError for an option that the dataset's loader does not have."""
    known = options_of(dataset)
    for option in options:
        if option not in known:
            raise ManifestError(
                f"dataset {dataset} has no option {option!r}; its options: {', '.join(known) or 'none'}"
            )
