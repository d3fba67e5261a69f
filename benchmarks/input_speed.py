"""How fast photographs come from disk, beside what a user would write instead: torchvision's ImageFolder.

One process, one thread, files in the memory of the operating system. Run it on an idle machine:
`python benchmarks/input_speed.py`.
"""

import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL
import torch
import torchvision
import tyro
from PIL import Image, features
from threadpoolctl import threadpool_limits
from timing import finish, interleaved, summary, where_from
from torchvision.transforms import v2

from dermimit.data.label_space import LabelSpace
from dermimit.data.photos import PhotoDataset
from dermimit.data.transforms import LIGHT, SMALLEST_CROP, WIDEST_CROP, least_side, train_transform

SKIN = (205, 160, 140)  # the mean colour
DETAIL = ((512, 60.0), (128, 40.0), (32, 25.0), (8, 15.0), (2, 10.0))  # size in pixels, strength in grey levels
QUALITY = 90
REFERENCE = "ImageFolder"


def draw_photo(width: int, height: int, seed: int) -> Image.Image:
    """Skin-coloured noise with detail of every size, so that the file is about as large as a photograph's."""
    draw = np.random.default_rng(seed)
    picture = np.full((height, width, 3), SKIN, np.float32)
    for size, strength in DETAIL:
        grid = draw.normal(0, strength, (height // size + 2, width // size + 2)).astype(np.float32)
        picture += np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def save_photos(folder: Path, size: tuple[int, int], count: int) -> pd.DataFrame:
    """`count` JPEG files in a folder of one class, and their manifest."""
    (folder / "one").mkdir(parents=True)
    names = [f"one/{i:03d}.jpg" for i in range(count)]
    for i, name in enumerate(names):
        draw_photo(*size, i).save(folder / name, quality=QUALITY)
    return pd.DataFrame({"image": names, "disease": "one"})


def torchvision_transform(image_size: int) -> v2.Compose:
    """What `train_transform` does, in torchvision's own steps."""
    ratio = (1 / WIDEST_CROP, WIDEST_CROP)
    return v2.Compose(
        [
            v2.ToImage(),
            v2.RandomResizedCrop(image_size, scale=(SMALLEST_CROP, 1.0), ratio=ratio, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(brightness=LIGHT, contrast=LIGHT),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )


def ways(folder: Path, frame: pd.DataFrame, image_size: int, cache: Path) -> dict[str, Callable[[int], torch.Tensor]]:
    """Ways to come by photo i as a float32 tensor (3, `image_size`, `image_size`)."""
    theirs = torchvision.datasets.ImageFolder(folder, torchvision_transform(image_size))
    least, space = least_side(image_size), LabelSpace("one", ("one",))

    def ours(**reading: Any) -> Callable[[int], torch.Tensor]:
        photos = PhotoDataset(frame, space, folder, train_transform(image_size), **reading)
        return lambda i: photos[i]["image"]

    return {
        REFERENCE: lambda i: theirs[i][0],
        "full size": ours(),
        "reduced": ours(least=least),
        "cache": ours(least=least, cache=cache),
    }


def measure(size: tuple[int, int], image_size: int, images: int, repeats: int) -> dict[str, Any]:
    """Images a second of each way for photos of one size, and ratios to the reference, repeat by repeat."""
    with tempfile.TemporaryDirectory() as name:
        folder, cache = Path(name) / "photos", Path(name) / "cache"
        frame = save_photos(folder, size, images)
        works = {
            way: lambda read=read: [read(i) for i in range(images)]
            for way, read in ways(folder, frame, image_size, cache).items()
        }
        found = interleaved(works, repeats)
        stored = sum(p.stat().st_size for p in cache.rglob("*") if p.is_file())
        file_bytes = sum(p.stat().st_size for p in folder.rglob("*.jpg"))
    rows = []
    for way, clocks in found.items():
        row: dict[str, Any] = {"way": way}
        for clock, seconds in clocks.items():
            row[f"images_per_second_{clock}"] = summary([images / s for s in seconds])
            pairs = zip(found[REFERENCE][clock], seconds, strict=True)
            row[f"ratio_{clock}"] = summary([theirs / s for theirs, s in pairs])
        rows.append(row)
    return {"photo": list(size), "file_bytes": file_bytes // images, "cache_bytes": stored // images, "ways": rows}


def main(
    out: Path = Path("results/benchmarks/input_speed.json"),
    photos: tuple[tuple[int, int], ...] = ((1024, 768), (3000, 2000)),
    image_size: int = 224,
    images: int = 24,
    repeats: int = 9,
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        photos: width and height of the photographs in pixels.
        image_size: side in pixels of what the model sees.
        images: photographs of each size.
        repeats: the median of these counts.
    """
    threads, started, load = torch.get_num_threads(), time.time(), os.getloadavg()[0]
    try:
        torch.set_num_threads(1)
        with threadpool_limits(1):
            sizes = [measure(size, image_size, images, repeats) for size in photos]
    finally:
        torch.set_num_threads(threads)
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}
    versions |= {"jpeg": features.version("libjpeg_turbo") or features.version("jpg"), "numpy": np.__version__}
    machine = {"python": platform.python_version(), "processor": platform.processor() or platform.machine()}
    found = {"sizes": sizes, "image_size": image_size, "least_side": least_side(image_size), "quality": QUALITY}
    found |= {"images_per_repeat": images, "repeats": repeats, "versions": versions | machine}
    found["provenance"] = where_from(started, load)
    finish(found, out, table)


def table(found: dict[str, Any]) -> str:
    """The results as text: CPU time, median and range of the repeats."""
    head = f"images/s of CPU time, one core, to {found['image_size']} px; median (least to greatest)"
    lines = [head, f"{'photograph':<12} {'way':<12} {'images/s':>24} {'x ' + REFERENCE:>24}"]
    for size in found["sizes"]:
        for row in size["ways"]:
            speed, ratio = row["images_per_second_cpu"], row["ratio_cpu"]
            cells = [f"{v['median']:.{d}f} ({v['min']:.{d}f} to {v['max']:.{d}f})" for v, d in ((speed, 0), (ratio, 2))]
            lines.append(f"{'x'.join(map(str, size['photo'])):<12} {row['way']:<12} {cells[0]:>24} {cells[1]:>24}")
        lines.append(
            f"{'':<12} a file {size['file_bytes'] / 1e3:.0f} kB, in the cache {size['cache_bytes'] / 1e3:.0f} kB"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
