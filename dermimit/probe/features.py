"""Every photograph once through a frozen backbone: vectors to learn from, and its tokens where they are asked for."""

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from dermimit.data import PhotoDataset
from dermimit.memory import check_room

Vectors = Float[np.ndarray, "photographs width"]


@dataclass(frozen=True)
class Features:
    """What a backbone says of photographs, in the order of the manifest.

    Attributes:
        vectors: name -> (n, D) float32: `class`, `pooled` and `mean`, those that the backbone has; or `colour`.
        tokens: (n, N, D) float16, of every patch or place; None where nobody asked for them.
        from_cache: they were computed by an earlier probe.
    """

    vectors: dict[str, Vectors]
    tokens: np.ndarray | None = field(default=None, repr=False)
    from_cache: bool = False

    def names(self) -> tuple[str, ...]:
        """What `of` knows."""
        both = ("class+mean",) if {"class", "mean"} <= self.vectors.keys() else ()
        return (*self.vectors, *both)

    def of(self, name: str) -> Vectors:
        """The vectors of a name: one, or several joined by +.

        Raises:
            ValueError: the backbone has no such features, with those that it has.
        """
        if name not in self.names():
            raise ValueError(f"--features {name}: this backbone has {', '.join(self.names())}")
        return np.concatenate([self.vectors[part] for part in name.split("+")], axis=1)


@torch.inference_mode()
def said(model: nn.Module, images: Float[Tensor, "b 3 h w"]) -> tuple[dict[str, Tensor], Tensor]:
    """The vectors (B, D) of a batch by name, and its tokens (B, N, D).

    A transformer gives its class token, where it has one, and the mean of its patch tokens, where it keeps them, as its
    last norm leaves them; a network without class token, or whose answer comes from a pooling, what this pooling makes
    of them. The tokens of a network of convolutions are the places of its last map.

    Raises:
        ValueError: the network gives several maps, and no tokens.
    """
    out = model.forward_features(images)
    if not isinstance(out, Tensor):
        raise ValueError(f"--backbone: {type(model).__name__} gives several sets of features; take another backbone")
    if out.ndim == 4:  # (B, D, h, w), or (B, h, w, D)
        last = out.shape[-1] == model.num_features and out.shape[1] != model.num_features
        tokens = out.flatten(1, 2) if last else out.flatten(2).transpose(1, 2)
        return {"pooled": model.forward_head(out, pre_logits=True)}, tokens
    has_class = getattr(model, "cls_token", None) is not None
    tokens = out[:, getattr(model, "num_prefix_tokens", int(has_class)) :]
    vectors = {"class": out[:, 0]} if has_class else {}
    if not has_class or getattr(model, "global_pool", "token") not in ("token", ""):
        vectors["pooled"] = model.forward_head(out, pre_logits=True)
    return vectors | ({"mean": tokens.mean(1)} if tokens.shape[1] else {}), tokens


def compute(
    model: nn.Module, photos: PhotoDataset, batch_size: int, keep_tokens: bool, folder: Path | None = None
) -> Features:
    """The features of all photographs of a dataset; says on stderr what room they take, before they take it.

    Args:
        model: in evaluation mode.
        photos: whose `image` is the model's input.
        batch_size: photographs in one pass.
        keep_tokens: whether tokens are kept.
        folder: where the tokens lie, memory-mapped, as tokens.npy; None for memory.

    Raises:
        PhotoError: a photograph cannot be read.
        ValueError: a feature is not finite, or a token beyond the range of 16 bits.
    """
    vectors: dict[str, np.ndarray] = {}
    tokens: np.ndarray | None = None
    count = len(photos)
    for rows in tqdm(parts(count, batch_size), "features", unit="batch", disable=None, leave=False):
        images = torch.stack([photos[i]["image"] for i in rows])
        found, these = said(model, images)
        if keep_tokens and not these.shape[1]:
            raise ValueError(
                "--methods attentive: the backbone keeps no patch tokens; leave it out (--methods knn logistic)"
            )
        if not vectors:
            vectors = {name: np.empty((count, v.shape[1]), np.float32) for name, v in found.items()}
            tokens = room((count, *these.shape[1:]), folder) if keep_tokens else None
            print(room_text(vectors, tokens, folder), file=sys.stderr)
        for name, value in found.items():
            vectors[name][rows.start : rows.stop] = value.float().numpy()
        if tokens is not None:
            tokens[rows.start : rows.stop] = these.half().numpy()
        check(rows, found, these.half() if keep_tokens else these, photos)
    return Features(vectors, tokens)


def check_names(model: nn.Module, size: int, names: Iterable[str]) -> None:
    """Raises ValueError for the first name of features that a backbone does not have, before it reads a photograph."""
    vectors = said(model, torch.zeros(1, 3, size, size))[0]
    features = Features({name: value.float().numpy() for name, value in vectors.items()})
    for name in names:
        features.of(name)


def parts(count: int, size: int) -> list[range]:
    """Row numbers 0 to `count` - 1 in runs of at most `size`."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def room(shape: tuple[int, ...], folder: Path | None) -> np.ndarray:
    """An array of 16-bit numbers, in memory or as a file."""
    if folder is None:
        remedy = "name a folder for them (--cache), or leave attentive pooling out (--methods knn logistic)"
        check_room(2 * math.prod(shape), f"tokens of {shape[0]:,} photographs", remedy)
        return np.empty(shape, np.float16)
    return np.lib.format.open_memmap(folder / "tokens.npy", mode="w+", dtype=np.float16, shape=shape)


def room_text(vectors: dict[str, np.ndarray], tokens: np.ndarray | None, folder: Path | None) -> str:
    """What the features take, in MB."""
    count = len(next(iter(vectors.values())))
    text = f"features of {count} photographs: {sum(v.nbytes for v in vectors.values()) / 1e6:.1f} MB"
    if tokens is None:
        return text
    where = f"on disk, in {folder.parent}" if folder else "of memory"
    return f"{text}; {tokens.shape[1]} tokens each (16-bit): {tokens.nbytes / 1e6:.0f} MB {where}"


def check(rows: range, found: dict[str, Tensor], tokens: Tensor, photos: PhotoDataset) -> None:
    """Raises ValueError for the first photograph of which a number is not finite."""
    values: Iterable[Tensor] = (*found.values(), tokens.flatten(1))
    fine = torch.stack([value.isfinite().all(1) for value in values]).all(0)
    if not fine.all():
        image = photos.frame["image"].iloc[rows[int((~fine).nonzero()[0])]]
        raise ValueError(f"{image}: the backbone's features are not finite, or its tokens beyond 16 bits: look at "
                         "the weights, or leave attentive pooling out (--methods knn logistic)")  # fmt: skip
