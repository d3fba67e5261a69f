"""Runs as the tables of experiments and the page on training describe them."""

from collections.abc import Mapping
from typing import Any

from dermimit.named_values import named_values
from dermimit.train import TrainConfig, with_settings

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
