"""Names from data, as they may be shown: what a terminal or a page would obey is written out instead."""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the order in which others are shown."""
INVISIBLE = "\u00ad\u180e\u200b\u2028\u2029\u2060\ufeff"
"""Characters that nobody sees, and ends of lines that are none on a terminal."""
OBEYED = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f{BIDIRECTIONAL}{INVISIBLE}\\ud800-\\udfff]")
BETWEEN_LINES = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f{BIDIRECTIONAL}{INVISIBLE}\\ud800-\\udfff]")
BAR = re.compile(r"(?:\n|\x1b\[A)*|\r[^\x00-\x1f\x7f-\x9f]*")
"""What a progress bar writes: back to the beginning of the line, or lines up and down; nothing of a name."""


def shown(name: object) -> str:
    """A name for people: control characters, ends of lines included, and marks of direction as their escapes."""
    return OBEYED.sub(_escape, str(name))


def shown_text(text: str) -> str:
    """A text of several lines for people; ends of lines and tabs stay."""
    return BETWEEN_LINES.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


class Shown:
    """A stream on which nothing that is written moves a cursor, changes a colour or an order; else the stream itself.

    Args:
        stream: of text: the terminal, or what stands for it.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, as `shown_text` has it; a progress bar's own movements stay."""
        self._stream.write(text if BAR.fullmatch(text) else shown_text(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def showing() -> Iterator[None]:
    """Inside it, everything that is printed is written as `Shown` does."""
    out, err = Shown(sys.stdout), Shown(sys.stderr)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield
