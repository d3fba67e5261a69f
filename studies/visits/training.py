"""Training of the fusion of visits over features that a trained model has read from each photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studies.visits.model import VisitFusion


@dataclass(frozen=True)
class Series:
    """Cases seen several times.

    Attributes:
        features: (N, V, F) of each visit's photograph.
        days: (N, V) since the first visit.
        disease: (N,) class.
    """

    features: Tensor
    days: Tensor
    disease: Tensor

    def __len__(self) -> int:
        return len(self.disease)

    def first(self, visits: int) -> Series:
        """Only so many first visits."""
        return Series(self.features[:, :visits], self.days[:, :visits], self.disease)

    def only(self, visit: int) -> Series:
        """One visit, counted from 0."""
        return Series(self.features[:, visit : visit + 1], torch.zeros_like(self.days[:, :1]), self.disease)


def fit_visits(
    train: Series,
    val: Series,
    kind: str,
    seed: int = 0,
    epochs: int = 15,
    batch_size: int = 64,
    lr: float = 1e-3,
    drop: float = 0.5,
) -> VisitFusion:
    """The fusion after the epoch with the best validation accuracy.

    Args:
        train, val: cases of different patients.
        kind: of `VisitFusion`.
        seed: of weights, order and dropped visits.
        drop: chance that a training case loses a random number of its visits, at least one stays: so that one model
            answers for one visit and for all, and for irregular and missing ones.
    """
    torch.manual_seed(seed)
    visits = train.features.shape[1]
    model = VisitFusion(train.features.shape[2], int(train.disease.max()) + 1, kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * -(-len(train) // batch_size))
    best, kept = -1.0, model.state_dict()
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(train)).split(batch_size):
            there = attended(len(rows), visits, drop)
            logits = model(train.features[rows], train.days[rows], there)
            F.cross_entropy(logits, train.disease[rows]).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        right = float((answers(model, val) == val.disease.numpy()).mean())
        if right > best:
            best, kept = right, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return model.eval()


def attended(cases: int, visits: int, drop: float) -> Tensor:
    """Which visits take place, (cases, visits): all of them, or with a chance of `drop` a random part, at least one."""
    order = torch.rand(cases, visits).argsort(1).argsort(1)
    count = torch.randint(1, visits + 1, (cases, 1))
    return (order < count) | (torch.rand(cases, 1) >= drop)


@torch.inference_mode()
def answers(model: VisitFusion, series: Series, there: Tensor | None = None) -> np.ndarray:
    """The disease that the model names for each case, from the visits that took place (all, by default)."""
    model.eval()
    there = torch.ones(series.days.shape, dtype=torch.bool) if there is None else there
    return model(series.features, series.days, there).argmax(1).numpy()
