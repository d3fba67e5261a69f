"""A value with its interval: read from a record, printed, and judged, in one way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

ALPHA = 0.05
"""Level of every test, and 1 − level of every interval."""
NOT_RUN = "not run yet"
NONE = "–"
"""Printed where there is no value."""
INCONCLUSIVE = "inconclusive"
WORDS = ("higher", "lower", INCONCLUSIVE)
"""A verdict on a difference: above no effect, below it, and neither."""


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval; NaN where there is none: such an interval excludes nothing."""

    value: float
    low: float
    high: float

    def plain(self, digits: int = 3) -> str:
        """`0.123 (0.101 to 0.140)`."""
        return self._text(f".{digits}f", 1)

    def signed(self, digits: int = 3) -> str:
        """`+0.010 (−0.003 to +0.022)`."""
        return self._text(f"+.{digits}f", 1)

    def percent(self, digits: int = 1) -> str:
        """A share in per cent, without the sign of per cent: `12.0 (10.1 to 14.0)`."""
        return self._text(f".{digits}f", 100)

    def points(self, digits: int = 1) -> str:
        """A difference of shares in percentage points: `+1.2 (−0.3 to +2.7)`."""
        return self._text(f"+.{digits}f", 100)

    def ratio(self) -> str:
        """`1.32 (1.10 to 1.58)`."""
        return self.plain(2)

    def above(self, none: float = 0.0) -> bool:
        """Whether the whole interval lies above `none`, the value of no effect: 0 of a difference, 1 of a ratio."""
        return bool(self.low > none)

    def below(self, none: float = 0.0) -> bool:
        """Whether the whole interval lies below `none`."""
        return bool(self.high < none)

    def excludes(self, none: float = 0.0) -> bool:
        """Whether the whole interval lies to one side of `none`."""
        return self.above(none) or self.below(none)

    def verdict(self, words: tuple[str, str, str] = WORDS, none: float = 0.0) -> str:
        """Which side of `none` the interval lies on.

        Args:
            words: for above, below, and both or on it.
            none: the value of no effect: 0 of a difference, 1 of a ratio.
        """
        return words[0] if self.above(none) else words[1] if self.below(none) else words[2]

    def _text(self, spec: str, scale: float) -> str:
        if pd.isna(self.value):
            return NONE
        value = format(scale * self.value, spec)
        if pd.isna(self.low):
            return minus(value)
        low, high = (format(scale * end, spec) for end in (self.low, self.high))
        return minus(f"{value} ({low} to {high})")


def estimate(line: Mapping[str, Any], name: str = "value") -> Estimate:
    """An estimate out of a line of a record.

    Args:
        line: with `name`, and its ends either as `<name>_low` and `<name>_high` or, of "value", as `low` and `high`.

    Raises:
        KeyError: the line has no such value, or no interval of it.
    """
    bare = name == "value" and "value_low" not in line
    return Estimate(line[name], *(line[end if bare else f"{name}_{end}"] for end in ("low", "high")))


def corrected_verdict(value: float, p: float | None, words: tuple[str, str, str] = WORDS) -> str:
    """Which side of zero a difference lies on, where a test tells.

    Args:
        value: the difference.
        p: corrected; None or NaN where nothing is tested.
        words: for above and below, where p is below `ALPHA`, and for all else.
    """
    if p is None or not p < ALPHA:
        return words[2]
    return words[0] if value > 0 else words[1]


def minus(text: str) -> str:
    """A number as text with a minus sign in place of the hyphen."""
    return text.replace("-", "−")


def p_text(p: float, floor: float = 0.001) -> str:
    """A p-value as it is usually printed; a dash where there is none.

    Args:
        p: in [0, 1].
        floor: the smallest that its method can give (`resampling.bootstrap_floor`), or 0.001 where there is no other:
            a value at the floor is printed as "< floor".
    """
    if pd.isna(p):
        return NONE
    least = max(floor, 0.001)
    return f"{p:.3f}" if p > least * (1 + 1e-9) else f"< {least:.3f}"
