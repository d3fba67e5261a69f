"""Settings written as text: a column of a table of experiments, a parameter."""

import ast
import shlex
from typing import Any


def named_values(text: str) -> dict[str, Any]:
    """The values of a text such as `level=19 strict=False name=x`; numbers, truth values and None are read.

    Raises:
        ValueError: a word is not name=value.
    """
    values: dict[str, Any] = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"{word!r} is not name=value, as in level=19 fold=3")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            values[name] = value
    return values
