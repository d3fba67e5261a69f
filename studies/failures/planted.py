"""A shortcut planted on purpose: a network that takes ink, or a dressing, for melanoma, and which maps give it away.

Two sets of training photographs differ in nothing but who has the thing: nine in ten melanomas and one in twenty of the
others (planted), or as many photographs in all, whatever the disease (control). The rule, set before anything was
measured: a method *reveals* the shortcut if, for melanomas with the thing, (1) the 95 % interval of the planted
network's energy on it lies above its share of the picture, and (2) that of the difference from the control network lies
above zero.

A network trained on inked photographs from random weights hardly learns the plant within the budget: it does not see
thin lines yet. The networks whose maps are judged therefore start from a published run of the full model; and a second
plant, a dressing, is large and easily seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.synderm import CAUSES, LABEL_SPACE, USUAL, Spec, SynDerm, knowledge, split_seed, write
from dermimit.data.transforms import eval_transform
from dermimit.evaluate.estimate import estimate
from dermimit.evaluate.resampling import patient_draws, percentile_interval, two_level
from dermimit.explain.attributions import attribution, methods_for
from dermimit.explain.localisation import energy_inside
from dermimit.train.config import TrainConfig
from studies.failures.by_condition import NO, YES
from studies.failures.counterfactuals import disease_probabilities

TARGET = "melanoma"
KINDS = ("planted", "control")
LEAST = 12  # pixels in sight; with fewer there is nothing to point at


@dataclass(frozen=True)
class PlantSettings:
    """Photographs, the plant and the training; the recipe is the published one (workflow/config/published.yaml)."""

    thing: Literal["ink", "dressing"] = "ink"
    n_train: int = 8000
    n_val: int = 500
    n_test: int = 200  # melanomas, and as many others
    image_size: int = 64
    target_share: float = 0.10  # of melanoma among all cases; the shipped prior has too few to learn anything from
    with_target: float = 0.90
    with_others: float = 0.05
    samples: int = 16_000
    epochs: int = 5
    batch_size: int = 16
    lr: float = 0.001
    weight_decay: float = 0.02
    weight_attributes: float = 5.0
    precision: str = "bf16"
    explained: int = 40  # melanomas with the thing in sight
    resamples: int = 2000
    data_seed: int = 9001  # far from the seeds of the book's datasets
    seeds: tuple[int, ...] = (0,)
    from_scratch: bool = True  # also train from random weights, to see whether they learn the plant

    @property
    def prior(self) -> np.ndarray:
        """(49,) the shipped prior with the target's share raised."""
        prior, target = knowledge().prior.copy(), knowledge().diseases.index(TARGET)
        prior *= (1 - self.target_share) / (1 - prior[target])
        prior[target] = self.target_share
        return prior

    def confounders(self, kind: str) -> Spec:
        """Probabilities of the confounders: the thing as planted or evenly, all others as usual."""
        even = self.target_share * self.with_target + (1 - self.target_share) * self.with_others
        planted = {TARGET: self.with_target, "default": self.with_others}
        return {**USUAL, self.thing: planted if kind == "planted" else even}

    def tests(self, target: bool) -> SynDerm:
        """Cases that no training saw: melanomas only, or none."""
        prior = np.array([float((d == TARGET) == target) for d in LABEL_SPACE.diseases]) * self.prior
        return SynDerm(self.n_test, split_seed(self.data_seed, "test"), self.image_size, prior=prior)


def photographs(kind: str, settings: PlantSettings, work: Path) -> Path:
    """Write the training photographs of a kind, unless they are there."""
    sizes = {"train": settings.n_train, "val": settings.n_val, "test": 100}
    given = {"prior": settings.prior, "confounders": settings.confounders(kind)}
    return write(work / f"{kind}-photographs", sizes, settings.data_seed, settings.image_size, **given)


def training(kind: str, seed: int, settings: PlantSettings, work: Path, start: Path | None = None) -> TrainConfig:
    """The run of the full model on the photographs of a kind, from random weights or from a finished run."""
    name = f"{kind}-seed{seed}" if start is None else f"{kind}-on-{start.name}-seed{seed}"
    return TrainConfig(
        data_root=work / f"{kind}-photographs", out=work / name, image_size=settings.image_size,
        samples=settings.samples, epochs=settings.epochs, batch_size=settings.batch_size, optimizer="adamw",
        lr=settings.lr, weight_decay=settings.weight_decay, weight_attributes=settings.weight_attributes,
        cutmix_probability=0.0, precision=settings.precision, seed=seed, start_from="" if start is None else str(start),
    )  # fmt: skip


