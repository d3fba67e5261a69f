"""A plugin of mypy: what a network calls its parts is known when it runs, not from torch's own annotation.

`nn.Module.__getattr__` is annotated to give "a Tensor or a Module", which is neither when it is a head, a number of
patches or a tuple of tasks. Here such an attribute has any type. Declared attributes keep theirs.
"""

from collections.abc import Callable

from mypy.plugin import AttributeContext, Plugin
from mypy.types import AnyType, Type, TypeOfAny, UnionType, get_proper_type


def attribute(context: AttributeContext) -> Type:
    """Any type in place of the union that `__getattr__` is annotated with."""
    given = get_proper_type(context.default_attr_type)
    return AnyType(TypeOfAny.explicit) if isinstance(given, UnionType) else given


class Torch(Plugin):
    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        return attribute if fullname.startswith("torch.nn.modules.module.Module.") else None


def plugin(version: str) -> type[Plugin]:
    """Where mypy enters."""
    return Torch
