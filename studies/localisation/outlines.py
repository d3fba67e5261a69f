"""Train a network that outlines lesions, and write its outlines of every photograph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from dermimit.data import ManifestError, PhotoSet
from dermimit.records import write_atomically
from dermimit.train.order import sample_order
from studies.localisation.segmenters import SEGMENTERS


def train_segmenter(
    kind: str, photos: PhotoSet, samples: int, *, batch_size: int = 32, lr: float = 1e-3, seed: int = 0
) -> nn.Module:
    """Train on the masks of the training split: AdamW, a linear warm-up of one in twenty steps, then a cosine to zero.

    Args:
        kind: one of `SEGMENTERS`.
        photos: a dataset with masks; photos without one are left out.
        samples: photographs seen, repeats included.
        lr: peak learning rate.
        seed: of weights, order and augmentation.

    Returns:
        the network in evaluation mode.

    Raises:
        ValueError: an unknown kind.
        ManifestError: no training photo has a mask.
    """
    if kind not in SEGMENTERS:
        raise ValueError(f"unknown segmenter {kind!r}: choose one of {', '.join(SEGMENTERS)}")
    data = with_masks(photos).photos("train", augment=True, in_memory=True, with_mask=True)
    torch.manual_seed(seed)
    model = SEGMENTERS[kind]().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.02)
    steps = max(1, samples // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.05)
    order = sample_order(len(data), 0, steps * batch_size, seed)
    bar = tqdm(DataLoader(data, batch_size, sampler=order), desc=kind, disable=None, leave=False)
    for step, batch in enumerate(bar):
        loss = model.loss(batch["image"], batch["mask"][:, 0] == 1)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"{kind}: the loss is not finite at step {step} of {steps}; try a lower lr")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def with_masks(photos: PhotoSet) -> PhotoSet:
    """The photos that have a mask.

    Raises:
        ManifestError: there is none.
    """
    known = photos.frame["mask"].notna()
    if not known.any():
        raise ManifestError(f"{photos.root}: no photograph has a mask; give the manifest a column `mask`")
    return replace(photos, frame=photos.frame[known])


@torch.no_grad()
def write_outlines(model: nn.Module, photos: PhotoSet, out: Path, threshold: float = 0.5, batch_size: int = 64) -> None:
    """Write an outline of every photograph, <stem>.png with 255 on lesions, as `TrainConfig.lesion_map` reads them.

    Args:
        model: from `train_segmenter`.
        out: folder of the outlines.
        threshold: of the probability.
    """
    out.mkdir(parents=True, exist_ok=True)
    for split in photos.frame["split"].unique():
        data = photos.photos(split, in_memory=True)
        names = data.frame["image"].to_list()
        for batch in tqdm(DataLoader(data, batch_size), desc=f"outlines, {split}", disable=None, leave=False):
            lesion = (model.probability(batch["image"]) >= threshold).numpy()
            for index, mask in zip(batch["index"].tolist(), lesion, strict=True):
                picture = Image.fromarray(np.uint8(255) * mask.astype(np.uint8))
                path = out / f"{Path(names[index]).stem}.png"
                write_atomically(path, lambda draft, picture=picture: picture.save(draft, format="PNG"))
