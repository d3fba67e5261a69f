"""What a user can do where training fails for want of memory, of a worker or of a compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from dermimit.memory import check_room, is_about_memory
from dermimit.model.footprint import photo_bytes, weight_bytes
from dermimit.train.config import TrainConfig


class WorkerDiedError(ChildProcessError):
    """A process that loads photographs ended; the message says what to do."""


class OutOfMemoryError(MemoryError):
    """Memory did not suffice; the message says which settings to change."""


class CompileError(RuntimeError):
    """torch.compile failed; the message says how to go on without it."""


def check_memory(config: TrainConfig, plan: Any) -> None:
    """Raises OutOfMemoryError where the machine's memory is too small for a step of training, before it is taken.

    Args:
        config: the run, on processors.
        plan: its model on the device "meta".
    """
    copies = 3 + (config.optimizer == "adamw") + bool(config.ema)  # weights, gradients, what the optimizer keeps
    at_once = -(-config.batch_size // config.accumulate)
    photos = at_once * photo_bytes(plan, config.image_size) // (2 if config.precision == "bf16" else 1)
    try:
        check_room(copies * weight_bytes(plan) + photos, "a step", "see before")
    except MemoryError as error:
        raise OutOfMemoryError(f"{_memory_advice(config)} ({str(error).partition(':')[0]})") from None


@contextmanager
def explaining(config: TrainConfig) -> Iterator[None]:
    """Inside it, failures for want of memory, of a worker or of a compiler say which settings of the run to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if is_about_memory(error):
            raise OutOfMemoryError(f"{_memory_advice(config)} ({_first_line(error)})") from error
        if "dataloader worker" in text:
            raise WorkerDiedError(f"{_worker_advice(config)} ({_first_line(error)})") from error
        if config.compile != "no" and isinstance(error, torch._dynamo.exc.TorchDynamoException):
            advice = "torch.compile failed: take compile=no in an `out` of its own, or install what it asks for"
            raise CompileError(f"{advice} ({_first_line(error)})") from error
        raise


def _memory_advice(config: TrainConfig) -> str:
    parts = min(2 * config.accumulate, config.batch_size)
    return (
        f"out of memory with {config.batch_size} photographs of {config.image_size} pixels in a step: "
        f"compute them in more parts, accumulate={parts} (the numbers stay the same but for rounding, unless chance "
        "is in the model: drop_path, dropout, selection=random), "
        f"or take precision=bf16, or another recipe with batch_size={max(1, config.batch_size // 2)}; "
        + ("in_memory=False keeps the photographs on disk; " if config.in_memory else "")
        + "an `out` of its own for each"
    )


def _worker_advice(config: TrainConfig) -> str:
    return (
        f"{config.out}: a process that loads photographs died, for want of memory or killed by the system: take fewer "
        f"than workers={config.workers}, 0 loads in the training process; delete no checkpoint, the same numbers follow"
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]
