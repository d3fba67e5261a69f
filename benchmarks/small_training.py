"""A training step of the book's small model in float32 and in bf16, on one core, and what the core could do.

`python benchmarks/small_training.py`
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
import tyro
from timing import finish, interleaved, ratio, summary, where_from
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot
from torch.utils.flop_counter import FlopCounterMode

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data.synderm import LABEL_SPACE
from dermimit.train.losses import task_objectives

MODEL, SIZE = "dermimitformer_tiny_patch8_64", 64
CLASSES = LABEL_SPACE.num_classes
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


def step(batch: int, kind: torch.dtype) -> Callable[[], None]:
    """Forward, backward and the update by AdamW of a fresh model, on noise."""
    torch.manual_seed(0)
    model = timm.create_model(MODEL, num_classes=CLASSES).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images = torch.rand(batch, 3, SIZE, SIZE)
    targets = {task: one_hot(torch.arange(batch) % n, n).float() for task, n in CLASSES.items()}

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind is torch.bfloat16):
            logits, seen = model(images)
            loss = sum(task_objectives(logits, seen, targets, dict.fromkeys(logits, 1.0), True)[0].values())
        loss.backward()
        optimizer.step()

    return run


def product(side: int, kind: torch.dtype) -> Callable[[], torch.Tensor]:
    """One product of two large square matrices: what the core can do at best."""
    a, b = (torch.rand(side, side).to(kind) for _ in range(2))
    return lambda: a @ b


def main(
    out: Path = Path("results/benchmarks/small_training.json"), batch: int = 16, repeats: int = 10, side: int = 512
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        batch: images of a step.
        repeats: rounds that count.
        side: of the matrices of the product.
    """
    started, load = time.time(), os.getloadavg()[0]
    torch.set_num_threads(1)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step(batch, torch.float32)()
    flops = counter.get_total_flops() / batch
    works: dict[str, Callable[[], Any]] = {name: step(batch, kind) for name, kind in PRECISIONS.items()}
    works |= {f"product {name}": product(side, kind) for name, kind in PRECISIONS.items()}
    clocks = {name: found["cpu"] for name, found in interleaved(works, repeats).items()}
    found: dict[str, Any] = {"model": MODEL, "image_size": SIZE, "batch": batch, "flops": flops}
    found["images_per_second"] = {name: summary([batch / s for s in clocks[name]]) for name in PRECISIONS}
    found["gain"] = ratio(clocks["float32"], clocks["bf16"])
    found["tflops"] = {name: summary([flops * batch / s / 1e12 for s in clocks[name]]) for name in PRECISIONS}
    best = {name: [2 * side**3 / s / 1e12 for s in clocks[f"product {name}"]] for name in PRECISIONS}
    found["product_tflops"] = {name: summary(values) for name, values in best.items()}
    finish(found | {"provenance": where_from(started, load)}, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [
        f"{name:<8} {found['images_per_second'][name]['median']:>6.0f} images/s {found['tflops'][name]['median']:.3f} "
        f"of {found['product_tflops'][name]['median']:.3f} Tflop/s"
        for name in PRECISIONS
    ]
    return "\n".join([*lines, f"bf16 over float32: {found['gain']['median']:.2f}"])


if __name__ == "__main__":
    tyro.cli(main)
