"""Train a segmentation network on a dataset's masks and write its outlines of every photograph.

The outlines go to DATA/segmented/KIND, where `lesion_map=segmented/KIND` of a training finds them; the record, with
what the outlines are worth, to DATA/segmented/KIND.json, and the network's weights to DATA/segmented/KIND.safetensors.

Run: python -m studies.localisation.measure_outlines DATA --kind unet
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from dermimit import data
from dermimit.evaluate.resampling import patient_draws, percentile_interval
from dermimit.records import provenance, write_json
from dermimit.train.checkpoint import save_tensors
from studies.localisation.outlines import train_segmenter, with_masks, write_outlines


def main(
    root: Annotated[Path, tyro.conf.Positional],
    kind: Literal["unet", "mask_rcnn"],
    dataset: str = "synderm",
    image_size: int = 64,
    samples: int = 16000,
    seed: int = 0,
) -> None:
    """Train, write the outlines, and measure them on the test photographs.

    Args:
        root: folder of a dataset with masks.
        kind: which network.
        dataset: its name.
        image_size: side in pixels.
        samples: photographs seen in training.
        seed: of weights and order.
    """
    started, photos = time.time(), data.load(dataset, root, image_size)
    model = train_segmenter(kind, photos, samples, seed=seed)
    trained = time.time() - started
    folder = root / "segmented" / kind
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder.with_suffix(".safetensors"), model.state_dict(), {"kind": kind})
    write_outlines(model, photos, folder)
    lines = {"kind": kind, "parameters": sum(p.numel() for p in model.parameters()), "samples": samples}
    lines |= {"train_seconds": trained} | measured(photos, folder)
    facts = provenance(photos.frame, started, {"seed": seed, "device": "cpu", "image_size": image_size})
    write_json(root / "segmented" / f"{kind}.json", lines | {"provenance": facts})
    print({k: v for k, v in lines.items() if k != "provenance"})


def measured(photos: data.PhotoSet, folder: Path, resamples: int = 2000) -> dict[str, float]:
    """Mean IoU of outlines and masks over the test photographs that show a lesion, with its interval by patient."""
    test = with_masks(photos).photos("test", in_memory=True, with_mask=True)
    names = [(folder.relative_to(photos.root) / f"{Path(name).stem}.png").as_posix() for name in test.frame["image"]]
    said = replace(photos, frame=test.frame.assign(mask=names)).photos("test", in_memory=True, with_mask=True)
    pairs = [(test[i]["mask"][0].numpy() == 1, said[i]["mask"][0].numpy() == 1) for i in range(len(test))]
    shown = np.array([truth.any() for truth, _ in pairs])
    iou = np.array([(a & b).sum() / max(1, (a | b).sum()) for a, b in pairs])[shown]
    draws = patient_draws(test.frame["patient_id"][shown], resamples)
    low, high = percentile_interval(draws.means(iou[:, None])[0])
    found = {"photographs": len(iou), "iou": float(iou.mean()), "iou_low": low, "iou_high": high}
    return found | {"missed": float(np.mean([not b.any() for (_, b), yes in zip(pairs, shown, strict=True) if yes]))}


if __name__ == "__main__":
    tyro.cli(main)
