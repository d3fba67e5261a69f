"""Learning curves while a run is trained: TensorBoard, Weights & Biases or MLflow, through accelerate."""

import importlib.util
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from accelerate import Accelerator

from dermimit.extras import MissingExtraError
from dermimit.train.config import TrainConfig

FOLDER = "tensorboard"
"""Of TensorBoard's files, in the run's folder."""
INSTALL = {"tensorboard": '"dermimit[trackers]"', "wandb": "wandb", "mlflow": "mlflow"}


def tracker_of(config: TrainConfig) -> str | None:
    """The tracker that a run has: the one it names, or TensorBoard where that is installed.

    Raises:
        MissingExtraError: the one it names is not installed.
    """
    name = FOLDER if config.tracker == "auto" else config.tracker
    if name == "none":
        return None
    if importlib.util.find_spec(name) is not None:
        return name
    if config.tracker == "auto":
        return None
    raise MissingExtraError(f"tracker={name}: {name} is not installed: pip install {INSTALL[name]}", name=name)


@contextmanager
def tracking(config: TrainConfig, accelerator: Accelerator, first: int) -> Iterator[None]:
    """Inside it, `track` writes to the run's tracker; the recipe is written at the run's first epoch.

    Args:
        config: the run.
        accelerator: made with `tracker_of` as `log_with`; the main process alone writes.
        first: epoch, from 0, at which training starts or goes on; what TensorBoard holds from there on is replaced.
    """
    if accelerator.is_main_process and accelerator.log_with:
        if first == 0:
            shutil.rmtree(config.out / FOLDER, ignore_errors=True)  # of a training that was given up
        named = {"wandb": {"name": config.out.name, "dir": str(config.out)}, "mlflow": {"run_name": config.out.name}}
        recipe = hyperparameters(config) if first == 0 or tracker_of(config) != FOLDER else None
        project = FOLDER if tracker_of(config) == FOLDER else "dermimit"
        accelerator.init_trackers(project, recipe, {**named, FOLDER: {"purge_step": first + 1}})
    try:
        yield
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()


def track(accelerator: Accelerator, row: Mapping[str, Any], photographs: int) -> None:
    """Log an epoch: its losses, validation metrics, learning rate, seconds, and photographs in a second.

    Args:
        accelerator: of the run.
        row: of the history.
        photographs: seen in the epoch.
    """
    values = {name: value for name, value in row.items() if name != "epoch" and math.isfinite(value)}
    accelerator.log(values | {"photographs_per_second": photographs / row["seconds"]}, step=int(row["epoch"]) + 1)


def hyperparameters(config: TrainConfig) -> dict[str, bool | int | float | str]:
    """The recipe as plain values, the builder's arguments beside the others."""
    values = config.to_dict() | {f"model_kwargs/{name}": value for name, value in config.model_kwargs.items()}
    values |= {"tasks": "+".join(config.tasks)}
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float | str)}
