"""One larger network, trained on a regime for longer and longer: what can be reached between chance and the ceiling."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dermimit.data.synderm import LABEL_SPACE, TEST_CASES, TEST_SEED, SynDerm, split_seed
from studies.synderm_checks.arrays import Arrays, drawn

SIZES = [LABEL_SPACE.num_classes[task] for task in ("disease", "body_part", "attributes")]


@dataclass(frozen=True)
class ReachedSettings:
    """The network, its data and its recipe.

    On validation cases of the regime `plain`, in as much time (1,100 processor seconds), this network reached macro-F1
    .361 and the next larger one, resnet14t, .296.

    `budgets` are the photographs that a training sees, rising. After a warm-up of `warmup` steps the learning rate is
    constant, so that all budgets share one training; for each of them it falls to zero over its last `cooldown`.
    """

    regime: str = "plain"
    image_size: int = 64
    n_train: int = 100_000
    n_val: int = 4_000
    n_test: int = TEST_CASES
    budgets: tuple[int, ...] = (200_000, 400_000)
    model: str = "resnet10t"
    batch_size: int = 128
    lr: float = 3e-3
    weight_decay: float = 0.05
    warmup: int = 500
    cooldown: float = 0.25
    body_weight: float = 0.5
    sign_weight: float = 5.0
    seed: int = 7101

    def cases(self, split: str) -> SynDerm:
        """The cases of a split; the test split is the fresh test set of the regime."""
        n = {"train": self.n_train, "val": self.n_val, "test": self.n_test}[split]
        seed = TEST_SEED if split == "test" else self.seed
        return SynDerm(n, split_seed(seed, split), self.image_size, regime=self.regime)


def data(settings: ReachedSettings, work: Path, workers: int, drawing: str) -> dict[str, Arrays]:
    """The arrays by split; the labels of the test cases are true."""
    name = f"{settings.regime}-{settings.image_size}px-{settings.seed}-{drawing[:12]}"
    return {
        split: drawn(work / f"{name}-{split}-{len(cases)}.npz", cases, workers, read=split != "test")
        for split in ("train", "val", "test")
        for cases in (settings.cases(split),)
    }


def build(settings: ReachedSettings) -> nn.Module:
    """The network, with one output for each class of each task."""
    torch.manual_seed(settings.seed)
    model = timm.create_model(settings.model, num_classes=sum(SIZES))
    return model.to(memory_format=torch.channels_last)


def pixels(images: np.ndarray) -> Tensor:
    """(b, 3, S, S) float in -1..1."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    return (x / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def loss_of(outputs: Tensor, arrays: Arrays, rows: np.ndarray, settings: ReachedSettings) -> Tensor:
    """Cross-entropy of disease and body part, binary cross-entropy of the attributes; missing labels count nothing."""
    disease, body, signs = outputs.float().split(SIZES, dim=1)
    target = torch.from_numpy(arrays.attributes[rows])
    known = ~target.isnan()
    sign_loss = F.binary_cross_entropy_with_logits(signs, target.nan_to_num(), reduction="none")
    place = torch.from_numpy(arrays.body_part[rows])
    body_loss = F.cross_entropy(body, place, ignore_index=-1) if (place >= 0).any() else body.sum() * 0
    return (
        F.cross_entropy(disease, torch.from_numpy(arrays.disease[rows]))
        + settings.body_weight * body_loss
        + settings.sign_weight * (sign_loss * known).sum() / known.sum().clamp(min=1)
    )


@torch.inference_mode()
def predict(model: nn.Module, arrays: Arrays, batch: int = 500) -> dict[str, np.ndarray]:
    """Probabilities by task, of the photograph and its mirror image together."""
    parts = []
    for start in range(0, len(arrays), batch):
        x = pixels(arrays.images[start : start + batch])
        with torch.autocast("cpu", torch.bfloat16):
            parts.append((model(x).float() + model(x.flip(-1)).float()) / 2)
    disease, body, signs = torch.cat(parts).split(SIZES, dim=1)
    return {"disease": disease.softmax(1).numpy(), "body_part": body.softmax(1).numpy(),
            "attributes": signs.sigmoid().numpy()}  # fmt: skip
