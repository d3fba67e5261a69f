"""Processor seconds to a validation score: recipes for the small network beside that of the quick profile.

`python benchmarks/time_to_score.py`. A recipe is one or more stages; a later stage starts from the weights of the one
before, whose position embedding is resampled to its grid. Each training runs on one thread in a process of its own, and
its processor time, validation included, is shared out evenly over the epochs of a stage, which do the same work.
"""

import multiprocessing
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
import tyro
from timing import finish, summary, where_from
from timm.layers import resample_abs_pos_embed

from dermimit.data.synderm import write
from dermimit.train import TrainConfig, fit
from dermimit.train.checkpoint import load_tensors, save_tensors
from studies.shared.training import SMALL_MODEL

SCORE = "val/disease/macro_f1"
SIZES = {"train": 12_000, "val": 1_000, "test": 200}
USUAL = "as in the quick profile"
RECIPES: dict[str, list[dict[str, Any]]] = {
    USUAL: [{}],
    "half the resolution, then the whole": [{"image_size": 32}, {"samples": 8_064, "epochs": 3}],
    "three quarters at half the resolution": [{"image_size": 32, "samples": 24_192}, {"samples": 5_376, "epochs": 2}],
    "half of the patches dropped, then all": [
        {"model_kwargs": {"patch_drop_rate": 0.5}},
        {"samples": 8_064, "epochs": 3},
    ],
    "batches of 16, then of 32": [
        {"samples": 8_064, "epochs": 3},
        {"samples": 8_064, "epochs": 3, "batch_size": 32, "lr": 0.0014},
    ],
    "batches of 32, learning rate × 1.4": [{"batch_size": 32, "lr": 0.0014}],
    "learning rate × 2": [{"lr": 0.002}],
}
WORTH = 1.3
"""How many times faster a recipe must be to be taken over."""


def stages(recipe: str, root: Path, out: Path, seed: int, scale: float) -> list[TrainConfig]:
    """The trainings of a recipe, in order."""
    base = SMALL_MODEL | {"image_size": 64, "precision": "bf16" if bf16() else "no", "tracker": "none"}
    found = []
    for place, changes in enumerate(RECIPES[recipe]):
        given = base | {"model": "dermimitformer_tiny_patch8_64"} | changes
        given["samples"] = max(given["batch_size"], int(given["samples"] * scale))
        size = {"img_size": given["image_size"]} if given["image_size"] != 64 else {}
        given["model_kwargs"] = given.get("model_kwargs", {}) | size
        folder = out / f"stage{place}"
        start = str(out / f"stage{place - 1}") if place else ""
        found.append(TrainConfig(data_root=root, out=folder, seed=seed, start_from=start, **given))
    return found


def bf16() -> bool:
    """Whether this processor multiplies in bf16, which halves the time of a step."""
    path = Path("/proc/cpuinfo")
    return path.exists() and any(flag in path.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def to_grid(run: Path, side: int) -> None:
    """Resample the position embedding of a finished run to a grid of `side` x `side` patches."""
    weights, meta = load_tensors(run / "model.safetensors")
    weights["trunk.pos_embed"] = resample_abs_pos_embed(weights["trunk.pos_embed"], [side, side]).contiguous()
    save_tensors(run / "model.safetensors", weights, meta)


def train(recipe: str, root: Path, seed: int, scale: float) -> list[dict[str, float]]:
    """A line for each epoch: processor seconds since the recipe began, and the validation score."""
    torch.set_num_threads(1)
    lines: list[dict[str, float]] = []
    with TemporaryDirectory() as folder:
        before = 0.0
        plan = stages(recipe, root, Path(folder), seed, scale)
        for place, config in enumerate(plan):
            started = time.process_time()
            history = pd.read_parquet(fit(config) / "history.parquet")
            spent = time.process_time() - started
            for epoch, score in enumerate(history[SCORE], start=1):
                lines.append({"seconds": before + spent * epoch / len(history), "score": float(score), "stage": place})
            before += spent
            if place + 1 < len(plan) and plan[place + 1].image_size != config.image_size:
                to_grid(config.out, plan[place + 1].image_size // 8)
    return lines


def seconds_to(lines: list[dict[str, float]], score: float) -> float:
    """When a curve first reaches a score, on straight lines between its epochs; NaN if never."""
    before = {"seconds": 0.0, "score": 0.0}
    for line in lines:
        if line["score"] >= score:
            share = (score - before["score"]) / max(line["score"] - before["score"], 1e-12)
            return before["seconds"] + max(share, 0.0) * (line["seconds"] - before["seconds"])
        before = line
    return float("nan")


def main(
    out: Path = Path("results/benchmarks/time_to_score.json"),
    seeds: tuple[int, ...] = (0, 1, 2),
    jobs: int = 2,
    scale: float = 1.0,
    recipes: tuple[str, ...] = tuple(RECIPES),
    sizes: tuple[int, int, int] = tuple(SIZES.values()),
) -> None:
    """Train, print a table and write JSON.

    Args:
        out: file to write.
        seeds: of the trainings; all learn from the same photographs.
        jobs: trainings at a time, each on one core.
        scale: of the photographs seen, for a quick try.
        recipes: names in `RECIPES`; the first is what the others are compared with.
        sizes: photographs to draw for training, validation and test.
    """
    started, load = time.time(), os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        write(root, dict(zip(SIZES, sizes, strict=True)), image_size=64, workers=jobs)
        asked = [(recipe, root, seed, scale) for seed in seeds for recipe in recipes]
        with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
            curves = pool.starmap(train, asked, chunksize=1)
    runs = [
        {"recipe": recipe, "seed": seed, "curve": curve}
        for (recipe, _, seed, _), curve in zip(asked, curves, strict=True)
    ]
    finish({"runs": runs, **judged(runs), "provenance": where_from(started, load)}, out, table)


def judged(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """For each recipe: scores, seconds, and by seed how many times sooner it has the first recipe's last score."""
    first = runs[0]["recipe"]
    usual = {run["seed"]: run["curve"] for run in runs if run["recipe"] == first}
    goals = {seed: curve[-1]["score"] for seed, curve in usual.items()}
    lines = []
    for recipe in dict.fromkeys(run["recipe"] for run in runs):
        own = {run["seed"]: run["curve"] for run in runs if run["recipe"] == recipe}
        ratios = [seconds_to(usual[seed], goals[seed]) / seconds_to(curve, goals[seed]) for seed, curve in own.items()]
        reached = [r for r in ratios if np.isfinite(r)]
        faster = summary(reached) if reached else None
        lines.append({
            "recipe": recipe, "seeds": len(own), "reached": len(reached),
            "score": float(np.mean([curve[-1]["score"] for curve in own.values()])),
            "seconds": float(np.mean([curve[-1]["seconds"] for curve in own.values()])),
            "times_faster": faster,
        })  # fmt: skip
    return {"goal": float(np.mean([*goals.values()])), "worth": WORTH, "recipes": lines}


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    rows = []
    for line in found["recipes"]:
        fast = line["times_faster"]
        text = f"{fast['median']:.2f} ({fast['min']:.2f} to {fast['max']:.2f})" if fast else "not reached"
        rows.append({
            "recipe": line["recipe"], "macro-F1": f"{line['score']:.3f}", "seconds": f"{line['seconds']:.0f}",
            f"times faster to {found['goal']:.3f}": text, "reached by": f"{line['reached']} of {line['seeds']}",
        })  # fmt: skip
    return pd.DataFrame(rows).to_string(index=False)


if __name__ == "__main__":
    tyro.cli(main)
