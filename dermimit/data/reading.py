"""Photograph files, decoded with care: upright, RGB, to their end, and refused by name where that fails."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


class PhotoError(ValueError):
    """A photo or mask cannot be used; the message names the file, its row in the manifest, and the remedy."""


def open_photo(path: Path, least: int | None = None, content: bytes | None = None) -> Image.Image:
    """A photo file as an upright RGB image, decoded to its end.

    Args:
        path: the file.
        least: as in `dermimit.data.photos.read_photo`.
        content: the file's bytes, if they have been read already.

    Raises:
        PhotoError: as `dermimit.data.photos.read_photo`.
    """
    with explaining(path), Image.open(path if content is None else io.BytesIO(content)) as opened:
        pixels, limit = opened.width * opened.height, Image.MAX_IMAGE_PIXELS
        if limit and pixels > limit:
            raise PhotoError(f"{path}: {pixels:,} pixels, more than the safe {limit:,}; make it smaller")
        image = opened if least is None else _reduced(opened, least)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image)


def _reduced(image: Image.Image, least: int) -> Image.Image:
    """An image just opened, decoded smaller if its format can; a last row or column that is mostly padding is cut."""
    drafted = image.draft(None, (least, least))
    width, height = map(round, drafted[1][2:]) if drafted else image.size
    return image if (width, height) == image.size else image.crop((0, 0, width, height))


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """What goes wrong with a file becomes a PhotoError that names it and the remedy."""
    try:
        yield
    except PhotoError:
        raise
    except FileNotFoundError as error:
        raise PhotoError(f"{path}: no such file; correct its name in the manifest or remove the row") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"{path}: {error}; make it smaller") from error
    except Exception as error:  # Pillow's decoders raise anything on a broken file
        raise PhotoError(f"{path}: cannot be read ({error}); replace the file or remove its row") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit pixels, mode {image.mode}: save it with 8 or 16 bits a channel")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")
