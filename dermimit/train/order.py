"""Which photographs are seen in which order, and the randomness that belongs to each."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed of its own for each (seed, epoch), of 62 bits: sums of some small numbers with it fit torch's 64."""
    return (seed * 10_007 + epoch + 1) * 1_000_003 % 2**62


def seed_of(*what: int | str) -> int:
    """A seed of its own for each combination, of 32 bits: all that torch's generator on a CPU reads of one."""
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:4], "big")


def sample_order(n: int, start: int, count: int, seed: int) -> list[int]:
    """Positions start .. start + count of an endless sequence of shuffled passes over n photographs."""
    passes = range(start // n, (start + count - 1) // n + 1)
    orders = [torch.randperm(n, generator=torch.Generator().manual_seed(epoch_seed(seed, p) + 7)) for p in passes]
    offset = start - passes.start * n
    return torch.cat(orders)[offset : offset + count].tolist()


def even_groups(group: Int[Tensor, " photographs"], count: int, seed: int) -> list[int]:
    """Positions of `count` photographs, drawn with repeats so that every group that occurs is equally likely.

    Args:
        group: of each photograph, 0 and up.
        count: how many.
        seed: of the draw.
    """
    weight = 1.0 / torch.bincount(group)[group].double()
    return torch.multinomial(weight, count, True, generator=torch.Generator().manual_seed(seed)).tolist()


class InOrder(Dataset[dict[str, Any]]):
    """Photographs in a given order, each augmented by randomness of its own: whichever process loads it, and when.

    Args:
        photos: gives item i as a dict, and draws from torch's global random state.
        order: positions in `photos`.
        seed: with a place in the order, decides the item's randomness.
    """

    def __init__(self, photos: Dataset[dict[str, Any]], order: Sequence[int], seed: int) -> None:
        self.photos, self.order, self.seed = photos, order, seed

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, place: int) -> dict[str, Any]:
        before = torch.get_rng_state()
        torch.default_generator.manual_seed(seed_of(self.seed, place))
        try:
            return self.photos[self.order[place]]
        finally:
            torch.set_rng_state(before)
