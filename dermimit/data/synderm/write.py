"""Write SynDerm to a folder: pictures, masks and the manifest, in parallel and resumable."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from dermimit.data.schema import save_dataset
from dermimit.data.synderm.case import draw_labels, make_case
from dermimit.data.synderm.dataset import LABEL_SPACE
from dermimit.data.synderm.knowledge import Array, knowledge

SPLITS = ("train", "val", "test")
RENDERER = 1  # raise it whenever a picture changes


def split_seed(seed: int, split: str) -> int:
    """The seed of a split: no two (seed, split) share one, so no case occurs twice."""
    return len(SPLITS) * seed + SPLITS.index(split)


def write(
    directory: Path | str,
    n: Mapping[str, int],
    seed: int = 0,
    image_size: int = 64,
    workers: int = 1,
) -> Path:
    """Write images/*.png, masks/*.png (255 on lesions), manifest.parquet, label_space.json and synderm.json.

    Each case is its own patient. A folder left half-written by a kill is completed; its finished files are kept.

    Args:
        directory: new folder, or one that an earlier call with the same arguments began.
        n: cases by split, keys among "train", "val", "test".
        seed: 0 and up.
        image_size: side of the pictures in pixels.
        workers: processes; the files do not depend on it.

    Returns:
        the folder.

    Raises:
        ValueError: an unknown split or a number out of range.
        FileExistsError: the folder holds something else.
    """
    root = Path(directory)
    _check(n, seed, image_size, workers)
    _claim(root, describe(n, seed, image_size))
    if (root / "manifest.parquet").exists() and (root / "label_space.json").exists():
        return root
    for folder in ("images", "masks"):
        (root / folder).mkdir(exist_ok=True)
    jobs = [(split, i) for split in SPLITS for i in range(n.get(split, 0))]
    save_dataset(root, pd.DataFrame(_run(partial(write_case, root, seed, image_size), jobs, workers)), LABEL_SPACE)
    return root


def write_case(root: Path, seed: int, image_size: int, job: tuple[str, int]) -> dict[str, Any]:
    """Write one case's two files, unless they are there, and return its manifest row."""
    split, index = job
    name = f"{split}-{index:06d}"
    image, mask = f"images/{name}.png", f"masks/{name}.png"
    labels = draw_labels(split_seed(seed, split), index, knowledge().prior)
    if not ((root / image).exists() and (root / mask).exists()):
        case = make_case(split_seed(seed, split), index, image_size, labels)
        _save_png(root / image, case.image)
        _save_png(root / mask, case.mask.astype(np.uint8) * 255)
    return {
        "image": image,
        "disease": labels.disease,
        "body_part": labels.body_part,
        "attributes": list(labels.attributes),
        "mask": mask,
        "patient_id": name,
        "lesion_id": name,
        "visit": 0,
        "fitzpatrick": labels.fitzpatrick,
        "split": split,
    }


def describe(n: Mapping[str, int], seed: int, image_size: int) -> dict[str, Any]:
    """What identifies a written dataset: its arguments, and a fingerprint of them, the knowledge and the renderer."""
    arguments = {"n": {s: int(n[s]) for s in SPLITS if s in n}, "seed": seed, "image_size": image_size}
    text = resources.files(__package__).joinpath("knowledge.yaml").read_text(encoding="utf-8")
    content = json.dumps([arguments, RENDERER, text], sort_keys=True).encode()
    return {"dataset": "synderm", **arguments, "renderer": RENDERER, "fingerprint": hashlib.sha256(content).hexdigest()}


def _check(n: Mapping[str, int], seed: int, image_size: int, workers: int) -> None:
    """Refuse arguments out of range."""
    unknown = set(n) - set(SPLITS)
    if unknown:
        raise ValueError(f"n: unknown split {sorted(unknown)}; use {', '.join(SPLITS)}")
    if not n or min(n.values()) < 0 or sum(n.values()) < 1:
        raise ValueError(f"n: must hold at least one case and no negative number, found {dict(n)}")
    for name, value, least in (("seed", seed, 0), ("image_size", image_size, 16), ("workers", workers, 1)):
        if value < least:
            raise ValueError(f"{name}: must be {least} or more, found {value}")


def _claim(root: Path, identity: dict[str, Any]) -> None:
    """Make the folder ours, or refuse it when it holds anything but the same dataset."""
    record = root / "synderm.json"
    if record.exists():
        found = json.loads(record.read_text(encoding="utf-8"))
        different = sorted(k for k in identity if found.get(k) != identity[k])
        if different:
            raise FileExistsError(
                f"{root}: holds another SynDerm dataset ({', '.join(different)} differ); choose another folder"
            )
        return
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root}: is not empty and has no synderm.json; choose a new folder")
    root.mkdir(parents=True, exist_ok=True)
    draft = record.with_suffix(".json.tmp")
    draft.write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, record)


def _run(task: Any, jobs: list[tuple[str, int]], workers: int) -> list[dict[str, Any]]:
    """Run the task over the jobs, in order, with a bar when a person is watching."""
    bar = partial(tqdm, total=len(jobs), unit="image", desc="synderm", disable=not sys.stderr.isatty())
    if workers == 1:
        return list(bar(map(task, jobs)))
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])  # import once, then fork each worker
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(bar(pool.map(task, jobs, chunksize=64)))


def _save_png(path: Path, pixels: Array) -> None:
    """Write a PNG under a temporary name and rename it, so that no half-written file bears the final name."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    Image.fromarray(pixels).save(draft, format="PNG", compress_level=1)
    os.replace(draft, path)
