"""Which photographs of a dataset a run has learnt from, as far as its record tells."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from dermimit.data import ManifestError, load
from dermimit.data.changes import TABLE, holds_photographs, table_of
from dermimit.data.splits import grouped_split
from dermimit.records import data_fingerprint
from dermimit.train.run import Run

FOLDERS = ("folder", "synderm")
"""Datasets in which photographs of two copies may have one name by chance."""


def splits_of_run(run: Run, dataset: str, frame: pd.DataFrame, root: Path) -> pd.Series | None:
    """The split that each photograph was in when the run was trained, by name; None for other data.

    Args:
        run: a finished run, or a published model.
        dataset: name of the dataset.
        frame: its manifest, or a part of it.
        root: its folder; where the photographs of a run's own folder have changed since, their names count.
    """
    split = in_splits(frame, run.config.split_seed)
    if run.provenance.get("data_fingerprint") == data_fingerprint(split):
        return split.set_index("image")["split"]
    if (kept := run.path / TABLE).is_file():  # the same photographs, changed since or copied
        then = pd.read_parquet(kept).set_index("image")
        given = run.config.data_root
        if root.resolve() == given.resolve() and (given.is_absolute() or holds_photographs(run.path, root)):
            return then["split"]
        if dataset == run.config.dataset:
            now = table_of(split, root).set_index("image")["bytes"]
            same = (then["bytes"] == now.reindex(then.index)) & telling(then["bytes"])
            return then.loc[same, "split"] if same.any() else None
        return None
    if dataset != run.config.dataset or run.config.dataset in FOLDERS:
        return None
    try:  # other options of the loader, such as another fold
        with warnings.catch_warnings(action="ignore"):
            whole = load(dataset, root, 1, seed=run.config.split_seed, **run.config.data_options).frame
    except ValueError:  # it is not, or no longer, laid out as it was
        return None
    same = run.provenance.get("data_fingerprint") == data_fingerprint(whole)
    return whole.set_index("image")["split"] if same else None


def telling(sizes: pd.Series) -> pd.Series:
    """Whether a file's size tells it from others: not where many have it, as pictures without compression do."""
    return sizes.map(sizes.value_counts()) <= max(1, len(sizes) // 20)


def in_splits(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A manifest as a run would have split it; as it is where it has splits, or is too small for them."""
    if frame["split"].notna().any():
        return frame
    try:
        with warnings.catch_warnings(action="ignore"):  # of missing patients: nothing is measured by these splits
            return grouped_split(frame, seed)
    except ManifestError:
        return frame
