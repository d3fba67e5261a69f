"""A model's probabilities for every photograph of a split, as the frame that all tables are made from."""

from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, Dataset

from dermimit.data.labelled import LabelledPhotos

STORED = {"selected": np.int16}
IDENTITY = ("image", "split", "patient_id", "fitzpatrick")


@torch.inference_mode()
def predict(
    model: nn.Module,
    photos: LabelledPhotos,
    batch_size: int,
    accelerator: Accelerator,
    workers: int = 0,
) -> pd.DataFrame:
    """One row a photograph, in the manifest's order.

    Args:
        model: on the accelerator's device.
        photos: what it is asked about; `image` is a photograph, or the trunk's tokens in its place.
        batch_size: photographs at a time, over all processes.
        accelerator: tells device and processes.
        workers: processes that load photographs; 0 loads in this one.

    Returns:
        image, split, patient_id, fitzpatrick; for each task of the dataset its truth (`<task>`, None where unknown;
        for the attributes also `attributes_unknown`); for each task of the model `<task>_prob` (list of float16 in
        the label space's order);
        and, with lesion selection, `selected`: the patches chosen for the disease, best first.
    """
    model.eval()
    loader = accelerator.prepare(DataLoader(cast(Dataset[Any], photos), batch_size, shuffle=False, num_workers=workers))
    space = photos.label_space
    columns: dict[str, list] = {}
    for batch in loader:
        with accelerator.autocast():
            logits, out = model(laid_out(batch["image"]))
        found = {f"{task}_prob": probabilities(z.float(), space.multi_label(task)) for task, z in logits.items()}
        if "disease/selected" in out:
            found["selected"] = out["disease/selected"].int()  # gloo gathers no int16
        for name, value in accelerator.gather_for_metrics(found).items():
            columns.setdefault(name, []).append(value.cpu().numpy().astype(STORED.get(name, np.float16)))
    truths = [
        name
        for task in space.num_classes
        for name in ((task, "attributes_unknown") if task == "attributes" else (task,))
    ]
    frame = photos.frame[[*IDENTITY, *truths]].reset_index(drop=True)
    return frame.assign(**{name: list(np.concatenate(parts)) for name, parts in columns.items()})


def laid_out(images: torch.Tensor) -> torch.Tensor:
    """Photographs (B, C, H, W) with their pixels row by row in memory (channels last); tokens (B, T, D) as they are."""
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images


def probabilities(logits: torch.Tensor, multi_label: bool) -> torch.Tensor:
    """Softmax over classes, or a sigmoid each where several may hold at once; float16 (B, C)."""
    return (logits.sigmoid() if multi_label else logits.softmax(dim=1)).half()
