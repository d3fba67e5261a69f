"""Photographs of a manifest as a torch dataset: decoded with care, from disk or once into memory."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from dermimit.data.cache import PhotoCache
from dermimit.data.label_space import LabelSpace
from dermimit.data.problems import row_number
from dermimit.data.reading import PhotoError, explaining, open_photo, read
from dermimit.data.schema import validate_manifest
from dermimit.data.targets import encode_targets
from dermimit.data.transforms import CentralView
from dermimit.files import plain_file

NO_MASK = 255  # value of every pixel where a photo has no mask
STRIP = 512  # rows of a picture
ASPECT_TOLERANCE = 0.02  # beside the rounding of a side to a pixel


def read_photo(path: Path | str, least: int | None = None, cache: PhotoCache | None = None) -> UInt8[Tensor, "3 h w"]:
    """A photo file as an upright RGB tensor, uint8 (3, H, W), its pixels row by row in memory (channels last).

    The camera's orientation (EXIF) and the file's colour profile are applied; grey, CMYK, palette and 16-bit files are
    converted, what is transparent becomes white, and of several pictures in a file the first is read.

    Args:
        path: the file.
        least: pixels, at least 1. A JPEG file whose shortest side is twice as long or more is decoded at a half, a
            quarter or an eighth of its size, the smallest at which that side still has `least` pixels: faster, and
            each pixel about the mean of those it stands for. None, or a file of another kind: at its full size.
        cache: looked up first, and filled; the result is the same.

    Raises:
        PhotoError: the file is absent, broken, cut short, not an image, or larger than Pillow's safe limit.
        CacheError: the cache cannot be written.
    """
    path = Path(path)
    if cache is None:
        return _tensor(open_photo(path, least))
    with explaining(path):
        content = plain_file(path).read_bytes()
    return cache.read(content, least, lambda: _tensor(open_photo(path, least, content)))


def _tensor(image: Image.Image) -> UInt8[Tensor, "3 h w"]:
    """Copied in strips: a large picture is never there a third time, as Pillow's bytes."""
    if image.height <= STRIP:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP):
        bottom = min(top + STRIP, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read_mask(path: Path | str) -> UInt8[Tensor, "1 h w"]:
    """A mask file as uint8 (1, H, W): 1 where brighter than half its maximum, 0 elsewhere.

    Raises:
        PhotoError: as `read_photo`.
    """
    grey = np.array(read(Path(path), white=False)[0].convert("L"))
    return torch.from_numpy((grey > grey.max() / 2).astype(np.uint8))[None]


class PhotoDataset(Dataset[dict[str, Any]]):
    """The photos of a manifest with their targets.

    An item is a dict: `image` float32 (3, H, W); `targets`, for each task a float32 (C,) with NaN where unknown;
    `index`, the row's position in `frame`; and, if `with_mask`, `mask` uint8 (1, H, W): 0 skin, 1 lesion, all `NO_MASK`
    where the photo has none.

    Args:
        frame: a manifest; its rows in order are the items.
        label_space: names the classes.
        root: folder that the paths are relative to.
        transform: called with a uint8 photo (3, h, w), or a photo and its mask; None gives [0, 1] at the stored size.
        in_memory: decode every photo once, now, and keep it as uint8; for photos that are used small.
        image_size: side in pixels of the central square kept in memory; required with `in_memory`, and only then.
        with_mask: items carry the lesion mask.
        least: shortest side in pixels that a photo may be reduced to (see `read_photo`); `least_side(image_size)` for
            the transforms of an image size, None for the full size.
        cache: folder of a `PhotoCache` to read through; None for none.
        interpolation: of the square kept in memory, as the transform's.
        checked: `validate_manifest` has made `frame`, which is not checked again.

    Raises:
        ManifestError: the frame does not fit the label space.
        CacheError: the cache cannot be written.
        PhotoError: a file cannot be used; at once if `in_memory`, else when its item is asked for.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        label_space: LabelSpace,
        root: Path | str,
        transform: Callable[..., Any] | None = None,
        in_memory: bool = False,
        image_size: int | None = None,
        with_mask: bool = False,
        least: int | None = None,
        cache: Path | str | None = None,
        interpolation: str = "bilinear",
        checked: bool = False,
    ) -> None:
        if in_memory != (image_size is not None):
            raise ValueError("give image_size together with in_memory=True, and only then")
        self.frame = frame if checked else validate_manifest(frame, label_space)
        self.label_space, self.root, self.transform, self.with_mask = label_space, Path(root), transform, with_mask
        self.targets = {task: torch.from_numpy(t) for task, t in encode_targets(self.frame, label_space).items()}
        self._images, self._masks = list(self.frame["image"]), list(self.frame["mask"])
        self.least, self._cache = least, PhotoCache(cache) if cache else None
        view = CentralView(image_size, interpolation) if image_size is not None else None
        self._stored = self._decode_all(view) if view is not None else None

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        index = range(len(self))[index]
        parts = [part[index] for part in self._stored] if self._stored else self._read(index)
        item: dict[str, Any] = {"targets": {task: t[index] for task, t in self.targets.items()}, "index": index}
        if self.with_mask:
            image, mask = tv_tensors.Image(parts[0]), tv_tensors.Mask(parts[1])
            image, mask = self.transform(image, mask) if self.transform else (image / 255, mask)
            return item | {"image": image.as_subclass(Tensor), "mask": mask.as_subclass(Tensor)}
        return item | {"image": self.transform(parts[0]) if self.transform else parts[0] / 255}

    def _read(self, index: int) -> list[Tensor]:
        """The photo, and its mask if asked for, both at the photo's size."""
        try:
            image = read_photo(self.root / self._images[index], self.least, self._cache)
            return [image, self._read_mask(index, image)] if self.with_mask else [image]
        except PhotoError as error:
            raise PhotoError(f"{row_number(self.frame.index[index])} of the manifest: {error}") from error.__cause__

    def _read_mask(self, index: int, image: Tensor) -> Tensor:
        height, width = image.shape[1:]
        if self._masks[index] is None:
            return torch.full((1, height, width), NO_MASK, dtype=torch.uint8)
        path = self.root / self._masks[index]
        mask = read_mask(path)
        tolerance = ASPECT_TOLERANCE + 1 / min(height, width)
        if abs(mask.shape[2] / mask.shape[1] / (width / height) - 1) > tolerance:
            found = f"mask {mask.shape[2]} x {mask.shape[1]}, photo {width} x {height} pixels"
            raise PhotoError(f"{path}: {found}: not the same shape; draw it on the upright, uncropped photo")
        return F.resize(mask, [height, width], F.InterpolationMode.NEAREST_EXACT)

    def _decode_all(self, shrink: CentralView) -> list[Tensor]:
        """Every photo as one uint8 (N, 3, S, S) and, if asked for, every mask as (N, 1, S, S)."""
        side = shrink.image_size
        channels = (3, 1) if self.with_mask else (3,)
        stored = [torch.empty((len(self), c, side, side), dtype=torch.uint8) for c in channels]

        def decode(index: int) -> None:
            image, *mask = self._read(index)
            parts = shrink(image, *map(tv_tensors.Mask, mask)) if mask else [shrink(image)]
            for store, part in zip(stored, parts, strict=True):
                store[index] = part

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(decode, range(len(self))))
        return stored
