"""The tokens of a frozen trunk: computed where they are needed, or once and kept."""

import errno
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float, Float16
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from dermimit.data import PhotoDataset, PhotoSet
from dermimit.data.columns import SPLITS
from dermimit.data.lesion_channel import WithLesionMap
from dermimit.train.assemble import photographs
from dermimit.train.config import TrainConfig
from dermimit.train.token_store import TokenStore, free_bytes
from dermimit.train.views import Views, contents, drawn_view

FORMAT = 1  # a change of what is written, or of how photographs become tokens, needs another number
WITHOUT_EFFECT = {"training", "fused_attn", "grad_checkpointing", "inplace", "p", "drop_prob"}
"""Attributes of a trunk's modules that change no number of a trunk that is not trained."""

Split = Callable[[str, bool], Any]


@torch.no_grad()
def trunk_tokens(
    trunk: nn.Module, images: Float[Tensor, "batch channels height width"]
) -> Float16[Tensor, "batch tokens dim"]:
    """What the trunk makes of photographs, in evaluation mode and without gradient, rounded to 16 bits.

    Photographs with a lesion map have one column more: the share of each patch on the lesion, 0 before the first patch.

    Raises:
        ValueError: a token does not fit into 16 bits.
    """
    plan: Any = trunk
    images, lesion = images[:, : plan.in_chans], images[:, plan.in_chans :]
    tokens = plan.eval().forward_features(images).half()
    if not tokens.isfinite().all():
        raise ValueError("the trunk's tokens are too large for 16 bits, or not finite: take views=0")
    if not lesion.shape[1]:
        return tokens
    shares = F.adaptive_avg_pool2d(lesion.float(), plan.patch_embed.grid_size).flatten(1)
    column = F.pad(shares, (tokens.shape[1] - shares.shape[1], 0))
    return torch.cat([tokens.float(), column[..., None]], dim=-1).half()  # autocast joins no numbers of 16 bits


class OnTokens(nn.Module):
    """A model that is asked by photographs and answers from its trunk's tokens in 16 bits, as it was trained to."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """As the model's own, of photographs or of tokens."""
        return self.model(trunk_tokens(self.model.trunk, images) if images.ndim == 4 else images)


class KeptTokens(Dataset[dict[str, Any]]):
    """Photographs whose item `image` is the tokens (T, D) of one of their views, in 16 bits.

    Args:
        photos: tell targets and rows; no file is read.
        store: holds all entries.
        entries: for each photograph the names of its views' entries; torch's global random state chooses one.
    """

    def __init__(
        self, photos: PhotoDataset | WithLesionMap, store: TokenStore, entries: Sequence[Sequence[str]]
    ) -> None:
        self.frame, self.label_space, self.targets = photos.frame, photos.label_space, photos.targets
        self.store, self.entries = store, entries

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        views = self.entries[index]
        name = views[drawn_view(len(views)) if len(views) > 1 else 0]
        targets = {task: t[index] for task, t in self.targets.items()}
        return {"image": torch.from_numpy(self.store.read(name).copy()), "targets": targets, "index": index}


class Wanted(Dataset[Tensor]):
    """The photographs that tokens are computed of: (position, view) each, or view None for the evaluation's."""

    def __init__(self, photos: Any, wanted: Sequence[tuple[int, int | None]]) -> None:
        self.photos, self.wanted = photos, wanted

    def __len__(self) -> int:
        return len(self.wanted)

    def __getitem__(self, place: int) -> Tensor:
        index, view = self.wanted[place]
        return (self.photos[index] if view is None else self.photos.view(index, view))["image"]


def splits(config: TrainConfig, photos: PhotoSet, model: Any, accelerator: Accelerator) -> Split:
    """The photographs of a split, (split, augment) -> dataset, as the run's model takes them.

    With `views`, those of training in a fixed number of views; with `tokens`, as tokens, all of which are computed
    here where they are not kept yet.

    Args:
        config: the run.
        photos: the dataset.
        model: without wrappers, on the accelerator's device, with the weights that its trunk keeps.
        accelerator: tells device and precision.

    Raises:
        OSError: the disk has not enough room for the tokens; nothing is written then.
        PhotoError: a photograph cannot be read.
    """
    usual = partial(photographs, config, photos)
    if not config.views:
        return usual
    if not config.tokens:
        return lambda split, augment: Views(usual(split, True), config.views) if augment else usual(split, False)
    shelf = Shelf(config, photos, model, accelerator)
    there = set(photos.frame["split"])
    parts = {(s, s == "train"): shelf.kept(s, s == "train") for s in SPLITS if s in there}
    shelf.fill()
    return lambda split, augment: parts[split, augment]


