"""Draw the data of one planned training, unless they are there, and train it; a stopped training goes on.

Run: python -m studies.protocol.train_one NAME --work FOLDER
"""

from pathlib import Path
from typing import Annotated

import torch
import tyro

from dermimit.train import fit
from studies.protocol.drawn import draw
from studies.protocol.runs import RECIPE, TABLES, config_of, planned


def main(name: Annotated[str, tyro.conf.Positional], work: Path, tables: Path = TABLES, threads: int = 1) -> None:
    """Train.

    Args:
        name: of the run, see `Run.name`.
        work: folder of all data and runs.
        tables: folder of models.csv and runs.csv.
        threads: of the processor.
    """
    torch.set_num_threads(threads)
    run = next(run for run in planned(tables) if run.name == name)
    fit(config_of(run, draw(work, run.regime, run.seed, RECIPE["image_size"]), work / "runs" / name, tables))


if __name__ == "__main__":
    tyro.cli(main)
