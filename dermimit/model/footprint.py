"""How much memory a model takes at least, told from a copy of it that has shapes and no numbers (device "meta")."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def weight_bytes(model: nn.Module) -> int:
    """Bytes of parameters and buffers."""
    return sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))


def photo_bytes(plan: Any, size: int) -> int:
    """Bytes that one photograph's way through a model takes at least: those of its largest operation.

    Args:
        plan: on the device "meta", where nothing takes memory; in evaluation mode.
        size: side of the photograph in pixels.

    Returns:
        inputs and outputs, parameters included, of the largest operation; of those up to the first that asks for
        numbers, where a model does (one that cuts out a detail). Counted once in a process for each architecture.
    """
    shapes = [(name, tuple(t.shape)) for name, t in plan.state_dict().items()]
    known = str((plan, getattr(plan, "config", None), shapes, size))
    if known not in _COUNTED:
        _COUNTED[known] = _largest(plan, size)
    return _COUNTED[known]


_COUNTED: dict[str, int] = {}


def _largest(plan: Any, size: int) -> int:
    seen = _Largest()
    try:
        with torch.inference_mode(), seen:
            plan(torch.empty(1, channels_of(plan), size, size, device="meta"))
    except (RuntimeError, NotImplementedError):  # shapes alone do not say where it goes on
        pass
    return seen.largest


def channels_of(plan: Any) -> int:
    """Of a model's input: the colours, and a lesion map where it selects by one."""
    given = getattr(getattr(plan, "config", None), "selection", "") == "given"
    return getattr(plan, "in_chans", 3) + given


class _Largest(TorchDispatchMode):
    """Notes the largest operation inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.largest = max(self.largest, _bytes(tree_leaves((args, kwargs, out))))
        return out


def _bytes(values: Iterable[object]) -> int:
    """Of the tensors among values; those that share their numbers count once."""
    stores = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in values if isinstance(t, Tensor)}
    return sum(stores.values())
