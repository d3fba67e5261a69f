"""Where the project and its datasets lie, seen from the folder that a notebook runs in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def find_root() -> Path:
    """Return the project's root, relative to the working folder, whether that is the root or `notebooks/`."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "03_train.ipynb").is_file():
            return Path(os.path.relpath(folder, here))
    raise FileNotFoundError(f"{here} is not inside the project: start papermill or Jupyter in the project's folder.")


def dataset_root(parameters: Mapping[str, Any]) -> Path:
    """Return the dataset's folder: `data_root` if given, else where the workflow or the reader is expected to put it.

    Raises:
        FileNotFoundError: no such folder; says what to pass.
    """
    dataset, root = parameters["dataset"], find_root()
    default = (
        f"results/data/synderm-{parameters['profile']}" if dataset == "synderm" else f"data/{dataset.replace('_', '-')}"
    )
    folder = Path(parameters["data_root"]) if parameters["data_root"] else root / default
    if not folder.is_dir():
        made = "run notebooks/01_data.ipynb first" if dataset == "synderm" else "pass -p data_root /path/to/it"
        raise FileNotFoundError(f"No folder {folder} for dataset {dataset!r}: {made}.")
    return folder
