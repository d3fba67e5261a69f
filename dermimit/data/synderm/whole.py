"""Whether a file that is there is the file that was written: a loss of power leaves empty and torn ones."""

import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from dermimit.data.synderm.croissant import digests

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = struct.Struct(">I4s")


def is_whole(path: Path) -> bool:
    """Whether a picture (.png) or a file of maps (.npz) is there, complete, and has the checksums that it holds."""
    try:
        return _whole_zip(path) if path.suffix == ".npz" else _whole_png(path.read_bytes())
    except Exception:  # zipfile and zlib raise anything on a broken file
        return False


def _whole_png(content: bytes) -> bool:
    place, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length, kind = HEAD.unpack_from(content, place)
        end = place + HEAD.size + length
        (stored,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[place + 4 : end]) != stored:
            return False
        place = end + 4
    return content.startswith(SIGNATURE) and place == len(content)


def _whole_zip(path: Path) -> bool:
    with zipfile.ZipFile(path) as file:
        return bool(file.namelist()) and file.testzip() is None


def are_whole(root: Path, names: Iterable[str]) -> bool:
    """Whether the files that a finished folder ends with are there and hold what croissant.json says of them."""
    try:
        said = digests(root)
        return all((root / name).stat().st_size for name in names) and all(said.values())
    except (OSError, ValueError, KeyError, TypeError):
        return False
