"""A training step of the book's small model on one core: precisions, what makes it faster, what the core could do.

`python benchmarks/small_training.py`
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

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


@dataclass(frozen=True)
class Way:
    """How a step is made; by default as `dermimit.train.fit` makes it in float32."""

    kind: torch.dtype = torch.float32
    layout: torch.memory_format = torch.channels_last
    fused: bool = True
    compiled: bool = False


WAYS = {
    "float32": Way(),
    "bf16": Way(torch.bfloat16),
    "compiled": Way(compiled=True),
    "one update for each weight": Way(fused=False),
    "channels first": Way(layout=torch.contiguous_format),
}


def step(batch: int, way: Way, backend: str = "inductor") -> Callable[[], None]:
    """Forward, backward and the update by AdamW of a fresh model, on noise; `backend` is torch.compile's."""
    torch.manual_seed(0)
    model = timm.create_model(MODEL, num_classes=CLASSES).train().to(memory_format=way.layout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=way.fused, foreach=False)
    images = torch.rand(batch, 3, SIZE, SIZE).contiguous(memory_format=way.layout)
    targets = {task: one_hot(torch.arange(batch) % n, n).float() for task, n in CLASSES.items()}
    called = torch.compile(model, backend=backend) if way.compiled else model

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=way.kind is torch.bfloat16):
            logits, seen = called(images)
            loss = sum(task_objectives(logits, seen, targets, dict.fromkeys(logits, 1.0), True)[0].values())
        loss.backward()
        optimizer.step()

    return run


def product(side: int, kind: torch.dtype) -> Callable[[], torch.Tensor]:
    """One product of two large square matrices: what the core can do at best."""
    a, b = (torch.rand(side, side).to(kind) for _ in range(2))
    return lambda: a @ b


def seconds_from_nothing(compiled: Callable[[], None]) -> float:
    """Seconds of the first step, with nothing kept on disk from earlier compilations."""
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"TORCHINDUCTOR_CACHE_DIR": folder}):
        begun = time.perf_counter()
        compiled()
        return time.perf_counter() - begun


def main(
    out: Path = Path("results/benchmarks/small_training.json"),
    batch: int = 16,
    repeats: int = 10,
    side: int = 512,
    backend: str = "inductor",
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        batch: images of a step.
        repeats: rounds that count.
        side: of the matrices of the product.
        backend: of torch.compile; another one, such as aot_eager, only tries the script.
    """
    started, load = time.time(), os.getloadavg()[0]
    torch.set_num_threads(1)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step(batch, Way())()
    flops = counter.get_total_flops() / batch
    works: dict[str, Callable[[], Any]] = {name: step(batch, way, backend) for name, way in WAYS.items()}
    works |= {f"product {name}": product(side, kind) for name, kind in PRECISIONS.items()}
    found: dict[str, Any] = {"first_compiled_step_seconds": seconds_from_nothing(works["compiled"])}
    clocks = {name: spent["cpu"] for name, spent in interleaved(works, repeats).items()}
    found |= {"model": MODEL, "backend": backend, "image_size": SIZE, "batch": batch, "flops": flops}
    found["images_per_second"] = {name: summary([batch / s for s in clocks[name]]) for name in WAYS}
    found["gain"] = ratio(clocks["float32"], clocks["bf16"])
    found["times_as_long"] = {name: ratio(clocks[name], clocks["float32"]) for name in WAYS}
    found["tflops"] = {name: summary([flops * batch / s / 1e12 for s in clocks[name]]) for name in PRECISIONS}
    best = {name: [2 * side**3 / s / 1e12 for s in clocks[f"product {name}"]] for name in PRECISIONS}
    found["product_tflops"] = {name: summary(values) for name, values in best.items()}
    finish(found | {"provenance": where_from(started, load)}, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [
        f"{name:<28} {found['images_per_second'][name]['median']:>6.0f} images/s, {share['median']:.2f} times as long"
        for name, share in found["times_as_long"].items()
    ]
    lines += [
        f"{name:<28} {found['tflops'][name]['median']:.3f} of {found['product_tflops'][name]['median']:.3f} Tflop/s"
        for name in PRECISIONS
    ]
    return "\n".join([*lines, f"the first compiled step took {found['first_compiled_step_seconds']:.0f} s"])


if __name__ == "__main__":
    tyro.cli(main)
