"""The disease answers of the runs of one row, read from their stored predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from jaxtyping import Int

from dermimit.data.label_space import LabelSpace
from dermimit.evaluate.resampling import Draws, macro_f1_draws

Classes = Int[np.ndarray, " photos"]


def macro_f1(truth: Classes, answer: Classes) -> float:
    """Mean F1 over the classes that occur in the truth, as `metrics.class_metrics`, but fast enough to resample.

    Args:
        truth: class index of each photo.
        answer: predicted class index of each photo.
    """
    size = int(max(truth.max(), answer.max())) + 1
    hits = np.bincount(truth[truth == answer], minlength=size)
    counts = np.bincount(truth, minlength=size)
    f1 = 2 * hits / np.maximum(counts + np.bincount(answer, minlength=size), 1)
    return float(f1[counts > 0].mean())


@dataclass(frozen=True)
class Answers:
    """The disease answers of one row of an experiment on the test split, one array a seed."""

    truth: Classes
    answers: list[Classes]
    patients: pd.Series
    images: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    def macro_f1(self) -> np.ndarray:
        """Macro-F1 of each seed."""
        return np.array([macro_f1(self.truth, answer) for answer in self.answers])

    def macro_f1_draws(self, draws: Draws) -> np.ndarray:
        """Macro-F1 of each seed on each resample: (seeds, resamples)."""
        return np.stack([macro_f1_draws(self.truth, answer, draws) for answer in self.answers])


def read_answers(paths: Sequence[Path], label_space: LabelSpace, seeds: Sequence[int] = ()) -> Answers:
    """Read the test predictions of the runs of one row.

    Args:
        paths: run folders, one a seed, with `predictions.parquet`: all probabilities, or answers (`records.publish`).
        label_space: the order of the probabilities.
        seeds: the seed of each run; 0, 1, ... if left out.
    Raises:
        ValueError: two runs were tested on different photos, or have the same seed.
    """
    seeds = tuple(seeds) or tuple(range(len(paths)))
    if len(set(seeds)) < len(seeds):
        again = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise ValueError(f"two runs have seed {again}: {', '.join(str(p) for p in paths)}; keep one of them.")
    frames = [_columns(Path(path) / "predictions.parquet") for path in paths]
    frames = [frame[(frame["split"] == "test") & frame["disease"].notna()] for frame in frames]
    for path, frame in zip(paths, frames, strict=True):
        if frame.empty:
            raise ValueError(f"{path}: predictions.parquet holds no test photo with a disease.")
        if not np.array_equal(frame["image"], frames[0]["image"]):
            raise ValueError(f"{path} was tested on other photos than {paths[0]}: train both on the same data.")
    place = {name: i for i, name in enumerate(label_space.diseases)}
    return Answers(
        truth=np.array([place[name] for name in frames[0]["disease"]]),
        answers=[_named(frame, place) for frame in frames],
        patients=frames[0]["patient_id"].reset_index(drop=True),
        images=tuple(frames[0]["image"].to_list()),
        seeds=seeds,
    )


def _columns(path: Path) -> pd.DataFrame:
    """What is needed of a file of predictions: answers if it holds them, else probabilities; lists are slow to read."""
    there = pq.read_schema(path).names
    answer = "answer" if "answer" in there else "disease_prob"
    return pd.read_parquet(path, columns=["image", "patient_id", "split", "disease", answer])


def _named(frame: pd.DataFrame, place: dict[str, int]) -> Classes:
    """The class index of each answer, from the probabilities or, where only answers are kept, from those."""
    if "answer" in frame:
        return frame["answer"].map(place).to_numpy(dtype=np.int64)
    return np.stack(frame["disease_prob"].to_list()).argmax(1)
