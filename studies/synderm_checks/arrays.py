"""A SynDerm dataset as arrays: pictures and targets in memory, drawn once and kept."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.records import write_atomically

CHUNK = 500  # cases that a process draws at a time


@dataclass(frozen=True)
class Arrays:
    """n cases: `images` (n, S, S, 3) uint8; `disease` (n,) int; `body_part` (n,) int, -1 where it is missing;
    `attributes` (n, 27) float, NaN where they are missing."""

    images: np.ndarray
    disease: np.ndarray
    body_part: np.ndarray
    attributes: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def _part(cases: SynDerm, read: bool, start: int) -> tuple[np.ndarray, ...]:
    """Some of the cases, from `start` on."""
    images, disease, body, signs = [], [], [], []
    for index in range(start, min(start + CHUNK, len(cases))):
        labels = cases.labels(index)
        images.append(cases[index].image)
        disease.append(LABEL_SPACE.diseases.index(labels.disease))
        found = cases.reading(index, labels) if read else None
        place = labels.body_part if found is None else found.body_part
        body.append(-1 if place is None else LABEL_SPACE.body_parts.index(place))
        given, unknown = (labels.attributes, ()) if found is None else (found.attributes, found.unknown)
        signs.append([np.nan if a in unknown else float(a in given) for a in LABEL_SPACE.attributes])
    return np.stack(images), np.array(disease), np.array(body), np.array(signs, dtype=np.float32)


def drawn(path: Path, cases: SynDerm, workers: int, read: bool = True) -> Arrays:
    """The cases as arrays, from `path` where they were drawn before.

    Args:
        path: a .npz file; its name says which cases it holds.
        cases: the dataset.
        workers: processes that draw; 1: this one.
        read: take a reader's labels, which differ from the truth in a noisy regime.
    """
    if not path.exists():
        task, starts = partial(_part, cases, read), range(0, len(cases), CHUNK)
        if workers == 1:
            parts = list(map(task, starts))
        else:
            with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
                parts = list(pool.map(task, starts))
        images, disease, body, signs = (np.concatenate(x) for x in zip(*parts, strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"images": images, "disease": disease, "body_part": body, "attributes": signs}
        write_atomically(path, lambda draft: _save(draft, arrays))
    with np.load(path) as found:
        return Arrays(**{name: found[name] for name in ("images", "disease", "body_part", "attributes")})


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)
