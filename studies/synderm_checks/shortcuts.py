"""How far shortcuts get on SynDerm's 49 diseases, between the commonest disease and the Bayes ceiling."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from dermimit.data.synderm import (
    ARRANGEMENTS,
    LABEL_SPACE,
    NUMBERS,
    SIZES,
    Knowledge,
    Labels,
    SynDerm,
    knowledge,
    log_likelihood,
    process,
    split_seed,
    write,
)
from dermimit.evaluate.comparisons import macro_f1
from dermimit.evaluate.statistics import bootstrap_interval
from dermimit.train.config import TrainConfig
from dermimit.train.engine import fit
from studies.shared.pictures import thumbnails

TRAINED = {  # name -> what of the model is used
    "vit_disease": {"tasks": ("disease",), "lsm": False, "fusion": "none"},
    "vit_full": {"lsm": True, "fusion": "cim"},
}
LABELS = {
    "majority": "commonest disease",
    "nuisance_permuted": "nuisance numbers, labels shuffled",
    "nuisance": "nuisance numbers (boosted trees)",
    "thumbnail": "thumbnail of 8 × 8 pixels (k-NN)",
    "histogram": "colour histogram (logistic regression)",
    "vit_disease": "small ViT, disease only",
    "vit_full": "small ViT, three tasks, LSM and CIM",
    "ceiling": "Bayes ceiling",
}
NEIGHBOURS, STRENGTHS = (1, 3, 5, 11, 21, 41), (1.0, 10.0)


@dataclass(frozen=True)
class ShortcutSettings:
    """Photographs by split, their size, and the networks' training."""

    n_train: int = 16_000
    n_val: int = 1000
    n_test: int = 2000
    image_size: int = 64
    samples: int = 128_000
    epochs: int = 8
    resamples: int = 1000
    seed: int = 7001  # far from the seeds of the book's datasets
    regime: str = "version-3"

    @property
    def sizes(self) -> dict[str, int]:
        return {"train": self.n_train, "val": self.n_val, "test": self.n_test}

    def cases(self, split: str, image_size: int | None = None) -> SynDerm:
        """The cases of a split, as `write` draws them."""
        size = image_size or self.image_size
        return SynDerm(self.sizes[split], split_seed(self.seed, split), size, regime=self.regime)


def diseases(cases: SynDerm) -> np.ndarray:
    """(n,) index of each case's disease."""
    return np.array([LABEL_SPACE.diseases.index(cases.labels(i).disease) for i in range(len(cases))])


def photographs(folder: Path, split: str) -> np.ndarray:
    """(n, S, S, 3) uint8: the photographs of a split of a written folder, in the order of the cases."""
    frame = pd.read_parquet(folder / "manifest.parquet")
    names = frame.loc[frame["split"] == split, "image"]
    return np.stack([np.asarray(Image.open(folder / name, formats=["PNG"])) for name in names])


def nuisance(cases: SynDerm) -> np.ndarray:
    """(n, f): the nuisance numbers of each case, which a picture of any size has."""
    return np.array([flat(cases[i].parameters["nuisance"]) for i in range(len(cases))])


@lru_cache(maxsize=4)
def nuisance_of(settings: ShortcutSettings, split: str) -> np.ndarray:
    """As `nuisance`, of a split drawn small, kept in memory for the second classifier that wants it."""
    return nuisance(settings.cases(split, 16))


def flat(numbers: Mapping[str, object]) -> list[float]:
    """The numbers and tuples of numbers of a mapping, one after another.

    Raises:
        TypeError: a value is something else.
    """
    values: list[float] = []
    for name, value in numbers.items():
        parts = value if isinstance(value, tuple | list) else (value,)
        if not all(isinstance(p, int | float | np.number | np.bool_) for p in parts):
            raise TypeError(f"nuisance {name!r}: {value!r} is not made of numbers")
        values += [float(p) for p in parts]
    return values


def histograms(images: np.ndarray, bins: int = 8) -> np.ndarray:
    """(n, bins^3) square roots of each photograph's share of pixels by red, green and blue; from (n, H, W, 3) uint8."""
    level = images.reshape(len(images), -1, 3).astype(np.int64) * bins // 256
    code = (level[..., 0] * bins + level[..., 1]) * bins + level[..., 2]
    return np.sqrt(np.stack([np.bincount(row, minlength=bins**3) for row in code]) / code.shape[1])


def majority(target: np.ndarray, n: int) -> np.ndarray:
    """(n,): the commonest class of `target`, n times."""
    return np.full(n, np.bincount(target).argmax())


def by_histogram(
    train: np.ndarray, target: np.ndarray, val: np.ndarray, val_target: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, str]:
    """Answers of a multinomial logistic regression on features; its strength of fit is chosen by validation."""
    models = [LogisticRegression(C=c, max_iter=150) for c in STRENGTHS]
    return _best(models, 10.0 * train, target, 10.0 * val, val_target, 10.0 * test)


