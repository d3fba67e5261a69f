"""Photographs that are the same or nearly so, found by the hash of their bytes and two hashes of their look."""

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from dermimit.data.reading import PhotoError, read
from dermimit.extras import extra

NEAR_PHASH, NEAR_DHASH = 4, 12
"""Bits of 64 in which the perceptual and the difference hash of near-duplicates may differ, both at once.

Chosen on 948 photographs of PAD-UFES-20: 236 of 237 copies at half the size and JPEG quality 60 are found. Six bits of
the first join two different moles in the middle of plain skin; four bits of either alone join unrelated close-ups."""
BATCH, WORKERS = 256, 8


class Look(NamedTuple):
    """What reading one file gave: why it cannot be used, or SHA-256 of its bytes and two 64-bit hashes of its look.

    `notes`: how its pixels were changed beyond what every photograph's are, see `dermimit.data.reading.read`.
    """

    reason: str | None
    digest: str = ""
    phash: int = 0
    dhash: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Photographs that are the same or nearly so, with the splits, patients and diseases they are filed under."""

    images: list[str]
    splits: list[str]
    patients: list[str]
    diseases: list[str]

    @property
    def across_splits(self) -> bool:
        """Whether a test score would partly measure memory."""
        return len(self.splits) > 1

    def __str__(self) -> str:
        where = [", ".join(n) for n in (self.splits, [f"patient {p}" for p in self.patients], self.diseases) if n]
        more = f" and {len(self.images) - 4} more" if len(self.images) > 4 else ""
        return f"{' = '.join(self.images[:4])}{more} ({'; '.join(where)})"


def look_at_all(root: Path, images: Sequence[str], workers: int = WORKERS) -> Iterator[Look]:
    """`look_at` each image in order, in threads; progress is shown on a terminal. Memory does not grow with pixels."""
    with warnings.catch_warnings(), ThreadPoolExecutor(max(1, min(workers, os.cpu_count() or 1))) as pool:
        warnings.simplefilter("ignore")  # Pillow's remarks on odd files; what matters becomes an error
        with tqdm(total=len(images), desc="reading", unit="image", disable=None, leave=False) as bar:
            for start in range(0, len(images), BATCH):
                for look in pool.map(look_at, [root / image for image in images[start : start + BATCH]]):
                    bar.update()
                    yield look


def look_at(path: Path) -> Look:
    """Read a file whole, decode it as training would, and take its fingerprints."""
    with extra("data"):
        import imagehash

    try:
        if not path.stat().st_size:
            return Look("an empty file, zero bytes; fetch it again")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        photo, notes = read(path)
    except (PhotoError, OSError) as error:
        return Look(str(error).removeprefix(f"{path}: ").replace("\n", " ").replace(str(path), path.name))
    grey = photo.convert("L")
    phash, dhash = (int(str(h), 16) for h in (imagehash.phash(grey), imagehash.dhash(grey)))
    return Look(None, digest, phash, dhash, notes)


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """All pairs of 64-bit hashes that differ in at most `distance` bits.

    Cut into distance + 1 bands, two such hashes are equal in at least one band (pigeonhole principle); so only hashes
    with an equal band are compared.

    Args:
        hashes: (n,) uint64.
        distance: 0 to 63.

    Returns:
        (m, 2) positions, i < j, sorted.
    """
    found = [np.empty((0, 2), np.int64)]
    for first in range(distance + 1):  # bits that lie apart, so that no band has only those that seldom vary
        band = hashes & np.uint64(sum(1 << bit for bit in range(first, 64, distance + 1)))
        order = np.argsort(band, kind="stable")
        band, here, step = band[order], np.arange(len(order)), 1
        while len(here := here[here + step < len(order)]):
            here = here[band[here] == band[here + step]]  # equal bands lie side by side
            pairs = np.stack([order[here], order[here + step]], 1)
            close = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]) <= distance
            found.append(np.sort(pairs[close], axis=1))
            step += 1
    return np.unique(np.concatenate(found), axis=0)


def find_doubles(looks: dict[str, Look], frame: pd.DataFrame) -> tuple[list[Group], list[Group]]:
    """Duplicates and near-duplicates among readable photographs.

    Equal bytes make a duplicate; a chain of pairs that look alike, of different bytes, makes near-duplicates.
    """
    same: dict[str, list[str]] = {}
    for image, look in looks.items():
        same.setdefault(look.digest, []).append(image)
    copies = list(same.values())
    hashes = np.array([(looks[c[0]].phash, looks[c[0]].dhash) for c in copies], np.uint64).reshape(-1, 2)
    kinds, kind, many = np.unique(hashes, axis=0, return_inverse=True, return_counts=True)  # blank ones have one
    pairs = near_pairs(kinds[:, 0], NEAR_PHASH)
    pairs = pairs[np.bitwise_count(kinds[pairs[:, 0], 1] ^ kinds[pairs[:, 1], 1]) <= NEAR_DHASH]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(kinds), len(kinds)))
    chain = connected_components(links, directed=False)[1] if copies else []
    alike = np.isin(np.arange(len(kinds)), pairs) | (many > 1)
    chains: dict[int, list[str]] = {}
    for images, place in zip(copies, kind.ravel().tolist(), strict=True):
        if alike[place]:
            chains.setdefault(int(chain[place]), []).extend(images)
    rows = frame.drop_duplicates("image").set_index("image")
    duplicates = [_group(images, rows) for images in copies if len(images) > 1]
    return duplicates, [_group(sorted(images), rows) for images in chains.values()]


def _group(images: list[str], rows: pd.DataFrame) -> Group:
    these = rows.loc[images]
    splits, patients, diseases = (
        sorted(map(str, these[c].dropna().unique())) for c in ("split", "patient_id", "disease")
    )
    return Group(images, splits, patients, diseases)
