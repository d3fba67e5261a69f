"""Photographs read and reduced by threads, a few batches ahead of the model."""

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from dermimit.data.photos import read_photo
from dermimit.data.preprocessing import Preprocessing
from dermimit.data.reading import PhotoError
from dermimit.data.transforms import CentralView, least_side

THREADS = min(8, os.cpu_count() or 1)
AHEAD = 2  # batches that are being read while the model computes
OF_A_MANIFEST = re.compile(r"(;| or) [^;]*\b(?:row|manifest)\b.*$")  # the end of a remedy, where there is a manifest
View = UInt8[Tensor, "3 side side"]


def read_view(path: Path, preprocessing: Preprocessing) -> View:
    """What the model sees of a photograph, before normalisation: its central square, resized.

    Raises:
        PhotoError: the file cannot be read; of a file that is in no manifest.
    """
    view = CentralView(preprocessing.size, preprocessing.interpolation)
    try:
        return view(read_photo(path, least_side(preprocessing.size)))
    except PhotoError as error:
        reason = OF_A_MANIFEST.sub("", str(error).removeprefix(f"{path}: "))
        raise PhotoError(f"{path}: {reason}") from error


def read_views(
    paths: Sequence[Path], preprocessing: Preprocessing, batch_size: int
) -> Iterator[list[View | PhotoError]]:
    """The views of `paths` in batches, in order; in place of what cannot be read, why."""
    waiting: deque[Future[View | PhotoError]] = deque()
    rest = iter(paths)
    with ThreadPoolExecutor(THREADS) as threads:
        try:
            for start in range(0, len(paths), batch_size):
                while len(waiting) < (1 + AHEAD) * batch_size and (path := next(rest, None)) is not None:
                    waiting.append(threads.submit(_attempt, path, preprocessing))
                yield [waiting.popleft().result() for _ in range(min(batch_size, len(paths) - start))]
        finally:
            threads.shutdown(cancel_futures=True)


def _attempt(path: Path, preprocessing: Preprocessing) -> View | PhotoError:
    try:
        return read_view(path, preprocessing)
    except PhotoError as error:
        return error
