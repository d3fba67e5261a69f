"""What the runs that differ in their selection have selected, and how long an answer takes, for the book to quote.

Run: python -m studies.localisation.measure_selection results/runs/published/synderm-evidence
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import nn

from dermimit import data
from dermimit.explain.selected_patches import on_lesion
from dermimit.records import provenance, write_json
from dermimit.train.checkpoint import load_tensors
from dermimit.train.run import load_run
from studies.localisation.segmenters import SEGMENTERS
from studies.localisation.selection import BLIND, covered
from studies.shared.paths import PUBLISHED, ROOT

WHERE = {"full": "reference"} | dict.fromkeys(BLIND, "choices")


def main(runs: Annotated[Path, tyro.conf.Positional], root: Path | None = None, out: Path = ROOT / PUBLISHED) -> None:
    """Measure seed 0 of each row.

    Args:
        runs: folder of the evidence runs, with their weights.
        root: folder of the dataset; without it the one that the runs were trained on.
        out: folder of the published records.
    """
    started, rows, photos = time.time(), {}, None
    (out / "localisation").mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for row in ("full", "oracle", "unet", "mask_rcnn", *BLIND):
        folder = runs / WHERE.get(row, "selection") / f"{row}-seed0"
        if not (folder / "metrics.json").is_file():
            print(f"{row}: no run in {folder}, left out", flush=True)
            continue
        run = load_run(folder)
        if photos is None:
            photos = data.load(run.config.dataset, root or run.config.data_root, run.preprocessing)
            test = photos.photos("test")
        found = covered(on_lesion(run.predictions, photos, run.model.grid_size))
        images = torch.stack([test[i]["image"] for i in range(64)])
        with_map = torch.cat([images, torch.zeros_like(images[:, :1])], 1)
        own = fastest(run.model, with_map if run.model.config.selection == "given" else images)
        rows[row] = found | {"parameters": sum(p.numel() for p in run.model.parameters()), "seconds_a_photograph": own}
        if row in SEGMENTERS:
            rows[row]["outline_seconds"] = fastest(outliner(row, photos.root).probability, images)
        print(row, {k: round(v, 4) for k, v in rows[row].items()}, flush=True)
    facts = provenance(photos.frame, started, {"device": "cpu, one thread", "seed": 0})
    write_json(out / "localisation/selection.json", {"rows": rows, "provenance": facts})


def outliner(kind: str, root: Path) -> nn.Module:
    """A segmentation network with the weights that studies/localisation/measure_outlines.py left."""
    network = SEGMENTERS[kind]()
    network.load_state_dict(load_tensors(root / f"segmented/{kind}.safetensors")[0])
    return network.eval()


@torch.inference_mode()
def fastest(answer: Callable[[torch.Tensor], object], images: torch.Tensor, repeats: int = 5) -> float:
    """Seconds a photograph of the fastest of some passes over a batch."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        answer(images)
        times.append(time.perf_counter() - start)
    return min(times) / len(images)


if __name__ == "__main__":
    tyro.cli(main)
