"""How a training step's time grows with image size, patches, K, tasks and classes: exponents fitted on log-log axes.

The small builder, on one core: `python benchmarks/growth.py`; on a GPU add `--device cuda --batch 64`.
"""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import tyro
from scipy import stats
from timing import finish, interleaved, summary, where_from
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot
from torch.utils.flop_counter import FlopCounterMode

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data.label_space import TASKS
from dermimit.data.synderm import LABEL_SPACE
from dermimit.train.losses import task_objectives

MODEL, SIZE = "dermimitformer_small_patch16_224", 224
CLASSES = LABEL_SPACE.num_classes
AXES: dict[str, tuple[int, ...]] = {
    "image size": (96, 128, 192, 256, 384),
    "patches": (49, 64, 196, 256, 784),  # of one image of 224 pixels
    "K": (1, 6, 24, 96, 196),
    "tasks": (1, 2, 3),
    "classes": (10, 50, 500, 5000),  # of each task
}
TASK_ORDER = ("disease", "attributes", "body_part")


def choices(axis: str, value: int) -> dict[str, Any]:
    """Arguments of the builder; what an axis does not name stays as the builder has it."""
    return {
        "image size": {"img_size": value},
        "patches": {"patch_size": SIZE // math.isqrt(value)},
        "K": {"lsm_k": value},
        "tasks": {"num_classes": {task: CLASSES[task] for task in TASKS if task in TASK_ORDER[:value]}},
        "classes": {"num_classes": dict.fromkeys(CLASSES, value)},
    }[axis]


def step(
    batch: int, device: str, img_size: int = SIZE, num_classes: dict[str, int] = CLASSES, **more: Any
) -> Callable[[], None]:
    """Forward and backward of a fresh model on noise."""
    torch.manual_seed(0)
    model = timm.create_model(MODEL, num_classes=num_classes, img_size=img_size, **more).to(device).train()
    images = torch.rand(batch, 3, img_size, img_size, device=device)
    targets = {t: one_hot(torch.arange(batch, device=device) % c, c).float() for t, c in num_classes.items()}

    def run() -> None:
        for parameter in model.parameters():
            parameter.grad = None
        logits, out = model(images)
        sum(task_objectives(logits, out, targets, dict.fromkeys(logits, 1.0), True)[0].values()).backward()

    return run


def counted(axis: str, value: int) -> float:
    """Floating-point operations of a step with one image."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # the CPU's fused kernel: uncounted
        step(1, "cpu", **choices(axis, value))()
    return float(counter.get_total_flops())


def exponent(x: list[float], y: list[float]) -> dict[str, float]:
    """p of y ∝ x^p by least squares on logarithms, with its 95 % interval (t, so scatter and bend both widen it)."""
    fit = stats.linregress(np.log(x), np.log(y))
    half = stats.t.ppf(0.975, len(x) - 2) * fit.stderr
    return {"exponent": float(fit.slope), "low": float(fit.slope - half), "high": float(fit.slope + half)}


def sweep(axis: str, values: tuple[int, ...], batch: int, repeats: int, device: str) -> dict[str, Any]:
    """Seconds and operations at each value, and both exponents.

    Args:
        axis: one of `AXES`.
        values: at least three.
        batch: images in a step.
        repeats: rounds over all values in turn; the least time of each counts, which other programs disturb least.
        device: cpu or cuda.
    """
    calls = {str(value): step(batch, device, **choices(axis, value)) for value in values}
    spent = interleaved(calls, repeats, torch.cuda.synchronize if device == "cuda" else lambda: None)
    clock = "wall" if device == "cuda" else "cpu"
    seconds = [summary(spent[str(value)][clock]) for value in values]
    flops = [counted(axis, value) for value in values]
    points = [{"value": v, "seconds": s, "flops": f} for v, s, f in zip(values, seconds, flops, strict=True)]
    found = {"axis": axis, "points": points, "time": exponent(list(values), [s["min"] for s in seconds])}
    return found | {"operations": exponent(list(values), flops)}


def main(
    out: Path = Path("results/benchmarks/growth.json"),
    axes: tuple[str, ...] = tuple(AXES),
    batch: int = 2,
    repeats: int = 5,
    device: str = "cpu",
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        axes: what grows.
        batch: images in a step.
        repeats: rounds.
        device: cpu (one thread) or cuda.
    """
    started, load = time.time(), os.getloadavg()[0]
    if device == "cpu":
        torch.set_num_threads(1)
    found = {"model": MODEL, "batch": batch, "repeats": repeats, "device": device}
    found |= {"axes": [sweep(axis, AXES[axis], batch, repeats, device) for axis in axes]}
    found["provenance"] = where_from(started, load, device)
    finish(found, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{'axis':<12} {'value':>6} {'seconds, least':>15} {'GFLOP an image':>15}"]
    for part in found["axes"]:
        for p in part["points"]:
            cells = f"{part['axis']:<12} {p['value']:>6} {p['seconds']['min']:>15.3f} {p['flops'] / 1e9:>15.1f}"
            lines.append(cells)
        fits = [f"{name} {f['exponent']:.2f} ({f['low']:.2f} to {f['high']:.2f})" for name, f in
                ((name, part[name]) for name in ("time", "operations"))]  # fmt: skip
        lines.append(f"  exponent of {', of '.join(fits)}")
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
