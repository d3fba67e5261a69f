"""What a model gives: a pair of logits and intermediates, which says what it is where one tensor was expected."""

from typing import Any

import torch
from torch.utils import _pytree

from dermimit.model.task_head import Outputs


class Answer(tuple):
    """`(logits, out)`, a tuple like any other but for torch's functions, to which it explains itself.

    A loss or a metric that is called on the model's output, as timm's scripts call it, would otherwise fail with an
    error about a tuple.
    """

    __slots__ = ()

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Called in place of a function of torch that was given an answer.

        Raises:
            TypeError: always.
        """
        given = next((one for one in (*args, *(kwargs or {}).values()) if isinstance(one, cls)), None)
        tasks = list(given[0]) if given else ["disease"]
        task = "disease" if "disease" in tasks else tasks[0]
        raise TypeError(
            f"{getattr(function, '__name__', function)}: the model gives logits by task ({', '.join(tasks)}) and "
            f"intermediates, not one tensor; take logits, out = model(images) and logits[{task!r}], or call "
            f"model.as_classifier({task!r})"
        )


_pytree.register_pytree_node(Answer, lambda pair: (list(pair), None), lambda pair, _: Answer(pair))


def answer(logits: Outputs, out: Outputs) -> tuple[Outputs, Outputs]:
    """The pair; a plain tuple while the model is traced or compiled."""
    plain = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return (logits, out) if plain else Answer((logits, out))
