"""Weights in fewer bits: each row of a matrix as whole numbers of 8 to 16 bits, times a scale of its own.

A matrix that a head was given by the pretrained network is kept as its difference from it, which is small, so that the
same bits keep it far closer. Vectors stay as they are.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

MOST = 16
BITS = ((16, 16), (16, 12), (16, 8), (15, 8), (14, 8), (13, 8), (12, 8))
"""Bits of new matrices and of differences, the most precise first."""
PACKED, SCALE = "/packed", "/scale"
"""What follows a matrix's name in the names of its two parts."""
State = Mapping[str, Tensor]


def bits_of(model: nn.Module, start: State, new: int, difference: int) -> Callable[[str], int]:
    """Name of a matrix -> its bits: `MOST` where it decides which patches a head selects, since two patches of nearly
    equal score change places at the least change; else `new`, or `difference` where it has a value in `start`."""
    heads = getattr(model, "heads", {})
    selecting = tuple(f"heads.{task}.blocks." for task, head in heads.items() if head.selection is not None)

    def of(name: str) -> int:
        if name.startswith(selecting) and ".attn.qkv." in name:
            return MOST
        return difference if name in start else new

    return of


def packed(state: State, start: State, bits: Callable[[str], int]) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """Weights with their matrices packed.

    Args:
        state: by name, float32 or whole numbers.
        start: values from which to take the difference, where there are any.
        bits: of a matrix, by name; 2 to 16.

    Returns:
        the weights: of each matrix `PACKED`, uint8, and `SCALE`, float32, a number a row; and for each matrix its bits
        and shape.
    """
    found: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, value in state.items():
        if value.ndim < 2 or not value.is_floating_point():
            found[name] = value
            continue
        rows, largest = (value - start.get(name, torch.zeros(()))).flatten(1), 2 ** (bits(name) - 1) - 1
        scale = rows.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / largest
        numbers = (rows / scale).round().clamp(-largest, largest).numpy().astype(np.int32)
        found[name + PACKED], found[name + SCALE] = torch.from_numpy(squeezed(numbers, bits(name))), scale[:, 0]
        shapes[name] = [bits(name), *value.shape]
    return found, shapes


def unpacked(stored: State, start: State, shapes: Mapping[str, list[int]]) -> dict[str, Tensor]:
    """The inverse of `packed`, with the same `start`; matrices in float32."""
    found = {name: value for name, value in stored.items() if not name.endswith((PACKED, SCALE))}
    for name, (bits, *shape) in shapes.items():
        numbers = spread(stored[name + PACKED].numpy(), bits, int(np.prod(shape)))
        rows = torch.from_numpy(numbers.astype(np.float32)).view(shape[0], -1)
        found[name] = (rows * stored[name + SCALE][:, None]).view(shape) + start.get(name, torch.zeros(()))
    return found


def squeezed(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers of `bits` bits, from -2^(bits-1) to 2^(bits-1) - 1, one after the other in bytes."""
    positive = (numbers.reshape(-1, 1) + 2 ** (bits - 1)).astype(">u2")
    return np.packbits(np.unpackbits(positive.view(np.uint8), axis=1)[:, MOST - bits :])


def spread(data: np.ndarray, bits: int, count: int) -> np.ndarray:
    """The inverse of `squeezed`: `count` whole numbers."""
    used = np.unpackbits(data, count=count * bits).reshape(count, bits)
    full = np.concatenate([np.zeros((count, MOST - bits), np.uint8), used], axis=1)
    return np.packbits(full, axis=1).view(">u2")[:, 0].astype(np.int32) - 2 ** (bits - 1)
