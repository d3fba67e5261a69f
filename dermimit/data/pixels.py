"""The pixels of a decoded file as 8-bit sRGB: its colour profile, its depth and its transparency brought to that."""

import io
import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps

DEPTHS = (8, 10, 12, 14, 16)
TOLERANCE = 2  # of 255 levels: a colour profile that moves no colour by more is that of sRGB
SCALED = "had fewer bits than their file has room for (8 to 14 of 16) and were brightened to full range"
BROKEN_PROFILE = "have a colour profile that cannot be used, so their colours are taken as they stand"
DEEP_TIFF = 262  # tag of how a TIFF file counts from black to white


def to_srgb(image: Image.Image, white: bool = True) -> tuple[Image.Image, tuple[str, ...]]:
    """A loaded image as RGB, and how it was changed in a way that somebody should know of.

    Args:
        image: of any mode that Pillow opens.
        white: what is transparent becomes white, as on a page; otherwise its colour shows, as masks need it.
    """
    profile, notes = image.info.get("icc_profile"), []
    if image.mode == "RGB" and not profile and "transparency" not in image.info:
        return image, ()
    if image.mode.startswith("I;16"):
        image, scaled = _eight_bits(image)
        notes += [SCALED] if scaled else []
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit pixels, mode {image.mode}: save it with 8 or 16 bits a channel")
    alpha = image.convert("RGBA").getchannel("A") if white and image.has_transparency_data else None
    if alpha is not None or "transparency" in image.info:
        image = image.convert("RGBA").convert("RGB")
    if profile:
        image, usable = _converted(image, profile)
        notes += [] if usable else [BROKEN_PROFILE]
    image = image if image.mode == "RGB" else image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    return image, tuple(notes)


def _eight_bits(image: Image.Image) -> tuple[Image.Image, bool]:
    """A grey image of 16 bits with 8, and whether it held fewer bits than 16."""
    values = np.asarray(image)
    bits = depth_of(int(values.max(initial=0)))
    grey = (values >> (bits - 8)).astype(np.uint8)
    inverted = getattr(image, "tag_v2", {}).get(DEEP_TIFF) == 0
    return Image.fromarray(255 - grey if inverted else grey), bits < 16


def is_deep(image: Image.Image) -> bool:
    """Whether a file just opened has 16 bits for each of several colours, of which Pillow decodes the upper 8."""
    # of grey with transparency, which Pillow opens as RGBA, the lower 8 are not to be had
    depths = [str(tile.args) for tile in getattr(image, "tile", ())]
    return image.mode in ("RGB", "RGBA") and any(";16" in depth and "LA;16" not in depth for depth in depths)


def brightened(image: Image.Image, reopen: Callable[[], ImageFile.ImageFile]) -> Image.Image | None:
    """A decoded image of `is_deep` whose values have fewer bits than 16, at full range; None where they have 16.

    Args:
        image: the upper 8 bits of each value.
        reopen: opens the file anew, for its lower 8 bits: what is decoded with the other order of bytes.
    """
    upper = np.asarray(image).astype(np.uint16)
    if (bits := depth_of(int(upper[..., :3].max(initial=0)) << 8 | 255)) == 16:
        return None
    swapped = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B"}
    native = "B" if sys.byteorder == "big" else "L"
    with reopen() as again:
        tiles = []
        for tile in again.tile:
            args = (tile.args,) if isinstance(tile.args, str) else tuple(tile.args or ())
            order = swapped[args[0].replace(";16N", f";16{native}")]
            tiles.append(tile._replace(args=order if isinstance(tile.args, str) else (order, *args[1:])))
        again.tile = tiles
        again.load()
        ImageOps.exif_transpose(again, in_place=True)
        values = upper << 8 | np.asarray(again)
    bits = depth_of(int(values[..., :3].max(initial=0)))
    colours = (values[..., :3] >> (bits - 8)).astype(np.uint8)
    bright = Image.fromarray(np.concatenate([colours, upper[..., 3:].astype(np.uint8)], 2))
    bright.info = image.info
    return bright


def depth_of(largest: int) -> int:
    """The fewest bits, of those that cameras and microscopes give, that hold a value; 16 for an all-black picture."""
    return next(bits for bits in DEPTHS if largest < 1 << bits) if largest else 16


def _converted(image: Image.Image, profile: bytes) -> tuple[Image.Image, bool]:
    """The image with the colours that its profile means, as RGB, and whether the profile could be used."""
    mode = image.mode if image.mode in ("L", "CMYK") else "RGB"
    try:
        transform, mode = _transform(profile, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image, False
    if transform is None:
        return image, True
    converted = ImageCms.applyTransform(image if image.mode == mode else image.convert(mode), transform)
    return converted or image, True


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """From a profile to sRGB, None where it is that already; and the mode of image that it takes.

    Raises:
        ImageCms.PyCMSError: the profile is broken.
        ValueError: it is for another kind of image.
    """
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(opened.profile.xcolor_space.strip())
    if space is None or (space != mode and (space, mode) != ("RGB", "L")):
        raise ValueError(f"a profile of {opened.profile.xcolor_space} in an image of mode {mode}")
    transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), space, "RGB")
    if space == "CMYK":
        return transform, space
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3) if space == "RGB" else levels[None]
    before = Image.fromarray(probe)
    after = np.asarray(ImageCms.applyTransform(before, transform), int)
    return (None if abs(after - np.asarray(before.convert("RGB"), int)).max() <= TOLERANCE else transform), space
