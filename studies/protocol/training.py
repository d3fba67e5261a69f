"""The recipe that the trainings of a plan share, and the configuration of each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from dermimit.records import read_json
from dermimit.train import TrainConfig, with_settings
from studies.protocol.runs import TABLES, Run, read_models


def read_recipe(folder: Path = TABLES) -> dict[str, Any]:
    """recipe.json: `photographs` of each split, and what all trainings have in common beside the settings of each row.

    Args:
        folder: of the tables.
    """
    return read_json(folder / "recipe.json")


def config_of(run: Run, data_root: Path, out: Path, folder: Path = TABLES) -> TrainConfig:
    """The training of a run; tokens of a frozen network are kept beside the photographs, by regime.

    Args:
        run: one of `planned`.
        data_root: the folder that `drawn.folder_of` names.
        out: its folder.
        folder: of the tables.
    """
    line, recipe = read_models(folder).loc[run.row], read_recipe(folder)
    config = TrainConfig(
        data_root=data_root, out=out, tasks=tuple(line["tasks"].split("+")), lsm=bool(line["lsm"]),
        fusion=line["fusion"], samples=run.samples, seed=run.seed, **recipe["training"],
    )  # fmt: skip
    config = with_settings(config, f"{recipe['settings']} {line['settings']}".strip())
    return replace(config, tokens=str(data_root.parents[1] / "tokens" / run.regime)) if config.views else config
