"""The shipped model in torch, with every intermediate result: its eight-bit weights, read back from the ONNX file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor
from torch.nn import BatchNorm2d

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data.preprocessing import Preprocessing
from dermimit.extras import extra
from dermimit.model.dermimitformer import DermImitFormer
from dermimit.records import read_json
from studies.shared.paths import PUBLISHED, ROOT

SHIPPED = ROOT / PUBLISHED / "explorer"
PREFIX = "model."  # of a parameter's name in the file
QUANTISED, FOLDED = "_quantized", ".weight_bias"
NORM_AFTER = {"conv": "norm", "conv1": "bn1", "conv2": "bn2", "0": "1"}
"""Layer -> the batch norm that follows it, in the stem's residual blocks."""


@cache
def shipped_network(folder: Path = SHIPPED) -> DermImitFormer:
    """The network behind the page Explore, ready to predict.

    It differs from the file in the rounding of activations alone, which the file also has in eight bits.

    Args:
        folder: holds model.onnx and model.json, and a folder with the run's config.json.

    Raises:
        ValueError: the file lacks a parameter of the network.
    """
    config = read_json(next(folder.glob("*/config.json")))
    classes = {task: len(names) for task, names in shipped_facts(folder)["classes"].items()}
    network = timm.create_model(config["model"], num_classes=classes, lsm=config["lsm"], fusion=config["fusion"])
    found, wanted = weights(folder / "model.onnx"), network.state_dict()
    found |= batch_norms(found)
    if missing := sorted(wanted.keys() - found.keys()):
        raise ValueError(f"{folder / 'model.onnx'} lacks {missing[0]}: export the run again")
    network.load_state_dict({name: found[name].reshape(wanted[name].shape) for name in wanted})
    return network.eval()


def shipped_facts(folder: Path = SHIPPED) -> dict[str, Any]:
    """Classes by task, image size, grid and K of the shipped model."""
    return read_json(folder / "model.json")


def as_input(image: np.ndarray) -> Tensor:
    """A picture (S, S, 3) uint8 as the network takes it: (1, 3, S, S) float, from -1 to 1."""
    return Preprocessing(len(image)).normalise(torch.tensor(image).permute(2, 0, 1)[None])


def weights(path: Path) -> dict[str, Tensor]:
    """The parameters in an exported file by their names in torch; matrices of eight bits as floats.

    Args:
        path: what `dermimit export` wrote, with knobs.
    """
    with extra("explore"):
        import onnx
        from onnx.numpy_helper import to_array
    graph = onnx.load(str(path)).graph
    stored = {i.name: to_array(i) for i in graph.initializer}
    found = {name.removeprefix(PREFIX): value for name, value in stored.items() if name.startswith(PREFIX)}
    for bias, matrix in matrices(graph):
        scale, zero = (stored[matrix.replace(QUANTISED, end)] for end in ("_scale", "_zero_point"))
        value = (stored[matrix].astype(np.float32) - zero.astype(np.float32)) * scale
        found[bias.removeprefix(PREFIX).removesuffix("bias") + "weight"] = value.T
    for name in [n for n in found if n.endswith("attn.qkv.weight") and n.replace("weight", "bias") not in found]:
        found[name.replace("weight", "bias")] = np.concatenate([stored["slice_1"], stored["slice_2"]])  # cut in two
    return {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in found.items()}


def matrices(graph: Any) -> Iterator[tuple[str, str]]:
    """The bias of each linear layer, and the stored matrix whose product it is added to."""
    users = {name: node for node in graph.node for name in node.input}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            after = node
            while after is not None and after.op_type != "Add":
                after = users.get(after.output[0])
            names = [] if after is None else [n for n in after.input if n.endswith(".bias")]
            yield from ((name, node.input[1]) for name in names)


def batch_norms(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Batch norms that do what the export has folded into the convolutions before them: they add a bias."""
    made: dict[str, Tensor] = {}
    for name in [n for n in found if n.endswith(FOLDED)]:
        before, _, conv = name.removesuffix(FOLDED).rpartition(".")
        norm, one = f"{before}.{NORM_AFTER[conv]}", torch.ones_like(found[name])
        made |= {f"{norm}.weight": one, f"{norm}.bias": found[name], f"{norm}.running_mean": 0 * one}
        made |= {f"{norm}.running_var": one - BatchNorm2d(1).eps, f"{norm}.num_batches_tracked": torch.tensor(0)}
    return made
