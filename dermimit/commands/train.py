"""`dermimit train`."""

from typing import Annotated

import tyro

from dermimit.train.config import TrainConfig


def train(config: Annotated[TrainConfig, tyro.conf.arg(name="")]) -> None:
    """Train one run and write its record; an interrupted run goes on where it stopped."""
    from dermimit.train import fit

    print(fit(config))
