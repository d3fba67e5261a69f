"""One answer from several visits: what the photographs of each, and the days between them, say together."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

KINDS = ("late", "attention", "timeless", "change")
FREQUENCIES = 8
LONGEST = 1000.0
"""Days: the longest wavelength of the time encoding; the shortest is two days."""


class VisitFusion(nn.Module):
    """Fuses the features of one to V visits of a case into the logits of its disease.

    late: a classifier for each visit, and the mean of their log-probabilities.
    attention: a transformer layer over the visits and a query token; every visit carries sines and cosines of the days
        since the first one (Vaswani et al. 2017, over days in place of places).
    timeless: the same without days: visits are a set.
    change: a classifier of the first visit's features, the mean over visits, and the last visit's minus the first's.

    Args:
        features: size F of a photograph's features.
        classes: number of diseases.
        kind: which.
        dim: width of the attention.
        heads: of the attention.

    Differs from the paper: it sees one photograph.
    """

    def __init__(self, features: int, classes: int, kind: str, dim: int = 128, heads: int = 4) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"unknown fusion of visits {kind!r}: choose one of {', '.join(KINDS)}")
        self.kind, self.norm = kind, nn.LayerNorm(features)
        if kind in ("attention", "timeless"):
            self.embed, self.query = nn.Linear(features, dim), nn.Parameter(torch.zeros(1, 1, dim))
            self.time = nn.Linear(2 * FREQUENCIES, dim) if kind == "attention" else None
            self.layer = nn.TransformerEncoderLayer(dim, heads, 2 * dim, 0.1, "gelu", batch_first=True, norm_first=True)
            self.classifier = nn.Linear(dim, classes)
        else:
            self.classifier = nn.Linear(features * (3 if kind == "change" else 1), classes)

    def forward(
        self,
        features: Float[Tensor, "batch visits features"],
        days: Float[Tensor, "batch visits"],
        there: Bool[Tensor, "batch visits"],
    ) -> Float[Tensor, "batch classes"]:
        """Logits (log-probabilities with "late").

        Args:
            features: of each visit's photograph; anything where there is none.
            days: since the first visit, 0 or more, in order.
            there: which visits took place; at least one a case.
        """
        x = self.norm(torch.where(there[..., None], features, 0.0))
        if self.kind == "late":
            each = self.classifier(x).log_softmax(-1)
            return (torch.where(there[..., None], each, 0.0).sum(1) / there.sum(1, keepdim=True)).log_softmax(-1)
        if self.kind == "change":
            return self.classifier(torch.cat(first_mean_and_change(x, there), dim=-1))
        x = self.embed(x) if self.time is None else self.embed(x) + self.time(time_encoding(days))
        tokens = torch.cat([self.query.expand(len(x), -1, -1), x], dim=1)
        return self.classifier(self.layer(tokens, src_key_padding_mask=~F.pad(there, (1, 0), value=True))[:, 0])


def first_mean_and_change(x: Float[Tensor, "batch visits f"], there: Bool[Tensor, "batch visits"]) -> list[Tensor]:
    """The first visit's features, the mean over visits, the last's minus the first's; 0 change with one visit."""
    rows, number = torch.arange(len(x), device=x.device), torch.arange(x.shape[1], device=x.device)
    first = torch.where(there, number, x.shape[1]).argmin(1)
    last = torch.where(there, number, -1).argmax(1)
    mean = torch.where(there[..., None], x, 0.0).sum(1) / there.sum(1, keepdim=True)
    return [x[rows, first], mean, x[rows, last] - x[rows, first]]


def time_encoding(days: Float[Tensor, "batch visits"]) -> Float[Tensor, "batch visits encoding"]:
    """Sines and cosines of days, with wavelengths from two days to `LONGEST` in equal ratios."""
    wavelength = 2 * (LONGEST / 2) ** (torch.arange(FREQUENCIES, device=days.device) / (FREQUENCIES - 1))
    angle = 2 * math.pi * days[..., None] / wavelength
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
