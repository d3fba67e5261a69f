"""Attentive pooling: one learned query chooses among a photograph's tokens, and a linear classifier answers."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

BATCH = 32
WEIGHT_DECAY = 0.05


class AttentivePooling(nn.Module):
    """Logits (B, C) of tokens (B, N, D).

    x = (t - m) / s for each channel; weights a = softmax over tokens of q · x / √D; logits W Σ a x + b. q begins at
    zero, where every token weighs the same.

    Args:
        mean, deviation: (D,) of the training tokens' channels.
        size: number of classes, C.
    """

    def __init__(self, mean: Float[Tensor, " d"], deviation: Float[Tensor, " d"], size: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.query = nn.Parameter(torch.zeros_like(mean))
        self.classifier = nn.Linear(len(mean), size)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b c"]:
        """Logits."""
        x = (tokens.float() - self.mean) / self.deviation
        weights = (x @ self.query / len(self.query) ** 0.5).softmax(1)
        return self.classifier((weights[:, None] @ x).squeeze(1))


def attentive(
    tokens: np.ndarray,
    train: Int[np.ndarray, " n"],
    classes: Int[np.ndarray, " n"],
    test: Int[np.ndarray, " m"],
    size: int,
    epochs: int,
    lr: float,
    seed: int,
) -> Float[np.ndarray, "m {size}"]:
    """Probability of each class for each test photograph.

    AdamW with a cosine to zero, in batches of 32; the loss weighs every class the same, as `logistic` does.

    Args:
        tokens: (photographs, N, D) float16, memory-mapped or not.
        train, test: rows of `tokens`.
        classes: of the training photographs, in 0 .. `size` - 1; one without gets a probability near 0.
        size: number of classes.
        epochs: passes over the training photographs.
        lr: peak learning rate.
        seed: of their order.
    """
    draw = torch.Generator().manual_seed(seed)
    model = AttentivePooling(*channels(tokens, train), size)
    counts = np.bincount(classes, minlength=size)
    weight = torch.tensor(np.where(counts > 0, len(classes) / np.maximum(counts, 1) / (counts > 0).sum(), 0)).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    truth = torch.from_numpy(classes)
    for _ in range(epochs):
        for some in torch.randperm(len(train), generator=draw).split(BATCH):
            batch = torch.from_numpy(tokens[train[some.numpy()]])
            each = cross_entropy(model(batch), truth[some], weight, reduction="sum") / len(some)
            optimizer.zero_grad()
            each.backward()
            optimizer.step()
            schedule.step()
    with torch.inference_mode():
        parts = [
            model(torch.from_numpy(tokens[rows])).softmax(1) for rows in np.array_split(test, len(test) // BATCH + 1)
        ]
    return torch.cat(parts).double().numpy()


def channels(tokens: np.ndarray, rows: Int[np.ndarray, " n"]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (D,) of each channel over all tokens of some photographs; 1 where it is constant."""
    total, square, count = 0.0, 0.0, len(rows) * tokens.shape[1]
    for part in np.array_split(rows, len(rows) // BATCH + 1):
        flat = tokens[part].astype(np.float64).reshape(-1, tokens.shape[2])
        total, square = total + flat.sum(0), square + (flat**2).sum(0)
    mean = torch.from_numpy(total / count)
    deviation = (torch.from_numpy(square / count) - mean**2).clamp_min(0).sqrt()
    return mean.float(), torch.where(deviation > 1e-6, deviation, 1).float()
