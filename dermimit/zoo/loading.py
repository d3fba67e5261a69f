"""A published model put together: the trunk from its package, everything else from the model's folder."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dermimit.files import read_object
from dermimit.train.checkpoint import CheckpointError, load_tensors
from dermimit.weights import KNOWN, fill, read_weights
from dermimit.weights.files import sha256_of
from dermimit.zoo.resolve import HEADS, MANIFEST, remedy
from dermimit.zoo.storage import unpacked

TRUNK = "trunk."
POSITIONS = "trunk.pos_embed"
"""Resampled to the model's grid, which not every machine does to the last bit: kept with the heads."""


def fill_published(model: nn.Module, folder: Path) -> None:
    """Fills a model with the weights of a published one.

    Args:
        model: as the folder's configuration builds it; filled in place.
        folder: of the published model.

    Raises:
        FileNotFoundError: the trunk's weights are not on this machine, with the way to get them.
        CheckpointError: a file is not as it was published, or the trunk is another one.
    """
    manifest = checked_manifest(folder)
    start = fill_trunk(model, manifest["trunk"], manifest["name"])
    own = model.state_dict()
    stored, meta = load_tensors(folder / HEADS)
    given = unpacked(stored, start, meta["matrices"])
    needed = {name for name in own if not name.startswith(TRUNK)}
    if lacking := sorted(needed ^ (given.keys() - {POSITIONS})):
        raise CheckpointError(f"{folder / HEADS} and the model differ in {lacking[0]}: it is of another version of "
                              "dermimit; install the two together")  # fmt: skip
    model.load_state_dict(own | given)


def checked_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, once each file that it names is found to be as it was published.

    Raises:
        CheckpointError: a file is missing or changed.
    """
    manifest = read_object(folder / MANIFEST, folder)
    trunk, files = manifest.get("trunk"), manifest.get("files")
    if not isinstance(trunk, dict) or str(trunk.get("weights")) not in KNOWN or not isinstance(files, dict):
        raise CheckpointError(f"{folder / MANIFEST} names no weights that `dermimit weights list` knows, or no files: "
                              "install dermimit again, or check the file out again")  # fmt: skip
    for name, digest in files.items():
        path = folder / Path(name).name
        if not path.is_file() or sha256_of(path) != digest:
            what = "differs from what was published (SHA-256)" if path.is_file() else "is missing"
            raise CheckpointError(f"{path} {what}: install dermimit again, or check the file out again")
    return manifest


def fill_trunk(model: nn.Module, trunk: Mapping[str, str], name: str) -> dict[str, Tensor]:
    """Fills a model from known weights, and makes sure that they are those that the heads were trained on.

    Args:
        model: filled in place.
        trunk: `weights`, a name of `dermimit.weights.KNOWN`; `package`, which holds them; `sha256`, see `hash_of`.
        name: of the published model, for errors.

    Returns: as `pretrained_part`, without the trunk.

    Raises: as `fill_published`.
    """
    try:
        found = pretrained_part(model, trunk["weights"])
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{name} needs the weights {trunk['weights']}, which are not on this machine: "
                                f"{remedy(trunk)}") from error  # fmt: skip
    if (digest := hash_of(found)) != trunk["sha256"]:
        raise CheckpointError(
            f"{name}: the weights {trunk['weights']} on this machine are not those that it was trained on "
            f"(SHA-256 {digest[:12]}, not {trunk['sha256'][:12]}): {remedy(trunk)}"
        )
    return {n: value for n, value in found.items() if not n.startswith(TRUNK)}


def pretrained_part(model: nn.Module, weights: str) -> dict[str, Tensor]:
    """Fills a model from known weights.

    Returns:
        what they gave: the trunk but for its positions, and what the heads begin with.
    """
    missing = {*fill(model, read_weights(weights)).missing, POSITIONS}
    return {name: value.clone() for name, value in model.state_dict().items() if name not in missing}


def hash_of(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
