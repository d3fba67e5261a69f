"""Runs as the tables of experiments and the page on training describe them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from dermimit.lock import locked
from dermimit.named_values import named_values
from dermimit.train import TrainConfig, with_settings
from studies.shared.folders import dataset_root, find_root
from studies.shared.parameters import ParameterError

OF_PAGE = ("profile", "row", "replace", "report")
"""Parameters of notebooks/03_train.ipynb that are not the run's: names of folders, and what becomes of the page."""
SMALL_MODEL = {
    "samples": 16_128, "epochs": 6, "batch_size": 16, "optimizer": "adamw", "lr": 0.001, "weight_decay": 0.02,
    "weight_attributes": 5.0, "cutmix_probability": 0.0,
}  # fmt: skip
"""Where the recipe of the rows of experiments differs from the defaults of `TrainConfig`, as in the quick profile."""


def run_of_row(parameters: Mapping[str, Any]) -> TrainConfig:
    """The run that one row of a table of experiments describes, in the words of notebooks/03_train.ipynb.

    Args:
        parameters: data_root, out, and any other fields of `TrainConfig`; of these `tasks` are joined by +, and
            `data_options` is text such as `level=19 fold=3`; `more` is text for `with_settings`; those in `OF_PAGE` are
            passed over. What is left out is as in `SMALL_MODEL`, and else as in `TrainConfig`.

    Raises:
        ValueError: a name is unknown, or a value is of the wrong kind or outside its range.
    """
    given = {"tasks": "disease+body_part+attributes", "data_options": "", "more": "", **SMALL_MODEL, **parameters}
    more = given.pop("more")
    settings = {name: value for name, value in given.items() if name not in OF_PAGE}
    settings |= {"tasks": given["tasks"].split("+"), "data_options": named_values(given["data_options"])}
    return with_settings(TrainConfig.from_dict(settings), more)


def run_config(parameters: Mapping[str, Any]) -> TrainConfig:
    """The `TrainConfig` that the parameters of notebooks/03_train.ipynb describe.

    Raises:
        ParameterError: an option of the loader, or a setting in `more`, is wrong.
        FileNotFoundError: there is no folder of the dataset.
    """
    usual = find_root() / "results/runs" / parameters["profile"] / parameters["dataset"]
    out = parameters["out"] or usual / f"{parameters['row']}-seed{parameters['seed']}"
    places = {"data_root": dataset_root(parameters), "out": out}
    try:
        return run_of_row({**parameters, **places})
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
