"""The weights of a ViT inside an ONNX file that torch exported from Hugging Face's Dinov2."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dermimit.extras import extra

POSITIONS = "embeddings.position_embeddings"
PATCHES = "embeddings.patch_embeddings.projection.weight"


def read_onnx(path: Path) -> dict[str, Tensor]:
    """The parameters of the graph, under the names that the module had which was exported.

    An export keeps the names of most parameters. The matrix of a linear layer has lost its own and is stored
    transposed: it takes that of the bias which is added to its product. The position embeddings were cut in two, one
    row for the class token and one for each patch, and are joined again.

    Args:
        path: the file.

    Raises:
        MissingExtraError: the library onnx is not installed.
        ValueError: it is no ONNX file.
    """
    with extra("explore"):
        import onnx
        from onnx.numpy_helper import to_array
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # onnx passes on whatever protobuf raises
        raise ValueError(f"{path} is damaged or no ONNX file ({error}): download it again") from error
    stored = {i.name: to_array(i) for i in graph.initializer}
    found = {name: value for name, value in stored.items() if not name.startswith("onnx::")}
    adds = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in stored and (add := adds.get(node.output[0])):
            bias = next((name for name in add.input if name in found and name.endswith(".bias")), None)
            if bias is not None:
                found[bias.removesuffix("bias") + "weight"] = stored[node.input[1]].T
    if (patches := next((name for name in found if name.endswith(PATCHES)), None)) is not None:
        found |= positions(patches.removesuffix(PATCHES) + POSITIONS, found[patches].shape[0], stored)
    return {name: torch.from_numpy(np.array(value, order="C")) for name, value in found.items() if value.size}


def positions(name: str, width: int, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The position embeddings (1, 1 + N, D) from their two parts, where the graph holds both of them without names."""
    parts = [v for n, v in stored.items() if n.startswith("onnx::") and v.ndim == 3 and v.shape[::2] == (1, width)]
    first = [part for part in parts if part.shape[1] == 1]
    rest = [part for part in parts if part.shape[1] > 1]
    if len(first) != 1 or len(rest) != 1:
        return {}
    return {name: np.concatenate([first[0], rest[0]], axis=1)}
