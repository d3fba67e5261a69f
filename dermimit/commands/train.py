"""`dermimit train`."""

import os
from typing import Annotated

import tyro

from dermimit.train.config import TrainConfig


def train(config: Annotated[TrainConfig, tyro.conf.arg(name="")]) -> None:
    """Train one run and write its record; an interrupted run goes on where it stopped.

    Rare diseases: --disease-loss weights the classes, --sampling draws every disease equally often. Augmentation:
    crops, mirroring and light always; --vertical-flip, --rotation, --colour-jitter and --cutmix-probability as asked.
    Learning curves: --tracker. The last line on stdout is the run's folder.
    """
    from dermimit.train import fit
    from dermimit.train.history import last_lines

    run = fit(config)
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        print(last_lines(run))
    print(run)
