"""Reduced photographs kept on disk, so that a large file is decoded once and not in every epoch.

An entry is found by what the photo's file holds, not by its name or date: a file that changes gets a new entry, and
copies share one. Entries are uncompressed, since unpacking costs more than it saves: a picture of 512 x 384 pixels is
read and checked in 0.2 ms, where PNG takes 4 and a first decoding of the JPEG file 2 to 3.
"""

import errno
import hashlib
import os
import shutil
import struct
import time
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import torch
from jaxtyping import UInt8
from PIL import features
from torch import Tensor

FORMAT = 2  # a change of what is written, or of how photos are reduced, needs another number
MAGIC = b"DIPC"
HEADER = struct.Struct("<4sIII")  # MAGIC, height, width, checksum of both and of the pixels
LEFTOVER = 3600.0  # seconds after which an unfinished file is taken for that of a killed process
FULL = (errno.ENOSPC, errno.EDQUOT)


class CacheError(ValueError):
    """The cache cannot be written; the message names its folder and the remedy."""


class PhotoCache:
    """A folder of decoded photos, for any number of processes at once; it may be deleted at any time.

    Entries of another format, or of another version of the decoder, are never read: they lie in a folder of their own.
    Each is written under a temporary name and renamed, so that it is whole or absent, and holds a checksum: one that
    was damaged later is made again.

    Args:
        folder: made if it is not there.

    Raises:
        CacheError: the folder cannot be made.
    """

    def __init__(self, folder: Path | str) -> None:
        decoder = f"pillow-{PIL.__version__}-jpeg-{features.version('libjpeg_turbo') or features.version('jpg')}"
        self.folder = Path(folder)
        self.entries = self.folder / f"v{FORMAT}-{decoder}"
        self.unfinished = self.entries / "unfinished"
        try:
            self.unfinished.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._explained(error) from error
        self._sweep()

    def read(
        self, content: bytes, least: int | None, decode: Callable[[], UInt8[Tensor, "3 h w"]]
    ) -> UInt8[Tensor, "3 h w"]:
        """The photo that `decode` gives, from the cache if it is there, else kept in it.

        Args:
            content: the bytes of the photo's file.
            least: shortest side in pixels that the photo is reduced to, None for its full size; part of the key.
            decode: called without arguments where the entry is absent or damaged; gives uint8 (3, H, W).

        Raises:
            CacheError: the disk is full, or the folder cannot be written.
        """
        entry = self.entry(content, least)
        photo = load(entry)
        if photo is None:
            photo = decode()
            self._save(entry, photo)
        return photo

    def entry(self, content: bytes, least: int | None) -> Path:
        """Where the photo of a file with these bytes lies, whether or not it is there."""
        digest = hashlib.sha256(content).hexdigest()
        return self.entries / digest[:2] / f"{digest[2:]}-{least or 'full'}"

    def _save(self, entry: Path, photo: Tensor) -> None:
        temporary = self.unfinished / uuid.uuid4().hex
        pixels = photo.permute(1, 2, 0).contiguous().numpy()
        size = pixels.shape[:2]
        try:
            entry.parent.mkdir(exist_ok=True)
            temporary.write_bytes(HEADER.pack(MAGIC, *size, _checksum(size, pixels)) + pixels.tobytes())
            if entry.is_dir() and not entry.is_symlink():  # nothing of ours: in this folder all may be deleted
                shutil.rmtree(entry)
            os.replace(temporary, entry)
        except OSError as error:
            raise self._explained(error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _explained(self, error: OSError) -> CacheError:
        if error.errno in FULL:
            return CacheError(
                f"{self.folder}: no space left for the cache of photographs ({error.strerror}); make room, or name "
                "another folder as `cache`, or none: the numbers are the same"
            )
        return CacheError(
            f"{self.folder}: the cache of photographs cannot be written ({error}); name another folder as `cache`, or "
            "none: the numbers are the same"
        )

    def _sweep(self) -> None:
        """Remove what killed processes left."""
        for path in self.unfinished.iterdir():
            try:
                if time.time() - path.stat().st_mtime > LEFTOVER:
                    path.unlink()
            except OSError:  # another process was faster, or may delete here and we may not
                continue


def load(entry: Path) -> UInt8[Tensor, "3 h w"] | None:
    """The photo of an entry, uint8 (3, H, W); None where it is absent, cut short or damaged."""
    try:
        if not entry.is_file():  # also no pipe, which would be waited for
            return None
        data = np.fromfile(entry, np.uint8)
    except OSError:
        return None
    if len(data) < HEADER.size:
        return None
    magic, height, width, checksum = HEADER.unpack(data[: HEADER.size].tobytes())
    pixels = data[HEADER.size :]
    if magic != MAGIC or len(pixels) != height * width * 3 or _checksum((height, width), pixels) != checksum:
        return None
    return torch.from_numpy(pixels.reshape(height, width, 3)).permute(2, 0, 1)


def _checksum(size: tuple[int, int], pixels: np.ndarray) -> int:
    return zlib.crc32(pixels.data, zlib.crc32(struct.pack("<II", *size)))
