"""Measure what several visits add to one, once, for the book to quote.

Cases are drawn anew and photographed five times; the features of a finished run are read from every photograph, and
the fusions of `studies.visits.model` are trained on them.

Run: python -m studies.visits.measure results/runs/published/synderm/full-seed0
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import tyro
from captum.attr import IntegratedGradients
from torch import nn

from dermimit.data.preprocessing import Preprocessing
from dermimit.data.synderm import LABEL_SPACE, SynDerm, knowledge
from dermimit.evaluate.resampling import macro_f1_draws, patient_draws, percentile_interval
from dermimit.explain import localisation as of
from dermimit.explain.map_tools import to_unit
from dermimit.records import provenance, write_json
from dermimit.train.run import load_run
from studies.shared.paths import PUBLISHED, ROOT
from studies.visits.model import VisitFusion
from studies.visits.tables import PIXELS
from studies.visits.training import Series, answers, fit_visits

SEED = 1_000_006  # of no split of a dataset that `dermimit data synderm` would write
SIZES = {"train": 4000, "val": 600, "test": 1500}
VISITS, SPACINGS, SEEDS = 5, (3.0, 10.0, 30.0, 90.0), (0, 1, 2)
NAMES = LABEL_SPACE.diseases


def main(
    run: Annotated[Path, tyro.conf.Positional],
    share: float = 1.0,
    out: Path = ROOT / PUBLISHED / "visits",
) -> None:
    """Draw, read, train, measure, write.

    Args:
        run: a finished run on SynDerm with lesion selection, whose weights stay as they are.
        share: of the cases, below 1 for a trial.
        out: folder of the record.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started, model = time.time(), load_run(run).model
    sizes = {split: max(60, int(share * n)) for split, n in SIZES.items()}
    drawn, first = {}, 0
    for split, n in sizes.items():
        drawn[split] = draw(model, first, n, seed=first)
        first += n
        print(split, n, round(time.time() - started), "s", flush=True)
    train, val, test = (part[0] for part in drawn.values())
    spacing = drawn["test"][1]
    models = {
        kind: [fit_visits(train, val, kind, seed) for seed in SEEDS]
        for kind in ("late", "attention", "timeless", "change")
    }
    print("trained", round(time.time() - started), "s", flush=True)
    record: dict[str, Any] = {"rows": compared(train, val, test, models)}
    record["by_visits"] = by_visits(models, test)
    record["by_spacing"] = by_spacing(models, test, spacing)
    record["controls"] = controls(models, test)
    record["by_course"] = by_course(models, test)
    record["leakage"] = leakage(train, val, test)
    record["change"] = seen_change(model, models["attention"][0], first - sizes["test"], min(200, sizes["test"]))
    frame = pd.DataFrame({"image": [f"{SEED}/{i}" for i in range(first)]})
    facts = {"device": "cpu", "seed": SEED, "cases": sizes, "visits": VISITS, "spacings": SPACINGS, "run": run.name}
    write_json(out / "record.json", record | {"provenance": provenance(frame, started, facts)})


def draw(model: nn.Module, first: int, n: int, seed: int) -> tuple[Series, np.ndarray]:
    """Features of n cases from index `first`, five visits each, and the mean days between visits that each case has."""
    dataset, rng = SynDerm(first + n, SEED, model.image_size[0]), np.random.default_rng(seed)
    spacing = rng.choice(SPACINGS, n)
    days = np.cumsum(np.c_[np.zeros(n), spacing[:, None] * rng.uniform(0.3, 1.7, (n, VISITS - 1))], axis=1).round(1)
    found, labels = [], []
    for i in range(n):
        found.append(features_of(model, pixels(model, dataset, first + i, days[i])))
        labels.append(NAMES.index(dataset.labels(first + i).disease))
    return Series(torch.stack(found), torch.tensor(days, dtype=torch.float32), torch.tensor(labels)), spacing


def pixels(model: nn.Module, dataset: SynDerm, index: int, days: np.ndarray) -> torch.Tensor:
    """The photographs of a case's visits as the model takes them."""
    return normalised(model, [case.image for case in dataset.visits(index, list(days))])


def normalised(model: nn.Module, photos: list[np.ndarray]) -> torch.Tensor:
    """Photographs (S, S, 3), uint8, as the model takes them."""
    return Preprocessing.of(model).normalise(torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2))


