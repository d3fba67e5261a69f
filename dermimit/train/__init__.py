"""Training: configuration, losses, the loop, checkpoints and finished runs."""

from dermimit.train.config import TrainConfig
from dermimit.train.engine import fit
from dermimit.train.epoch import NonFiniteLossError
from dermimit.train.faults import OutOfMemoryError, WorkerDiedError
from dermimit.train.run import Run, load_run
from dermimit.train.settings import with_settings

__all__ = [
    "NonFiniteLossError", "OutOfMemoryError", "Run", "TrainConfig", "WorkerDiedError", "fit", "load_run",
    "with_settings",
]  # fmt: skip
