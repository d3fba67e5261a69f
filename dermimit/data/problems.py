"""What is wrong with a table, said so that it can be mended: where, what was found, what to do."""

import difflib
import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import numpy as np

SHOWN = 10  # problems listed in one error; the rest are counted
KNOWN = 20  # names listed where none is near
_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


class ManifestError(ValueError):
    """A table, its label space or one of its values is wrong; the message says where and what to do."""


def suggest(name: object, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest known names, or else all of them, twenty at most."""
    return _suggest(str(name), tuple(known))


@lru_cache(maxsize=4096)
def _suggest(name: str, known: tuple[str, ...]) -> str:
    lower = {k.lower(): k for k in known}
    near = [lower[k] for k in difflib.get_close_matches(name.lower(), list(lower), n=3)]
    if near:
        return "did you mean " + " or ".join(map(repr, near)) + "?"
    more = f" and {len(known) - KNOWN:,} more" if len(known) > KNOWN else ""
    return "known: " + (", ".join(known[:KNOWN]) or "none") + more


def command_line(words: Sequence[str]) -> str:
    """A command as it is typed in this system's shell."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def row_number(index: object) -> str:
    """A row as a spreadsheet counts it: the header is row 1, so index label 0 is row 2."""
    return f"row {int(index) + 2}" if isinstance(index, int | np.integer) else f"row {index!r}"


def describe(index: object, column: str, value: object, remedy: object) -> str:
    """One line of an error: where, what was found, what to do."""
    value = value.item() if isinstance(value, np.generic) else value
    return f"{row_number(index)}, column {column}: {value!r}: {remedy}"


def raise_problems(source: str, problems: Sequence[str]) -> None:
    """Raise one `ManifestError` that lists the first problems and counts the others; nothing if there are none.

    Inside `collect_problems` they are noted instead.
    """
    noted = _collected.get()
    if noted is not None:
        noted += [p if p.startswith(source) else f"{source}: {p}" for p in problems]
    elif problems:
        more = f"\n  ... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        lines = "".join(f"\n  {p}" for p in problems[:SHOWN])
        raise ManifestError(
            f"{source}: {len(problems)} problem(s); rows are counted with the header as row 1{lines}{more}"
        )


@contextmanager
def collect_problems() -> Iterator[list[str]]:
    """Inside it, wrong values are noted in the list it gives instead of raised, and absent files are let pass.

    For looking at a broken dataset as a whole; what was loaded must not be used for anything else.
    """
    problems: list[str] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def collecting() -> bool:
    """Whether problems are being collected (see `collect_problems`)."""
    return _collected.get() is not None
