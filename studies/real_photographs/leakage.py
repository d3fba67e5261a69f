"""What leakage is worth: one recipe scored with folds by patient and with folds by photograph, on PAD-UFES-20."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermimit.data import load, pad_ufes_20
from dermimit.evaluate.comparisons import macro_f1
from dermimit.evaluate.statistics import bootstrap_interval
from dermimit.train.config import TrainConfig
from dermimit.train.engine import fit
from studies.shared.pictures import describe, thumbnails

SCHEMES = ("patient", "image")
FOLDS = range(5)
NETWORK = "DermImit, small, from scratch"
CLASSIC: dict[str, Callable[[], object]] = {
    "nearest thumbnail": lambda: KNeighborsClassifier(1),
    "colour and texture": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
}
METRICS = {
    "macro-F1": macro_f1,
    "balanced accuracy": lambda t, a: float(balanced_accuracy_score(t, a)),
    "accuracy": lambda t, a: float((t == a).mean()),
}


@dataclass(frozen=True)
class LeakageSettings:
    """The network's recipe and the seeds of its trainings; every seed trains ten networks."""

    image_size: int = 64
    samples: int = 8192
    epochs: int = 4
    lr: float = 0.001
    weight_attributes: float = 5.0
    seeds: tuple[int, ...] = (0, 1)


def folds_of(root: Path, scheme: str) -> list[pd.Series]:
    """For each of the five folds, the split of every photograph, indexed by its path."""
    frames = [load("pad_ufes_20", root, 64, fold=fold, folds_by=scheme).frame for fold in FOLDS]
    return [frame.set_index("image")["split"] for frame in frames]


def by_network(root: Path, scheme: str, seed: int, settings: LeakageSettings, work: Path) -> pd.Series:
    """Out-of-fold answers of five networks, the disease by path; `work` keeps the runs, which go on where stopped."""
    parts = []
    for fold in FOLDS:
        config = TrainConfig(
            data_root=root, out=work / f"{scheme}-fold{fold}-seed{seed}", dataset="pad_ufes_20",
            data_options={"fold": fold, "folds_by": scheme}, image_size=settings.image_size,
            samples=settings.samples, epochs=settings.epochs, optimizer="adamw", lr=settings.lr, weight_decay=0.02,
            weight_attributes=settings.weight_attributes, seed=seed,
        )  # fmt: skip
        frame = pd.read_parquet(fit(config) / "predictions.parquet")
        test = frame[frame["split"] == "test"].set_index("image")
        answer = np.stack(test["disease_prob"].to_list()).argmax(axis=1)
        parts.append(pd.Series(np.array(list(pad_ufes_20.DISEASE_NAMES))[answer], test.index))
    return pd.concat(parts)


def by_classic(name: str, root: Path, scheme: str, images: pd.Series, truth: pd.Series) -> pd.Series:
    """Out-of-fold answers of one of CLASSIC; it learns from training and validation photographs.

    Args:
        images: (n,) photographs (96, 96, 3) uint8 by path.
        truth: disease by path.
    """
    stack = np.stack(images.to_list())
    features = thumbnails(stack, 16) if name == "nearest thumbnail" else np.stack([describe(i) for i in stack])
    table, parts = pd.DataFrame(features, images.index), []
    for split in folds_of(root, scheme):
        test = split.index[split == "test"]
        rest = split.index[split != "test"]
        model = CLASSIC[name]().fit(table.loc[rest], truth.loc[rest])
        parts.append(pd.Series(model.predict(table.loc[test]), test))
    return pd.concat(parts)


def small_photographs(root: Path, side: int = 96) -> pd.Series:
    """(n,) central squares (side, side, 3) uint8, by path."""
    photos = load("pad_ufes_20", root, side, fold=0)
    found = {}
    for split in ("train", "val", "test"):
        stored = photos.photos(split, in_memory=True)
        for i, name in enumerate(stored.frame["image"]):
            found[name] = photos.prepared.denormalise(stored[i]["image"]).permute(1, 2, 0).numpy()
    return pd.Series(found)


def compare(answers: dict[str, list[pd.Series]], frame: pd.DataFrame, resamples: int = 1000) -> list[dict[str, object]]:
    """Scores with folds by patient and by photograph, and their paired difference, with 95 % intervals by patient.

    Args:
        answers: for each of SCHEMES the out-of-fold answers by path, one series a seed; their scores are averaged.
        frame: the manifest, with patients.

    Returns:
        rows of `photographs, n, metric, score, value, low, high`: `score` is patient, image, or difference
        (image - patient); `photographs` is all, or those whose patient has others.
    """
    names = list(pad_ufes_20.DISEASE_NAMES)
    frame = frame.set_index("image")
    siblings = frame.groupby("patient_id")["disease"].transform("size") > 1
    rows = []
    for which, kept in (("all", frame.index), ("with others of the same patient", frame.index[siblings])):
        patients = frame.loc[kept, "patient_id"].to_numpy(str)
        truth = _codes(frame.loc[kept, "disease"], names)
        given = {scheme: [_codes(a.loc[kept], names) for a in answers[scheme]] for scheme in SCHEMES}
        for metric in METRICS:
            for name, weights in WEIGHTS.items():
                measure = partial(_weighted, METRICS[metric], truth, given, weights)
                low, high = bootstrap_interval(measure, len(truth), groups=patients, resamples=resamples)
                row = {"photographs": which, "n": len(truth), "metric": metric, "score": name}
                rows.append(row | {"value": measure(np.arange(len(truth))), "low": low, "high": high})
    return rows


WEIGHTS = {"patient": {"patient": 1}, "image": {"image": 1}, "difference": {"image": 1, "patient": -1}}


def _weighted(score: Callable, truth: np.ndarray, given: dict, weights: dict[str, int], rows: np.ndarray) -> float:
    """Sum over schemes of weight times the mean score of its seeds."""
    return float(
        sum(w * np.mean([score(truth[rows], answer[rows]) for answer in given[s]]) for s, w in weights.items())
    )


def _codes(values: Iterable[str], names: list[str]) -> np.ndarray:
    return np.array([names.index(v) for v in values])
