"""What the runs that differ in their selection have selected, and how long an answer takes, for the book to quote.

Run: python workflow/scripts/selection.py results/runs/published/synderm-evidence
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import tyro

from dermimit import data
from dermimit.evaluate.selection_study import BLIND, covered, on_lesion
from dermimit.records import provenance, write_json
from dermimit.train.run import load_run

ROOT = Path(__file__).parents[2]
WHERE = {"full": "reference"} | dict.fromkeys(BLIND, "choices")


def main(
    runs: Annotated[Path, tyro.conf.Positional], root: Path | None = None, out: Path = ROOT / "results/published"
) -> None:
    """Measure seed 0 of each row.

    Args:
        runs: folder of the evidence runs, with their weights.
        root: folder of the dataset; without it the one that the runs were trained on.
        out: folder of the published records.
    """
    started, rows, photos = time.time(), {}, None
    torch.set_num_threads(1)
    for row in ("full", "oracle", "unet", "mask_rcnn", *BLIND):
        run = load_run(runs / WHERE.get(row, "selection") / f"{row}-seed0")
        if photos is None:
            photos = data.load(run.config.dataset, root or run.config.data_root, run.config.image_size)
        found = covered(on_lesion(run.predictions, photos, run.model.grid_size))
        channels = 4 if run.model.config.selection == "given" else 3
        images = torch.zeros(64, channels, *run.model.image_size)
        parameters = sum(p.numel() for p in run.model.parameters())
        rows[row] = found | {"parameters": parameters, "seconds_a_photograph": fastest(run, images)}
        print(row, {k: round(v, 4) for k, v in rows[row].items()}, flush=True)
    facts = provenance(photos.frame, started, {"device": "cpu, one thread", "seed": 0})
    write_json(out / "localisation/selection.json", {"rows": rows, "provenance": facts})


@torch.inference_mode()
def fastest(run, images: torch.Tensor, repeats: int = 5) -> float:
    """Seconds a photograph of the fastest of some passes over a batch."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run.model(images)
        times.append(time.perf_counter() - start)
    return min(times) / len(images)


if __name__ == "__main__":
    tyro.cli(main)
