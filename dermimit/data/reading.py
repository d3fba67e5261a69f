"""Photograph files, decoded with care: upright, RGB, to their end, and refused by name where that fails."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from dermimit.data.content import NOTHING, STARTS, content_of
from dermimit.data.photo_files import HEIC, KIND_OF, avif_is_read, heic_is_read
from dermimit.data.pixels import SCALED, brightened, is_deep, to_srgb
from dermimit.extras import extra
from dermimit.files import plain_file
from dermimit.memory import check_room

FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP", *(["AVIF"] if avif_is_read() else [])]
"""Pillow's decoders that a file may reach; those of drawings run other programs, those of data other libraries."""
LARGE = 16_000_000
"""Pixels from which a photograph is decoded alone, after a look at the memory."""
DECODING = 10
"""Bytes that a pixel takes while it is decoded: four in Pillow, three as an array, and what is read of the file."""
_alone = threading.Lock()
RAW = KIND_OF[".dng"][0]


class PhotoError(ValueError):
    """A photo or mask cannot be used; the message names the file, its row in the manifest, and the remedy."""


def open_photo(path: Path, least: int | None = None, content: bytes | None = None) -> Image.Image:
    """A photo file as an upright sRGB image on white, decoded to its end; a warning says where pixels were guessed.

    Args:
        path: the file.
        least: as in `dermimit.data.photos.read_photo`.
        content: the file's bytes, if they have been read already.

    Raises:
        PhotoError: as `dermimit.data.photos.read_photo`.
    """
    image, notes = read(path, least, content)
    for note in notes:
        warnings.warn(f"photographs {note}; `dermimit data check` names them", stacklevel=2)
    return image


def read(
    path: Path, least: int | None = None, content: bytes | None = None, white: bool = True
) -> tuple[Image.Image, tuple[str, ...]]:
    """As `open_photo`, with what it warns of; `white`: as in `dermimit.data.pixels.to_srgb`."""
    with explaining(path), _opened(path, content) as opened:
        pixels, limit = opened.width * opened.height, Image.MAX_IMAGE_PIXELS
        if limit and pixels > limit:
            raise PhotoError(f"{path}: {pixels:,} pixels, more than the safe {limit:,}; make it smaller")
        image = opened if least is None else _reduced(opened, least)
        deep, pixels = is_deep(image), image.width * image.height
        with _alone if pixels > LARGE else nullcontext():
            if pixels > LARGE:
                check_room(
                    pixels * DECODING, f"a photograph of {pixels:,} pixels", "make it smaller, or save it as JPEG"
                )
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            bright = brightened(image, lambda: _opened(path, content)) if deep else None
            image, notes = to_srgb(bright or image, white)
            return image, (SCALED, *notes) if bright else notes


def _opened(path: Path, content: bytes | None) -> ImageFile.ImageFile:
    """The file opened by a decoder of photographs; no other ever sees it."""

    def source() -> Path | io.BytesIO:
        return plain_file(path) if content is None else io.BytesIO(content)

    kind, remedy = KIND_OF.get(path.suffix.lower(), ("", ""))
    if kind == RAW:  # begins like TIFF, and a small preview would be taken for the photograph
        raise PhotoError(f"{path}: cannot be read ({kind}); {remedy}")
    try:
        return Image.open(source(), formats=FORMATS)
    except UnidentifiedImageError:
        kind, remedy = content_of(content[:STARTS] if content is not None else _start(path))
        if kind == HEIC[0] and heic_is_read():
            pass
        elif remedy:
            raise PhotoError(f"{path}: cannot be read (it holds {kind}, whatever its name says); {remedy}") from None
        elif kind != NOTHING[0]:
            raise ValueError(f"it holds {kind}, whatever its name says") from None
        else:
            raise
    with extra("heic"):
        from pillow_heif import register_heif_opener

    register_heif_opener()
    return Image.open(source(), formats=["HEIF"])


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(STARTS)


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
    except MemoryError as error:
        raise PhotoError(f"{path}: {error or 'it does not fit the memory: make it smaller'}") from error
    except Exception as error:  # Pillow's decoders raise anything on a broken file
        raise PhotoError(f"{path}: cannot be read ({error}); replace the file or remove its row") from error
