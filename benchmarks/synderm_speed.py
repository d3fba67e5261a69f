"""How fast SynDerm-49 draws, beside what a user would do instead: read JPEG files, or take torchvision's FakeData.

One process, one thread. Run it on an idle machine: `python benchmarks/synderm_speed.py`.
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision
import tyro
from PIL import Image
from threadpoolctl import threadpool_limits
from timing import finish, interleaved, ratio, where_from
from torchvision.datasets.folder import default_loader
from torchvision.transforms.v2 import functional as F

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data.synderm import LABEL_SPACE, NAMES, SynDerm
from dermimit.train.losses import task_objectives

PHOTO = (1024, 768)  # width and height of the JPEG files
MODEL, MODEL_SIZE = "dermimitformer_tiny_patch8_64", 64


def seconds(work: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Median CPU time of this process and median wall time of a call, after one that is not counted."""
    work()
    cpu, wall = [], []
    for _ in range(repeats):
        started = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - started[0])
        wall.append(time.perf_counter() - started[1])
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall)}


def sources(size: int, images: int, folder: Path) -> dict[str, Callable[[int], Any]]:
    """Ways to come by picture i at a size."""
    photos, drawn = sorted(folder.glob("*.jpg")), SynDerm(images, 0, size)
    noise = torchvision.datasets.FakeData(images, (3, size, size))

    def read(i: int) -> torch.Tensor:
        photo = F.pil_to_tensor(default_loader(photos[i % len(photos)]))
        return F.resize(photo, [size, size], antialias=True)

    return {"SynDerm": lambda i: drawn[i].image, "JPEG": read, "FakeData": lambda i: noise[i][0]}


def save_photos(folder: Path, count: int) -> None:
    """JPEG files of ordinary size: SynDerm at 384 pixels, enlarged."""
    for i, case in zip(range(count), SynDerm(count, 1, 384), strict=False):
        Image.fromarray(case.image).resize(PHOTO, Image.Resampling.BICUBIC).save(folder / f"{i}.jpg", quality=90)


def throughput(sizes: tuple[int, ...], images: int, repeats: int) -> list[dict[str, Any]]:
    """Images a second by size and source."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        save_photos(Path(name), min(images, 4))
        for size in sizes:
            for source, picture in sources(size, images, Path(name)).items():
                spent = seconds(lambda picture=picture: [picture(i) for i in range(images)], repeats)
                per_second = {f"images_per_second_{clock}": images / s for clock, s in spent.items()}
                rows.append({"size": size, "source": source, **per_second})
    return rows


def regimes(size: int, images: int, repeats: int) -> list[dict[str, Any]]:
    """Drawing in every regime beside the third version, in turn: images a second, and time as a ratio to it."""
    drawn = {name: SynDerm(images, 0, size, regime=name) for name in ("version-3", *NAMES)}
    spent = interleaved({name: lambda d=d: [d[i] for i in range(images)] for name, d in drawn.items()}, repeats)
    base = spent["version-3"]["cpu"]
    return [
        {"regime": name, "size": size, "images_per_second_cpu": images / statistics.median(clocks["cpu"])}
        | {f"time_ratio_{end}": value for end, value in ratio(clocks["cpu"], base).items()}
        for name, clocks in spent.items()
    ]


def training_step(batch: int, repeats: int) -> dict[str, Any]:
    """Seconds of one step of the small model (forward, backward, update), and of drawing its photographs."""
    torch.manual_seed(0)
    counts = LABEL_SPACE.num_classes
    model = timm.create_model(MODEL, num_classes=counts).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    images = torch.rand(batch, 3, MODEL_SIZE, MODEL_SIZE)
    targets = {task: torch.nn.functional.one_hot(torch.arange(batch) % c, c).float() for task, c in counts.items()}

    def step() -> None:
        logits, out = model(images)
        loss = sum(task_objectives(logits, out, targets, dict.fromkeys(counts, 1.0), True)[0].values())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    dataset = SynDerm(batch, 0, MODEL_SIZE)
    spent = {"step": seconds(step, repeats), "draw": seconds(lambda: [dataset[i] for i in range(batch)], repeats)}
    cpu = {part: s["cpu"] for part, s in spent.items()}
    return {"model": MODEL, "batch": batch, "seconds": spent, "share_of_drawing": cpu["draw"] / sum(cpu.values())}


def main(
    out: Path = Path("results/benchmarks/synderm_speed.json"),
    sizes: tuple[int, ...] = (64, 96, 224, 384),
    images: int = 32,
    batch: int = 64,
    repeats: int = 5,
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        sizes: sides of the pictures in pixels.
        images: pictures a repeat.
        batch: photographs of a training step.
        repeats: the median of these counts.
    """
    threads, started, load = torch.get_num_threads(), time.time(), os.getloadavg()[0]
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1):
            found = {"images": throughput(sizes, images, repeats), "training": training_step(batch, repeats)}
            found["regimes"] = regimes(MODEL_SIZE, images, repeats)
    finally:
        torch.set_num_threads(threads)
    versions = {"numpy": np.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__}
    machine = {"python": platform.python_version(), "processor": platform.processor() or platform.machine()}
    found |= {"repeats": repeats, "images_per_repeat": images, "jpeg": list(PHOTO), "versions": versions | machine}
    found["provenance"] = where_from(started, load)
    finish(found, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{'size':>5} {'source':<9} {'images/s, CPU time':>19} {'images/s, wall':>15}"]
    for row in found["images"]:
        cpu, wall = row["images_per_second_cpu"], row["images_per_second_wall"]
        lines.append(f"{row['size']:>5} {row['source']:<9} {cpu:>19.1f} {wall:>15.1f}")
    lines.append(f"\n{'regime':<12} {'images/s, CPU time':>19} {'time against version 3':>23}")
    for row in found["regimes"]:
        lines.append(f"{row['regime']:<12} {row['images_per_second_cpu']:>19.1f} {row['time_ratio_median']:>23.2f}")
    training = found["training"]
    spent = training["seconds"]
    lines.append(
        f"\ntraining step of {training['model']}, batch {training['batch']}, CPU time: {spent['step']['cpu']:.2f} s; "
        f"drawing its photographs: {spent['draw']['cpu']:.2f} s, {training['share_of_drawing']:.0%} of both"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