@torch.inference_mode()
def features_of(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What the disease's classifier reads of each photograph."""
    return model(images)[1]["disease/enhanced"]


def scored(truth: np.ndarray, said: list[np.ndarray]) -> dict[str, float]:
    """Accuracy and macro-F1, means over seeds with 95 % intervals by patient and the sd over seeds."""
    draws = patient_draws(range(len(truth)), 1000)
    right = np.stack([s == truth for s in said]).T.astype(float)
    f1 = np.stack([macro_f1_draws(truth, s, draws) for s in said])
    one = [macro_f1_draws(truth, s, whole(len(truth)))[0] for s in said]
    found = {"accuracy": float(right.mean()), "macro_f1": float(np.mean(one))}
    found |= {"accuracy_sd": float(np.std(right.mean(0), ddof=1)) if len(said) > 1 else 0.0}
    for name, values in {"accuracy": draws.means(right.mean(1, keepdims=True))[0], "macro_f1": f1.mean(0)}.items():
        found[f"{name}_low"], found[f"{name}_high"] = percentile_interval(values)
    return found


def correct(truth: np.ndarray, said: list[np.ndarray]) -> np.ndarray:
    """The share of the seeds that are right, for each case."""
    return np.mean([s == truth for s in said], axis=0)


def paired(name: str, difference: np.ndarray) -> dict[str, float]:
    """The mean of a difference by case, with a 95 % interval."""
    low, high = percentile_interval(patient_draws(range(len(difference)), 1000).means(difference[:, None])[0])
    return {name: float(difference.mean()), f"{name}_low": low, f"{name}_high": high}


def whole(n: int):
    """Every photograph once."""
    draws = patient_draws(range(n), 1)
    draws.weights[:] = 1
    return draws


def compared(train: Series, val: Series, test: Series, models: dict[str, list[VisitFusion]]) -> list[dict[str, Any]]:
    """Every fusion of five visits beside the single visit that does best on validation, with paired differences."""
    single = {v: [fit_visits(train.only(v), val.only(v), "late", seed) for seed in SEEDS] for v in range(VISITS)}
    right = {
        v: np.mean([(answers(m, val.only(v)) == val.disease.numpy()).mean() for m in of_v])
        for v, of_v in single.items()
    }
    best, truth = max(right, key=lambda v: right[v]), test.disease.numpy()
    said = {f"visit {v + 1} alone": [answers(m, test.only(v)) for m in of_v] for v, of_v in single.items()}
    said |= {kind: [answers(m, test) for m in of_kind] for kind, of_kind in models.items()}
    reference = f"visit {best + 1} alone"
    lines = []
    for name, of_row in said.items():
        gain = paired("gain", correct(truth, of_row) - correct(truth, said[reference]))
        lines.append({"row": name, "reference": name == reference} | scored(truth, of_row) | gain)
        print(name, {k: round(v, 3) for k, v in lines[-1].items() if isinstance(v, float)}, flush=True)
    return lines


def by_visits(models: dict[str, list[VisitFusion]], test: Series) -> list[dict[str, Any]]:
    """Accuracy of each fusion with the first 1 to 5 visits."""
    truth = test.disease.numpy()
    return [{"row": kind, "visits": n} | scored(truth, [answers(m, test.first(n)) for m in of_kind])
            for kind, of_kind in models.items() for n in range(1, VISITS + 1)]  # fmt: skip


def by_spacing(models: dict[str, list[VisitFusion]], test: Series, spacing: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy of each fusion of five visits by the mean days between them."""
    lines = []
    for days in SPACINGS:
        rows = np.flatnonzero(spacing == days)
        some = Series(test.features[rows], test.days[rows], test.disease[rows])
        for kind, of_kind in models.items():
            found = scored(some.disease.numpy(), [answers(m, some) for m in of_kind])
            lines.append({"row": kind, "days": days, "cases": len(rows)} | found)
    return lines


def controls(models: dict[str, list[VisitFusion]], test: Series) -> list[dict[str, Any]]:
    """Order shuffled while the days stay; days all zero; two of five visits missing by chance."""
    rng, truth = np.random.default_rng(0), test.disease.numpy()
    order = torch.from_numpy(rng.permuted(np.tile(np.arange(VISITS), (len(test), 1)), axis=1))
    shuffled = Series(torch.take_along_dim(test.features, order[..., None], 1), test.days, test.disease)
    undated = Series(test.features, torch.zeros_like(test.days), test.disease)
    there = torch.from_numpy(rng.permuted(np.tile([True, True, True, False, False], (len(test), 1)), axis=1))
    asked: dict[str, tuple[Series, torch.Tensor | None]] = {
        "as they were": (test, None), "order shuffled": (shuffled, None), "without days": (undated, None),
        "two of five missing": (test, there),
    }  # fmt: skip
    lines = []
    for kind, of_kind in models.items():
        said = {name: [answers(m, series, kept) for m in of_kind] for name, (series, kept) in asked.items()}
        usual = correct(truth, said["as they were"])
        for name, these in said.items():
            loss = paired("loss", usual - correct(truth, these))
            lines.append({"row": kind, "control": name} | scored(truth, these) | loss)
    return lines


def by_course(models: dict[str, list[VisitFusion]], test: Series) -> list[dict[str, Any]]:
    """Accuracy with one and with five visits by what the disease does with time."""
    facts = knowledge()
    kinds = np.array([facts.courses[c].kind for c in test.disease.tolist()])
    lines = []
    for course in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == course)
        some = Series(test.features[rows], test.days[rows], test.disease[rows])
        for n in (1, VISITS):
            found = scored(some.disease.numpy(), [answers(m, some.first(n)) for m in models["attention"]])
            lines.append({"course": course, "visits": n, "cases": len(rows)} | found)
    return lines


def leakage(train: Series, val: Series, test: Series) -> dict[str, dict[str, float]]:
    """What a split by photograph in place of patient pretends: the test's second visits, with and without the first
    visits of the same patients in training."""
    honest, leaky, truth = train.only(0), _joined(train.only(0), test.only(0)), test.disease.numpy()
    said = {}
    for name, given in (("by patient", honest), ("by photograph", leaky)):
        models = [fit_visits(given, val.only(0), "late", seed) for seed in SEEDS]
        said[name] = [answers(m, test.only(1)) for m in models]
    pretended = correct(truth, said["by photograph"]) - correct(truth, said["by patient"])
    return {name: scored(truth, these) for name, these in said.items()} | {"difference": paired("value", pretended)}


def _joined(one: Series, two: Series) -> Series:
    return Series(*(torch.cat(pair) for pair in zip(vars(one).values(), vars(two).values(), strict=True)))


def seen_change(model: nn.Module, fusion: VisitFusion, first: int, n: int) -> list[dict[str, Any]]:
    """Maps of change between the first and the last of three visits, against where the lesion truly changed."""
    dataset, days = SynDerm(first + n, SEED, model.image_size[0]), np.array([0.0, 30.0, 60.0])
    maps: dict[str, list[np.ndarray]] = {}
    truth = []
    for i in range(first, first + n):
        cases = dataset.visits(i, list(days))
        changed = cases[0].mask.astype(bool) ^ cases[-1].mask.astype(bool)
        if not 0.01 < changed.mean() < 0.99:
            continue
        truth.append(changed)
        images = normalised(model, [c.image for c in cases])
        for name, values in change_maps(model, fusion, images, days).items():
            maps.setdefault(name, []).append(values)
    masks, lines = np.stack(truth), []
    stacked = {name: np.stack(of_name).astype(np.float32) for name, of_name in maps.items()}
    pixels_alone = of.pixel_auroc(stacked[PIXELS], masks)
    for name, values in stacked.items():
        area, hit = of.pixel_auroc(values, masks), np.asarray(of.pointing_game(values, masks), float)
        line: dict[str, Any] = {"map": name, "cases": len(masks)} | paired("auroc", area) | paired("pointing", hit)
        lines.append(line | paired("over_pixels", area - pixels_alone))
        print(name, {k: round(v, 3) for k, v in line.items() if isinstance(v, float)}, flush=True)
    return lines


def change_maps(model: nn.Module, fusion: VisitFusion, images: torch.Tensor, days: np.ndarray) -> dict[str, np.ndarray]:
    """Where change was seen: attribution of the answer to what differs between the last visit and the first; how far
    the trunk's patch tokens moved; the pixels' own difference."""
    with torch.no_grad():
        tokens = model.forward_features(images[[0, -1]])["tokens"][:, -model.grid_size[0] * model.grid_size[1] :]
    moved = (tokens[1] - tokens[0]).norm(dim=-1).reshape(1, 1, *model.grid_size)
    size = images.shape[-2:]
    moved = nn.functional.interpolate(moved, size=size, mode="bilinear", align_corners=False)[:, 0]
    found = {
        "answer's reason (integrated gradients)": reason(model, fusion, images, days),
        "moved tokens": moved,
        PIXELS: (images[-1] - images[0]).abs().sum(0)[None],
    }
    return {name: to_unit(values.float())[0].numpy() for name, values in found.items()}


def reason(model: nn.Module, fusion: VisitFusion, images: torch.Tensor, days: np.ndarray) -> torch.Tensor:
    """Integrated gradients of the answer from the first visit's photograph to the last one's, in place of the last."""
    there, dates = torch.ones(1, len(days), dtype=torch.bool), torch.tensor(days, dtype=torch.float32)[None]
    with torch.no_grad():
        others = model(images[:-1])[1]["disease/enhanced"]

    def logits(last: torch.Tensor) -> torch.Tensor:
        new = model(last)[1]["disease/enhanced"]
        series = torch.cat([others[None].expand(len(last), -1, -1), new[:, None]], dim=1)
        return fusion(series, dates.expand(len(last), -1), there.expand(len(last), -1))

    asked: Callable = IntegratedGradients(logits).attribute
    answer = int(logits(images[-1:]).argmax())
    found = asked(images[-1:], baselines=images[:1], target=answer, n_steps=16, internal_batch_size=16)
    return found.detach().abs().sum(1)


if __name__ == "__main__":
    tyro.cli(main)
