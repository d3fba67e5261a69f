"""How many classes each task has, and the linear classifier of one."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from dermimit.tasks import TASKS


def checked_num_classes(num_classes: Any) -> dict[str, int]:
    """Class counts by task in the canonical order; an int means disease alone.

    Raises:
        ValueError: no task, an unknown task or a negative count.
    """
    if not isinstance(num_classes, int | Mapping):
        raise ValueError(f"num_classes={num_classes!r}: give a number, or numbers by task")
    counts = {"disease": num_classes} if isinstance(num_classes, int) else dict(num_classes)
    if unknown := sorted(set(counts) - set(TASKS)):
        raise ValueError(f"num_classes has unknown task {unknown[0]!r}: the tasks are {', '.join(TASKS)}")
    if not counts or any(not isinstance(n, int) or n < 0 for n in counts.values()):
        raise ValueError(f"num_classes={num_classes!r}: give at least one task, each with its number of classes")
    return {task: counts[task] for task in TASKS if task in counts}


def classifier(size: int, classes: int) -> nn.Module:
    """A linear classifier as timm initialises it, or the identity for no classes."""
    if classes == 0:
        return nn.Identity()
    layer = nn.Linear(size, classes)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    nn.init.zeros_(layer.bias)
    return layer