def pairs(cases: SynDerm, thing: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every case without and with a thing, and where it is in sight: two (n, S, S, 3) uint8 and (n, S, S) bool."""
    plain = [cases.counterfactual(i, confounders=False).image for i in range(len(cases))]
    changed = [cases.counterfactual(i, confounders={thing: 1.0}) for i in range(len(cases))]
    where = [c.cause == CAUSES.index(thing) for c in changed]
    return np.stack(plain), np.stack([c.image for c in changed]), np.stack(where)


def believed(model: nn.Module, photos: np.ndarray) -> np.ndarray:
    """(n, 2): probability of melanoma, and whether it is the answer."""
    probability, target = disease_probabilities(model, photos), LABEL_SPACE.diseases.index(TARGET)
    return np.stack([probability[:, target], probability.argmax(1) == target], axis=1)


def thing_energy(
    model: nn.Module, photos: np.ndarray, where: np.ndarray, method: str, batch_size: int = 32
) -> np.ndarray:
    """(n,) share of each map's sum that lies on the thing, in [0, 1]; the maps explain the logit of melanoma.

    Args:
        photos: (n, S, S, 3) uint8.
        where: (n, S, S) bool.
    """
    view = eval_transform(Preprocessing.of(model, photos.shape[1]))
    images = torch.stack([view(torch.from_numpy(photo).permute(2, 0, 1).contiguous()) for photo in photos])
    classes = torch.full((len(images),), LABEL_SPACE.diseases.index(TARGET))
    maps = attribution(model, images, "disease", classes, method, batch_size=batch_size)
    return energy_inside(maps.map.numpy(), where)


def methods(model: nn.Module) -> list[str]:
    """The methods that explain the disease of a model, baselines last."""
    return methods_for(model, "disease")


def learnt(answers: Mapping[tuple[str, int, str, str], np.ndarray], resamples: int = 2000) -> list[dict[str, object]]:
    """What the thing does to the probability of melanoma in each kind of network.

    Args:
        answers: (kind, seed, "melanoma" or "others", "without" or "with") -> `believed`.

    Returns:
        for each kind and group: `network, photographs, cases, seeds`; `without`, `with` and `change` in probability,
        and `said_without`, `said_with`, the shares answered melanoma; each with _low and _high, 95 %; and, of the
        planted network where the control is there too, `difference`: its change minus the control's, by case and seed.
    """
    lines = []
    for kind, group in dict.fromkeys((kind, group) for kind, _, group, _ in answers):
        seeds = sorted({seed for k, seed, g, _ in answers if (k, g) == (kind, group)})
        before, after = ([answers[kind, seed, group, there] for seed in seeds] for there in ("without", "with"))
        line: dict[str, object] = {"network": kind, "photographs": group, "cases": len(before[0]), "seeds": len(seeds)}
        columns = {"without": [b[:, 0] for b in before], "with": [a[:, 0] for a in after]}
        columns["change"] = [_change(answers, kind, seed, group) for seed in seeds]
        columns |= {"said_without": [b[:, 1] for b in before], "said_with": [a[:, 1] for a in after]}
        for name, values in columns.items():
            line |= mean_with_interval(name, np.stack(values), resamples=resamples)
        if kind == "planted" and all(("control", seed, group, "with") in answers for seed in seeds):
            control = [_change(answers, "control", seed, group) for seed in seeds]
            difference = np.stack(columns["change"]) - np.stack(control)
            line |= mean_with_interval("difference", difference, resamples=resamples)
        lines.append(line)
    return lines


def _change(answers: Mapping[tuple[str, int, str, str], np.ndarray], kind: str, seed: int, group: str) -> np.ndarray:
    """(n,) change in the probability of melanoma."""
    return answers[kind, seed, group, "with"][:, 0] - answers[kind, seed, group, "without"][:, 0]


def revealed(
    energies: Mapping[tuple[str, int, str], np.ndarray], area: np.ndarray, resamples: int = 2000
) -> list[dict[str, object]]:
    """Whether each method reveals the plant, by the rule of this module.

    Args:
        energies: (kind, seed, method) -> `thing_energy` of the same melanomas with the thing.
        area: (n,) share of each picture that is the thing.

    Returns:
        for each method, most revealing first: `method, cases, seeds`; `planted`, `control`: energy on the thing
        relative to its area, mean(energy) / mean(area), 1 for an even map; `difference`; each with _low and _high; and
        `reveals`.
    """
    seeds = sorted({seed for _, seed, _ in energies})
    lines = []
    for method in dict.fromkeys(method for _, _, method in energies):
        line: dict[str, object] = {"method": method, "cases": len(area), "seeds": len(seeds)}
        two = {kind: np.stack([energies[kind, seed, method] for seed in seeds]) for kind in KINDS}
        for name, values in (*two.items(), ("difference", two["planted"] - two["control"])):
            line |= mean_with_interval(name, values, area, resamples)
        seen = estimate(line, "planted").above(1) and estimate(line, "difference").above()
        lines.append(line | {"reveals": YES if seen else NO})
    return sorted(lines, key=lambda line: -line["difference"])


def mean_with_interval(
    name: str, values: np.ndarray, over: np.ndarray | None = None, resamples: int = 2000
) -> dict[str, float]:
    """The mean of (seeds, n) values, or its ratio to the mean of `over` (n,), with its 95 % interval.

    Cases and seeds are resampled both (`resampling.two_level`); drawn cases are patients of their own.
    """
    over = np.ones(values.shape[1]) if over is None else over
    draws = patient_draws(range(values.shape[1]), resamples)
    drawn = draws.sums(values.T) / draws.sums(over[:, None])
    low, high = percentile_interval(two_level(drawn, values.mean(1) / over.mean()))
    return {name: float(values.mean() / over.mean()), f"{name}_low": low, f"{name}_high": high}


def explained(photos: np.ndarray, where: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `most` photographs with enough of the thing in sight, and where it is.

    Raises:
        ValueError: there is none.
    """
    rows = np.flatnonzero(where.sum((1, 2)) >= LEAST)[:most]
    if not len(rows):
        raise ValueError(f"no photograph has {LEAST} pixels of the thing in sight: draw more")
    return photos[rows], where[rows]


PLANTS = {
    "ink": PlantSettings(),
    "dressing": PlantSettings(thing="dressing", n_train=4000, samples=8000, from_scratch=False),
}