class Shelf:
    """The stores of a run, one for its views and one for the evaluation's, and what they lack."""

    def __init__(self, config: TrainConfig, photos: PhotoSet, model: Any, accelerator: Accelerator) -> None:
        self.config, self.photos, self.model, self.accelerator = config, photos, model, accelerator
        self.trunk = fingerprint(model.trunk)
        self.stores: dict[bool, TokenStore] = {}
        self.needed: list[tuple[str, bool, list[tuple[str, int, int | None]]]] = []

    def kept(self, split: str, augment: bool) -> KeptTokens:
        """The tokens of a split; complete after `fill`."""
        plain: Any = photographs(replace(self.config, in_memory=False), self.photos, split, augment)
        views: range | tuple[None] = range(self.config.views) if augment else (None,)
        files = contents(plain)
        if self.config.lesion_map:
            files = [f"{photo}-{mask}" for photo, mask in zip(files, contents(plain, "mask"), strict=True)]
        names = [[c if v is None else f"{c}-{v}" for v in views] for c in files]
        self.needed.append((split, augment, [(n, i, v) for i, e in enumerate(names)
                                             for n, v in zip(e, views, strict=True)]))  # fmt: skip
        return KeptTokens(plain, self.store(augment, plain.transform), names)

    def store(self, augment: bool, transform: Any) -> TokenStore:
        """Where tokens of photographs lie that have passed a transform."""
        if augment not in self.stores:
            config, cfg = self.config, self.model.pretrained_cfg
            about: dict[str, Any] = {
                "format": FORMAT,
                "trunk": self.trunk,
                "precision": config.precision,
                "transform": repr(transform),
                "pixels": {name: cfg[name] for name in ("input_size", "interpolation", "mean", "std")},
                "photographs": "reduced to the model's size first" if augment and config.in_memory else "as they are",
            }
            about |= {"last column": "share of each patch on the lesion"} if config.lesion_map else {}
            digest = hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()
            folder = Path(config.tokens) / f"{'views' if augment else 'plain'}-{digest[:16]}"
            self.stores[augment] = TokenStore(folder, self.model.token_shape, about)
        return self.stores[augment]

    def fill(self) -> None:
        """Computes what is not kept yet; says before how much that is."""
        need = {augment: len(self._missing(augment)) for augment in self.stores}
        if not any(need.values()):
            return
        store, folder = self.stores[False], Path(self.config.tokens)
        size, free = sum(need.values()) * store.entry_bytes, free_bytes(folder)
        rows, width = store.shape
        what = f"{folder}: tokens of {sum(need.values())} views, {rows} x {width} in 16 bits each"
        if size > free:
            raise OSError(errno.ENOSPC, f"{what}, need {megabytes(size)} and {megabytes(free)} are free: make room, "
                          "name another folder as tokens, or take fewer views")  # fmt: skip
        self.accelerator.print(f"{what}: {megabytes(size)} to write, {megabytes(free)} free")
        for split, augment, entries in self.needed:
            store = self.stores[augment]
            if store.missing([name for name, _, _ in entries]):
                with store.writing():
                    self._compute(split, augment, entries)

    def _missing(self, augment: bool) -> list[str]:
        names = [name for _, a, entries in self.needed if a == augment for name, _, _ in entries]
        return self.stores[augment].missing(names)

    def _compute(self, split: str, augment: bool, entries: list[tuple[str, int, int | None]]) -> None:
        store = self.stores[augment]
        places = {name: (index, view) for name, index, view in entries}
        names = store.missing([*places])
        if not names:  # another process has computed them
            return
        photos = photographs(self.config, self.photos, split, augment)
        source = Views(photos, self.config.views) if augment else photos
        wanted = Wanted(source, [places[name] for name in names])
        store.add(names, self._batches(wanted, f"tokens of {split}"))

    def _batches(self, wanted: Wanted, title: str) -> Iterator[np.ndarray]:
        loader = DataLoader(wanted, self.config.batch_size, num_workers=self.config.workers)
        with tqdm(total=len(wanted), desc=title, unit="view", disable=None, leave=False) as bar:
            for images in loader:
                moved = images.to(self.accelerator.device).contiguous(memory_format=torch.channels_last)
                with self.accelerator.autocast():
                    tokens = trunk_tokens(self.model.trunk, moved)
                yield tokens.cpu().numpy()
                bar.update(len(images))


def fingerprint(trunk: nn.Module) -> str:
    """SHA-256 over a trunk: its weights, and the kinds and plain settings of its modules."""
    digest = hashlib.sha256()
    for name, module in trunk.named_modules():
        plain = {
            k: v for k, v in vars(module).items()
            if k not in WITHOUT_EFFECT and k[0] != "_" and isinstance(v, int | float | str | tuple)
        }  # fmt: skip
        digest.update(repr((name, type(module).__name__, sorted(plain.items()))).encode())
    for name, value in trunk.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def megabytes(size: int) -> str:
    """A size in words: "748 MB", "0.3 MB"."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"
