"""Features kept on disk: found again by weights, preprocessing and the content of every photograph."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dermimit.data import PhotoDataset
from dermimit.data.reading import explaining
from dermimit.lock import locked
from dermimit.probe.backbone import Backbone
from dermimit.probe.features import Features, compute
from dermimit.records import read_json, write_json

FORMAT = 1  # a change of what is kept, or of how it is computed, needs another number
MARK = "features.json"  # written last


def features_of(backbone: Backbone, photos: PhotoDataset, batch_size: int, keep_tokens: bool, cache: str) -> Features:
    """The features of all photographs, from the cache where they are there, else computed, and kept there.

    Args:
        backbone: opened.
        photos: whose `image` is the model's input.
        batch_size: photographs in one pass.
        keep_tokens: whether tokens are wanted.
        cache: folder; "" for none. It may be deleted at any time.
    """
    if not cache:
        return compute(backbone.model, photos, batch_size, keep_tokens)
    facts = {name: backbone.facts[name] for name in ("architecture", "weights", "sha256")}
    key = {"format": FORMAT, "preprocessing": backbone.preprocessing.to_dict(), "photographs": content(photos)} | facts
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    folder = Path(cache) / (name + ("-tokens" if keep_tokens else ""))
    if not keep_tokens and not (folder / MARK).exists() and (folder.with_name(f"{name}-tokens") / MARK).exists():
        folder = folder.with_name(f"{name}-tokens")
    with locked(folder):
        there = (folder / MARK).exists()
        if not there:
            save(folder, compute(backbone.model, photos, batch_size, keep_tokens, folder), key)
    return replace(load(folder, keep_tokens), from_cache=there)


def content(photos: PhotoDataset) -> str:
    """SHA-256 over the files of all photographs, in order.

    Raises:
        PhotoError: one of them is absent.
    """
    digest = hashlib.sha256()
    for image in photos.frame["image"]:
        with explaining(photos.root / image):
            digest.update(hashlib.sha256((photos.root / image).read_bytes()).digest())
    return digest.hexdigest()


def save(folder: Path, features: Features, key: dict[str, Any]) -> None:
    """Keeps the vectors beside the tokens, which lie there already."""
    for name, values in features.vectors.items():
        np.save(folder / f"{name}.npy", values)
    if isinstance(features.tokens, np.memmap):
        features.tokens.flush()
    write_json(folder / MARK, key | {"vectors": list(features.vectors)})


def load(folder: Path, keep_tokens: bool) -> Features:
    """Kept features; the tokens memory-mapped.

    Raises:
        ValueError: a file is damaged, with the remedy.
    """
    try:
        vectors = {name: np.load(folder / f"{name}.npy") for name in read_json(folder / MARK)["vectors"]}
        return Features(vectors, np.load(folder / "tokens.npy", mmap_mode="r") if keep_tokens else None)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"{folder}: kept features that cannot be read ({error}): delete this folder") from error
