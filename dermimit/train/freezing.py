"""Which parts of a pretrained network keep their weights."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

NEW = ("classifiers_before.", "classifiers_after.", "interaction.", "mixing.")
"""Names with which the parameters begin that no backbone has."""
EMBEDDING = ("cls_token", "reg_token", "pos_embed")
"""Parameters of the trunk that belong to its patch embedding."""


def freeze(model: nn.Module, what: str) -> list[str]:
    """Take parameters out of training.

    Args:
        model: from `assemble.build_model`; changed in place.
        what: "trunk", "all-but-heads", "blocks:N" or "", as `TrainConfig.freeze` says.

    Returns:
        the names of the modules and parameters that are frozen, for `frozen_mode`.

    Raises:
        ValueError: blocks of a network that has none, or more than it has.
    """
    frozen = frozen_names(model, what) if what else []
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(f"{part}." for part in frozen)) or name in frozen:
            parameter.requires_grad_(False)
    return frozen


def frozen_names(model: Any, what: str) -> list[str]:
    """The modules and parameters that `what` stands for."""
    if what == "trunk":
        return ["trunk"]
    if what == "all-but-heads":
        return [name for name, _ in model.named_children() if not f"{name}.".startswith(NEW) and name != "loss_weights"]
    number, blocks = int(what.removeprefix("blocks:")), getattr(model.trunk, "blocks", None)
    if blocks is None or not hasattr(model, "heads"):
        raise ValueError(f"freeze={what!r}: the model has no transformer blocks; use freeze='trunk'")
    depth = len(blocks) + model.config.head_depth
    if number > depth:
        raise ValueError(f"freeze={what!r}: the network has {depth} blocks: {len(blocks)} in the trunk, "
                         f"{model.config.head_depth} in each head")  # fmt: skip
    inside = [f"trunk.blocks.{i}" for i in range(min(number, len(blocks)))]
    beyond = [f"heads.{task}.blocks.{i}" for task in model.heads for i in range(max(0, number - len(blocks)))]
    names = {name for name, _ in model.trunk.named_children()} - {"blocks", "norm"}
    return [f"trunk.{name}" for name in (*EMBEDDING, *sorted(names))] + inside + beyond


def freeze_unread(model: Any) -> None:
    """Take the classifiers before the interaction out of training where their logits are in no loss: those of tasks
    that have one after it, with `supervise=after`. Several processes wait for the gradient of each trained weight."""
    for task in getattr(model, "classifiers_after", ()):
        if task in model.classifiers_before:
            model.classifiers_before[task].requires_grad_(False)


def frozen_mode(frozen: list[str], mode: Callable[[nn.Module], object]) -> Callable[[nn.Module], object]:
    """A `Recipe.mode` after which the frozen modules are in evaluation mode: no dropout, no running mean moves."""

    def apply(model: nn.Module) -> None:
        mode(model)
        for module in _modules(model, frozen):
            module.eval()

    return apply


def _modules(model: nn.Module, names: list[str]) -> Iterator[nn.Module]:
    known = dict(model.named_modules())
    return (known[name] for name in names if name in known)
