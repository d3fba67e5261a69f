"""The data of the planned trainings: a training set for each seed, and one fresh test set for all of them."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dermimit.data.synderm import read_regime, write
from dermimit.lock import LockedError


def folder_of(work: Path, regime: str, seed: int) -> Path:
    """Where the photographs of a regime and seed lie."""
    return work / "data" / f"{regime}-seed{seed}"


def draw(work: Path, regime: str, seed: int, image_size: int, sizes: Mapping[str, int]) -> Path:
    """Draw the photographs of a regime and seed, unless they are there; the seed of the drawing is the training's.

    `sizes` are those of training and validation; the fresh test set is whole, or its first cases where a size is given.
    Pictures that a folder of `work` has already are linked: noise changes none, and the test cases are the same for
    every seed.
    """
    out = folder_of(work, regime, seed)
    finished = [path.parent for path in sorted((work / "data").glob("*/croissant.json"))]
    if out in finished:
        return out
    same = [other for other in finished if pictures(other) == pictures(out)]
    same.sort(key=lambda other: not other.name.endswith(f"-seed{seed}"))
    facts: dict[str, Any] = {"seed": seed, "image_size": image_size, "regime": regime, "fresh_test": True}
    while True:
        try:
            return write(out, sizes, **facts, beside=same[0] if same else None)
        except LockedError:  # another process draws it
            time.sleep(5)


def pictures(folder: Path) -> tuple[float | None, bool]:
    """What decides how the cases of a folder look, beside their seed."""
    regime = read_regime(folder.name.rpartition("-seed")[0])
    return regime.interaction, regime.small
