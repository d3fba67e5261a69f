"""Tensors of a weights file by name: safetensors, a checkpoint that holds tensors and nothing that runs, or ONNX."""

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dermimit.files import parsed
from dermimit.records import write_atomically
from dermimit.weights.onnx_file import read_onnx

SAFE = ".safetensors"
CHECKPOINTS = (".pth", ".pt", ".bin", ".ckpt", ".tar")
ONNX = ".onnx"
BLOCK = 2**20
UNPICKLER = "WeightsUnpickler"
ORIGIN = "dermimit"
FIELDS = {"name": str, "architecture": str, "source": str, "licence": str, "preprocessing": dict}
"""Key of a safetensors file's metadata: where its weights came from, as JSON."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, under the names that it gives them; those of nested dictionaries are joined by dots.

    Args:
        path: .safetensors, .onnx, or a checkpoint of torch (.pth, .pt, .bin, .ckpt, .tar), of which only tensors,
            numbers and texts are loaded.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another kind of file, a damaged one, or a checkpoint that holds more than tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; give a weights file, or a name that "
                                "`dermimit weights list` prints")  # fmt: skip
    if path.suffix == ONNX:
        return read_onnx(path)
    if path.suffix == SAFE:
        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged or no safetensors file ({error}): download it again") from error
    if path.suffix not in CHECKPOINTS:
        raise ValueError(f"{path}: weights are read from {SAFE}, {', '.join(CHECKPOINTS)} and {ONNX} files")
    return dict(flat(load_checkpoint(path)))


def load_checkpoint(path: Path) -> Any:
    """What a torch checkpoint holds; nothing of it is run.

    Raises:
        ValueError: it is no checkpoint, or it holds objects of other classes.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of torch, on pickles of other versions
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of whatever torch finds wrong
        if (named := re.search(r"GLOBAL (\S+)", str(error))) is not None:
            raise ValueError(f"{path} holds more than tensors (a {named[1]}), and is not loaded, since that could run "
                             "code: ask its author for safetensors, or load it where you trust it and save its "
                             "state_dict alone") from None  # torch's own advice is the unsafe way  # fmt: skip
        reason = (
            (str(error).split("\n")[0].split(". ")[0] or type(error).__name__) if UNPICKLER not in str(error) else ""
        )
        told = f" ({reason})" if reason else ""
        raise ValueError(f"{path} is damaged or no checkpoint of torch{told}: download it again") from None


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors within nested dictionaries, each with the keys that lead to it, joined by dots."""
    if isinstance(value, Tensor):
        yield prefix, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else str(key))


def read_origin(path: Path) -> dict[str, Any]:
    """What `write_tensors` stored beside the tensors; {} for files of others.

    Raises:
        ValueError: there is something under that name that it did not write.
    """
    if path.suffix != SAFE:
        return {}
    with safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(ORIGIN, "{}")
    try:
        found = parsed(text)
    except ValueError:
        found = None
    usual = isinstance(found, dict) and found.keys() <= FIELDS.keys()
    if not usual or any(not isinstance(value, FIELDS[name]) for name, value in found.items()):
        raise ValueError(f"{path}: its metadata have a field {ORIGIN!r} that `dermimit weights convert` did not write: "
                         "take it out, or convert the original file again")  # fmt: skip
    return found


def write_tensors(path: Path, tensors: dict[str, Tensor], origin: dict[str, Any]) -> None:
    """Writes a safetensors file, whole or not at all.

    Args:
        path: ends in .safetensors.
        tensors: by name.
        origin: plain values, for `read_origin`.

    Raises:
        ValueError: another ending.
    """
    if path.suffix != SAFE:
        raise ValueError(f"{path}: weights are written as safetensors; give a name that ends in {SAFE}")
    whole = {name: value.contiguous() for name, value in tensors.items()}
    metadata = {"format": "pt", ORIGIN: json.dumps(origin)}
    write_atomically(path, lambda p: save_file(whole, p, metadata))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
