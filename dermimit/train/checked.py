"""Settings whose values are checked when they are made, and named where they are wrong."""

import math
from dataclasses import dataclass, fields
from typing import Any, get_origin

KINDS: dict[Any, Any] = {int: int, float: (int, float), bool: bool, str: str, dict: dict}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A dataclass with fields of plain types, which its `__post_init__` checks by these methods."""

    def check_types(self) -> None:
        """Raises ValueError for the first field whose value is not of its type, or not among its choices."""
        for f in fields(self):
            value, kind = getattr(self, f.name), KINDS.get(get_origin(f.type) or f.type)
            wrong = kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool))
            choices = getattr(f.type, "__args__", ()) if "Literal" in str(f.type) else ()
            if wrong or (choices and value not in choices):
                expected = f"one of {', '.join(choices)}" if choices else getattr(f.type, "__name__", f.type)
                raise ValueError(f"{type(self).__name__}.{f.name}={value!r}: expected {expected}")
            self.require(f.name, not isinstance(value, float) or math.isfinite(value), "a finite number")

    def require(self, name: str, ok: bool, what: str) -> None:
        """Raises ValueError, with a field's name and value, unless `ok`: that it must be `what`."""
        if not ok:
            raise ValueError(f"{type(self).__name__}.{name}={getattr(self, name)!r}: must be {what}")

    def require_shares(self, *names: str) -> None:
        """Raises ValueError for the first of these fields that is not between 0 and 1."""
        for name in names:
            self.require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
