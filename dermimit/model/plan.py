"""Models without initial numbers, built in a fraction of the time: to be asked what would fit, or to be filled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

NUMBERS_ONLY = frozenset(
    getattr(Tensor, name) for name in ("normal_", "uniform_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_")
) | {nn.init.kaiming_uniform_, nn.init.uniform_, nn.init.normal_, nn.init.zeros_, nn.init.ones_}
"""What initialisation calls: each changes the numbers of its first argument and nothing else."""


@contextmanager
def no_numbers() -> Iterator[None]:
    """Build on the device "meta", and leave initialisation out: there, too, it would take most of the time."""
    with torch.device("meta"), _NotInitialised():
        yield


@contextmanager
def to_be_filled() -> Iterator[None]:
    """Build without initialising parameters, whose numbers are by chance: for `load_state_dict` right afterwards."""
    with _NotInitialised(parameters=True):
        yield


class _NotInitialised(TorchFunctionMode):
    def __init__(self, parameters: bool = False) -> None:
        super().__init__()
        self.parameters = parameters

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in NUMBERS_ONLY:
            changed = args[0] if args else (kwargs or {})["tensor"]
            if changed.device.type == "meta" or (self.parameters and isinstance(changed, nn.Parameter)):
                return changed
        return func(*args, **(kwargs or {}))
