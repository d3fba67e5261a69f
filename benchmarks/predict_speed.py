"""How fast a folder of photographs is answered, beside what a user would write with timm instead.

Both read JPEG files from the memory of the operating system, on all cores, and end with the probabilities of every
photograph; the time of each counts from the folder on, with the start of the DataLoader's processes. timm's loop is run
with timm's own transformer of the same size, which has fewer blocks, since our tasks have heads of their own; and with
the same model as `dermimit`. Run it on an idle machine: `python benchmarks/predict_speed.py`.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import timm
import torch
import tyro
from input_speed import QUALITY, draw_photo
from timing import finish, interleaved, ratio, summary, where_from
from torch.utils.data import DataLoader

from dermimit.data.label_space import LabelSpace
from dermimit.data.preprocessing import Preprocessing
from dermimit.predict import predict_photos
from dermimit.train import Run, TrainConfig
from dermimit.train.assemble import build_model

REFERENCE = "timm"
PAIRS: dict[str, dict[str, Any]] = {  # ours, and timm's transformer of the same size, photographs of the same size
    "tiny": {
        "ours": "dermimitformer_tiny_patch8_64",
        "timm": "vit_tiny_patch16_224",
        "sizes": dict(img_size=64, patch_size=8, embed_dim=128, depth=3, num_heads=4, mlp_ratio=2.0),
    },
    "small": {
        "ours": "dermimitformer_small_patch16_224",
        "timm": "vit_small_patch16_224",
        "sizes": dict(img_size=224),
    },
}
SPACE = LabelSpace(
    "49 diseases",
    *(tuple(f"{what} {i}" for i in range(n)) for what, n in (("disease", 49), ("part", 15), ("attribute", 12))),
)
DISTINCT = 25  # photographs that are drawn; the others are copies of them


def save_photos(folder: Path, size: tuple[int, int], count: int) -> int:
    """`count` JPEG files of which `DISTINCT` differ; returns the bytes of one."""
    folder.mkdir(parents=True)
    drawn = [folder / f"{i:04d}.jpg" for i in range(min(count, DISTINCT))]
    for i, path in enumerate(drawn):
        draw_photo(*size, i).save(path, quality=QUALITY)
    for i in range(len(drawn), count):
        shutil.copy(drawn[i % len(drawn)], folder / f"{i:04d}.jpg")
    return sum(path.stat().st_size for path in drawn) // len(drawn)


def untrained_run(model: str, image_size: int, folder: Path) -> Run:
    """A run of all tasks, with lesion selection and cross-interaction, whose weights are random."""
    config = TrainConfig(data_root=folder, out=folder, model=model, image_size=image_size)
    network = build_model(config.without_pretraining(), SPACE).eval()
    return Run(folder, config, SPACE, network, {}, pd.DataFrame(), pd.DataFrame(), {}, Preprocessing.of(network))


def timm_loop(model: torch.nn.Module, image_size: int, folder: Path, batch_size: int, workers: int) -> torch.Tensor:
    """Probabilities (photographs, classes), with timm's own dataset and transform."""
    settings = timm.data.resolve_data_config({"img_size": image_size}, model=model)
    photos = timm.data.ImageDataset(str(folder), transform=timm.data.create_transform(**settings))
    loader = DataLoader(photos, batch_size, num_workers=workers)
    device = next(model.parameters()).device
    with torch.inference_mode():
        return torch.cat([model(images.to(device)).softmax(1).cpu() for images, _ in loader])


def ways(pair: str, folder: Path, batch_size: int, workers: int) -> dict[str, Callable[[], Any]]:
    """Ways to have the answers for a folder."""
    names = PAIRS[pair]
    size = names["sizes"]["img_size"]
    run = untrained_run(names["ours"], size, folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    plain = timm.create_model(names["timm"], num_classes=len(SPACE.diseases), **names["sizes"]).eval().to(device)
    same = run.model.as_classifier("disease").eval().to(device)
    return {
        REFERENCE: lambda: timm_loop(plain, size, folder, batch_size, workers),
        "same model": lambda: timm_loop(same, size, folder, batch_size, workers),
        "dermimit": lambda: predict_photos(run, [folder], batch_size=batch_size, progress=False),
    }


def measure(
    size: tuple[int, int], models: tuple[str, ...], images: int, repeats: int, batch_size: int, workers: int
) -> dict[str, Any]:
    """Photographs a second of each way and model for photographs of one size."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos"
        file_bytes = save_photos(folder, size, images)
        for model in models:
            found = interleaved(ways(model, folder, batch_size, workers), repeats)
            reference = found[REFERENCE]["wall"]
            for way, clocks in found.items():
                row = {"model": model, "way": way, "images_per_second": summary([images / s for s in clocks["wall"]])}
                rows.append(row | {"ratio": ratio(reference, clocks["wall"])})
    return {"photo": list(size), "file_bytes": file_bytes, "ways": rows}


def main(
    out: Path = Path("results/benchmarks/predict_speed.json"),
    photos: tuple[tuple[int, int], ...] = ((1600, 1200), (320, 240)),
    models: tuple[str, ...] = ("tiny", "small"),
    images: int = 500,
    repeats: int = 3,
    batch_size: int = 64,
    workers: int = os.cpu_count() or 1,
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        photos: width and height of the photographs in pixels.
        models: tiny, the book's small model for 64 pixels, or small, ViT-S/16 at 224 pixels.
        images: photographs of each size.
        repeats: the median of these counts.
        batch_size: photographs in one pass.
        workers: processes of the DataLoader of the plain loop.
    """
    started, load = time.time(), os.getloadavg()[0]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = [measure(size, models, images, repeats, batch_size, workers) for size in photos]
    found: dict[str, Any] = {"sizes": sizes, "images": images, "repeats": repeats, "batch_size": batch_size}
    found |= {"workers": workers, "timm": timm.__version__, "provenance": where_from(started, load, device)}
    finish(found, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text: wall time, median and range of the repeats."""
    head = f"{found['images']} photographs from files to probabilities; median (least to greatest) of wall time"
    lines = [head, f"{'photograph':<12} {'model':<8} {'way':<10} {'images/s':>24} {'x ' + REFERENCE:>24}"]
    for size in found["sizes"]:
        for row in size["ways"]:
            pairs = ((row["images_per_second"], 1), (row["ratio"], 2))
            cells = [f"{v['median']:.{d}f} ({v['min']:.{d}f} to {v['max']:.{d}f})" for v, d in pairs]
            name = "x".join(map(str, size["photo"]))
            lines.append(f"{name:<12} {row['model']:<8} {row['way']:<10} {cells[0]:>24} {cells[1]:>24}")
        lines.append(f"{'':<12} a file {size['file_bytes'] / 1e3:.0f} kB")
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
