"""What things cost beside what a reader would use instead: one table, from all records of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NONE, NOT_RUN
from studies.speed.tables import MODELS, REFERENCE, WORKS, Speed, spread

COLUMNS = ("what", "costs", "beside", "ratio")
VIT = "a plain ViT of timm"
Row = tuple[str, str, str, str]


def costs_table(found: Speed) -> pd.DataFrame:
    """A step, a photograph, an epoch, a book: each with its cost, what it is compared with, and the ratio.

    Args:
        found: from `tables.read_speed`; a measurement that is missing says so.
    """
    rows = [*steps(found), *on_gpu(found), *photographs(found), *trainings(found), *whole(found)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def steps(found: Speed) -> Iterator[Row]:
    """A training step and a prediction of each model, at the first size of the record."""
    if not found.model_overhead:
        yield ("a training step of ViT-B/16", NOT_RUN, VIT, NOT_RUN)
        return
    case = found.model_overhead["cases"][0]
    lines = {(row["model"], row["work"]): row for row in case["models"]}
    for model in [model for model in MODELS if model != REFERENCE]:
        for work, said in zip(WORKS, ("training step", "prediction"), strict=True):
            what = f"{said}, {model}, {case['size']} px"
            if row := lines.get((model, work)):
                seconds = f"{row['seconds']['median'] / case['batch']:.2f} s an image"
                yield (what, seconds, VIT, f"{spread(row['ratio'])} × the time")
            elif work == WORKS[0]:
                yield (what, NOT_RUN, VIT, NOT_RUN)


def on_gpu(found: Speed) -> Iterator[Row]:
    """The first case of the GPU's record."""
    if not (record := found.model_overhead_gpu):
        yield ("the same on a GPU", NOT_RUN, VIT, NOT_RUN)
        return
    case = record["cases"][0]
    for row in case["models"]:
        if row["model"] != REFERENCE and row["work"] == WORKS[0]:
            rate = f"{row['images_per_second']:,.0f} images a second"
            yield (
                f"training on a GPU, {row['model']}, {case['size']} px",
                rate,
                VIT,
                f"{spread(row['ratio'])} × the time",
            )


def photographs(found: Speed) -> Iterator[Row]:
    """Reading, drawing and predicting."""
    if found.input_speed:
        size = found.input_speed["sizes"][-1]
        for way in size["ways"]:
            if way["way"] in ("reduced", "cache"):
                said = {"reduced": "read at a reduced size", "cache": "read from the cache"}[way["way"]]
                what = f"a photograph of {size['photo'][0]} × {size['photo'][1]} px, {said}"
                rate = f"{way['images_per_second_cpu']['median']:.0f} a second"
                yield (what, rate, "torchvision's ImageFolder", f"{spread(way['ratio_cpu'])} × as fast")
    if found.synderm_speed:
        rates = {(row["source"], row["size"]): row["images_per_second_cpu"] for row in found.synderm_speed["images"]}
        drawn, read = rates["SynDerm", 64], rates["JPEG", 64]
        yield (
            "a synthetic image of 64 px, drawn",
            f"{drawn:.0f} a second",
            "reading it as JPEG",
            f"{drawn / read:.2f} × as fast",
        )
    if not found.predict_speed:
        yield ("dermimit predict on a folder", NOT_RUN, "a loop with timm", NOT_RUN)
        return
    size = found.predict_speed["sizes"][0]
    for row in [row for row in size["ways"] if row["way"] == "dermimit"]:
        what = f"dermimit predict, {found.predict_speed['images']} photographs of {size['photo'][0]} px, {row['model']}"
        rate = f"{row['images_per_second']['median']:.0f} a second"
        yield (what, rate, "a loop with timm", f"{spread(row['ratio'])} × as fast")


def trainings(found: Speed) -> Iterator[Row]:
    """The fastest other recipe for the small network."""
    if not (record := found.time_to_score):
        yield ("the small network to a given score", NOT_RUN, "another recipe", NOT_RUN)
        return
    usual, *others = record["recipes"]
    best = max(others, key=lambda line: line["times_faster"]["median"] if line["times_faster"] else 0.0)
    ratio = f"{spread(best['times_faster'])} × as fast" if best["times_faster"] else "not reached"
    what = f"the small network to macro-F1 {record['goal']:.3f}, {best['recipe']}"
    yield (what, f"{best['seconds']:.0f} s for all of it", usual["recipe"], ratio)


def recipes_table(record: dict[str, Any]) -> pd.DataFrame:
    """Every training as a curve: recipe, seed, processor seconds and validation macro-F1 after each epoch.

    Args:
        record: of benchmarks/time_to_score.py.
    """
    lines = [{"recipe": run["recipe"], "seed": run["seed"]} | point for run in record["runs"] for point in run["curve"]]
    return pd.DataFrame(lines)


def whole(found: Speed) -> Iterator[Row]:
    """An epoch of the paper's size, and this book."""
    if found.extrapolation:
        row = found.extrapolation["cpu"][0]
        yield (
            f"an epoch of 57,246 photographs at {row['size']} px, one core, multiplied out",
            f"{24 * row['days']:.0f} h",
            NONE,
            NONE,
        )
    if found.book_stages:
        yield ("this book, from nothing", f"{found.book_stages['total_seconds'] / 60:.0f} min", NONE, NONE)
