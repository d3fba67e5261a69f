"""What an interrupted run goes on from: the state after its last epoch, and the weights of its best."""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer

from dermimit.train.checkpoint import CheckpointError, load_tensors, load_training, save_tensors, save_training
from dermimit.train.history import best_epoch

LAST, BEST, NEXT = "last.safetensors", "best.safetensors", "next_best.safetensors"
CHECKPOINTS = (LAST, BEST, NEXT)
"""Files of an unfinished run; NEXT is there while LAST and BEST are not yet of the same history."""


def save_epoch(
    out: Path,
    evaluated: nn.Module,
    model: nn.Module,
    ema: nn.Module | None,
    optimizer: Optimizer,
    identity: dict,
    history: list[dict[str, float]],
) -> None:
    """Keeps the state after the last epoch of the history and, where that is the best, the weights that are evaluated.

    The best before it stays until the history that names the new one is on the disk: a kill at any point leaves both
    a history and the weights of its best epoch.
    """
    epoch = len(history) - 1
    meta, best = identity | {"epoch": epoch}, best_epoch(history) == epoch
    if best:
        save_tensors(out / NEXT, evaluated.state_dict(), meta)
    save_training(out / LAST, model, ema, optimizer, meta | {"history": history})
    if best:
        (out / NEXT).replace(out / BEST)


def resume(
    out: Path,
    model: nn.Module,
    ema: nn.Module | None,
    optimizer: Optimizer,
    identity: dict,
    accelerator: Accelerator,
    changed: str = "",
) -> tuple[list[dict[str, float]], int]:
    """History so far and the first epoch to train: 0 without a checkpoint, or with one of other code or data.

    `changed` is what has become of the data since the run was begun, from `dermimit.data.changes`.

    Raises:
        CheckpointError: a checkpoint is damaged, or of another run.
    """
    path = out / LAST
    if not path.exists():
        return [], 0
    meta = load_tensors(path)[1]
    there, now = meta.get("fingerprints", {}), identity["fingerprints"]
    if there != now:
        data = f"the data have changed since ({changed or 'other columns of their table, or how it is read'})"
        what = data if there.get("data") != now["data"] else "the code has changed since"
        accelerator.print(f"{path}: {what}; training starts again")
        return [], 0
    check_identity(path, meta, identity)
    history = load_training(path, model, ema, optimizer)["history"]
    load_best(out, history, identity)  # not only after hours of training
    accelerator.print(f"{path}: going on after epoch {meta['epoch'] + 1}")
    if changed:
        accelerator.print(
            f"{path}: earlier epochs saw other files: {changed}; delete it to start again", file=sys.stderr
        )
    return history, meta["epoch"] + 1


def load_best(out: Path, history: list[dict[str, float]], identity: dict) -> dict[str, torch.Tensor]:
    """The weights of the best epoch so far.

    Raises:
        CheckpointError: they are absent, damaged, of another run or of another epoch.
    """
    found, remedy = out / BEST, f"delete {LAST} too, and training starts again"
    for path in (out / NEXT, found):
        if path.exists():
            tensors, meta = load_tensors(path)
            check_identity(path, meta, identity)
            if meta["epoch"] == best_epoch(history):
                return tensors
    if not found.exists():
        raise CheckpointError(f"{found} is missing: {remedy}")
    raise CheckpointError(f"{found} is of epoch {meta['epoch'] + 1}, not {best_epoch(history) + 1}: {remedy}")


def check_identity(path: Path, meta: dict, identity: dict) -> None:
    """Raises CheckpointError if a checkpoint is not of this run, naming the first setting that differs."""
    there, now = meta.get("config", {}), identity["config"]
    if changed := [name for name in {**now, **there} if there.get(name) != now.get(name)]:
        was = f"{changed[0]}: {there.get(changed[0])!r}, here {now.get(changed[0])!r}"
        raise CheckpointError(f"{path} is a checkpoint of another run ({was}): put its own back, or delete it")
