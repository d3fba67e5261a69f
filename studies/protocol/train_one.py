"""Draw the data of one planned training, unless they are there, and train it; a stopped training goes on.

Run: python -m studies.protocol.train_one NAME --work FOLDER
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import tyro

from dermimit.train import fit
from studies.protocol.drawn import draw
from studies.protocol.runs import TABLES, planned
from studies.protocol.training import config_of, read_recipe

LOADERS = 1  # processes that prepare photographs for a GPU; on a processor the training does so itself


def main(name: Annotated[str, tyro.conf.Positional], work: Path, tables: Path = TABLES, threads: int = 1) -> None:
    """Train.

    Args:
        name: of the run, see `Run.name`.
        work: folder of all data and runs.
        tables: folder of models.csv, runs.csv and recipe.json.
        threads: of the processor.
    """
    torch.set_num_threads(threads)
    run = next(run for run in planned(tables) if run.name == name)
    recipe = read_recipe(tables)
    root = draw(work, run.regime, run.seed, recipe["training"]["image_size"], recipe["photographs"])
    config = config_of(run, root, work / "runs" / name, tables)
    fit(replace(config, workers=LOADERS) if torch.cuda.is_available() else config)


if __name__ == "__main__":
    tyro.cli(main)
