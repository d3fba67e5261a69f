"""A training described by the parameters of notebooks/03_train.ipynb."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dermimit.lock import locked
from dermimit.train import TrainConfig, with_settings
from studies.shared.folders import dataset_root, find_root
from studies.shared.parameters import ParameterError, loader_options


def run_config(parameters: Mapping[str, Any]) -> TrainConfig:
    """The `TrainConfig` that the parameters of notebooks/03_train.ipynb describe.

    Raises:
        ParameterError: an option of the loader, or a setting in `more`, is wrong.
        FileNotFoundError: there is no folder of the dataset.
    """
    own = {"profile", "row", "replace", "report", "more"}
    settings = {name: value for name, value in parameters.items() if name not in own}
    usual = find_root() / "results/runs" / parameters["profile"] / parameters["dataset"]
    settings["out"] = Path(parameters["out"] or usual / f"{parameters['row']}-seed{parameters['seed']}")
    settings["data_root"] = dataset_root(parameters)
    settings["data_options"] = loader_options(parameters["data_options"])
    settings["tasks"] = tuple(parameters["tasks"].split("+"))
    try:
        return with_settings(TrainConfig(**settings), parameters["more"])
    except ValueError as error:
        raise ParameterError(f"{error}.") from error


def remove_stale_run(config: TrainConfig) -> None:
    """Delete a run folder that holds a run of other settings, so that the workflow can put the new one there.

    Args:
        config: an interrupted run of the same settings stays, and training goes on from it.

    Raises:
        LockedError: another process trains there.
    """
    there = config.out / "config.json"
    if there.is_file() and json.loads(there.read_text()) != config.to_dict():
        with locked(config.out):
            shutil.rmtree(config.out)
