"""Checkpoints without pickle: one safetensors file that holds tensors and, in its header, the rest as JSON."""

import errno
import json
import re
import zlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from dermimit.files import parsed, plain_file
from dermimit.records import write_atomically


class CheckpointError(ValueError):
    """A checkpoint cannot be read or belongs to something else; the message names the file and the remedy."""


def save_tensors(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Writes tensors, their checksum and JSON-able `meta`: complete, or not there.

    Raises:
        OSError: the file cannot be written; the one that was there is as it was.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    header = {"meta": json.dumps({**meta, "crc32": checksum(tensors)})}  # one key: the order of several is by chance

    def write(draft: Path) -> None:
        try:
            save_file(tensors, draft, metadata=header)
        except SafetensorError as error:
            code = re.search(r"os error (\d+)", str(error))
            raise OSError(int(code[1]) if code else errno.EIO, f"{path}: {error}") from error

    write_atomically(path, write)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_tensors` wrote, on the CPU.

    Raises:
        CheckpointError: the file is cut short, changed or not ours; or it has no checksum, so that nobody can tell.
    """
    try:
        with safe_open(plain_file(path), framework="pt") as file:
            header = file.metadata()
            tensors, meta = {k: file.get_tensor(k) for k in file.keys()}, parsed(header["meta"])  # noqa: SIM118
            stored = meta.pop("crc32")
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise CheckpointError(f"{path} is damaged or not a checkpoint of dermimit ({said}): delete it") from error
    if stored != checksum(tensors):
        raise CheckpointError(f"{path} is damaged (its checksum differs from what it holds): delete it")
    return tensors, meta


def checksum(tensors: dict[str, Tensor]) -> int:
    """CRC-32 of the tensors' bytes, in the order of their names."""
    total = 0
    for name in sorted(tensors):
        flat = tensors[name].contiguous().flatten()
        total = zlib.crc32(flat.view(torch.uint8).numpy().data, zlib.crc32(name.encode(), total))
    return total


def optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as flat names "<parameter number>/<what>"."""
    state = optimizer.state_dict()["state"]
    return {f"{i}/{k}": v for i, values in state.items() for k, v in values.items() if isinstance(v, Tensor)}


def load_optimizer_tensors(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`. What is as large as its parameter is laid out in memory as the parameter is:
    the fused optimizers pair numbers by their place there. No value stays mapped to the file: Windows would keep it."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, what = name.split("/")
        parameter = parameters[int(number)]
        alike = value.shape == parameter.shape
        laid = torch.empty_like(parameter, dtype=value.dtype).copy_(value) if alike else value.clone()
        state.setdefault(int(number), {})[what] = laid.detach()
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def save_training(
    path: Path, model: nn.Module, ema: nn.Module | None, optimizer: Optimizer, meta: dict[str, Any]
) -> None:
    """Everything that training needs to go on: weights, their average, the optimizer's state and `meta`."""
    parts = {"model": model.state_dict(), "optimizer": optimizer_tensors(optimizer)}
    if ema is not None:
        parts["ema"] = ema.state_dict()
    save_tensors(path, {f"{part}:{k}": v for part, tensors in parts.items() for k, v in tensors.items()}, meta)


def load_training(path: Path, model: nn.Module, ema: nn.Module | None, optimizer: Optimizer) -> dict[str, Any]:
    """Puts back what `save_training` wrote and returns its `meta`."""
    tensors, meta = load_tensors(path)
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "ema": {}, "optimizer": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition(":")
        parts[part][rest] = value
    model.load_state_dict(parts["model"])
    load_optimizer_tensors(optimizer, parts["optimizer"])
    if ema is not None:
        ema.load_state_dict(parts["ema"])
    return meta
