"""Are the photographs of a copy those of the benchmark? By a hash of their look, which no other size or format changes.

A perceptual hash tells what is in a picture roughly and holds no pixel of it.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from io import BytesIO
from pathlib import Path

import pandas as pd

from dermimit.benchmark.benchmarks import SPLITS, Benchmark
from dermimit.data.duplicates import Look, look_at_all

FAR = 10
"""Bits of 64 beyond which two looks are of different photographs.

Chosen on 948 photographs of PAD-UFES-20: copies at half the size and JPEG quality 60 differ in at most 6 bits, and at
900 by 700 pixels in at most 2; of 448,878 pairs of different photographs, 82 differ in 10 bits or fewer.
"""


def read_looks(to: Benchmark) -> dict[str, int]:
    """Image -> hash of its look, of the photographs of a benchmark whose look is known.

    Raises:
        ValueError: the file that ships was changed.
    """
    if not to.looks:
        return {}
    content = resources.files(__package__).joinpath(SPLITS, to.looks).read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != to.looks_sha256:
        raise ValueError(
            f"benchmark {to.name}: {to.looks} was changed (SHA-256 {found[:12]}...): install the package again"
        )
    table = pd.read_csv(BytesIO(content), dtype=str)
    known = dict(zip(table["image"], (int(text, 16) for text in table["phash"]), strict=True))
    return {image: known[image] for image in to.frame["image"] if image in known}


def looks_of(root: Path, files: Mapping[str, str]) -> dict[str, Look]:
    """The look of each file: name of the image -> path below `root`."""
    return dict(zip(files, look_at_all(root, list(files.values())), strict=True))