def by_neighbours(
    train: np.ndarray, target: np.ndarray, val: np.ndarray, val_target: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, str]:
    """Answers of the k nearest neighbours; k is chosen by validation."""
    models = [KNeighborsClassifier(k) for k in NEIGHBOURS if k <= len(train)]
    return _best(models, train, target, val, val_target, test)


def _best(models: Sequence, train, target, val, val_target, test) -> tuple[np.ndarray, str]:
    """Answers of the model that is right most often on the validation photographs, and its name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = [model.fit(train, target).score(val, val_target) for model in models]
    best = models[int(np.argmax(scores))]
    return best.predict(test), str(best)


def by_trees(train: np.ndarray, target: np.ndarray, test: np.ndarray, seed: int = 0) -> np.ndarray:
    """Answers of boosted trees."""
    model = HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=15, min_samples_leaf=20, early_stopping=False, random_state=seed
    )
    return model.fit(train, target).predict(test)


def by_bayes(labels: Sequence[Labels], prior: np.ndarray | None = None, facts: Knowledge | None = None) -> np.ndarray:
    """(n,): the disease of largest posterior given the true body part, attributes and lesion parameters."""
    facts = facts or knowledge()
    body = np.array([facts.body_parts.index(c.body_part) for c in labels])
    present = np.array([[a in c.attributes for a in facts.attributes] for c in labels])
    lesions = [(NUMBERS.index(c.number), SIZES.index(c.size), ARRANGEMENTS.index(c.arrangement)) for c in labels]
    with np.errstate(divide="ignore"):
        weight = np.log(facts.prior if prior is None else prior)
    return (log_likelihood(body, present, np.array(lesions), facts) + weight).argmax(axis=1)


def by_network(name: str, settings: ShortcutSettings, folder: Path, out: Path) -> np.ndarray:
    """Answers on the test split of a network of `TRAINED`, trained on a written folder; goes on where it was stopped.

    The recipe is that of the quick profile with more photographs seen.
    """
    config = TrainConfig(
        data_root=folder, out=out, image_size=settings.image_size, samples=settings.samples, epochs=settings.epochs,
        optimizer="adamw", lr=0.002, weight_decay=0.02, weight_attributes=5.0, **TRAINED[name],
    )  # fmt: skip
    frame = pd.read_parquet(fit(config) / "predictions.parquet")
    return np.stack(frame.loc[frame["split"] == "test", "disease_prob"].to_list()).argmax(axis=1)


def answers(name: str, settings: ShortcutSettings, work: Path) -> tuple[np.ndarray, str]:
    """Train the named classifier and answer for the test photographs; also what it chose by validation, if anything.

    Args:
        name: key of `LABELS`.
        settings: the data.
        work: folder for the photographs and the networks' runs.
    """
    if name not in LABELS:
        raise ValueError(f"unknown classifier {name!r}; known are {', '.join(LABELS)}")
    target = diseases(settings.cases("train"))
    if name == "majority":
        return majority(target, settings.n_test), ""
    if name == "ceiling":
        cases = settings.cases("test")
        return by_bayes([cases.labels(i) for i in range(len(cases))], facts=process(cases.regime)), ""
    if name.startswith("nuisance"):
        if name == "nuisance_permuted":
            target = np.random.default_rng(settings.seed).permutation(target)
        train, test = (nuisance_of(settings, split) for split in ("train", "test"))
        return by_trees(train, target, test), ""
    folder = write(work / "photographs", settings.sizes, settings.seed, settings.image_size, regime=settings.regime)
    if name in TRAINED:
        return by_network(name, settings, folder, work / name), ""
    features, by = (histograms, by_histogram) if name == "histogram" else (thumbnails, by_neighbours)
    train, val, test = (features(photographs(folder, split)) for split in ("train", "val", "test"))
    return by(train, target, val, diseases(settings.cases("val")), test)


def row(name: str, settings: ShortcutSettings, work: Path) -> dict[str, object]:
    """One line of the table: accuracy and macro-F1 on the test photographs with 95 % bootstrap intervals."""
    given, chosen = answers(name, settings, work)
    truth = diseases(settings.cases("test"))
    return {"model": name, "label": LABELS[name], "chosen": chosen} | scores(truth, given, settings.resamples)


def scores(truth: np.ndarray, given: np.ndarray, resamples: int = 1000) -> dict[str, float]:
    """accuracy and macro_f1 (over the classes that occur in the truth), each with _low and _high; n."""
    found: dict[str, float] = {"n": len(truth)}
    for name, score in (("accuracy", lambda t, g: float((t == g).mean())), ("macro_f1", macro_f1)):
        low, high = bootstrap_interval(lambda k, s=score: s(truth[k], given[k]), len(truth), resamples=resamples)
        found |= {name: score(truth, given), f"{name}_low": low, f"{name}_high": high}
    return found
